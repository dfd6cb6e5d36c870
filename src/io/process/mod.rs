//! Runs other programs: found in the absolute directories of `PATH`, with exactly the given environment,
//! in their own process group, with limits on time and output. If a program does not start
//! because the user has too many processes, that is an error like any other.
//!
//! [`run`] collects the output of a program and kills it at its deadline; [`stream`] passes on the lines of a program
//! without a deadline; [`Git`] runs git; [`Successor`] takes the place of this process.

mod error;
mod exec;
mod find;
mod git;
mod group;
mod run;
mod stream;

pub use error::ProcessError;
pub use exec::Successor;
pub use find::find_program;
pub use git::Git;
pub use run::Keep;
pub use run::Output;
pub use run::Request;
pub use run::Stdin;
pub use run::run;
#[cfg(test)]
pub use stream::LINE_LIMIT;
pub use stream::shown;
pub use stream::stream;
