//! What a command does for the worker, from request to result.

pub(crate) mod doctor;
pub(crate) mod install;
pub(crate) mod integrity;
pub(crate) mod login;
