//! How many attempts an address has. Pure: the time is a value, and the memory is bounded.

use core::net::IpAddr;
use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use thiserror::Error;

/// How many attempts are allowed in which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimit {
    /// The attempts in one window.
    pub attempts: u32,
    /// The length of a window, in seconds. It begins with the first attempt.
    pub window: i64,
}

/// There were too many attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many attempts; the next is allowed in {retry_after} s")]
pub struct Limited {
    /// The wait, in seconds; at least 1.
    pub retry_after: i64,
}

/// The attempts of each address.
#[derive(Debug)]
pub struct Attempts {
    limit: AttemptLimit,
    /// The most addresses that are remembered.
    most: usize,
    windows: BTreeMap<Origin, Window>,
}

/// An address, as far as one person can be told from another: an IPv6 host can choose among the addresses of its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Address(IpAddr),
    /// All addresses beyond the number that is remembered.
    Others,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: i64,
    used: u32,
}

impl Attempts {
    /// No attempts yet. At most `most` addresses are counted one by one; the others share one count.
    #[must_use]
    pub const fn new(limit: AttemptLimit, most: usize) -> Self {
        Self { limit, most, windows: BTreeMap::new() }
    }

    /// Whether the address has an attempt left, without using it.
    ///
    /// # Errors
    ///
    /// It has none.
    pub fn check(&self, now: i64, address: IpAddr) -> Result<(), Limited> {
        let window = self.windows.get(&self.counted_as(origin_of(address)));
        match window.filter(|window| self.is_open(**window, now)) {
            Some(window) if window.used >= self.limit.attempts => {
                Err(Limited { retry_after: (window.began + self.limit.window - now).max(1) })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Uses an attempt of the address.
    ///
    /// # Errors
    ///
    /// It has none.
    pub fn take(&mut self, now: i64, address: IpAddr) -> Result<(), Limited> {
        if self.windows.len() >= self.most {
            let limit = self.limit;
            self.windows.retain(|_, window| is_open(limit, *window, now));
        }
        self.check(now, address)?;
        let origin = self.counted_as(origin_of(address));
        let fresh = Window { began: now, used: 0 };
        let limit = self.limit;
        let window = self.windows.entry(origin).or_insert(fresh);
        if !is_open(limit, *window, now) {
            *window = fresh;
        }
        window.used += 1;
        Ok(())
    }

    /// Where the attempts of an address are counted.
    fn counted_as(&self, origin: Origin) -> Origin {
        let has_room = self.windows.len() < self.most || self.windows.contains_key(&origin);
        if has_room { origin } else { Origin::Others }
    }

    const fn is_open(&self, window: Window, now: i64) -> bool {
        is_open(self.limit, window, now)
    }
}

/// A clock that was set back ends a window too; otherwise it could last for years.
const fn is_open(limit: AttemptLimit, window: Window, now: i64) -> bool {
    now >= window.began && now - window.began < limit.window
}

fn origin_of(address: IpAddr) -> Origin {
    Origin::Address(match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: AttemptLimit = AttemptLimit { attempts: 3, window: 10 };

    fn at(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn each_address_has_its_attempts_in_each_window() {
        let mut attempts = Attempts::new(LIMIT, 10);
        for _ in 0..3 {
            assert_eq!(attempts.take(100, at("10.0.0.1")), Ok(()));
        }
        assert_eq!(attempts.take(104, at("10.0.0.1")), Err(Limited { retry_after: 6 }));
        assert_eq!(attempts.check(109, at("::ffff:10.0.0.1")), Err(Limited { retry_after: 1 }));
        assert_eq!(attempts.take(104, at("10.0.0.2")), Ok(()));
        for _ in 0..3 {
            assert_eq!(attempts.take(110, at("10.0.0.1")), Ok(()), "another window");
        }
        assert_eq!(attempts.take(112, at("10.0.0.1")), Err(Limited { retry_after: 8 }));
        assert_eq!(attempts.take(20, at("10.0.0.1")), Ok(()), "the clock was set back");
    }

    #[test]
    fn a_network_of_ipv6_has_one_count() {
        let mut attempts = Attempts::new(LIMIT, 10);
        for host in 1..=3 {
            assert_eq!(attempts.take(0, at(&format!("2001:db8:0:1::{host}"))), Ok(()));
        }
        assert!(attempts.take(0, at("2001:db8:0:1:ffff::1")).is_err());
        assert_eq!(attempts.take(0, at("2001:db8:0:2::1")), Ok(()));
    }

    proptest! {
        /// However many addresses there are, memory is bounded, and no address gets more than its attempts.
        #[test]
        fn memory_and_attempts_are_bounded(calls in proptest::collection::vec((0_u8..40, 0_i64..3), 1..300)) {
            let mut attempts = Attempts::new(LIMIT, 8);
            let mut now = 0;
            let mut taken: BTreeMap<u8, Vec<i64>> = BTreeMap::new();
            for (host, passed) in calls {
                now += passed;
                if attempts.take(now, IpAddr::from([10, 0, 0, host])).is_ok() {
                    taken.entry(host).or_default().push(now);
                }
                prop_assert!(attempts.windows.len() <= 9);
            }
            // A window that ended at the boundary of another has at most twice as many in its length. An address that is
            // counted with the others for a while may use what they have.
            for times in taken.values() {
                for start in times {
                    let within = times.iter().filter(|time| (*start..start + LIMIT.window).contains(time)).count();
                    prop_assert!(within <= 4 * LIMIT.attempts as usize, "{within}");
                }
            }
        }
    }
}
