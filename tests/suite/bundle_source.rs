//! Bundles with the worker's source: their content, and an offline build from them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::bundle::release;
use crate::support::Context;
use crate::support::Machine;
use crate::support::workers;

/// A project, a release, and a checkout.
fn context() -> (Context, PathBuf) {
    let mut context = Context::new();
    context.with_go();
    release(&context, "v0.0.144");
    let checkout = context.root().join("checkout");
    workers::copy_checkout(&checkout, "0.0.144");
    (context, checkout)
}

const CREATE: [&str; 8] =
    ["bundle", "create", "--target", "darwin-arm64", "--with-source", "../../checkout", "-o", "worker.tar"];

fn bundled(context: &Context) -> Vec<u8> {
    context.succeed(&CREATE);
    fs::read(context.project().join("worker.tar")).expect("a bundle")
}

/// The names below `source/`.
fn names(bundle: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(bundle);
    let names = archive
        .entries()
        .expect("an archive")
        .map(|entry| entry.expect("an entry").path().expect("a name").to_string_lossy().into_owned());
    names.filter_map(|name| name.strip_prefix("source/").map(str::to_owned)).collect()
}

fn git(directory: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@t.test", "-c", "commit.gpgsign=false"];
    let mut command = Command::new("git");
    let output = command.arg("-C").arg(directory).args(identity).args(arguments).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
}

