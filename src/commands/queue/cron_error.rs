//! Expressions that are no schedules: what to write instead.

use reproq_queue::cron::CronError;

use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// What the worker does not support, and what it does.
const DESCRIPTORS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// The error for an expression that the worker does not accept.
pub(super) fn not_a_schedule(expression: &str, error: CronError) -> CommandError {
    let hint = cron_hint(&error);
    CommandError::new(ExitStatus::Usage, error)
        .context(format!("`{expression}` is not a schedule that the worker accepts"))
        .hint(hint)
}

/// What to write instead.
pub(super) fn cron_hint(error: &CronError) -> String {
    match error {
        CronError::FieldCount(_) | CronError::NoFields => {
            "write `MINUTE HOUR DAY MONTH WEEKDAY`, such as `30 2 * * mon-fri`; there is no field for seconds"
                .to_owned()
        }
        CronError::UnknownZone(_) => {
            "use a name of the IANA time zone database, such as Europe/Berlin; upper and lower case matter".to_owned()
        }
        CronError::Descriptor(word) => match DESCRIPTORS.iter().find(|(known, _)| known == word) {
            Some((_, fields)) => format!("write `{fields}`"),
            None => "write five fields, such as `*/30 * * * *`".to_owned(),
        },
        CronError::OutOfRange { field: "weekday", .. } => "Sunday is 0 or `sun`".to_owned(),
        CronError::NotANumber { .. }
        | CronError::OutOfRange { .. }
        | CronError::Backwards { .. }
        | CronError::NoStep { .. } => {
            "a field is `*`, or a list of numbers or names, ranges such as 1-5, and steps such as */15".to_owned()
        }
    }
}
