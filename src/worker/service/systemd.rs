//! Units of systemd.

use std::path::Path;

use crate::worker::service::PeriodicService;
use crate::worker::service::ServiceError;
use crate::worker::service::ServiceFile;
use crate::worker::service::ServicePlan;
use crate::worker::service::ServiceSecrets;
use crate::worker::service::words;

/// What the worker never needs. Tasks may write anywhere but in the system's own directories.
const HARDENING: &str = "\
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=full
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
UMask=0027
";

/// The exit codes after which another start would end the same way: no worker, a changed worker, a wrapper that starts itself.
/// Not 2, our code for usage: the worker takes our place, and Go exits with 2 when it panics.
const FINAL_OF_WORKER: &str = "4 5 8";

/// The same for the beat, which is this program: a usage error, and a table of a newer version.
const FINAL_OF_BEAT: &str = "2 8";

/// How long a unit runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnitKind {
    /// The worker, which becomes the process of the unit.
    Worker,
    /// The beat, which tells systemd when it has seen the database.
    Beat,
    /// One pass of the beat.
    Once,
}

/// The units of a plan.
pub(crate) fn units(plan: &ServicePlan) -> Result<Vec<ServiceFile>, ServiceError> {
    let mut units = vec![service(plan, "worker", UnitKind::Worker)?];
    match &plan.periodic {
        PeriodicService::Beat => units.push(service(plan, "beat", UnitKind::Beat)?),
        PeriodicService::Timer(times) => {
            units.push(service(plan, "schedule", UnitKind::Once)?);
            units.push(timer(plan, times)?);
        }
    }
    Ok(units)
}

fn service(plan: &ServicePlan, command: &str, kind: UnitKind) -> Result<ServiceFile, ServiceError> {
    let mut program = vec![text("the program", &plan.program)?];
    program.extend(words(plan, command, kind == UnitKind::Worker));
    let exec_start: Result<Vec<String>, ServiceError> = program.iter().map(|word| argument(word)).collect();
    let mut unit = format!(
        "[Unit]\nDescription=Reproq {command} of {}\nWants=network-online.target\nAfter=network-online.target postgresql.service\n\n\
         [Service]\nType={}\n",
        line("the name", &plan.name)?,
        match kind {
            UnitKind::Worker => "exec",
            UnitKind::Beat => "notify",
            UnitKind::Once => "oneshot",
        }
    );
    for (key, value) in [("User", &plan.user), ("Group", &plan.group)] {
        if let Some(value) = value {
            unit.push_str(&format!("{key}={}\n", line("the user", value)?));
        }
    }
    unit.push_str(&format!("WorkingDirectory={}\n", path("the directory", &plan.directory)?));
    unit.push_str(&match &plan.secrets {
        ServiceSecrets::EnvironmentFile(file) => format!("EnvironmentFile={}\n", path("the environment file", file)?),
        ServiceSecrets::Credential(file) => format!("LoadCredential=dsn:{}\n", path("the credential", file)?),
    });
    unit.push_str(&format!("ExecStart={}\n", exec_start?.join(" ")));
    if kind == UnitKind::Worker && plan.has_fork_server {
        let reload: Result<Vec<String>, ServiceError> =
            [program[0].as_str(), "prefork", "reload"].into_iter().map(argument).collect();
        // A task that runs out of memory does not end the others.
        unit.push_str(&format!("ExecReload={}\nOOMPolicy=continue\n", reload?.join(" ")));
        unit.push_str(&format!("RuntimeDirectory=reproq-{command}-{}\n", plan.name));
    }
    let last_codes = match kind {
        UnitKind::Worker => Some(FINAL_OF_WORKER),
        UnitKind::Beat => Some(FINAL_OF_BEAT),
        UnitKind::Once => None,
    };
    if let Some(codes) = last_codes {
        unit.push_str(&format!("Restart=always\nRestartSec=5\nRestartPreventExitStatus={codes}\n"));
        // The worker ends its tasks itself, and the beat its batch; what is left is killed.
        unit.push_str("KillMode=mixed\nTimeoutStopSec=30\n");
    }
    unit.push('\n');
    unit.push_str(HARDENING);
    if last_codes.is_some() {
        unit.push_str("\n[Install]\nWantedBy=multi-user.target\n");
    }
    Ok(ServiceFile { name: format!("reproq-{command}-{}.service", plan.name), text: unit })
}

fn timer(plan: &ServicePlan, times: &str) -> Result<ServiceFile, ServiceError> {
    let text = format!(
        "[Unit]\nDescription=Times of the Reproq schedule of {}\n\n[Timer]\nOnCalendar={}\nPersistent=true\n\n\
         [Install]\nWantedBy=timers.target\n",
        line("the name", &plan.name)?,
        line("the times", times)?
    );
    Ok(ServiceFile { name: format!("reproq-schedule-{}.timer", plan.name), text })
}

/// An argument of `ExecStart`: quotes and backslashes as in C, `%` starts a specifier, `$` a variable even in quotes.
fn argument(word: &str) -> Result<String, ServiceError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Ok(word.to_owned());
    }
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '\\' | '"' => quoted.extend(['\\', c]),
            '%' | '$' => quoted.extend([c, c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => return Err(unwritable("an argument", word)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

/// A path of a setting that knows no quotes. It is taken literally but for `%`, without blanks at its ends, and a backslash at the
/// end would continue the line.
fn path(what: &'static str, path: &Path) -> Result<String, ServiceError> {
    line(what, &text(what, path)?)
}

fn line(what: &'static str, value: &str) -> Result<String, ServiceError> {
    if value.trim() != value || value.ends_with('\\') || value.chars().any(char::is_control) {
        return Err(unwritable(what, value));
    }
    Ok(value.replace('%', "%%"))
}

fn text(what: &'static str, path: &Path) -> Result<String, ServiceError> {
    path.to_str().map(str::to_owned).ok_or_else(|| unwritable(what, &path.to_string_lossy()))
}

fn unwritable(what: &'static str, value: &str) -> ServiceError {
    ServiceError::Unwritable { what, value: value.to_owned(), format: "a unit of systemd" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_for_systemd() {
        let cases = [
            ("--queues=a,b", "--queues=a,b"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("50%", "\"50%%\""),
            ("$HOME", "\"$$HOME\""),
            ("a\\b", "\"a\\\\b\""),
            ("say \"x\"", "\"say \\\"x\\\"\""),
            ("it's", "\"it's\""),
            (";", "\";\""),
            ("a\nb", "\"a\\nb\""),
        ];
        for (word, expected) in cases {
            assert_eq!(argument(word).as_deref(), Ok(expected), "{word}");
        }
        assert!(argument("a\u{1}").is_err());
    }

    #[test]
    fn paths_that_a_unit_cannot_express_are_refused() {
        assert_eq!(path("x", Path::new("/srv/50% of \"it\"")).as_deref(), Ok("/srv/50%% of \"it\""));
        for refused in ["/srv/a\nUser=root", "/srv/a\\", "/srv/a "] {
            assert!(path("x", Path::new(refused)).is_err(), "{refused}");
        }
    }
}
