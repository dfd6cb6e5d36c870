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

pub(crate) use error::ProcessError;
pub(crate) use exec::Successor;
pub(crate) use find::find_program;
pub(crate) use git::Git;
pub(crate) use run::Keep;
pub(crate) use run::Output;
pub(crate) use run::Request;
pub(crate) use run::Stdin;
pub(crate) use run::run;
#[cfg(test)]
pub(crate) use stream::LINE_LIMIT;
pub(crate) use stream::shown;
pub(crate) use stream::stream;
