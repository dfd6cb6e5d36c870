//! Repeats a request after a transient failure, and reports each wait.

use std::fmt;

use crate::io::net::Backoff;
use crate::io::net::Retry;

/// Makes attempts until one succeeds, one fails permanently, or none is left. `note` receives a line before each wait; `retry_of` says whether another attempt may
/// succeed. Only for requests that may be repeated.
pub(crate) async fn retrying<T, E: fmt::Display, F: Future<Output = Result<T, E>>>(
    note: impl Fn(&str),
    mut attempt: impl FnMut() -> F,
    retry_of: impl Fn(&E) -> Retry,
) -> Result<T, E> {
    let mut backoff = Backoff::new();
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Retry::After(asked) = retry_of(&error) else { return Err(error) };
        let Some(wait) = backoff.next(asked) else { return Err(error) };
        let (next, all) = backoff.position();
        note(&format!("{error}; retrying ({next} of {all})"));
        tokio::time::sleep(wait).await;
    }
}
