//! `reproq worker --prefork` on a system that cannot fork.

use std::convert::Infallible;
use std::time::Duration;

use crate::commands::django::AskDjango;
use crate::commands::run::report::ForkServerReport;
use crate::commands::session::Session;
use crate::worker::config::EffectiveConfig;
use crate::worker::launch::LaunchPlan;

/// There is none.
pub(super) struct ForkServerPlan {
    pub launch: LaunchPlan,
    never: Infallible,
}

impl ForkServerPlan {
    pub(super) fn new(_: &EffectiveConfig, _: &LaunchPlan, _: AskDjango, _: &Session<'_>) -> Result<Self, String> {
        Err("this system cannot fork".to_owned())
    }

    pub(super) fn start(&self, _: Duration, _: &Session<'_>) -> bool {
        match self.never {}
    }

    pub(super) fn report(&self) -> ForkServerReport {
        match self.never {}
    }
}
