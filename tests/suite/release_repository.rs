//! The repository of a release command, in all kinds of checkouts: as git itself resolves it in the current directory; nothing
//! is deleted if two sources disagree.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use crate::support::Context;
use crate::support::Output;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::releases::PRUNED;
use crate::support::releases::mutations;
use crate::support::releases::repo;
use crate::support::releases::version;
use crate::support::releases::with_versions;
use crate::support::skip;

const PRUNE: [&str; 4] = ["release", "prune", "--keep", "3"];
const LIST: [&str; 3] = ["release", "list", "-q"];
const UNTOUCHED: &str = "nothing was deleted";

/// Five versions of `acme/tool` and of `acme/other`; no variable names them.
fn two_repositories() -> Context {
    let mut context = with_versions(5);
    for number in 1..=5 {
        context.github.repo("acme/other").add(version(number));
    }
    context.set("GITHUB_REPOSITORY", "");
    context
}

fn git(directory: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@t.test", "-c", "commit.gpgsign=false"];
    let mut git = Command::new("git");
    git.args(identity).args(arguments).current_dir(directory);
    let output = git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn url(context: &Context, repository: &str) -> String {
    format!("{}/{repository}.git", context.github.web_url())
}

/// Creates a checkout of a repository.
fn checkout(context: &Context, directory: &Path, repository: &str) {
    fs::create_dir_all(directory).expect("a directory");
    git(directory, &["init", "-q"]);
    git(directory, &["remote", "add", "origin", &url(context, repository)]);
}

fn run_in(context: &Context, directory: &Path, arguments: &[&str]) -> Output {
    let mut command = context.command(arguments);
    command.current_dir(directory);
    context.output(command)
}

/// Refused with 8 and a hint, and both repositories are unchanged.
fn is_refused(context: &Context, name: &str, output: &Output) {
    assert_eq!(output.code, 8, "{name}: {output:#?}");
    assert!(output.stderr.contains("hint: "), "{name}: {output:#?}");
    assert_eq!(mutations(context), Vec::<String>::new(), "{name}");
    record(Part::Machine, name, context, output, UNTOUCHED);
}

fn tags(context: &Context, repository: &str) -> usize {
    context.github.repo(repository).snapshot().tag_names().len()
}

#[test]
fn several_urls_of_the_remote_have_to_agree() {
    let context = two_repositories();
    let project = context.project();
    checkout(&context, &project, PRUNED);
    git(&project, &["remote", "set-url", "--add", "origin", &url(&context, "ACME/tool")]);
    context.succeed(&PRUNE);
    assert_eq!((tags(&context, PRUNED), tags(&context, "acme/other")), (3, 5));
    context.github.clear_log();
    git(&project, &["remote", "set-url", "--add", "origin", &url(&context, "acme/other")]);
    let output = context.run(&PRUNE);
    for named in ["/acme/tool.git", "/acme/other.git", "--repo OWNER/NAME"] {
        assert!(output.stderr.contains(named), "{output:#?}");
    }
    is_refused(&context, "repository: `origin` has two URLs of different repositories", &output);
    assert_eq!(context.succeed(&LIST).stdout.lines().count(), 3, "what reads takes what `git fetch` would");
    context.succeed(&[&PRUNE[..], &["--repo", "acme/other"]].concat());
    assert_eq!(tags(&context, "acme/other"), 3);
}

#[test]
fn a_variable_of_the_runner_has_to_agree_with_the_checkout() {
    let mut context = two_repositories();
    context.set("GITHUB_REPOSITORY", "acme/other");
    checkout(&context, &context.project(), PRUNED);
    let output = context.run(&PRUNE);
    assert!(output.stderr.contains("GITHUB_REPOSITORY: acme/other"), "{output:#?}");
    is_refused(&context, "repository: GITHUB_REPOSITORY in a checkout of another one", &output);
    context.set("GITHUB_REPOSITORY", "");
    fs::write(context.project().join("pyproject.toml"), "[tool.reproq.release]\nrepository = \"acme/other\"\n")
        .expect("written");
    is_refused(&context, "repository: the settings in a checkout of another one", &context.run(&PRUNE));
    context.set("GITHUB_REPOSITORY", "Acme/Tool");
    fs::remove_file(context.project().join("pyproject.toml")).expect("removed");
    context.succeed(&PRUNE);
    assert_eq!((tags(&context, PRUNED), tags(&context, "acme/other")), (3, 5));
}

#[test]
fn a_checkout_of_somewhere_else_does_not_agree() {
    let mut context = two_repositories();
    context.set("GITHUB_REPOSITORY", PRUNED);
    let project = context.project();
    checkout(&context, &project, PRUNED);
    for (name, remote) in [
        ("repository: `origin` is on another host", "https://gitlab.test/acme/tool.git"),
        ("repository: `origin` is a path", "/srv/acme/tool.git"),
        ("repository: `origin` is another one through an SSH alias", "git@work:acme/other.git"),
    ] {
        git(&project, &["remote", "set-url", "origin", remote]);
        is_refused(&context, name, &context.run(&PRUNE));
    }
    // An SSH host alias is unknown, although it refers to the same repository.
    git(&project, &["remote", "set-url", "origin", "git@work:acme/tool.git"]);
    context.succeed(&PRUNE);
    context.set("GITHUB_REPOSITORY", "");
    let output = context.run(&LIST);
    assert_eq!(output.code, 2, "{output:#?}");
    assert!(output.stderr.contains("SSH alias of 127.0.0.1, use `--repo acme/tool`"), "{output:#?}");
}

#[test]
fn git_itself_answers_in_the_current_directory() {
    let context = two_repositories();
    let project = context.project();
    checkout(&context, &project, PRUNED);
    // `insteadOf`, from the user's own configuration.
    let config = format!("[url \"{}/\"]\n\tinsteadOf = corp:\n", context.github.web_url());
    fs::write(context.root().join("home/.gitconfig"), config).expect("written");
    git(&project, &["remote", "set-url", "origin", "corp:acme/other"]);
    let other = context.succeed(&["release", "list", "-v"]);
    assert!(other.stderr.contains("releases of acme/other from the git remote `origin`"), "{other:#?}");
    // A linked work tree has the configuration of its repository, in which a work tree may have its own.
    git(&project, &["remote", "set-url", "origin", &url(&context, PRUNED)]);
    git(&project, &["commit", "-q", "--allow-empty", "-m", "x"]);
    let linked = context.root().join("work/linked");
    git(&project, &["worktree", "add", "-q", linked.to_str().expect("UTF-8")]);
    let output = run_in(&context, &linked, &PRUNE);
    assert_eq!((output.code, tags(&context, PRUNED)), (0, 3), "{output:#?}");
    // The variables of a git hook refer to another repository; they are ignored.
    let hook = context.root().join("work/hook");
    checkout(&context, &hook, "acme/other");
    let mut command = context.command(&["release", "list", "-v"]);
    command.env("GIT_DIR", hook.join(".git"));
    let output = context.output(command);
    assert!(output.stderr.contains("releases of acme/tool from"), "{output:#?}");
    // `-C` is the same as running in that directory.
    let output = run_in(&context, &project, &["-C", "../hook", "release", "list", "-v"]);
    assert!(output.stderr.contains("releases of acme/other from"), "{output:#?}");
}

/// In a nested clone or a submodule the outer project's releases are never deleted: the inner one is a project, or the two
/// sources disagree.
#[test]
fn a_nested_clone_never_prunes_the_outer_project() {
    for mark in ["manage.py", "pyproject.toml", ".reproq"] {
        for is_submodule in [false, true] {
            let context = two_repositories();
            let project = context.project();
            checkout(&context, &project, PRUNED);
            match mark {
                ".reproq" => fs::create_dir(project.join(mark)).expect("a directory"),
                "manage.py" => fs::write(project.join(mark), "").expect("written"),
                _ => {
                    let text = "[tool.reproq.release]\nrepository = \"acme/tool\"\n";
                    fs::write(project.join(mark), text).expect("written");
                }
            }
            let inner = project.join("vendor/other");
            fs::create_dir_all(&inner).expect("a directory");
            let separate = context.root().join("modules");
            let separate = format!("--separate-git-dir={}", separate.display());
            let init = ["init", "-q", separate.as_str()];
            git(&inner, if is_submodule { &init } else { &init[..2] });
            git(&inner, &["remote", "add", "origin", &url(&context, "acme/other")]);
            let output = run_in(&context, &inner, &PRUNE);
            assert!(matches!(output.code, 0 | 8), "{mark} {is_submodule}: {output:#?}");
            assert_eq!(tags(&context, PRUNED), 5, "{mark} {is_submodule}: {output:#?}");
            assert_eq!(tags(&context, "acme/other"), if output.code == 0 { 3 } else { 5 });
        }
    }
}

#[test]
fn a_checkout_of_another_user_is_refused_in_gits_own_words() {
    let mut context = two_repositories();
    let project = context.project();
    checkout(&context, &project, PRUNED);
    for path in [project.clone(), project.join(".git")] {
        if std::os::unix::fs::chown(&path, Some(54321), None).is_err() {
            return skip::record("a checkout of another user", "run as root");
        }
    }
    let output = context.run(&LIST);
    assert_eq!(output.code, 9, "{output:#?}");
    assert!(output.stderr.contains("detected dubious ownership"), "{output:#?}");
    let trust = format!("run `git config --global --add safe.directory {}`", project.display());
    assert!(output.stderr.contains(&trust), "{output:#?}");
    record(Part::Machine, "repository: a checkout that another user owns", &context, &output, UNTOUCHED);
    // Nor does a variable take precedence over an unreadable checkout.
    context.set("GITHUB_REPOSITORY", "acme/other");
    assert_eq!(context.run(&PRUNE).code, 8);
    assert_eq!(mutations(&context), Vec::<String>::new());
    context.set("GITHUB_REPOSITORY", "");
    let trusted = format!("[safe]\n\tdirectory = {}\n", project.display());
    fs::write(context.root().join("home/.gitconfig"), trusted).expect("written");
    context.succeed(&PRUNE);
    assert_eq!(tags(&context, PRUNED), 3);
}

#[test]
fn a_configuration_without_end_is_given_up_in_time() {
    let mut context = two_repositories();
    let project = context.project();
    checkout(&context, &project, PRUNED);
    let config = project.join(".git/config");
    let honest = fs::read_to_string(&config).expect("a configuration");
    let pipe = context.root().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let huge = format!("{honest}\turl = https://{}\n", "x".repeat(4 << 20));
    for (name, text) in [
        ("repository: git includes a FIFO", format!("{honest}[include]\n\tpath = {}\n", pipe.display())),
        ("repository: a URL of 4 MiB", huge),
    ] {
        fs::write(&config, text).expect("written");
        for (repository, arguments, code) in [("", &LIST[..], 2), (PRUNED, &PRUNE[..], 8)] {
            context.set("GITHUB_REPOSITORY", repository);
            let began = Instant::now();
            let output = context.run(arguments);
            assert_eq!(output.code, code, "{name}: {output:#?}");
            assert!(output.stderr.len() < 4096, "{name}: {}", output.stderr.len());
            assert!(began.elapsed() < Duration::from_secs(10), "{name}: {:?}", began.elapsed());
            if code == 8 {
                is_refused(&context, name, &output);
            }
        }
    }
}

#[test]
fn a_git_of_the_project_is_never_run() {
    let context = two_repositories();
    let project = context.project();
    checkout(&context, &project, PRUNED);
    let planted = |directory: &Path| -> PathBuf {
        fs::create_dir_all(directory).expect("a directory");
        let program = directory.join("git");
        let shell = "printf '#!/bin/sh\\ntouch \"%s.was-run\"\\n' \"$1\" > \"$1\"";
        assert!(Command::new("/bin/sh").args(["-c", shell, "sh"]).arg(&program).status().expect("sh").success());
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("set");
        program
    };
    let programs = [planted(&project), planted(&project.join("bin"))];
    for path in [".:/usr/bin:/bin", ":/usr/bin:/bin", "bin:/usr/bin:/bin", "./bin/::/usr/bin:/bin:"] {
        let mut command = context.command(&["release", "list", "-v"]);
        command.env("PATH", path);
        let output = context.output(command);
        assert!(output.stderr.contains("releases of acme/tool from"), "{path}: {output:#?}");
    }
    for program in programs {
        assert!(!program.with_extension("was-run").exists(), "{} was run", program.display());
    }
    // Without git, an existing repository is not ignored.
    let mut command = context.command(&PRUNE);
    command.env("PATH", ".:bin").env("GITHUB_REPOSITORY", "acme/other");
    let output = context.output(command);
    is_refused(&context, "repository: no git on PATH, in a checkout", &output);
    assert_eq!(repo(&context).snapshot().tag_names().len(), 5);
}
