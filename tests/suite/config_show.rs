//! `reproq config show`: each setting with its source, and no secret.

use std::fs;

use crate::support::Context;

#[test]
fn every_setting_is_shown_with_its_source_and_no_secret() {
    let mut context = Context::new();
    let file = "[tool.reproq]\nrepository = \"acme/worker\"\nrequire = \"digest\"\n[tool.reproq.release]\nrepository = \"acme/shop\"\n";
    fs::write(context.project().join("pyproject.toml"), file).expect("written");
    context.set("REPROQ_REQUIRE", "checksum").set("REPROQ_GITHUB_TOKEN", "ghp_secretsecretsecret");
    let output = context.succeed(&["config", "show", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("one document");
    let setting = |name: &str| {
        let settings = document["settings"].as_array().expect("a list");
        let found = settings.iter().find(|setting| setting["name"] == name);
        let found = found.unwrap_or_else(|| panic!("{name} is not shown: {}", output.stdout));
        (
            found["value"].as_str().unwrap_or_default().to_owned(),
            found["source"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(setting("repository").0, "acme/worker");
    assert!(setting("repository").1.contains("pyproject.toml"), "{}", setting("repository").1);
    // The environment takes precedence over the file.
    assert_eq!(setting("require"), ("checksum".to_owned(), "the variable REPROQ_REQUIRE".to_owned()));
    assert_eq!(setting("release repository").0, "acme/shop");
    assert_eq!(setting("offline"), ("false".to_owned(), "the default".to_owned()));
    assert_eq!(setting("token").1, "the variable REPROQ_GITHUB_TOKEN");

    let shown = context.succeed(&["config", "show"]).stdout;
    assert!(shown.contains("SETTING") && shown.contains("acme/worker"), "{shown}");
    assert!(!shown.contains("ghp_") && !output.stdout.contains("ghp_"), "a token is shown");
    assert_eq!(context.github.requests().len(), 0);
}
