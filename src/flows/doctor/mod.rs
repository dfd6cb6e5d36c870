//! The checks of `doctor`: facts in, findings with hints out. Pure; the command reads the facts.

mod django;
mod finding;
mod judge;
#[cfg(unix)]
mod prefork;

pub use django::django;
pub use finding::Area;
pub use finding::DoctorFinding;
pub use finding::Grade;
pub use judge::HostProbe;
pub use judge::Quota;
pub use judge::cache;
pub use judge::cache_of_others;
pub use judge::elsewhere;
pub use judge::go;
pub use judge::host;
pub use judge::installed;
pub use judge::quota;
pub use judge::skew;
#[cfg(unix)]
pub use prefork::prefork;
