//! The `reproq` command. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    reproq::main(std::env::args_os()).into()
}
