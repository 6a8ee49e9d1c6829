//! Mirrors ask who their users are: credentials in, the user and their permissions out.

use heliostat_auth::{GlobalPermission, LoginOrigin, RepositoryPermission, Secret};
use heliostat_refusal::Refusal;
use heliostat_storage::{RepositoryId, User};

use super::grants::NO_REPOSITORY;
use super::part::Accounts;
use crate::permit::MirrorCaller;

/// What a user showed to a mirror.
#[derive(Debug, Clone)]
pub enum UserCredentials {
    /// A name with a password, or with an access token in its place.
    Password {
        /// Login name.
        username: String,
        /// Password or access token.
        password: Secret,
    },
    /// An access token.
    Token(Secret),
    /// A public key that the user has proved to own.
    SshKey {
        /// The key as text.
        public_key: String,
    },
}

/// A user whose credentials hold, and the most that they may do.
#[derive(Debug, Clone)]
pub struct AuthenticatedUser {
    /// Who it is.
    pub user: User,
    /// On the server.
    pub global: GlobalPermission,
    /// On the repository that was asked for; `None` if they may not even read it, or none was asked for.
    pub repository: Option<RepositoryPermission>,
}

impl Accounts {
    /// Checks a user's credentials on behalf of a mirror.
    pub async fn authenticate_user(
        &self,
        mirror: MirrorCaller<'_>,
        credentials: &UserCredentials,
        repository_id: Option<i32>,
    ) -> Result<AuthenticatedUser, Refusal> {
        let login = match credentials {
            UserCredentials::Password { username, password } => {
                // The mirror alone knows where its client is, and sees to it that it does not guess.
                let origin = LoginOrigin::Server(mirror.caller().mirror_id().unwrap_or_default());
                self.log_in_with_password(username, password, origin).await?
            }
            UserCredentials::Token(token) => self.log_in_with_token(token, None).await?,
            // No user of this server has registered a key.
            UserCredentials::SshKey { .. } => return Err(Refusal::wrong_credentials()),
        };
        let (user, global) = (login.user.clone(), login.global);
        let as_user = login.into_caller();
        // A mirror that has nothing under the name that its user asked for names no repository; that takes the same time.
        let id = repository_id.map_or(NO_REPOSITORY, RepositoryId);
        let found = self.repositories.find_repository(id).await?;
        let named = self.named_repository(&as_user, id.to_string(), found).await?;
        let repository = named.found.map(|(_, held)| held);
        Ok(AuthenticatedUser { user, global: as_user.global().unwrap_or(global), repository })
    }
}
