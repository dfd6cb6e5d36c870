//! What was used up before its time: sessions that were signed out of, and sign-ins that were answered. Their cookies are valid by
//! themselves, so a copy would be accepted. Pure.

use std::collections::BTreeMap;

/// The most that is remembered. A session was begun by a person who may sign in, and starting a sign-in is limited by address.
const MOST: usize = 10_000;

/// Random identifiers of what is used up, until it expires.
#[derive(Debug, Default)]
pub(super) struct UsedUp(BTreeMap<[u8; 16], i64>);

impl UsedUp {
    /// Remembers an end. Returns false if it was remembered already. If there are too many, the one that expires first is
    /// forgotten.
    pub(super) fn end(&mut self, id: [u8; 16], expires_at: i64, now: i64) -> bool {
        if self.contains(&id) {
            return false;
        }
        if self.0.len() >= MOST {
            self.0.retain(|_, expires_at| now < *expires_at);
        }
        if self.0.len() >= MOST {
            let first = self.0.iter().min_by_key(|(_, expires_at)| **expires_at).map(|(id, _)| *id);
            first.map(|id| self.0.remove(&id));
        }
        self.0.insert(id, expires_at);
        true
    }

    pub(super) fn contains(&self, id: &[u8; 16]) -> bool {
        self.0.contains_key(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> [u8; 16] {
        u128::from(number).to_be_bytes()
    }

    #[test]
    fn what_ended_is_remembered_in_bounded_memory() {
        let mut ended = UsedUp::default();
        for number in 0..10_500 {
            assert!(ended.end(id(number), 1000 + i64::from(number), 0));
        }
        assert!(!ended.end(id(10_400), 11_400, 0), "it ended before");
        assert_eq!(ended.0.len(), MOST);
        assert!(ended.contains(&id(10_499)) && !ended.contains(&id(499)), "what expires first is forgotten");
        assert!(!ended.contains(&id(20_000)));
        ended.end(id(20_000), 99_999, 12_000);
        assert_eq!(ended.0.len(), 1, "what has expired is forgotten first");
    }
}
