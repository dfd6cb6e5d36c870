//! The reference pages and `llms.txt`, from the document of `reproq help --json`.

use std::fmt::Write;

use serde_json::Value;

use crate::help;
use crate::list;
use crate::text;

const GENERATED: &str = "<!-- Written by `cargo xtask docs` from `reproq help --json`. -->\n\n";

/// `docs/reference/commands.md`.
pub fn commands() -> String {
    let mut page = format!("# Commands\n\n{GENERATED}");
    page.push_str(
        "`reproq help COMMAND` shows the same in a terminal, and `reproq help --json` as one JSON document.\n\n\
         ## Options of every command\n\n",
    );
    page.push_str(&options(list(help(), "global_options")));
    for command in list(help(), "commands").iter().filter(|command| text(command, "command") != "reproq") {
        page.push_str(&section(command));
    }
    page
}

fn section(command: &Value) -> String {
    let mut page = format!("\n## {}\n\n{}.\n\n", text(command, "command"), text(command, "about"));
    let _ = write!(page, "```text\n{}\n```\n", text(command, "usage"));
    let arguments = list(command, "arguments");
    if !arguments.is_empty() {
        page.push_str("\n| argument | meaning |\n| --- | --- |\n");
        for argument in arguments {
            let name = cell(text(argument, "name"));
            let _ = writeln!(page, "| `{name}` | {} |", meaning(argument));
        }
    }
    let own = list(command, "options");
    if !own.is_empty() {
        page.push('\n');
        page.push_str(&options(own));
    }
    page.push_str("\n```console\n");
    for example in list(command, "examples") {
        let line = text(example, "line");
        match example["note"].as_str() {
            Some(note) => {
                let _ = writeln!(page, "{line:<42} # {note}");
            }
            None => {
                let _ = writeln!(page, "{line}");
            }
        }
    }
    page.push_str("```\n");
    let schemas: Vec<String> = strings(command, "schemas").iter().map(|schema| format!("`{schema}`")).collect();
    if !schemas.is_empty() {
        let _ = writeln!(page, "\n`--json` prints {}.", schemas.join(" or "));
    }
    page
}

fn options(options: &[Value]) -> String {
    let mut table = "| option | meaning |\n| --- | --- |\n".to_owned();
    for option in options {
        let short = option["short"].as_str().map(|short| format!("`{short}`, ")).unwrap_or_default();
        let value = option["value"].as_str().map(|value| format!(" {value}")).unwrap_or_default();
        let _ = writeln!(table, "| {short}`{}{}` | {} |", text(option, "name"), cell(&value), meaning(option));
    }
    table
}

/// The help of an option or an argument, with the values and the default that the text does not contain itself.
fn meaning(option: &Value) -> String {
    let mut meaning = cell(text(option, "help"));
    let values: Vec<String> =
        list(option, "possible_values").iter().map(|value| format!("`{}`", text(value, "value"))).collect();
    if !values.is_empty() {
        let _ = write!(meaning, ": {}", values.join(", "));
    }
    match option["default"].as_str() {
        Some(default) if !meaning.contains("[default: ") => {
            let _ = write!(meaning, " [default: {default}]");
        }
        Some(_) | None => {}
    }
    if option["required"] == true {
        meaning.push_str(" (required)");
    }
    meaning
}

/// A string in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn strings<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    list(value, key).iter().map(|it| it.as_str().expect("a string")).collect()
}

/// How the lines of `--progress json` are read.
const PROGRESS: &str = "
## Progress

With `--progress json`, or `REPROQ_PROGRESS=json`, every line on stderr is one object of the schema `reproq.progress/1`; stdout
stays as it is. Its `event` decides which other keys it has:

| event | keys | meaning |
| --- | --- | --- |
| `begin` | `step`, `label`, `total` | a step begins: its number, what it is, and its size in bytes or `null` |
| `advance` | `step`, `done`, `total` | so many bytes are done; at most four times a second |
| `restart` | `step` | the step starts over, because it could not be resumed |
| `end` | `step`, `done` | the step has ended, successfully or not |
| `message` | `kind`, `text` | a `status`, `warning`, `hint`, `error`, `cause`, `detail`, `debug`, `preview` or `question` |

Several steps can run at the same time. A download of several assets is one step with the sum of their sizes, and one step for
each asset.
";

