//! The `reproq` command. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(reproq::main(std::env::args_os()))
}
