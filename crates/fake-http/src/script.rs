//! What happens to which requests: rules in the order in which they were added.

/// Selects requests of a fake.
pub trait Rule<R> {
    /// Whether a request matches, regardless of its number.
    fn matches(&self, request: &R) -> bool;

    /// The first matching request that counts, from 1.
    fn nth(&self) -> u64;

    /// For how many requests; `None` for all from then on.
    fn times(&self) -> Option<u64>;
}

/// Rules, each with an action and its own count.
#[derive(Debug)]
pub struct Script<M, A> {
    entries: Vec<Entry<M, A>>,
}

#[derive(Debug)]
struct Entry<M, A> {
    rule: M,
    seen: u64,
    fired: u64,
    action: A,
}

impl<M, A> Default for Script<M, A> {
    fn default() -> Self {
        Script { entries: Vec::new() }
    }
}

impl<M, A: Clone> Script<M, A> {
    /// Adds a rule.
    pub fn add(&mut self, rule: M, action: A) {
        self.entries.push(Entry { rule, seen: 0, fired: 0, action });
    }

    /// Removes all rules.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The action of the first rule that is due. All matching rules count the request; only the one that fires is used up.
    pub fn take<R>(&mut self, request: &R) -> Option<A>
    where
        M: Rule<R>,
    {
        let mut chosen = None;
        for entry in self.entries.iter_mut().filter(|entry| entry.rule.matches(request)) {
            entry.seen += 1;
            let is_due = entry.seen >= entry.rule.nth() && entry.rule.times().is_none_or(|times| entry.fired < times);
            if is_due && chosen.is_none() {
                entry.fired += 1;
                chosen = Some(entry.action.clone());
            }
        }
        chosen
    }
}
