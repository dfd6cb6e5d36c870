//! This machine: its platform, file permissions, signals, and the supervisor that started the program.

mod files;
mod host;
mod interrupt;
mod supervisor;
#[cfg_attr(not(unix), path = "no_suspension.rs")]
mod suspension;

pub(crate) use files::is_executable;
pub(crate) use files::is_on_another_device;
pub(crate) use files::is_writable;
pub(crate) use files::make_executable;
pub(crate) use files::real_path;
pub(crate) use files::sync_file;
pub(crate) use host::HostFacts;
pub(crate) use host::host_target;
pub(crate) use interrupt::CleanupGuard;
pub(crate) use interrupt::INTERRUPTION;
pub(crate) use interrupt::INTERRUPTION_OF_CHANGES;
pub(crate) use interrupt::end_after_signal;
pub(crate) use interrupt::exit_if_signaled;
pub(crate) use interrupt::hold_exit;
pub(crate) use interrupt::interruption;
pub(crate) use interrupt::is_interrupted;
pub(crate) use interrupt::on_interrupt_clear;
pub(crate) use interrupt::on_interrupt_print;
pub(crate) use interrupt::on_interrupt_remove;
pub(crate) use interrupt::on_interrupt_report;
pub(crate) use interrupt::on_interrupt_restore;
pub(crate) use interrupt::watch as watch_signals;
pub(crate) use supervisor::notify_supervisor;
pub(crate) use suspension::JobSignal;
pub(crate) use suspension::JobSignals;
pub(crate) use suspension::suspend_job;
pub(crate) use suspension::suspend_process;
