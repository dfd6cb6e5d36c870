//! Imports the project as the fork server does, to see whether it may be forked.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::io::process;
use crate::io::process::Keep;
use crate::io::process::Request;
use crate::io::process::Stdin;
use crate::worker::prefork::launch::SERVER;
use crate::worker::prefork::protocol::Loaded;

/// The most that the answer and the output of the project's code may be long, in bytes.
const OUTPUT: usize = 16 * 1024 * 1024;

/// What the fork server would say with this interpreter, or why it says nothing.
pub(crate) fn check(
    python: &Path,
    directory: &Path,
    environment: &[(OsString, OsString)],
    (executor, allowed): (&str, &[String]),
    limit: Duration,
) -> Result<Loaded, String> {
    let options = serde_json::json!({ "executor": executor, "allowed": allowed }).to_string();
    let arguments = ["-c", SERVER, "check", &options].map(OsStr::new);
    let request = Request {
        program: python,
        arguments: &arguments,
        directory: Some(directory),
        environment,
        stdin: Stdin::Empty,
        limit,
        output_limit: OUTPUT,
        keep: Keep::All,
    };
    let output = process::run(&request, &|| false).map_err(|error| error.line())?;
    serde_json::from_slice(&output.stdout).map_err(|_| format!("{}: {}", python.display(), output.complaint()))
}
