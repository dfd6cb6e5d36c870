//! This machine: its platform, file permissions, and signals.

mod files;
mod host;
mod interrupt;

pub use files::is_executable;
pub use files::is_on_another_device;
pub use files::is_writable;
pub use files::make_executable;
pub use files::real_path;
pub use files::sync_file;
pub use host::HostFacts;
pub use host::host_target;
pub use interrupt::CleanupGuard;
pub use interrupt::exit_if_signaled;
pub use interrupt::is_interrupted;
pub use interrupt::on_interrupt_remove;
pub use interrupt::watch as watch_signals;
