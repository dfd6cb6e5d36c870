//! `reproq completions`: real shells complete commands, options, and values that this machine knows.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::support::Context;
use crate::support::context::program_under_test;
use crate::support::skip;

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "powershell", "elvish"];

/// A project with a locked and installed release, an older one in the cache, and this command on `PATH`.
fn world() -> Context {
    let mut context = Context::released();
    context.release("v0.0.143");
    context.succeed(&["install", "--no-django", "--tag", "v0.0.143"]);
    context.succeed(&["upgrade", "--no-django"]);
    let directory = Path::new(program_under_test()).parent().expect("a directory").display().to_string();
    context.set("PATH", format!("{directory}:/usr/bin:/bin"));
    context
}

/// A shell in the project with the environment of the context; `None` if it is not installed.
fn shell(context: &Context, program: &str) -> Option<Command> {
    let directories = ["/usr/bin", "/bin", "/usr/local/bin"];
    if !directories.iter().any(|directory| Path::new(directory).join(program).is_file()) {
        skip::record(&format!("completion in {program}"), &format!("install {program}"));
        return None;
    }
    let mut shell = Command::new(program);
    let like = context.command(&[]);
    shell.current_dir(context.project()).env_clear();
    shell.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Some(shell)
}

fn script(context: &Context, shell: &str, name: &str) -> PathBuf {
    let path = context.root().join(name);
    fs::create_dir_all(path.parent().expect("below the root")).expect("made");
    fs::write(&path, context.succeed(&["completions", shell]).stdout).expect("written");
    path
}

