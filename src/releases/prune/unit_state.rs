//! The progress of one unit, and its update from a new listing. Pure.

use crate::change::DropReason;
use crate::releases::prune::ChangeSincePlan;
use crate::releases::prune::Delete;
use crate::releases::prune::Inventory;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::TagRecord;
use crate::releases::prune::shrink;

/// The state of a release to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnitPart {
    /// No request was sent, or the response reported that nothing was deleted.
    Waiting,
    /// A request was sent and got no response; a listing decides whether it must be repeated.
    Asked,
    /// GitHub reported the deletion, or a listing confirmed it.
    Gone,
    /// GitHub reported `not found`, which may mean that the account has no access.
    Unsure,
}

/// The state of a unit's tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TagOutcome {
    /// The unit has no tag.
    None,
    /// To be deleted after all releases.
    Waiting,
    /// Deleted.
    Gone,
    /// GitHub refuses to delete it; the reason, and the ruleset.
    Blocked(String),
    /// It differs from the plan.
    Changed(String),
}

/// One unit in progress.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) unit: Delete,
    pub(super) pieces: Vec<UnitPart>,
    pub(super) tag: TagOutcome,
    /// Why nothing of it is deleted although it was planned.
    pub(super) dropped: Option<DropReason<ChangeSincePlan>>,
    /// Whether the request was repeated after `not found` for something that is listed.
    asked_again: bool,
}

impl Task {
    pub(super) fn new(unit: Delete) -> Self {
        let tag = if unit.tag.is_some() { TagOutcome::Waiting } else { TagOutcome::None };
        Self { pieces: vec![UnitPart::Waiting; unit.releases.len()], tag, unit, dropped: None, asked_again: false }
    }

    /// Whether a request about it succeeded or had an ambiguous response.
    pub(super) fn has_begun(&self) -> bool {
        self.pieces.iter().any(|piece| *piece != UnitPart::Waiting) || self.tag == TagOutcome::Gone
    }

    /// The next release to delete.
    pub(super) fn next_release(&self) -> Option<usize> {
        self.pieces.iter().position(|piece| matches!(piece, UnitPart::Waiting | UnitPart::Asked))
    }

    /// Whether all of it still exists, so that it can be revalidated as a whole.
    fn is_intact(&self, inventory: &Inventory) -> bool {
        let is_listed = |id: u64| inventory.releases.iter().any(|listed| listed.id == id);
        !self.pieces.contains(&UnitPart::Gone)
            && self.tag != TagOutcome::Gone
            && self.unit.releases.iter().all(|release| is_listed(release.id))
    }

    /// Whether its releases are deleted, so that deleting its tag does not turn one into a draft.
    pub(super) fn releases_are_gone(&self) -> bool {
        self.pieces.iter().all(|piece| *piece == UnitPart::Gone)
    }

    pub(super) fn is_ambiguous(&self) -> bool {
        self.pieces.contains(&UnitPart::Unsure)
    }

    /// One 404 for something that is listed may come from a server that lags: the request is repeated once, and only
    /// then is it treated as missing access. Returns whether there is something to repeat.
    pub(super) fn retry_once(&mut self) -> bool {
        if self.asked_again || self.dropped.is_some() || !self.is_ambiguous() {
            return false;
        }
        self.asked_again = true;
        self.pieces.iter_mut().filter(|piece| **piece == UnitPart::Unsure).for_each(|piece| *piece = UnitPart::Asked);
        true
    }

    /// The same for its tag.
    pub(super) fn retry_tag_once(&mut self) -> bool {
        let first = !self.asked_again && self.tag_is_due();
        self.asked_again |= first;
        first
    }

    /// Whether its tag may be deleted now.
    pub(super) fn tag_is_due(&self) -> bool {
        self.dropped.is_none() && self.tag == TagOutcome::Waiting && self.releases_are_gone()
    }

    /// Whether nothing is left of it.
    pub(super) fn is_done(&self) -> bool {
        let tag_is_gone = matches!(self.tag, TagOutcome::None | TagOutcome::Gone);
        matches!(self.dropped, Some(DropReason::Gone))
            || (self.dropped.is_none() && self.releases_are_gone() && tag_is_gone)
    }

    pub(super) fn planned_tag(&self) -> Option<&TagRecord> {
        self.unit.tag.as_ref()
    }

    /// Updates a partly deleted unit from a listing: what is not listed is deleted, what is listed differently
    /// is kept. What GitHub already reported as deleted stays deleted even if a lagging listing has it.
    fn settle(&mut self, inventory: &Inventory) {
        for (release, piece) in self.unit.releases.iter().zip(&mut self.pieces) {
            if *piece != UnitPart::Gone && !inventory.releases.iter().any(|listed| listed.id == release.id) {
                *piece = UnitPart::Gone;
            }
        }
        let Some(planned) = self.unit.tag.as_ref().filter(|_| self.tag == TagOutcome::Waiting) else { return };
        let name = &self.unit.name;
        match inventory.tags.iter().find(|tag| tag.name == *name) {
            None => self.tag = TagOutcome::Gone,
            Some(tag) if tag.object_id != planned.object_id => {
                self.tag = TagOutcome::Changed(format!("tag {name} now points at {}", tag.object_id));
            }
            Some(_) => {
                let own = |id: u64| self.unit.releases.iter().any(|release| release.id == id);
                if let Some(other) = inventory.releases.iter().find(|listed| listed.tag == *name && !own(listed.id)) {
                    self.tag = TagOutcome::Changed(format!("{name} now has another release ({})", other.id));
                }
            }
        }
    }

    /// Replaces the unit with its current state; what it no longer has is deleted.
    fn replace(&mut self, left: Delete) {
        *self = Self::new(left);
    }
}

