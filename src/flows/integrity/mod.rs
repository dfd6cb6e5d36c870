//! Whether what is installed is still what was accepted: disk against receipt, against lock, against GitHub. Pure; reading
//! each of them is somebody else's.

mod compare;

pub use compare::Again;
pub use compare::Difference;
pub use compare::InstalledFacts;
pub use compare::Published;
pub use compare::compare;
