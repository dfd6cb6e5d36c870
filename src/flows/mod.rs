//! What a command does for the worker, from request to result.

pub mod doctor;
pub mod install;
pub mod integrity;
pub(crate) mod login;