fn shown(mut command: Command) -> String {
    let output = command.output().expect("the shell starts");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What bash offers at the end of a line.
fn in_bash(context: &Context, function: &str, script: &Path, line: &str) -> Option<String> {
    let mut bash = shell(context, "bash")?;
    let mut words = line.rsplit(' ');
    let (last, previous) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    // Simulates pressing Tab.
    let press = format!(
        "source '{}'; COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_TYPE=9; \
         {function} reproq '{last}' '{previous}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    bash.args(["--norc", "--noprofile", "-c", &press]);
    Some(shown(bash))
}

/// Lines at whose end Tab is pressed, with something that is offered there.
const CASES: [(&str, &str); 9] = [
    ("reproq inst", "install"),
    ("reproq release pru", "prune"),
    ("reproq install --loc", "--locked"),
    ("reproq install --require att", "attested"),
    ("reproq install --tag v0", "v0.0.143"),
    ("reproq install --tag v0", "v0.0.144"),
    ("reproq bundle create --target linux-a", "linux-arm64"),
    ("reproq upgrade --mirror gi", "github"),
    ("reproq help exit", "exit-codes"),
];

#[test]
fn bash_completes_commands_options_and_local_values() {
    let context = world();
    let script = script(&context, "bash", "completion.bash");
    let before = context.github.requests().len();
    for (line, expected) in CASES {
        let Some(shown) = in_bash(&context, "_clap_complete_reproq", &script, line) else { return };
        assert!(shown.lines().any(|line| line.trim() == expected), "{line}: {shown}");
    }
    // The releases of other repositories are not the worker's.
    let shown = in_bash(&context, "_clap_complete_reproq", &script, "reproq release check --tag v0").expect("bash");
    assert!(!shown.contains("v0.0.14"), "{shown}");
    assert_eq!(context.github.requests().len(), before, "completion makes no request");
}

#[test]
fn fish_completes_commands_options_and_local_values() {
    let context = world();
    let script = script(&context, "fish", "completion.fish");
    for (line, expected) in CASES {
        let Some(mut fish) = shell(&context, "fish") else { return };
        fish.args(["--no-config", "-c", &format!("source '{}'; complete -C '{line}'", script.display())]);
        let shown = shown(fish);
        assert!(shown.lines().any(|line| line.split('\t').next() == Some(expected)), "{line}: {shown}");
    }
}

/// zsh completes only on a terminal, which its module zpty provides. The script is found in `fpath`, as users keep it.
#[test]
fn zsh_completes_at_the_first_tab_after_it_found_the_script() {
    let context = world();
    script(&context, "zsh", "functions/_reproq");
    let driver = r#"
        zmodload zsh/zpty
        zpty -b terminal zsh -f -i
        zpty -w terminal "PS1='> '; fpath=($PWD/../../functions \$fpath); autoload -Uz compinit; compinit -u -D"
        zpty -w terminal 'function reproq { [[ -n $REPROQ_COMPLETE ]] && command reproq "$@" || print -r -- r"an: $*" }'
        zpty -w terminal "$1"$'\t'
        zpty -r terminal screen "*ran: *"$'\n'
        print -r -- "$screen"
        zpty -d terminal
    "#;
    let file = context.root().join("driver.zsh");
    fs::write(&file, driver).expect("written");
    for (line, expected) in [
        ("reproq install --tag v0.0.143", "ran: install --tag v0.0.143"),
        ("reproq install --tag lat", "ran: install --tag latest"),
        ("reproq rollb", "ran: rollback"),
    ] {
        let Some(zsh) = shell(&context, "zsh") else { return };
        // A terminal that never prints the line would block the driver.
        let mut limited = Command::new("timeout");
        limited.args(["60", "zsh", "-f"]).arg(&file).arg(line).current_dir(context.project()).env_clear();
        limited.envs(zsh.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "dumb");
        let shown = shown(limited);
        assert!(shown.contains(expected), "{line}: {shown}");
    }
}

/// Users keep a script, so a change that an upgrade requires must be noticed here and announced in the changelog.
#[test]
fn the_scripts_are_as_users_keep_them() {
    let context = Context::new();
    for shell in SHELLS {
        insta::assert_snapshot!(shell, context.succeed(&["completions", shell]).stdout);
    }
}

#[test]
fn a_static_script_completes_without_the_program() {
    let context = Context::new();
    // A broken project does not matter.
    fs::write(context.project().join("pyproject.toml"), "[tool.reproq\n").expect("written");
    for shell in SHELLS {
        let script = context.succeed(&["completions", shell, "--static"]).stdout;
        for name in ["install", "rollback", "offline", "release"] {
            assert!(script.contains(name), "{shell}: {name}");
        }
        assert!(!script.contains("REPROQ_COMPLETE"), "{shell}");
    }
    let script = context.root().join("static.bash");
    fs::write(&script, context.succeed(&["completions", "bash", "--static"]).stdout).expect("written");
    for (line, expected) in &CASES[..4] {
        let Some(shown) = in_bash(&context, "_reproq", &script, line) else { return };
        assert!(shown.lines().any(|line| line == *expected), "{line}: {shown}");
    }
    let document = context.succeed(&["completions", "fish", "--json"]).stdout;
    let document: serde_json::Value = serde_json::from_str(&document).expect("one document");
    assert_eq!((&document["schema"], &document["shell"]), (&"reproq.completions/1".into(), &"fish".into()));
    assert_eq!(context.run(&["completions", "tcsh"]).code, 2);
    assert_eq!(context.github.requests().len(), 0);
}

#[test]
fn what_cannot_be_read_is_not_offered_and_nothing_else_is_printed() {
    let context = Context::new();
    fs::write(context.project().join("pyproject.toml"), "[tool.reproq\n").expect("written");
    let request = |shell: &str, words: &[&str]| {
        let mut command = context.command(&[&["--"], words].concat());
        command.env("REPROQ_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
        context.output(command)
    };
    let broken = request("bash", &["reproq", "install", "--tag", "v"]);
    assert_eq!((broken.code, broken.stdout.as_str(), broken.stderr.as_str()), (0, "", ""));
    let unknown = request("tcsh", &["reproq", "inst"]);
    assert_eq!((unknown.stdout.as_str(), unknown.stderr.as_str()), ("", ""));
}

#[test]
fn completion_is_fast() {
    let context = world();
    let times = (0..5).map(|_| {
        let mut command = context.command(&["--", "reproq", "install", "--tag", ""]);
        command.env("REPROQ_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "3");
        let began = Instant::now();
        let output = context.output(command);
        assert!(output.stdout.contains("v0.0.143") && output.stdout.contains("latest"), "{output:#?}");
        began.elapsed()
    });
    let fastest = times.min().expect("five runs");
    // Unoptimized, and next to other tests; optimized it takes a few milliseconds.
    assert!(fastest.as_millis() < 500, "{fastest:?}");
}
