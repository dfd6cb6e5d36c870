//! The tokens for the API, in the order of their variables. One that GitHub refuses is followed by the next, and for reads by
//! none at all; changes are never sent without one.

use std::cell::Cell;
use std::cell::RefCell;

use crate::config::Token;
use crate::io::net::NetError;
use crate::model::progress::Progress;
use crate::sources::github::ApiError;

#[derive(Debug)]
pub(super) struct Tokens {
    all: Vec<Token>,
    /// How many of them GitHub refused as such; they are not sent again.
    refused: Cell<usize>,
    /// What GitHub said about the first of these.
    refusal: RefCell<Option<ApiError>>,
    /// The variables whose refusal the user knows of.
    told: RefCell<Vec<&'static str>>,
}

impl Tokens {
    pub(super) fn new(all: Vec<Token>) -> Self {
        Self { all, refused: Cell::new(0), refusal: RefCell::new(None), told: RefCell::new(Vec::new()) }
    }

    pub(super) fn all(&self) -> &[Token] {
        &self.all
    }

    /// Those that GitHub did not refuse.
    pub(super) fn left(&self) -> &[Token] {
        &self.all[self.refused.get()..]
    }

    /// What GitHub said about the first token it refused, where it refused all.
    pub(super) fn refusal(&self) -> Option<ApiError> {
        self.refusal.borrow().as_ref().filter(|_| self.left().is_empty()).and_then(ApiError::refusal)
    }

    /// Tells the user of a refused token, once. What is about the token and not about one request drops it for good.
    pub(super) fn refuse(&self, token: &Token, error: &ApiError, progress: &dyn Progress) {
        let position = self.all.iter().position(|known| known.variable == token.variable).unwrap_or(0);
        if error.is_about_the_token() && position == self.refused.get() {
            self.refused.set(position + 1);
            let mut refusal = self.refusal.borrow_mut();
            if refusal.is_none() {
                *refusal = error.refusal();
            }
        }
        if self.told.borrow().contains(&token.variable) {
            return;
        }
        self.told.borrow_mut().push(token.variable);
        let next = match self.all.get(position + 1) {
            Some(next) => format!("trying the one from {}", next.variable),
            None => "continuing without it".to_owned(),
        };
        let reason = error.words().map(|words| format!(" ({words})")).unwrap_or_default();
        progress.note(&format!("GitHub refused the token from {}{reason}; {next}", token.variable));
    }
}

/// Whether a token can be one at all.
pub fn check_token(token: &Token) -> Result<(), NetError> {
    sendable(token).map(|_| ())
}

/// The token, where it can be one at all; it is looked at no earlier than here, where it is sent.
pub(super) fn sendable(token: &Token) -> Result<&str, NetError> {
    let text = token.value.expose();
    if text.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(text);
    }
    let reason = "it holds characters that no token has, such as blanks".to_owned();
    Err(NetError::Variable { variable: token.variable, reason })
}
