//! Environment variables on Render: what `render.yaml` declares, what is on Render, and the plan that follows from both.

mod blueprint;
mod key;
mod live;
mod plan;
mod value;

pub use blueprint::Blueprint;
pub use blueprint::BlueprintGroup;
pub use blueprint::BlueprintService;
pub use blueprint::FileVariable;
pub use blueprint::GroupUse;
pub use blueprint::ServiceKind;
pub use blueprint::VariableSource;
pub use key::EnvKey;
pub use key::EnvKeyError;
pub use live::EnvOwner;
pub use live::LinkedGroup;
pub use live::LiveVariables;
pub use live::OwnerKind;
pub use plan::EnvAction;
pub use plan::EnvChange;
pub use plan::EnvPlan;
pub use plan::EnvPlanInput;
pub use plan::EnvPlanRefusal;
pub use plan::PlannedVariable;
pub use plan::VariableFate;
pub use plan::VariableReason;
pub use value::ValueDigest;
