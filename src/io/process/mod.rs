//! The one place where other programs are started: found in the absolute directories of `PATH`, with exactly the environment
//! that is given, in a process group of their own, and never longer or louder than they may be. A program that does not start
//! because this user may not have more processes is an error of the system like any other.
//!
//! [`run`] collects what a program prints and ends it at its deadline; [`stream`] passes on the lines of one that may take as
//! long as it likes; [`Git`] asks git.

mod error;
mod find;
mod git;
mod group;
mod run;
mod stream;

pub use error::ProcessError;
pub use find::find_program;
pub use git::Git;
pub use run::Keep;
pub use run::Output;
pub use run::Request;
pub use run::Stdin;
pub use run::run;
pub use stream::LINE_LIMIT;
pub use stream::shown;
pub use stream::stream;
