//! Users of the upstream, their access tokens and their permissions.

use std::fmt;

use super::{REDACTED, redact};
use crate::ids::{ProjectId, RepositoryId, TokenId, UserId};
use crate::named_value::named_values;

named_values! {
    /// What kind of user it is.
    UserKind {
        /// A person.
        Normal = "NORMAL",
        /// A program.
        Service = "SERVICE",
    }
}

/// A user of the upstream.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Never used again for another user.
    pub id: UserId,
    /// The name to log in with; compared without regard to case.
    pub name: String,
    /// The name in URLs.
    pub slug: String,
    /// The name to show.
    pub display_name: String,
    /// Where mail goes, if known.
    pub email: Option<String>,
    /// Hash of the password; a user without one can only use tokens.
    pub password_hash: Option<String>,
    /// Whether the user may log in.
    pub active: bool,
    /// Person or program.
    pub kind: UserKind,
    /// Epoch milliseconds.
    pub created_at: i64,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("slug", &self.slug)
            .field("display_name", &self.display_name)
            .field("email", &self.email)
            .field("password_hash", &redact(self.password_hash.as_ref()))
            .field("active", &self.active)
            .field("kind", &self.kind)
            .field("created_at", &self.created_at)
            .finish()
    }
}

/// A user to create.
#[derive(Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The name to log in with.
    pub name: String,
    /// The name in URLs.
    pub slug: String,
    /// The name to show.
    pub display_name: String,
    /// Where mail goes, if known.
    pub email: Option<String>,
    /// Hash of the password, if the user gets one.
    pub password_hash: Option<String>,
    /// Whether the user may log in.
    pub active: bool,
    /// Person or program.
    pub kind: UserKind,
    /// Epoch milliseconds.
    pub created_at: i64,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("name", &self.name)
            .field("slug", &self.slug)
            .field("password_hash", &redact(self.password_hash.as_ref()))
            .finish_non_exhaustive()
    }
}

/// Which users to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Part of the name or the display name, without regard to case.
    pub text: Option<String>,
}

/// A token that stands for its user.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The public part.
    pub id: TokenId,
    /// Whom it stands for.
    pub user_id: UserId,
    /// The name that the user gave it.
    pub name: String,
    /// SHA-256 of the secret part, in hex.
    pub token_hash: String,
    /// What the token may do at most; empty means whatever its user may.
    pub permissions: Vec<String>,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds after which it is refused.
    pub expires_at: Option<i64>,
    /// Epoch milliseconds.
    pub last_used_at: Option<i64>,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("name", &self.name)
            .field("token_hash", &REDACTED)
            .field("permissions", &self.permissions)
            .field("created_at", &self.created_at)
            .field("expires_at", &self.expires_at)
            .field("last_used_at", &self.last_used_at)
            .finish()
    }
}

/// A token to create.
#[derive(Clone, PartialEq, Eq)]
pub struct NewAccessToken {
    /// The public part.
    pub id: TokenId,
    /// Whom it stands for.
    pub user_id: UserId,
    /// The name that the user gave it.
    pub name: String,
    /// SHA-256 of the secret part, in hex.
    pub token_hash: String,
    /// What the token may do at most; empty means whatever its user may.
    pub permissions: Vec<String>,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds after which it is refused.
    pub expires_at: Option<i64>,
}

impl fmt::Debug for NewAccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccessToken")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("name", &self.name)
            .field("token_hash", &REDACTED)
            .finish_non_exhaustive()
    }
}

/// What a permission is granted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionLevel {
    /// The whole server.
    Global,
    /// A project with all its repositories.
    Project(ProjectId),
    /// One repository.
    Repository(RepositoryId),
}

/// A user and the permission that they were granted at a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPermission {
    /// Who.
    pub user: User,
    /// The permission's name, such as "REPO_READ".
    pub permission: String,
}

/// What one user was granted, as far as it concerns one project and one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PermissionsOfUser {
    /// Everywhere.
    pub global: Option<String>,
    /// On the project.
    pub project: Option<String>,
    /// On the repository itself.
    pub repository: Option<String>,
}
