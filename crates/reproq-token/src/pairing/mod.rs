//! The way of a TUI to its token: it gets a code, a person approves the code in a browser, and the TUI fetches the token once.
//!
//! Pure: the time, the address and random bytes are values. Memory is bounded: by the number of codes, and by the number of
//! addresses whose attempts are counted.

mod code;
#[cfg(test)]
mod tests;

use core::net::IpAddr;
use std::collections::BTreeMap;

use thiserror::Error;

pub use code::PairCode;

use crate::AttemptLimit;
use crate::Attempts;
use crate::Limited;

/// How long a code is valid, in seconds, from when it is minted: the TUI stops asking then.
pub const PAIR_SECONDS: i64 = 600;

/// The bounds of a [`Pairing`].
#[derive(Debug, Clone, Copy)]
pub struct PairLimits {
    /// The most codes at once.
    pub codes: usize,
    /// How many codes an address may mint.
    pub mint: AttemptLimit,
    /// How often an address may name a code that does not exist.
    pub miss: AttemptLimit,
    /// The most addresses whose attempts are counted one by one.
    pub addresses: usize,
}

impl Default for PairLimits {
    /// 1000 codes at once, of which an address may mint 20 and miss 30 in ten minutes. With 64 bits in a code and all 1000 of
    /// them waiting, a thousand addresses that guess for a year find one with a probability of 1 in 10 million.
    fn default() -> Self {
        let in_ten_minutes = |attempts| AttemptLimit { attempts, window: PAIR_SECONDS };
        Self { codes: 1000, mint: in_ten_minutes(20), miss: in_ten_minutes(30), addresses: 10_000 }
    }
}

/// The codes that are valid.
#[derive(Debug)]
pub struct Pairing {
    most: usize,
    codes: BTreeMap<PairCode, Entry>,
    mints: Attempts,
    misses: Attempts,
}

#[derive(Debug)]
struct Entry {
    expires_at: i64,
    token: Option<IssuedToken>,
}

/// A token that was issued for a code.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token. It is a secret.
    pub token: String,
    /// When the token expires, in Unix seconds.
    pub expires_at: i64,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The state of a code, for the person who is to approve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairState {
    /// It waits for approval until then, in Unix seconds.
    Pending {
        /// When it expires.
        expires_at: i64,
    },
    /// It was approved, and the TUI has not fetched the token.
    Approved,
    /// It is too old, was used, or never existed.
    Expired,
}

/// What the TUI gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollAnswer {
    /// The code was not approved yet.
    Pending,
    /// The token. The code is gone: it is shown once.
    Approved(IssuedToken),
    /// The code is too old, was used, or never existed.
    Expired,
}

/// Why no code was minted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MintRefusal {
    /// The address minted too many.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// All codes are in use.
    #[error("too many codes are waiting for approval; the next expires in {retry_after} s")]
    Full {
        /// When the first expires, in seconds from now.
        retry_after: i64,
    },
}

/// Why a code was not approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ApproveRefusal {
    /// It is too old, was used, or never existed.
    #[error("the code expired")]
    Expired,
    /// It was approved before; the token of that approval stays.
    #[error("the code was approved before")]
    Approved,
}

impl Pairing {
    /// No codes.
    #[must_use]
    pub const fn new(limits: PairLimits) -> Self {
        let mints = Attempts::new(limits.mint, limits.addresses);
        let misses = Attempts::new(limits.miss, limits.addresses);
        Self { most: limits.codes, codes: BTreeMap::new(), mints, misses }
    }

    /// Makes a code valid. Returns when it expires, in Unix seconds.
    ///
    /// # Errors
    ///
    /// The address made too many, or there are too many.
    pub fn mint(&mut self, now: i64, address: IpAddr, code: PairCode) -> Result<i64, MintRefusal> {
        self.codes.retain(|_, entry| is_valid(entry, now));
        if self.codes.len() >= self.most {
            let first = self.codes.values().map(|entry| entry.expires_at).min().unwrap_or(now);
            return Err(MintRefusal::Full { retry_after: (first - now).max(1) });
        }
        self.mints.take(now, address)?;
        let expires_at = now.saturating_add(PAIR_SECONDS);
        self.codes.insert(code, Entry { expires_at, token: None });
        Ok(expires_at)
    }

    /// The state of a code, for a person who is signed in.
    #[must_use]
    pub fn state(&self, now: i64, code: PairCode) -> PairState {
        match self.codes.get(&code).filter(|entry| is_valid(entry, now)) {
            Some(Entry { token: None, expires_at }) => PairState::Pending { expires_at: *expires_at },
            Some(Entry { token: Some(_), .. }) => PairState::Approved,
            None => PairState::Expired,
        }
    }

    /// Approves a code: the next poll gets this token.
    ///
    /// # Errors
    ///
    /// The code is not pending.
    pub fn approve(&mut self, now: i64, code: PairCode, token: IssuedToken) -> Result<(), ApproveRefusal> {
        let entry = self.codes.get_mut(&code).filter(|entry| is_valid(entry, now)).ok_or(ApproveRefusal::Expired)?;
        if entry.token.is_some() {
            return Err(ApproveRefusal::Approved);
        }
        entry.token = Some(token);
        Ok(())
    }

    /// What the TUI gets for the code that it names; `None` is a code that cannot be one. An address that missed too often
    /// gets nothing, also for a code that exists: otherwise the answer would tell them apart.
    ///
    /// # Errors
    ///
    /// The address missed too often.
    pub fn poll(&mut self, now: i64, address: IpAddr, code: Option<PairCode>) -> Result<PollAnswer, Limited> {
        self.misses.check(now, address)?;
        let found = code.filter(|code| self.codes.get(code).is_some_and(|entry| is_valid(entry, now)));
        let Some(code) = found else {
            self.misses.take(now, address)?;
            return Ok(PollAnswer::Expired);
        };
        let token = self.codes.get(&code).and_then(|entry| entry.token.clone());
        Ok(token.map_or(PollAnswer::Pending, |token| {
            self.codes.remove(&code);
            PollAnswer::Approved(token)
        }))
    }
}

/// A code from the future means that the clock was set back by more than it is valid.
const fn is_valid(entry: &Entry, now: i64) -> bool {
    now < entry.expires_at && entry.expires_at - now <= PAIR_SECONDS
}
