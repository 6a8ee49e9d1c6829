//! Who is calling, once credentials have been checked.

use crate::{GlobalPermission, TokenScope};

/// A known user: what permissions and logs need of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserIdentity {
    /// Id of the user on the upstream.
    pub id: i32,
    /// Login name.
    pub name: String,
    /// Name as it appears in URLs.
    pub slug: String,
    /// Name as people read it.
    pub display_name: String,
    /// Highest global permission, if there is one.
    pub global: Option<GlobalPermission>,
}

/// The sender of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// No credentials were sent.
    Anonymous,
    /// A person or a service account.
    User(UserIdentity),
    /// A user's access token that may do less than its user.
    LimitedUser {
        /// The user, with the global permission that the token leaves them.
        user: UserIdentity,
        /// The most that the token may do.
        scope: TokenScope,
    },
    /// A mirror that signed the request with its shared secret.
    Mirror {
        /// The mirror's server id.
        id: String,
    },
    /// An upstream that signed the request with the secret it shares with this mirror.
    Upstream {
        /// Id under which this mirror knows the upstream.
        id: String,
    },
}

impl Caller {
    /// A user who logged in, with the scope of their token if it has one.
    pub fn with_token(mut user: UserIdentity, scope: Option<TokenScope>) -> Self {
        match scope {
            None => Self::User(user),
            Some(scope) => {
                user.global = user.global.min(scope.global);
                Self::LimitedUser { user, scope }
            }
        }
    }

    /// The scope of the caller's access token, if they use one that has a scope.
    pub fn token_scope(&self) -> Option<TokenScope> {
        match self {
            Self::LimitedUser { scope, .. } => Some(*scope),
            _ => None,
        }
    }

    /// The user, if the caller is one.
    pub fn user(&self) -> Option<&UserIdentity> {
        match self {
            Self::User(user) | Self::LimitedUser { user, .. } => Some(user),
            _ => None,
        }
    }

    /// Id of the mirror, if the caller is one.
    pub fn mirror_id(&self) -> Option<&str> {
        match self {
            Self::Mirror { id } => Some(id),
            _ => None,
        }
    }

    /// Highest global permission of a user; servers have none.
    pub fn global(&self) -> Option<GlobalPermission> {
        self.user().and_then(|user| user.global)
    }

    /// True unless the caller is [`Caller::Anonymous`].
    pub fn is_authenticated(&self) -> bool {
        *self != Self::Anonymous
    }

    /// True for users with ADMIN or SYS_ADMIN.
    pub fn is_admin(&self) -> bool {
        self.global() >= Some(GlobalPermission::Admin)
    }

    /// True for users with SYS_ADMIN.
    pub fn is_sys_admin(&self) -> bool {
        self.global() >= Some(GlobalPermission::SysAdmin)
    }
}

impl std::fmt::Display for Caller {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anonymous => out.write_str("anonymous"),
            Self::User(user) | Self::LimitedUser { user, .. } => write!(out, "user {}", user.name),
            Self::Mirror { id } => write!(out, "mirror {id}"),
            Self::Upstream { id } => write!(out, "upstream {id}"),
        }
    }
}
