//! The tokens for the API, in the order of their variables. After a refused one the next is tried; reads finally use none.
//! Changes are never sent without a token.

use std::cell::Cell;
use std::cell::RefCell;

use crate::config::Token;
use crate::io::net::NetError;
use crate::model::progress::Progress;
use crate::sources::github::ApiError;

#[derive(Debug)]
pub(super) struct Tokens {
    all: Vec<Token>,
    /// How many of them GitHub refused entirely; they are not sent again.
    refused: Cell<usize>,
    /// GitHub's error for the first of these.
    refusal: RefCell<Option<ApiError>>,
    /// The variables whose refusal was already reported.
    told: RefCell<Vec<&'static str>>,
}

impl Tokens {
    pub(super) fn new(all: Vec<Token>) -> Self {
        Self { all, refused: Cell::new(0), refusal: RefCell::new(None), told: RefCell::new(Vec::new()) }
    }

    pub(super) fn all(&self) -> &[Token] {
        &self.all
    }

    /// The tokens GitHub has not refused.
    pub(super) fn left(&self) -> &[Token] {
        &self.all[self.refused.get()..]
    }

    /// GitHub's error for the first token, if it refused all of them.
    pub(super) fn refusal(&self) -> Option<ApiError> {
        self.refusal.borrow().as_ref().filter(|_| self.left().is_empty()).and_then(ApiError::refusal)
    }

    /// Reports a refused token, once. A refusal of the token itself, not of one request, drops it for the rest of the run.
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

/// Whether a token consists of valid characters.
pub(crate) fn check_token(token: &Token) -> Result<(), NetError> {
    sendable(token).map(|_| ())
}

/// The token, if its characters are valid; checked only here, where it is sent.
pub(super) fn sendable(token: &Token) -> Result<&str, NetError> {
    let text = token.value.expose();
    if text.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(text);
    }
    let reason = "it contains characters that are not allowed in a token, such as spaces".to_owned();
    Err(NetError::Variable { variable: token.variable, reason })
}
