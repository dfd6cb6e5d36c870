//! The public Sigstore conformance suite, by path and by digest.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::names;
use super::shared;
use super::text;
use crate::support::Context;

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// One case as a command line, without the file or digest.
struct Case {
    name: String,
    artifact: PathBuf,
    arguments: Vec<String>,
}

impl Case {
    fn read(directory: &Path, name: &str) -> Self {
        let case = directory.join(name);
        let own = |file: &str| Some(case.join(file)).filter(|path| path.exists());
        let word = |file: &str, default: &str| {
            own(file)
                .map_or_else(|| default.to_owned(), |path| fs::read_to_string(path).expect("text").trim().to_owned())
        };
        let path = |path: &Path| text(path).to_owned();
        let mut arguments = vec!["--bundle".to_owned(), path(&case.join("bundle.sigstore.json"))];
        match own("key.pub") {
            Some(key) => arguments.extend(["--key".to_owned(), path(&key)]),
            None => arguments.extend([
                "--certificate-identity".to_owned(),
                word("identity", IDENTITY),
                "--certificate-issuer".to_owned(),
                word("issuer", ISSUER),
            ]),
        }
        if let Some(root) = own("trusted_root.json") {
            arguments.extend(["--trusted-root".to_owned(), path(&root)]);
        }
        let artifact = own("artifact").unwrap_or_else(|| directory.join("a.txt"));
        Self { name: name.to_owned(), artifact, arguments }
    }

    fn must_be_refused(&self) -> bool {
        self.name.ends_with("_fail")
    }

    fn accepted(&self, context: &Context, what: &str) -> bool {
        let mut arguments = vec!["verify", what, "--offline"];
        arguments.extend(self.arguments.iter().map(String::as_str));
        let output = context.run(&arguments);
        assert!(matches!(output.code, 0 | 5), "{}: {output:#?}", self.name);
        output.code == 0
    }
}

#[test]
fn every_case_of_the_conformance_suite_is_decided_as_it_must_be() {
    let Some(directory) = shared("conformance") else { return };
    let context = Context::new();
    let cases: Vec<Case> = names(&directory)
        .iter()
        .filter(|name| directory.join(name).is_dir())
        .map(|name| Case::read(&directory, name))
        .collect();
    let (mut right, mut wrongly_accepted, mut wrongly_refused) = (0, Vec::new(), Vec::new());
    for case in &cases {
        let digest = super::sha256_argument(&fs::read(&case.artifact).expect("an artifact"));
        for what in [text(&case.artifact), &digest] {
            match (case.accepted(&context, what), case.must_be_refused()) {
                (true, true) => wrongly_accepted.push(&case.name),
                (false, false) => wrongly_refused.push(&case.name),
                (true, false) | (false, true) => right += 1,
            }
        }
    }
    let bad = cases.iter().filter(|case| case.must_be_refused()).count();
    eprintln!(
        "conformance: {} cases ({bad} bad, {} good), by path and by digest: {right} right, {} wrongly accepted, {} wrongly refused",
        cases.len(),
        cases.len() - bad,
        wrongly_accepted.len(),
        wrongly_refused.len()
    );
    assert_eq!((wrongly_accepted, wrongly_refused, right), (Vec::new(), Vec::new(), 140));
}
