//! `reproq release check` and `reproq release checksums`.

use std::fs;

use fake_github::AssetSpec;
use fake_github::Digest;
use fake_github::ReleaseSpec;
use sha2::Digest as _;

use crate::support::Context;
use crate::support::releases::pruning;
use crate::support::releases::repo;
use crate::support::releases::with_versions;

const NAMES: [&str; 5] = [
    "reproq-linux-amd64",
    "reproq-linux-arm64.tar.gz",
    "reproq-darwin-amd64",
    "reproq-darwin-arm64",
    "reproq-windows-amd64.exe",
];

fn sums() -> String {
    let digest = |name: &str| sha2::Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    NAMES.iter().map(|name| format!("{}  {name}\n", digest(name))).collect()
}

/// It contains the names of all platforms.
fn shown(context: &Context, arguments: &[&str]) -> String {
    context.shown(arguments).replace("[TARGET]", &crate::support::workers::host())
}

fn whole_release(context: &Context) {
    let mut release = ReleaseSpec::new("v0.0.144").published_at("2024-05-01T00:00:00Z");
    for name in NAMES {
        release = release.file(name, name.as_bytes().to_vec());
    }
    repo(context).add(release.file("SHA256SUMS", sums().into_bytes()));
}

fn checkout(context: &Context, version: &str) -> String {
    let directory = context.root().join("checkout");
    let write = |name: &str, text: String| {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(path, text).expect("written");
    };
    write("cmd/reproq/main.go", format!("package main\n\nconst Version = \"{version}\"\n"));
    write("pyproject.toml", format!("[project]\nname = \"reproq-django\"\nversion = \"{version}\"\n"));
    write("src/reproq_django/__init__.py", format!("__version__ = \"{version}\"\n"));
    write("uv.lock", format!("[[package]]\nname = \"reproq-django\"\nversion = \"{version}\"\n"));
    write("migrations/0001_initial.py", String::new());
    directory.to_str().expect("UTF-8").to_owned()
}

#[test]
fn a_whole_release_passes_every_check() {
    let context = pruning();
    whole_release(&context);
    let directory = checkout(&context, "0.0.144");
    let migrations = format!("{directory}/migrations");
    let arguments =
        ["release", "check", &directory, "--tag", "v0.0.144", "--one-migration", &migrations, "--at-most", "3"];
    insta::assert_snapshot!(shown(&context, &arguments));
    insta::assert_snapshot!(shown(&context, &[&arguments[..], &["--json"]].concat()));
}

#[test]
fn every_fault_of_a_release_is_found() {
    let context = with_versions(4);
    let mut release = ReleaseSpec::new("v2.0.0").published_at("2024-05-01T00:00:00Z");
    for name in &NAMES[2..] {
        release = release.file(name, b"other bytes".to_vec());
    }
    let open = AssetSpec::new(NAMES[1], b"half".to_vec()).open();
    let old = AssetSpec::new(NAMES[2], b"old".to_vec()).digest(Digest::Absent);
    repo(&context).add(release.asset(open).asset(old).file("SHA256SUMS", sums().into_bytes()));
    let directory = checkout(&context, "0.0.144");
    fs::write(format!("{directory}/migrations/0002_more.py"), "").expect("written");
    let migrations = format!("{directory}/migrations");
    insta::assert_snapshot!(shown(
        &context,
        &["release", "check", &directory, "--tag", "v2.0.0", "--one-migration", &migrations, "--at-most", "3",]
    ));
}

#[test]
fn the_job_names_the_release_and_assets_can_be_named() {
    let mut context = pruning();
    whole_release(&context);
    context.set("GITHUB_REF_TYPE", "tag").set("GITHUB_REF_NAME", "v0.0.144");
    let output = context.succeed(&["release", "check", "--asset", "reproq-linux-amd64"]);
    assert!(output.stdout.starts_with("v0.0.144 of acme/tool passes all checks."), "{output:#?}");
    context.set("GITHUB_REF_NAME", "v9.9.9");
    assert_eq!(context.run(&["release", "check"]).code, 4);
}

#[test]
fn checksums_of_a_directory() {
    let context = pruning();
    let directory = context.root().join("dist");
    fs::create_dir_all(&directory).expect("made");
    for name in NAMES {
        fs::write(directory.join(name), name).expect("written");
    }
    let directory = directory.to_str().expect("UTF-8");
    insta::assert_snapshot!(shown(&context, &["release", "checksums", directory]));
    let mut lines: Vec<String> = sums().lines().map(|line| format!("{line}\n")).collect();
    lines.sort_by_key(|line| line[66..].to_owned());
    let written = fs::read_to_string(format!("{directory}/SHA256SUMS")).expect("written");
    assert_eq!(written, lines.concat());
    context.succeed(&["release", "checksums", directory, "--json"]);
    assert_eq!(fs::read_to_string(format!("{directory}/SHA256SUMS")).expect("written"), written);
    assert_eq!(context.run(&["release", "checksums", "/nowhere/at/all"]).code, 4);
    assert!(context.github.requests().is_empty());
}

#[test]
fn checksums_of_names_that_github_changes_are_refused() {
    let context = pruning();
    let directory = context.root().join("dist");
    fs::create_dir_all(directory.join("sub")).expect("made");
    fs::write(directory.join("tool~1 (x86).deb"), "x").expect("written");
    fs::write(directory.join(".env"), "x").expect("written");
    let path = directory.to_str().expect("UTF-8");
    insta::assert_snapshot!(shown(&context, &["release", "checksums", path]));
    assert!(!directory.join("SHA256SUMS").exists());
    fs::rename(directory.join("tool~1 (x86).deb"), directory.join("tool.1.x86.deb")).expect("renamed");
    insta::assert_snapshot!(shown(&context, &["release", "checksums", path]));
}

#[test]
fn versions_as_python_spells_them_agree_with_the_tag() {
    let context = pruning();
    let directory = checkout(&context, "1.2.3rc1");
    let write = |name: &str, text: &str| fs::write(format!("{directory}/{name}"), text).expect("written");
    write("cmd/reproq/main.go", "package main\n\nconst Version = \"1.2.3-rc.1\"\n");
    let dynamic = "[project]\nname = \"reproq-django\"\ndynamic = [\"version\"]\n";
    write("pyproject.toml", &format!("{dynamic}[tool.hatch.version]\npath = \"src/reproq_django/__init__.py\"\n"));
    let mut release = ReleaseSpec::new("v1.2.3-rc.1").published_at("2024-05-01T00:00:00Z");
    for name in NAMES {
        release = release.file(name, name.as_bytes().to_vec());
    }
    repo(&context).add(release.file("SHA256SUMS", sums().into_bytes()));
    let output = context.run(&["release", "check", &directory, "--tag", "v1.2.3-rc.1"]);
    assert_eq!(output.code, 0, "{output:#?}");
    for place in ["cmd/reproq/main.go", "src/reproq_django/__init__.py", "uv.lock"] {
        assert!(output.stdout.contains(place), "{output:#?}");
    }
    write("src/reproq_django/__init__.py", "__version__ = \"1.2.3rc2\"\n");
    let output = context.run(&["release", "check", &directory, "--tag", "v1.2.3-rc.1"]);
    assert!(output.code != 0 && output.stdout.contains("version 1.2.3rc2, but the tag is v1.2.3-rc.1"), "{output:#?}");
}
