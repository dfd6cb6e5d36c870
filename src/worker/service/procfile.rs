//! A Procfile, whose commands a shell reads.

use crate::model::text::shell_word;
use crate::worker::service::ServiceError;
use crate::worker::service::ServiceFile;
use crate::worker::service::ServicePlan;
use crate::worker::service::words;

/// One line for each process. `exec` leaves no shell between the supervisor and the worker.
pub(crate) fn procfile(plan: &ServicePlan) -> Result<ServiceFile, ServiceError> {
    let process = |command: &str, with_arguments| {
        let words = words(plan, command, with_arguments);
        let quoted: Result<Vec<String>, ServiceError> = words.iter().map(|word| quoted(word)).collect();
        Ok::<_, ServiceError>(format!("{command}: exec reproq {}\n", quoted?.join(" ")))
    };
    let text = format!("{}{}", process("worker", true)?, process("beat", false)?);
    Ok(ServiceFile { name: "Procfile".to_owned(), text })
}

fn quoted(word: &str) -> Result<String, ServiceError> {
    if word.chars().any(char::is_control) {
        let what = "an argument";
        return Err(ServiceError::Unwritable { what, value: word.to_owned(), format: "a Procfile" });
    }
    Ok(shell_word(word))
}
