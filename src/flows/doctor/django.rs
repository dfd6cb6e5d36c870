//! What Django's settings say about the queue.

use crate::django::APP;
use crate::django::DjangoAnswer;
use crate::django::DjangoFacts;
use crate::django::TaskBackend;
use crate::flows::doctor::Area;
use crate::flows::doctor::DoctorFinding;

/// Findings about the settings. An answer without facts is reported where the worker is looked for.
pub(crate) fn django(answer: &DjangoAnswer) -> Vec<DoctorFinding> {
    let Some(facts) = answer.facts() else { return Vec::new() };
    let DjangoFacts { django_version, settings_module, python_version, python, .. } = facts;
    let loaded = format!(
        "Django {django_version} with the settings `{settings_module}` (Python {python_version}, {})",
        python.display()
    );
    let mut findings = vec![DoctorFinding::fine(Area::Django, loaded)];
    findings.push(match (&facts.package, facts.has_app()) {
        (None, _) => DoctorFinding::warning(
            Area::Django,
            format!("{APP} is not installed for the Python of the project"),
            "install the package reproq-django in the environment of the project",
        ),
        (Some(_), false) => DoctorFinding::warning(
            Area::Django,
            format!("`{APP}` is not in INSTALLED_APPS"),
            "add it, then run `python manage.py migrate`",
        ),
        (Some(_), true) => {
            let version = facts.package_version.as_ref().map(|version| format!(" {version}"));
            DoctorFinding::fine(Area::Django, format!("{APP}{} is in INSTALLED_APPS", version.unwrap_or_default()))
        }
    });
    if facts.has_app() {
        let backends: Vec<String> = facts.queue_backends().map(queues).collect();
        findings.push(if backends.is_empty() {
            DoctorFinding::warning(
                Area::Django,
                "no backend in TASKS enqueues into the queue",
                format!("use a backend of `{APP}` as BACKEND in TASKS"),
            )
        } else {
            DoctorFinding::fine(Area::Django, format!("TASKS has {}", backends.join(", ")))
        });
    }
    findings
}

fn queues(backend: &TaskBackend) -> String {
    let queues = if backend.queues.is_empty() { "every queue".to_owned() } else { backend.queues.join(", ") };
    format!("`{}` for {queues}", backend.alias)
}
