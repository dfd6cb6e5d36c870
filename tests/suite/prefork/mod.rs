//! Tasks of a project with a real Django, each in a process of its own as the worker starts it: the exit status, every byte of the
//! output, and what is left in files and in the database.

pub(crate) mod compare;
mod corpus;
mod envelope;
pub(crate) mod project;
