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
pub(crate) use blueprint::BlueprintGroup;
pub(crate) use blueprint::BlueprintService;
pub(crate) use blueprint::FileVariable;
pub(crate) use blueprint::GroupUse;
pub(crate) use blueprint::ServiceKind;
pub(crate) use blueprint::VariableSource;
pub(crate) use key::EnvKey;
pub(crate) use key::EnvKeyError;
pub(crate) use live::EnvOwner;
pub(crate) use live::LinkedGroup;
pub(crate) use live::LiveVariables;
pub(crate) use live::OwnerKind;
pub(crate) use plan::EnvAction;
pub(crate) use plan::EnvChange;
pub(crate) use plan::EnvPlan;
pub(crate) use plan::EnvPlanInput;
pub(crate) use plan::EnvPlanRefusal;
pub(crate) use plan::PlannedVariable;
pub(crate) use plan::VariableFate;
pub(crate) use survey::Survey;
pub(crate) use survey::SurveyError;
pub(crate) use survey::SurveyGap;
pub(crate) use survey::SurveyScope;
pub(crate) use survey::SurveyTarget;
pub(crate) use survey::survey;
pub(crate) use value::ValueDigest;