/// Updates all units from a new listing and its plan: units that have not begun shrink, the others settle.
pub(super) fn update_tasks(tasks: &mut [Task], inventory: &Inventory, plan: &PrunePlan) {
    for task in tasks.iter_mut().filter(|task| task.dropped.is_none() && !task.is_done()) {
        if task.has_begun() && !task.is_intact(inventory) {
            task.settle(inventory);
            continue;
        }
        let shrunk = shrink(std::slice::from_ref(&task.unit), plan);
        if let Some(left) = shrunk.proceed.into_iter().next() {
            // A tag that GitHub refused stays refused, and a request that was sent stays sent.
            if !task.has_begun() && !matches!(task.tag, TagOutcome::Blocked(_)) {
                task.replace(left);
            }
        } else if let Some((_, why)) = shrunk.dropped.into_iter().next() {
            task.dropped = Some(why);
        }
    }
}

/// The parts of finished units that are still listed, by name.
pub(super) fn still_listed(tasks: &[Task], inventory: &Inventory) -> Vec<String> {
    let is_listed = |task: &&Task| {
        let releases = task.unit.releases.iter().zip(&task.pieces);
        let release = releases
            .filter(|(_, piece)| **piece != UnitPart::Waiting)
            .any(|(release, _)| inventory.releases.iter().any(|listed| listed.id == release.id));
        let tag = task.tag == TagOutcome::Gone && inventory.tags.iter().any(|tag| tag.name == task.unit.name);
        release || tag
    };
    tasks.iter().filter(is_listed).map(|task| task.unit.name.clone()).collect()
}

/// How the kept versions differ from the plan. New versions are not a loss, and drafts and moving
/// tags such as `v1` may be changed by their owners.
pub(super) fn losses(plan: &PrunePlan, inventory: &Inventory) -> Vec<String> {
    let mut losses = Vec::new();
    for decision in plan.keep() {
        let unit = &decision.unit;
        for release in &unit.releases {
            match inventory.releases.iter().find(|listed| listed.id == release.id) {
                None => losses.push(format!("release {} of {} is gone", release.id, unit.name)),
                Some(listed) if listed.draft && !release.draft => {
                    losses.push(format!("release {} of {} is now a draft", release.id, unit.name));
                }
                Some(_) => {}
            }
        }
        let Some(tag) = &unit.tag else { continue };
        match inventory.tags.iter().find(|listed| listed.name == tag.name) {
            None => losses.push(format!("tag {} is gone", tag.name)),
            Some(listed) if listed.object_id != tag.object_id => {
                losses.push(format!("tag {} now points at {}", tag.name, listed.object_id));
            }
            Some(_) => {}
        }
    }
    losses
}

#[cfg(test)]
mod tests {
    use crate::releases::prune::testing::keeping;
    use crate::releases::prune::testing::plan;
    use crate::releases::prune::testing::released;
    use crate::releases::prune::testing::world;

    use super::*;

    fn three() -> Inventory {
        world([released(1, "v1.0.0", 1), released(2, "v1.1.0", 2), released(3, "v1.2.0", 3)])
    }

    fn tasks() -> (PrunePlan, Vec<Task>) {
        let plan = plan(&three(), &keeping(1));
        let tasks = plan.delete().iter().cloned().map(Task::new).collect();
        (plan, tasks)
    }

    #[test]
    fn a_listing_settles_begun_units_and_never_restores_deleted_ones() {
        let (plan, mut tasks) = tasks();
        tasks[0].pieces[0] = UnitPart::Unsure;
        update_tasks(&mut tasks, &three(), &plan);
        assert!(tasks[0].is_ambiguous(), "it is still listed");
        let mut now = three();
        now.releases.retain(|release| release.id != 1);
        update_tasks(&mut tasks, &now, &plan);
        assert!(tasks[0].tag_is_due());
        update_tasks(&mut tasks, &three(), &plan);
        assert!(tasks[0].tag_is_due(), "a listing that lags changes nothing");
    }

    #[test]
    fn a_tag_that_moved_or_got_a_release_is_kept() {
        let damages: [fn(&mut Inventory); 2] =
            [|world| world.tags[0].object_id = "f".repeat(40), |world| world.releases[0].id = 99];
        for damage in damages {
            let (plan, mut tasks) = tasks();
            tasks[0].pieces[0] = UnitPart::Gone;
            let mut now = three();
            damage(&mut now);
            update_tasks(&mut tasks, &now, &plan);
            assert!(matches!(tasks[0].tag, TagOutcome::Changed(_)), "{:?}", tasks[0].tag);
            assert!(!tasks[0].tag_is_due() && !tasks[0].is_done());
        }
    }

    #[test]
    fn kept_units_are_dropped_and_deleted_ones_are_done() {
        let (_, mut tasks) = tasks();
        let mut now = three();
        now.latest = Some(2);
        now.releases.retain(|release| release.id != 1);
        now.tags.retain(|tag| tag.name != "v1.0.0");
        let plan = plan(&now, &keeping(1));
        update_tasks(&mut tasks, &now, &plan);
        assert_eq!(tasks[0].dropped, Some(DropReason::Gone));
        assert!(tasks[0].is_done());
        assert!(matches!(tasks[1].dropped, Some(DropReason::Changed(_))));
        assert!(!tasks[1].is_done());
    }

    #[test]
    fn losses_are_reported() {
        let (plan, _) = tasks();
        assert!(losses(&plan, &three()).is_empty());
        let mut now = three();
        now.releases[2].draft = true;
        now.tags[2].object_id = "f".repeat(40);
        assert_eq!(losses(&plan, &now).len(), 2);
    }
}
