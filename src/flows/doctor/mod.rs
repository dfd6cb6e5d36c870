//! The checks of `doctor`: facts in, findings with hints out. Pure; the command reads the facts.

mod django;
mod finding;
mod judge;
#[cfg(unix)]
mod prefork;

pub(crate) use django::django;
pub(crate) use finding::Area;
pub(crate) use finding::DoctorFinding;
pub(crate) use finding::Grade;
pub(crate) use judge::HostProbe;
pub(crate) use judge::Quota;
pub(crate) use judge::cache;
pub(crate) use judge::cache_of_others;
pub(crate) use judge::elsewhere;
pub(crate) use judge::go;
pub(crate) use judge::host;
pub(crate) use judge::installed;
pub(crate) use judge::quota;
pub(crate) use judge::skew;
#[cfg(unix)]
pub(crate) use prefork::prefork;
