//! The runtime of the program: one, started on first use, so that a command without requests does not pay for it.

use std::io;
use std::sync::OnceLock;

use tokio::runtime::Builder;
use tokio::runtime::Runtime;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// The single-threaded runtime. It is never shut down, because a name that is still being resolved would delay the exit.
pub(crate) fn runtime() -> io::Result<&'static Runtime> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_runtime() {
        let (one, other) = (runtime().expect("a runtime"), runtime().expect("a runtime"));
        assert!(std::ptr::eq(one, other));
        assert_eq!(one.block_on(async { 7 }), 7);
    }
}
