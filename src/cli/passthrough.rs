//! Tells the worker's flags from our own options. The worker has Go's syntax, `-dsn VALUE` and `--once=false`, which clap does not
//! read, and other programs start the worker by the name of this command. So the worker's flags are moved behind `--` first, and
//! those that are also options of ours get our syntax.

use std::ffi::OsString;

use crate::model::worker_flags;
use crate::model::worker_flags::WorkerCommand;

/// Our options before the command that take the next word as their value.
const GLOBAL_WITH_VALUE: [&str; 6] =
    ["-C", "--directory", "--color", "--progress", "--github-api-url", "--github-server-url"];

/// Flags of the worker's beat that are options of `reproq beat` too.
const OWN_FLAGS_OF_BEAT: [&str; 2] = ["interval", "once"];

/// Moves the flags of the worker behind `--`. Other command lines are unchanged.
pub(crate) fn separate(arguments: Vec<OsString>) -> Vec<OsString> {
    let Some((command, own_flags, start)) = started(&arguments) else { return arguments };
    let mut rest = arguments.into_iter();
    let mut own: Vec<OsString> = rest.by_ref().take(start).collect();
    let mut worker = Vec::new();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            worker.extend(rest.by_ref());
            break;
        }
        let split = argument.to_str().and_then(|text| worker_flags::split(text).ok().flatten());
        let known = split.and_then(|(name, equals)| Some((command.flag(name)?, equals.is_some())));
        let Some((flag, has_value)) = known else {
            own.push(argument);
            continue;
        };
        let takes_next = flag.takes_value && !has_value;
        let is_ours = own_flags.contains(&flag.name);
        let target = if is_ours { &mut own } else { &mut worker };
        target.push(if is_ours { with_two_dashes(argument) } else { argument });
        if takes_next {
            target.extend(rest.next());
        }
    }
    if !worker.is_empty() {
        own.push("--".into());
    }
    own.extend(worker);
    own
}

fn with_two_dashes(flag: OsString) -> OsString {
    match flag.to_str().and_then(|flag| flag.strip_prefix('-')).filter(|rest| !rest.starts_with('-')) {
        Some(rest) => format!("--{rest}").into(),
        None => flag,
    }
}

/// The command, and where its arguments begin.
pub(super) fn first_word(arguments: &[OsString]) -> Option<(&str, usize)> {
    word_from(arguments, 1)
}

/// The first word from here on that is neither an option of ours nor its value, and where what follows it begins.
fn word_from(arguments: &[OsString], mut index: usize) -> Option<(&str, usize)> {
    loop {
        let argument = arguments.get(index)?.to_str()?;
        index += 1;
        if GLOBAL_WITH_VALUE.contains(&argument) {
            index += 1;
        } else if !argument.starts_with('-') {
            return Some((argument, index));
        }
    }
}

/// The command of the worker that this command line starts or explains, which of its flags are options of ours, and where its
/// arguments begin.
fn started(arguments: &[OsString]) -> Option<(WorkerCommand, &'static [&'static str], usize)> {
    let (first, start) = first_word(arguments)?;
    match first {
        "worker" | "systemd" => Some((WorkerCommand::Worker, &[], start)),
        "beat" => Some((WorkerCommand::Beat, &OWN_FLAGS_OF_BEAT, start)),
        "schedule" => Some((WorkerCommand::Beat, &[], start)),
        "config" => match word_from(arguments, start)? {
            ("worker", start) => Some((WorkerCommand::Worker, &[], start)),
            ("beat", start) => Some((WorkerCommand::Beat, &[], start)),
            (_, _) => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    fn separated(line: &str) -> String {
        let arguments = line.split(' ').map(OsString::from).collect();
        let words: Vec<String> =
            separate(arguments).into_iter().map(|word| word.into_string().expect("UTF-8")).collect();
        words.join(" ")
    }

    #[test]
    fn the_flags_of_the_worker_are_moved_behind_two_dashes() {
        let cases = [
            ("reproq worker -dsn d --dry-run --queues=a", "reproq worker --dry-run -- -dsn d --queues=a"),
            ("reproq -C x -v worker --concurrency 4 -q", "reproq -C x -v worker -q -- --concurrency 4"),
            (
                "reproq beat -once=false --no-django -interval 5s -dsn d",
                "reproq beat --once=false --no-django --interval 5s -- -dsn d",
            ),
            ("reproq beat -once x --interval=5s", "reproq beat --once x --interval=5s"),
            ("reproq schedule -once -interval 5s", "reproq schedule -- -once -interval 5s"),
            ("reproq beat --interval", "reproq beat --interval"),
            ("reproq schedule --config a.yaml", "reproq schedule -- --config a.yaml"),
            ("reproq worker --queues a -- --new b", "reproq worker -- --queues a --new b"),
            ("reproq worker --dry-run", "reproq worker --dry-run"),
            ("reproq worker --dsn", "reproq worker -- --dsn"),
            ("reproq config worker --explain --config c", "reproq config worker --explain -- --config c"),
            ("reproq config beat -once", "reproq config beat -- -once"),
            ("reproq config show --config c", "reproq config show --config c"),
            ("reproq systemd --concurrency 4 -o d", "reproq systemd -o d -- --concurrency 4"),
            ("reproq install --config c", "reproq install --config c"),
            ("reproq --color worker which", "reproq --color worker which"),
            ("reproq", "reproq"),
        ];
        for (given, expected) in cases {
            assert_eq!(separated(given), expected, "{given}");
        }
    }

    #[test]
    fn no_option_of_ours_has_the_name_of_a_flag_of_the_worker() {
        let root = command();
        let paths = [
            vec!["worker"],
            vec!["beat"],
            vec!["schedule"],
            vec!["systemd"],
            vec!["config", "worker"],
            vec!["config", "beat"],
        ];
        for path in paths {
            let found = path.iter().try_fold(&root, |command, name| command.find_subcommand(name));
            let Some(found) = found else { continue };
            let own: &[&str] = if path == ["beat"] { &OWN_FLAGS_OF_BEAT } else { &[] };
            for name in
                found.get_arguments().filter_map(|argument| argument.get_long()).filter(|name| !own.contains(name))
            {
                for command in [WorkerCommand::Worker, WorkerCommand::Beat] {
                    assert!(command.flag(name).is_none(), "{path:?} --{name}");
                }
            }
        }
    }

    #[test]
    fn every_global_option_with_a_value_is_known() {
        let root = command();
        let with_value = root.get_arguments().filter(|argument| argument.get_action().takes_values());
        let mut named: Vec<String> = with_value
            .flat_map(|argument| {
                let short = argument.get_short().map(|short| format!("-{short}"));
                short.into_iter().chain(argument.get_long().map(|long| format!("--{long}")))
            })
            .collect();
        named.sort();
        let mut known = GLOBAL_WITH_VALUE.map(str::to_owned);
        known.sort();
        assert_eq!(named, known);
    }
}
