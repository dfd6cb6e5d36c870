//! The statements of the commands. Pure text; `read` and `write` run them.
//!
//! Each query about tasks names one status, so that a partial index answers it and the history is not scanned. A parameter that
//! is NULL is folded before planning, so an absent filter costs nothing.

pub(crate) mod history;
pub(crate) mod insert;
pub(crate) mod live;
pub(crate) mod tasks;
pub(crate) mod why;
pub(crate) mod workflows;
