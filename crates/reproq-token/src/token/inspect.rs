//! Every check of a token, also those after the first that fails, for people who look for the reason.

use serde_json::Value;

use crate::TokenKey;
use crate::token::TokenRefusal;
use crate::token::claims::RawClaims;
use crate::token::parts::TokenParts;

/// What is in a token and what is right about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The claims that are known, in the order in which Django writes them. They are not trustworthy unless every check passed.
    pub claims: Vec<(&'static str, Value)>,
    /// The checks in the order of [`verify`](crate::verify). The ones after `format` are missing if it failed.
    pub checks: Vec<TokenCheck>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenCheck {
    /// `format`, `alg`, `signature`, `payload`, or the name of a claim.
    pub name: &'static str,
    /// What was found, as JSON or `missing`; `None` if there is nothing to show.
    pub found: Option<String>,
    /// The reason against the token.
    pub refusal: Option<TokenRefusal>,
}

impl Inspection {
    /// The first reason against the token; it is the one of [`verify`](crate::verify).
    #[must_use]
    pub fn refusal(&self) -> Option<&TokenRefusal> {
        self.checks.iter().find_map(|check| check.refusal.as_ref())
    }
}

/// Performs every check. `now` is in Unix seconds.
#[must_use]
pub fn inspect(token: &str, key: &TokenKey, now: i64) -> Inspection {
    let parts = match TokenParts::split(token) {
        Ok(parts) => parts,
        Err(refusal) => return Inspection { claims: Vec::new(), checks: vec![check("format", None, Err(refusal))] },
    };
    let mut checks = vec![
        check("format", None, Ok(())),
        check("alg", Some(parts.algorithm_shown()), parts.algorithm()),
        check("signature", None, parts.signature(key)),
    ];
    match parts.claims() {
        Ok(claims) => {
            checks.extend(checks_of(&claims, now));
            let all = claims.all().into_iter();
            let claims = all.filter_map(|(name, value)| Some((name, value?.clone()))).collect();
            Inspection { claims, checks }
        }
        Err(refusal) => {
            checks.push(check("payload", None, Err(refusal)));
            Inspection { claims: Vec::new(), checks }
        }
    }
}

fn checks_of(claims: &RawClaims, now: i64) -> Vec<TokenCheck> {
    let of = |name: &'static str, outcome: Result<(), TokenRefusal>| {
        let value = claims.all().into_iter().find(|(claim, _)| *claim == name).and_then(|(_, value)| value);
        check(name, Some(super::claims::shown(value)), outcome)
    };
    vec![
        of("iss", claims.issuer()),
        of("aud", claims.audience().map(drop)),
        of("exp", claims.expiry(now).map(drop)),
        of("nbf", claims.not_before(now)),
        of("superuser", claims.superuser()),
        of("sub", claims.subject().map(drop)),
    ]
}

fn check(name: &'static str, found: Option<String>, outcome: Result<(), TokenRefusal>) -> TokenCheck {
    TokenCheck { name, found, refusal: outcome.err() }
}