/// `docs/reference/json.md`.
pub fn documents() -> String {
    let mut page = format!("# JSON documents\n\n{GENERATED}");
    page.push_str(
        "With `--json` a command prints exactly one document to stdout, also on failure: then it is `reproq.error/1`, unless \
         the\nreport itself describes the failure. Its `schema` names the format. New keys can be added to a format at any \
         time; the number\nafter the slash changes when a key is removed or its meaning changes.\n\n\
         ## Printed\n\n| schema | printed by | content |\n| --- | --- | --- |\n",
    );
    let (served, others): (Vec<&Value>, Vec<&Value>) =
        list(help(), "documents").iter().partition(|document| document["served_at"].is_string());
    let (stored, printed): (Vec<&Value>, Vec<&Value>) =
        others.into_iter().partition(|document| document["stored_in"].is_string());
    for document in printed {
        let by: Vec<String> = strings(document, "printed_by").iter().map(|command| format!("`{command}`")).collect();
        let by = if by.is_empty() { "every command".to_owned() } else { by.join(", ") };
        let _ = writeln!(page, "| `{}` | {by} | {} |", text(document, "schema"), text(document, "meaning"));
    }
    page.push_str(PROGRESS);
    page.push_str("\n## Stored\n\n| schema | file | content |\n| --- | --- | --- |\n");
    for document in stored {
        let file = text(document, "stored_in");
        let _ = writeln!(page, "| `{}` | {file} | {} |", text(document, "schema"), text(document, "meaning"));
    }
    page.push_str("\n## Served\n\n| schema | path at [`reproq serve`](../serve.md) | content |\n| --- | --- | --- |\n");
    for document in served {
        let path = text(document, "served_at");
        let _ = writeln!(page, "| `{}` | `{path}` | {} |", text(document, "schema"), text(document, "meaning"));
    }
    page.push_str(
        "\n[`bundle.json`](../bundle.md), [`index.json`](../mirror.md#the-index) and \
         [`reproq.verify-file/1`](../attestation.md#the-report) have\npages of their own. `reproq.lock` is not JSON; \
         [its page](../lockfile.md) describes it.\n",
    );
    page
}

/// `docs/llms.txt`: the command line for programs that read the project (<https://llmstxt.org>).
pub fn llms() -> String {
    let mut page =
        "# reproq\n\n> Installs the Reproq worker binary for this platform, verifies it and locks its version; \
                    shows which worker\n> will run; prunes old releases of a GitHub repository.\n\n"
            .to_owned();
    page.push_str(
        "`reproq help --json` prints everything below as one JSON document. The report is on stdout, everything else on \
         stderr.\n\n## Documentation\n\n",
    );
    for (file, title) in [
        ("index.html", "Overview"),
        ("install.html", "Install reproq"),
        ("install-worker.html", "Install, lock, upgrade and verify the worker"),
        ("guides.html", "Teams, CI, Docker, offline machines, mirrors"),
        ("release.html", "Prune, restore and check releases"),
        ("reference/settings.html", "Settings"),
        ("SECURITY.html", "Security model"),
    ] {
        let _ = writeln!(page, "- [{title}]({file})");
    }
    page.push_str("\n## Commands\n");
    for command in list(help(), "commands").iter().filter(|command| text(command, "command") != "reproq") {
        let _ = writeln!(page, "\n### {}\n\n{}", text(command, "usage"), text(command, "about"));
        let parts = list(command, "arguments").iter().chain(list(command, "options"));
        let lines: String = parts.map(|part| format!("- {}\n", line(part))).collect();
        if !lines.is_empty() {
            let _ = write!(page, "\n{lines}");
        }
        let schemas = strings(command, "schemas");
        if !schemas.is_empty() {
            let _ = writeln!(page, "\nJSON: {}", schemas.join(", "));
        }
    }
    page.push_str("\n## Options of every command\n\n");
    for option in list(help(), "global_options") {
        let _ = writeln!(page, "- {}", line(option));
    }
    page.push_str("\n## Exit codes\n\n");
    for code in list(help(), "exit_codes") {
        let _ = writeln!(page, "- {}: {}", code["code"], text(code, "meaning"));
    }
    page.push_str("\n## Environment variables\n\n");
    for variable in list(help(), "environment") {
        let _ = writeln!(page, "- {}: {}", text(variable, "name"), text(variable, "meaning"));
    }
    page.push_str("\n## JSON documents\n\n");
    for document in list(help(), "documents") {
        let _ = writeln!(page, "- {}: {}", text(document, "schema"), text(document, "meaning"));
    }
    page
}

/// An option or argument on one line.
fn line(option: &Value) -> String {
    let value = option["value"].as_str().map(|value| format!(" {value}")).unwrap_or_default();
    format!("{}{value}: {}", text(option, "name"), meaning(option).replace("\\|", "|"))
}
