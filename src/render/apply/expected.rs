//! What the variables must be if no other client changes them: those of the plan, and each change of this run once it is
//! known to be made. Pure.

use std::fmt;

use crate::render::EnvAction;
use crate::render::EnvChange;
use crate::render::LiveVariables;
use crate::render::ValueDigest;

/// The expected variables of a service or group.
#[derive(Debug, Clone)]
pub(crate) struct ExpectedVariables {
    variables: LiveVariables,
    /// A change that was requested and whose outcome is unknown.
    unknown: Option<EnvChange>,
}

/// How a variable differs from what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MovedVariable {
    key: String,
    how: Moved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    Added,
    Changed,
    Removed,
}

impl ExpectedVariables {
    pub(super) const fn new(variables: LiveVariables) -> Self {
        Self { variables, unknown: None }
    }

    /// Records that the outcome of a change is unknown.
    pub(super) fn set_unknown(&mut self, change: &EnvChange) {
        self.unknown = Some(change.clone());
    }

    /// Records a change that was made, with the digest that the variable has now, if it is there.
    pub(super) fn set_made(&mut self, change: &EnvChange, now: Option<ValueDigest>) {
        self.unknown = None;
        self.set(change, now);
    }

    fn set(&mut self, change: &EnvChange, digest: Option<ValueDigest>) {
        let variables = &mut self.variables.0;
        match digest {
            Some(digest) => drop(variables.insert(change.key.as_str().to_owned(), digest)),
            None => drop(variables.remove(change.key.as_str())),
        }
    }

    /// Compares a listing with what is expected. A change whose outcome is unknown may have been made or not; the listing
    /// decides. Whether it was made is returned if there was one.
    pub(super) fn compare(&mut self, found: &LiveVariables) -> Result<Option<bool>, Vec<MovedVariable>> {
        let mut decided = None;
        if let Some(change) = &self.unknown {
            let now = found.0.get(change.key.as_str());
            let before = self.variables.0.get(change.key.as_str());
            let is_made = match &change.action {
                EnvAction::Set(value) => now == Some(&ValueDigest::of(value.expose())),
                EnvAction::Generate => now.is_some() && before.is_none(),
                EnvAction::Remove => now.is_none(),
            };
            if is_made {
                let (change, now) = (change.clone(), now.copied());
                self.set(&change, now);
            }
            decided = Some(is_made);
        }
        let moved = differences(&self.variables, found);
        if moved.is_empty() {
            self.unknown = None;
            Ok(decided)
        } else {
            Err(moved)
        }
    }
}

fn differences(expected: &LiveVariables, found: &LiveVariables) -> Vec<MovedVariable> {
    let moved = |key: &String, how| MovedVariable { key: key.clone(), how };
    let gone = expected.0.iter().filter_map(|(key, digest)| match found.0.get(key) {
        Some(now) if now == digest => None,
        Some(_) => Some(moved(key, Moved::Changed)),
        None => Some(moved(key, Moved::Removed)),
    });
    let added = found.0.keys().filter(|key| !expected.0.contains_key(*key)).map(|key| moved(key, Moved::Added));
    gone.chain(added).collect()
}

impl fmt::Display for MovedVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            Moved::Added => "was added",
            Moved::Changed => "has another value",
            Moved::Removed => "was removed",
        };
        write!(f, "{} {how}", self.key)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::secret::Secret;

    use super::*;

    fn live(pairs: &[(&str, &str)]) -> LiveVariables {
        LiveVariables(pairs.iter().map(|(key, value)| ((*key).to_owned(), ValueDigest::of(value))).collect())
    }

    fn change(key: &str, action: EnvAction) -> EnvChange {
        EnvChange { key: key.parse().expect("a key"), action }
    }

    fn set(key: &str, value: &str) -> EnvChange {
        change(key, EnvAction::Set(Secret::new(value.to_owned())))
    }

    #[test]
    fn what_others_change_is_found() {
        let mut expected = ExpectedVariables::new(live(&[("A", "1"), ("B", "2"), ("C", "3")]));
        let moved = expected.compare(&live(&[("A", "1"), ("B", "x"), ("D", "4")])).expect_err("moved");
        let moved: Vec<String> = moved.iter().map(ToString::to_string).collect();
        assert_eq!(moved, ["B has another value", "C was removed", "D was added"]);
        assert_eq!(expected.compare(&live(&[("A", "1"), ("B", "2"), ("C", "3")])), Ok(None));
    }

    #[test]
    fn changes_of_this_run_are_expected() {
        let mut expected = ExpectedVariables::new(live(&[("A", "1"), ("B", "2")]));
        expected.set_made(&set("A", "9"), Some(ValueDigest::of("9")));
        expected.set_made(&change("B", EnvAction::Remove), None);
        expected.set_made(&change("C", EnvAction::Generate), Some(ValueDigest::of("g")));
        assert_eq!(expected.compare(&live(&[("A", "9"), ("C", "g")])), Ok(None));
        assert!(expected.compare(&live(&[("A", "1"), ("C", "g")])).is_err());
    }

    #[test]
    fn a_listing_decides_what_became_of_a_change() {
        for (unknown, made) in [
            (set("A", "9"), live(&[("A", "9"), ("B", "2")])),
            (change("B", EnvAction::Remove), live(&[("A", "1")])),
            (change("C", EnvAction::Generate), live(&[("A", "1"), ("B", "2"), ("C", "g")])),
        ] {
            let before = live(&[("A", "1"), ("B", "2")]);
            let mut expected = ExpectedVariables::new(before.clone());
            expected.set_unknown(&unknown);
            assert_eq!(expected.compare(&before), Ok(Some(false)), "{unknown}");
            expected.set_unknown(&unknown);
            assert_eq!(expected.compare(&made), Ok(Some(true)), "{unknown}");
            assert_eq!(expected.compare(&made), Ok(None), "{unknown}");
        }
        let mut expected = ExpectedVariables::new(live(&[("A", "1")]));
        expected.set_unknown(&set("A", "9"));
        let moved = expected.compare(&live(&[("A", "8")])).expect_err("a value that nobody here wrote");
        assert_eq!(moved.len(), 1);
    }
}
