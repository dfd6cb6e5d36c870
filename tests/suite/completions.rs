//! `reproq completions`: a shell completes with the script alone.

use std::fs;
use std::process::Command;

use crate::support::Context;
use crate::support::skip;

#[test]
fn every_shell_has_a_script_and_a_broken_project_does_not_matter() {
    let context = Context::new();
    fs::write(context.project().join("pyproject.toml"), "[tool.reproq\n").expect("written");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = context.succeed(&["completions", shell]).stdout;
        for name in ["install", "rollback", "offline", "release"] {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
    let document = context.succeed(&["completions", "fish", "--json"]).stdout;
    let document: serde_json::Value = serde_json::from_str(&document).expect("one document");
    assert_eq!(document["schema"], "reproq.completions/1");
    assert_eq!(document["shell"], "fish");
    assert_eq!(context.run(&["completions", "tcsh"]).code, 2);
    assert_eq!(context.github.requests().len(), 0);
}

#[test]
fn bash_completes_commands_and_options() {
    let context = Context::new();
    let script = context.root().join("completion");
    fs::write(&script, context.succeed(&["completions", "bash"]).stdout).expect("written");
    for (words, expected) in
        [("reproq inst", "install"), ("reproq release pru", "prune"), ("reproq install --loc", "--locked")]
    {
        // Simulates pressing Tab in bash.
        let last = words.rsplit(' ').next().unwrap_or_default();
        let press = format!(
            "source '{}'; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _reproq reproq '{last}' ''; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let Ok(output) = Command::new("bash").args(["--norc", "--noprofile", "-c", &press]).output() else {
            return skip::record("completion in bash", "install bash");
        };
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            shown.lines().any(|line| line == expected),
            "{words}: {shown} {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
