//! Environment variables on Render, which no run loses.
//!
//! [`Blueprint`] is what `render.yaml` declares, `survey` reads what is on Render, [`EnvPlan`] gives each variable one fate and
//! one reason, and `apply` makes the changes one variable at a time. A value from Render is known by its digest only.

mod api;
mod apply;
mod blueprint;
mod key;
mod live;
mod plan;
mod survey;
mod value;

pub(crate) use api::ChangeError;
pub(crate) use api::RenderApi;
pub(crate) use api::RenderApiError;
pub(crate) use apply::AppliedEnv;
pub(crate) use apply::ApplyEnv;
pub(crate) use apply::ChangeEnd;
pub(crate) use apply::ChangeResult;
pub(crate) use apply::ChangedOwners;
pub(crate) use apply::EnvEvent;
pub(crate) use apply::EnvStop;
pub(crate) use apply::FinalRead;
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
pub(crate) use survey::Survey;
pub(crate) use survey::SurveyError;
pub(crate) use survey::SurveyGap;
pub(crate) use survey::SurveyScope;
pub(crate) use survey::SurveyTarget;
pub(crate) use survey::survey;
pub use value::ValueDigest;
