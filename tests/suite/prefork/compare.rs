//! What two executions of a task have to have in common.

use std::os::unix::process::ExitStatusExt;

use super::envelope::LIMIT;
use super::envelope::among;
use super::envelope::refusal;
use super::project::Ended;
use super::project::Envelope;
use super::project::Item;

/// Fails with all that is wrong, not only with the first.
pub(crate) fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} tasks:\n\n{}", problems.len(), problems.join("\n\n"));
}

/// A problem, with the executions that have it.
pub(crate) fn shown(item: &Item, problem: &str, ends: &[&Ended]) -> String {
    let ends: Vec<String> = ends.iter().map(ToString::to_string).collect();
    format!("=== {}: {problem}\n{}", item.name, ends.join("\n"))
}

/// How plain Python differs from what the corpus says of it.
pub(crate) fn unexpected(item: &Item, ended: &Ended) -> Option<String> {
    let expected = (item.signal.is_none().then_some(item.exit), item.signal);
    if (ended.status.code(), ended.status.signal()) != expected {
        return Some(format!("expected {expected:?}"));
    }
    for (name, bytes, part) in [("stdout", &ended.stdout, &item.stdout), ("stderr", &ended.stderr, &item.stderr)] {
        if !String::from_utf8_lossy(bytes).contains(part) {
            return Some(format!("expected {part:?} on {name}"));
        }
    }
    let found = match (refusal(&ended.stdout), among(&ended.stdout)) {
        (None, _) => Envelope::Whole,
        (Some(_), Some(_)) => Envelope::Among,
        (Some(_), None) => Envelope::None,
    };
    (item.poison.is_none() && found != item.envelope).then(|| format!("stdout is {found:?}"))
}

/// How two executions differ that must not.
pub(crate) fn difference(one: &Ended, other: &Ended) -> Option<&'static str> {
    match () {
        () if one.status != other.status => Some("the status"),
        () if one.stdout != other.stdout => Some("stdout"),
        () if one.stderr != other.stderr => Some("stderr"),
        () => None,
    }
}

/// What is wrong with an execution that repairs what the worker cannot accept, beside plain Python. What it can accept is
/// unchanged. Otherwise the status is the same and stdout a result: the one that is among the output, or a failure; the rest of the
/// output is on stderr.
pub(crate) fn repaired(item: &Item, plain: &Ended, other: &Ended) -> Option<&'static str> {
    let (notice, errors) = without_notice(&other.stderr);
    if notice != item.falls_back {
        return Some(if notice { "plain Python ran it" } else { "a child of the fork server ran it" });
    }
    if item.falls_back {
        return difference(plain, &Ended { stderr: errors.to_vec(), ..other.clone() });
    }
    if refusal(&plain.stdout).is_none() && plain.stderr.len() <= LIMIT {
        return difference(plain, other);
    }
    let (envelope, rest) = among(&plain.stdout).map_or((None, Vec::new()), |(found, rest)| (Some(found), rest));
    let is_failure = other.stdout.starts_with(b"{\"ok\": false");
    let end = match item.signal {
        _ if envelope.is_some() || item.poison.is_some() => String::new(),
        Some(number) => format!("was ended by signal {number}\""),
        None => format!("with exit code {}, without a result", item.exit),
    };
    let is_said = [&item.says, &end].iter().all(|part| String::from_utf8_lossy(&other.stdout).contains(*part));
    // What is over the limit may be cut with a note.
    let kept = &plain.stderr[..plain.stderr.len().min(LIMIT / 2)];
    let errors = String::from_utf8_lossy(other.stderr.get(kept.len()..).unwrap_or_default());
    let is_kept = String::from_utf8_lossy(&rest).lines().all(|line| errors.contains(line));
    let rules = [
        (other.status == plain.status, "the status"),
        (refusal(&other.stdout).is_none(), "the worker cannot store it"),
        (envelope.as_ref().map_or(is_failure, |it| it == other.stdout.trim_ascii()), "the result"),
        (is_said, "the reason is not in the result"),
        (other.stderr.len() <= LIMIT, "stderr is over the limit"),
        (other.stderr.starts_with(kept), "stderr of the task is lost"),
        (is_kept, "other output of the task is lost"),
    ];
    rules.into_iter().find_map(|(is_met, rule)| (!is_met).then_some(rule))
}

/// Whether plain Python ran a task, which the first line on stderr says; and the rest of stderr.
fn without_notice(stderr: &[u8]) -> (bool, &[u8]) {
    let end = stderr.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let is_notice = stderr.starts_with(b"[reproq] plain Python runs this task: ");
    (is_notice, if is_notice { &stderr[end..] } else { stderr })
}

#[test]
fn a_repair_changes_only_what_the_worker_cannot_accept() {
    let item: Item = serde_json::from_str(r#"{"name": "n", "task": null, "signal": 9}"#).expect("an item");
    let ended = |status: i32, stdout: &str, stderr: &str| Ended {
        status: std::process::ExitStatus::from_raw(status),
        stdout: stdout.as_bytes().to_vec(),
        stderr: stderr.as_bytes().to_vec(),
        took: std::time::Duration::ZERO,
    };
    let (fine, failed) = ("{\"ok\": true}\n", "{\"ok\": false, \"message\": \"it was ended by signal 9\"}\n");
    for (plain, other, expected) in [
        (ended(0, fine, "e"), ended(0, fine, "e"), None),
        (ended(0, fine, "e"), ended(0, "{\"ok\": true }\n", "e"), Some("stdout")),
        (ended(0, fine, "e"), ended(0, fine, "e\nmore"), Some("stderr")),
        (ended(9, "", "e"), ended(9, failed, "e\nmore"), None),
        (ended(9, "", "e"), ended(0, failed, "e"), Some("the status")),
        (ended(9, "", "e"), ended(9, "", "e"), Some("the worker cannot store it")),
        (ended(9, "", "e"), ended(9, fine, "e"), Some("the result")),
        (ended(9, "", "e"), ended(9, "{\"ok\": false}", "e"), Some("the reason is not in the result")),
        (ended(9, "", "e"), ended(9, failed, ""), Some("stderr of the task is lost")),
    ] {
        assert_eq!(repaired(&item, &plain, &other), expected, "{plain}\n{other}");
    }
    let among = ended(0, "text{\"ok\": true}\nmore\n", "e");
    let item: Item = serde_json::from_str(r#"{"name": "n", "task": null}"#).expect("an item");
    assert_eq!(repaired(&item, &among, &ended(0, fine, "etext\nmore\n")), None);
    assert_eq!(repaired(&item, &among, &ended(0, fine, "etext")), Some("other output of the task is lost"));
    assert_eq!(repaired(&item, &among, &ended(0, failed, "etext\nmore\n")), Some("the result"));
}