#[test]
fn a_machine_without_an_asset_builds_from_the_bundled_source() {
    let (context, checkout) = context();
    git(&checkout, &["init", "-q"]);
    git(&checkout, &["add", "-A"]);
    git(&checkout, &["commit", "-q", "-m", "x"]);
    bundled(&context);
    let mut machine = Machine::new();
    machine.with_go();
    let bundle = machine.bring(&context.project().join("worker.tar"));
    let bundle = bundle.to_str().expect("UTF-8");
    let output = machine.succeed(&["install", "--from", bundle, "--json"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("one document");
    let receipt = &document["receipt"];
    assert_eq!((&receipt["verdict"], &receipt["version"]), (&"built".into(), &"0.0.144".into()));
    let origin = &receipt["origin"];
    assert_eq!(origin["source"], format!("{bundle}#source"));
    assert_eq!((origin["commit"].as_str().map(str::len), &origin["dirty"]), (Some(40), &false.into()));
    assert!(origin["reason"].as_str().expect("a reason").contains("has no asset for"), "{document}");
    assert!(output.stderr.contains("building from"), "{output:#?}");
    assert!(!machine.project().join("reproq.lock").exists(), "a build is not what a lock can name");
    machine.succeed_in_silence(&["verify"]);
    // The locked release is not a build; a build may be forbidden or requested.
    let forbidden = machine.run(&["install", "--from", bundle, "--no-build", "--force"]);
    assert_eq!(forbidden.code, 4, "{forbidden:#?}");
    let asked = machine.succeed(&["install", "--from", bundle, "--build", "--dry-run"]);
    assert!(asked.stdout.contains("worker.tar#source"), "{asked:#?}");
}

/// A directory that serves as a module proxy with one module, which the checkout requires.
fn require_a_module(context: &mut Context, checkout: &Path) -> PathBuf {
    let proxy = context.root().join("proxy");
    let versions = proxy.join("example.com/dep/@v");
    fs::create_dir_all(&versions).expect("created");
    let go_mod = "module example.com/dep\n\ngo 1.21\n";
    fs::write(versions.join("list"), "v1.0.0\n").expect("written");
    fs::write(versions.join("v1.0.0.info"), "{\"Version\":\"v1.0.0\"}").expect("written");
    fs::write(versions.join("v1.0.0.mod"), go_mod).expect("written");
    let mut archive = zip::ZipWriter::new(fs::File::create(versions.join("v1.0.0.zip")).expect("created"));
    for (name, text) in [("go.mod", go_mod), ("dep.go", "package dep\n\nconst Name = \"vendored\"\n")] {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(format!("example.com/dep@v1.0.0/{name}"), options).expect("begun");
        std::io::Write::write_all(&mut archive, text.as_bytes()).expect("written");
    }
    archive.finish().expect("finished");
    let text = fs::read_to_string(checkout.join("go.mod")).expect("there");
    fs::write(checkout.join("go.mod"), format!("{text}\nrequire example.com/dep v1.0.0\n")).expect("written");
    fs::write(checkout.join("cmd/reproq/dep.go"), "package main\n\nimport _ \"example.com/dep\"\n").expect("written");
    let cache = context.root().join("modules");
    context.set("GOMODCACHE", cache.to_str().expect("UTF-8"));
    context.set("GOPROXY", format!("file://{}", proxy.display())).set("GOSUMDB", "off").set("GOFLAGS", "-modcacherw");
    let tidy = Command::new(workers::go())
        .args(["mod", "tidy"])
        .current_dir(checkout)
        .env("GOMODCACHE", &cache)
        .env("GOPROXY", format!("file://{}", proxy.display()))
        .env("GOSUMDB", "off")
        .env("GOFLAGS", "-modcacherw")
        .env("GOTOOLCHAIN", "local")
        .status();
    assert!(tidy.expect("go runs").success());
    fs::remove_dir_all(&cache).expect("removed");
    cache
}

#[test]
fn the_bundled_modules_suffice_for_a_build() {
    let (mut context, checkout) = context();
    let cache = require_a_module(&mut context, &checkout);
    context.succeed(&["lock"]);
    context.succeed(&["bundle", "create", "--target", "darwin-arm64", "-o", "assets.tar"]);
    // Offline and with an empty Go cache, no module is available.
    insta::assert_snapshot!(context.shown(&[&CREATE[..], &["--offline"]].concat()));
    assert!(!context.project().join("worker.tar").exists());
    let bundle = bundled(&context);
    assert!(names(&bundle).iter().any(|name| name == "vendor/example.com/dep/dep.go"), "{:?}", names(&bundle));
    assert!(!checkout.join("vendor").exists(), "the checkout is as it was");
    // Now Go's cache has them; the checkout's own vendor/ directory needs no network either.
    assert!(bundled(&context) == bundle);
    let mut machine = Machine::new();
    machine.with_go();
    machine.set("GOPROXY", "off");
    let brought = machine.bring(&context.project().join("worker.tar"));
    let output = machine.succeed(&["install", "--from", brought.to_str().expect("UTF-8")]);
    assert!(output.stdout.contains("built: built locally"), "{output:#?}");
    fs::remove_dir_all(&cache).expect("removed");
    let mut unpack = Command::new("tar");
    unpack.arg("xf").arg(&brought).args(["--strip-components=1", "source/vendor"]).current_dir(&checkout);
    assert!(unpack.status().expect("tar runs").success());
    context.set("GOPROXY", "off");
    assert!(bundled(&context) == bundle, "its own vendor/ is taken as it is");
    // An incomplete one is not accepted.
    fs::remove_file(checkout.join("vendor/example.com/dep/dep.go")).expect("removed");
    let output = context.run(&CREATE);
    assert!(output.code == 4 && output.stderr.contains("vendor is incomplete"), "{output:#?}");
}

#[test]
fn the_same_source_gives_the_same_bytes_at_any_path() {
    let (context, checkout) = context();
    fs::set_permissions(checkout.join("README.md"), fs::Permissions::from_mode(0o755)).expect("changed");
    let first = bundled(&context);
    // A copy with other times, other permissions, and files left by users and editors.
    let copy = context.root().join("copy");
    workers::copy_directory(&checkout, &copy);
    fs::remove_dir_all(&checkout).expect("removed");
    fs::rename(&copy, &checkout).expect("moved");
    let touched = Command::new("touch")
        .args(["-d", "2001-01-01", "go.mod", "cmd/reproq/main.go"])
        .current_dir(&checkout)
        .status();
    assert!(touched.expect("touch runs").success());
    fs::set_permissions(checkout.join("go.mod"), fs::Permissions::from_mode(0o600)).expect("changed");
    for litter in ["reproq", "x.test", "debug.log", ".env", ".DS_Store", "node_modules/x.js", ".reproq/state.json"] {
        let path = checkout.join(litter);
        fs::create_dir_all(path.parent().expect("a directory")).expect("created");
        fs::write(path, "litter").expect("written");
    }
    assert!(bundled(&context) == first);
    // A bundle written into the source is not part of it.
    let inside = [
        "bundle",
        "create",
        "--target",
        "darwin-arm64",
        "--with-source",
        "../../checkout",
        "-o",
        "../../checkout/worker.tar",
    ];
    for _ in 0..2 {
        context.succeed(&inside);
        assert!(fs::read(checkout.join("worker.tar")).expect("a bundle") == first);
    }
}

#[test]
fn in_a_repository_tracked_files_are_bundled() {
    let (context, checkout) = context();
    let plain = bundled(&context);
    git(&checkout, &["init", "-q"]);
    git(&checkout, &["add", "-A"]);
    git(&checkout, &["commit", "-q", "-m", "x"]);
    fs::write(checkout.join("secret.txt"), "mine").expect("written");
    fs::create_dir(checkout.join("scratch")).expect("created");
    fs::write(checkout.join("scratch/x.go"), "package scratch").expect("written");
    assert_eq!(names(&bundled(&context)), names(&plain));
    // The working tree, not the commit; and this is reported.
    fs::write(checkout.join("README.md"), "changed").expect("written");
    let output = context.succeed(&CREATE);
    assert!(output.stdout.contains("with uncommitted changes"), "{output:#?}");
    fs::remove_file(checkout.join("README.md")).expect("removed");
    let bundle = bundled(&context);
    assert!(!names(&bundle).contains(&"README.md".to_owned()));
}

#[test]
fn links_are_followed_inside_and_refused_outside() {
    let (context, checkout) = context();
    symlink("README.md", checkout.join("LIESMICH.md")).expect("linked");
    let bundle = bundled(&context);
    assert!(names(&bundle).contains(&"LIESMICH.md".to_owned()));
    context.succeed(&["bundle", "inspect", "worker.tar"]);
    for target in ["/etc/passwd", "../home", "cmd", "nowhere"] {
        let link = checkout.join("link");
        symlink(target, &link).expect("linked");
        let output = context.run(&CREATE);
        assert!(output.code == 2 && output.stderr.contains("checkout/link is a link"), "{target}: {output:#?}");
        fs::remove_file(link).expect("removed");
    }
    fs::write(checkout.join("résumé.md"), "x").expect("written");
    let output = context.run(&CREATE);
    assert!(output.code == 2 && output.stderr.contains("not plain ASCII"), "{output:#?}");
}

#[test]
fn a_source_of_something_else_is_refused() {
    let (context, checkout) = context();
    workers::copy_checkout(&checkout, "0.0.143");
    insta::assert_snapshot!(context.shown(&CREATE));
    fs::write(checkout.join("go.mod"), "module other\n").expect("written");
    let output = context.run(&CREATE);
    assert!(output.code == 4 && output.stderr.contains("found the module `other`"), "{output:#?}");
    fs::remove_dir_all(&checkout).expect("removed");
    assert_eq!(context.run(&CREATE).code, 4);
    assert!(!context.project().join("worker.tar").exists());
}
