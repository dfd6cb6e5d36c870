//! What a command does from its request to its result, for everything that concerns the worker.

pub mod doctor;
pub mod install;
pub mod integrity;
