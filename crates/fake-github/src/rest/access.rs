//! The client of a request, and its permissions.

use std::collections::BTreeMap;

use crate::http::Call;
use crate::http::Reply;
use crate::rest::problems;
use crate::spec::TokenKind;

/// A client of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Viewer {
    Anonymous,
    Reader,
    Writer,
    Stranger,
}

/// The permissions of a client for one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    None,
    Read,
    Write,
}

impl Viewer {
    /// # Errors
    /// The refusal of a token that is unknown, expired or not authorized for the organization.
    pub(crate) fn of(tokens: &BTreeMap<String, TokenKind>, call: &Call) -> Result<Viewer, Reply> {
        let Some(authorization) = call.header("Authorization") else { return Ok(Viewer::Anonymous) };
        let token = authorization.split_once(' ').map_or(authorization, |(_, token)| token.trim());
        match tokens.get(token) {
            Some(TokenKind::Read) => Ok(Viewer::Reader),
            Some(TokenKind::Write) => Ok(Viewer::Writer),
            Some(TokenKind::NoAccess) => Ok(Viewer::Stranger),
            Some(TokenKind::SsoRequired) => Err(problems::sso_required()),
            Some(TokenKind::Expired) | None => Err(problems::bad_credentials()),
        }
    }

    pub(crate) fn is_authenticated(self) -> bool {
        self != Viewer::Anonymous
    }

    pub(crate) fn permission(self, repo_is_private: bool) -> Permission {
        match self {
            Viewer::Writer => Permission::Write,
            Viewer::Reader => Permission::Read,
            Viewer::Anonymous | Viewer::Stranger if repo_is_private => Permission::None,
            Viewer::Anonymous | Viewer::Stranger => Permission::Read,
        }
    }

    /// # Errors
    /// The refusal of a change to a repository that can be seen.
    pub(crate) fn may_write(self, permission: Permission, repo_is_archived: bool) -> Result<(), Reply> {
        match (self, permission) {
            (Viewer::Anonymous, _) => Err(problems::requires_authentication()),
            (_, Permission::None | Permission::Read) => Err(problems::not_accessible()),
            (_, Permission::Write) if repo_is_archived => Err(problems::archived()),
            (_, Permission::Write) => Ok(()),
        }
    }
}
