//! Who sent a request: credentials are checked against users, tokens and mirrors.

use std::net::IpAddr;

use heliostat_auth::{
    ACCESS_TOKEN_PREFIX, Caller, Credentials, GlobalPermission, LoginAttempt, LoginOrigin, Secret,
    TokenError, TokenScope, UnverifiedToken, UserIdentity, git_query_hash, path_below_base,
    query_string_hash, token_hash,
};
use heliostat_peer::AddressPrefix;
use heliostat_refusal::Refusal;
use heliostat_storage::{AccessToken, MirrorServer, MirrorServerId, User};

use super::part::Accounts;

/// Path below the base URL under which repositories are served to git.
const GIT_PREFIX: &str = "/scm/";
/// Segments of a repository's path: `scm`, project key, slug.
const GIT_PATH_SEGMENTS: usize = 3;
/// User names that stand for the owner of a token: Bitbucket's, and that of GitHub, GitLab, Gitea and Forgejo.
const TOKEN_USERS: [&str; 2] = ["x-token-auth", "x-access-token"];
/// A token's last use is written down at most this often.
const TOKEN_USE_RESOLUTION_MS: i64 = 60_000;
/// For so long a password that is right needs no other look, and no credentials need none.
const LOOK_AGAIN_AFTER_MS: i64 = 60_000;

/// What of a request its signature covers, as it was sent.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Path with the context path, percent-encoded.
    pub path: &'a str,
    /// Query without the question mark, percent-encoded.
    pub raw_query: Option<&'a str>,
    /// Where the connection comes from, if that is known; not signed.
    pub peer: Option<IpAddr>,
}

/// Who sent a request.
#[derive(Debug, Clone)]
pub struct Identified {
    /// The sender.
    pub caller: Caller,
    /// Until when the same credentials stand for the same caller without another look, in epoch milliseconds, unless
    /// something about accounts changes; now at the latest for those that have to be looked at each time.
    pub until_ms: i64,
}

/// A user whose credentials hold, and the scope of the token that was used.
pub(super) struct Login {
    pub(super) user: User,
    pub(super) global: GlobalPermission,
    pub(super) scope: Option<TokenScope>,
    /// As of [`Identified`].
    until_ms: i64,
}

impl Accounts {
    /// Finds out who sent a request. No credentials make an anonymous caller; wrong ones are refused.
    pub async fn identify(
        &self,
        credentials: Credentials,
        facts: RequestFacts<'_>,
    ) -> Result<Caller, Refusal> {
        Ok(self.identify_for_a_while(credentials, facts).await?.caller)
    }

    /// The same, and how long that can be relied on.
    pub async fn identify_for_a_while(
        &self,
        credentials: Credentials,
        facts: RequestFacts<'_>,
    ) -> Result<Identified, Refusal> {
        let login = match credentials {
            Credentials::None => {
                let until_ms = self.announcer.now_ms() + LOOK_AGAIN_AFTER_MS;
                return Ok(Identified { caller: Caller::Anonymous, until_ms });
            }
            Credentials::Jwt(token) => {
                // Good for one request, which is what its time is for.
                let until_ms = self.announcer.now_ms();
                return Ok(Identified { caller: self.identify_mirror(&token, facts).await?, until_ms });
            }
            Credentials::Basic { username, password } => {
                let network = AddressPrefix::text_of(facts.peer);
                let origin = LoginOrigin::Network(&network);
                self.log_in_with_password(&username, &password, origin).await?
            }
            Credentials::Bearer(token) => self.log_in_with_token(&token, None).await?,
        };
        let until_ms = login.until_ms;
        Ok(Identified { caller: login.into_caller(), until_ms })
    }

    /// Checks a password, or an access token in its place.
    pub(super) async fn log_in_with_password(
        &self,
        name: &str,
        password: &Secret,
        origin: LoginOrigin<'_>,
    ) -> Result<Login, Refusal> {
        if password.expose().is_empty() {
            return Err(Refusal::lacks_the_password());
        }
        if password.expose().starts_with(ACCESS_TOKEN_PREFIX) {
            return self.log_in_with_token(password, Some(name)).await;
        }
        let user = self.store.find_user_by_name(name).await?;
        let stored_hash = user.as_ref().and_then(|user| user.password_hash.as_deref());
        let right = self.passwords.verify(LoginAttempt { name, origin }, password, stored_hash).await?;
        match user {
            Some(user) if right => {
                self.admit(user, None, self.announcer.now_ms() + LOOK_AGAIN_AFTER_MS).await
            }
            _ => Err(Refusal::wrong_credentials()),
        }
    }

    /// Checks an access token; with a user name, the token must belong to that user.
    pub(super) async fn log_in_with_token(
        &self,
        token: &Secret,
        name: Option<&str>,
    ) -> Result<Login, Refusal> {
        let found = self.store.find_user_by_token_hash(&token_hash(token)).await?;
        let (user, token) = found.ok_or_else(Refusal::wrong_credentials)?;
        let belongs = name.is_none_or(|name| names_token_owner(name, &user));
        let expired = token.expires_at.is_some_and(|end| end <= self.announcer.now_ms());
        if !belongs || expired {
            return Err(Refusal::wrong_credentials());
        }
        let used_at = self.note_token_use(&token).await;
        let until_ms = (used_at + TOKEN_USE_RESOLUTION_MS).min(token.expires_at.unwrap_or(i64::MAX));
        let scope = TokenScope::from_names(token.permissions.iter().map(String::as_str));
        self.admit(user, scope, until_ms).await
    }

    /// The last step of every login: the account must be active and have a global permission.
    async fn admit(&self, user: User, scope: Option<TokenScope>, until_ms: i64) -> Result<Login, Refusal> {
        if !user.active {
            return Err(Refusal::wrong_credentials());
        }
        match self.global_permission(user.id).await? {
            Some(global) => Ok(Login { user, global, scope, until_ms }),
            None => Err(Refusal::unauthenticated("This user has no permission to use this server.")),
        }
    }

    /// Writes down that a token is used, and returns the use that is written down.
    async fn note_token_use(&self, token: &AccessToken) -> i64 {
        let now = self.announcer.now_ms();
        // What lies ahead was noted before the clock was set back.
        let is_recent = |last: &i64| (0..TOKEN_USE_RESOLUTION_MS).contains(&now.saturating_sub(*last));
        if let Some(last) = token.last_used_at.filter(is_recent) {
            return last;
        }
        if let Err(error) = self.store.touch_token(&token.id, now).await {
            tracing::warn!(token.id = %token.id, error = %error, "cannot note the use of a token");
        }
        now
    }

    async fn identify_mirror(&self, token: &Secret, facts: RequestFacts<'_>) -> Result<Caller, Refusal> {
        let token = UnverifiedToken::parse(token.expose())?;
        let (query_hash, now) = (self.expected_query_hash(facts), self.announcer.now_seconds());
        let mut fault = None;
        for mirror in self.mirrors_named(token.issuer()).await? {
            let secret = Secret::new(mirror.shared_secret.as_str());
            match token.verify(&secret, &query_hash, now) {
                Ok(_) => {
                    self.members.seen(&mirror).await;
                    return Ok(Caller::Mirror { id: mirror.id.0 });
                }
                // What is wrong besides the signature is told by the one whose signature it is.
                Err(TokenError::WrongSignature) if fault.is_some() => {}
                Err(error) => fault = Some(error),
            }
        }
        match fault {
            Some(error) => Err(error.into()),
            None => Err(Refusal::server_token(format!("The mirror {} is not known here.", token.issuer()))),
        }
    }

    /// Mirrors that may sign under this name: their id, or as Bitbucket's do the key of their add-on. Keys are chosen by
    /// mirrors, so only the signature tells which one it is.
    async fn mirrors_named(&self, issuer: &str) -> Result<Vec<MirrorServer>, Refusal> {
        let mut mirrors = match self.mirrors.find_mirror(&MirrorServerId::from(issuer)).await? {
            Some(mirror) => vec![mirror],
            None => self.mirrors.find_mirrors_by_addon_key(issuer).await?,
        };
        mirrors.retain(|mirror| mirror.enabled);
        Ok(mirrors)
    }

    fn expected_query_hash(&self, facts: RequestFacts<'_>) -> String {
        let path = path_below_base(self.announcer.base_url().path(), facts.path).unwrap_or(facts.path);
        match git_repository_path(path) {
            Some(repository_path) => git_query_hash(repository_path),
            None => query_string_hash(facts.method, path, facts.raw_query),
        }
    }
}

impl Login {
    pub(super) fn into_caller(self) -> Caller {
        let identity = UserIdentity {
            id: self.user.id.0,
            name: self.user.name,
            slug: self.user.slug,
            display_name: self.user.display_name,
            global: Some(self.global),
        };
        Caller::with_token(identity, self.scope)
    }
}

/// Git clients must send some user name along with a token; these stand for its owner.
fn names_token_owner(name: &str, owner: &User) -> bool {
    name.is_empty() || TOKEN_USERS.contains(&name) || name.to_lowercase() == owner.name.to_lowercase()
}

/// `/scm/key/slug.git` of any path below it; `None` for paths that are not git's.
fn git_repository_path(path: &str) -> Option<&str> {
    if !path.starts_with(GIT_PREFIX) {
        return None;
    }
    let end = path.match_indices('/').nth(GIT_PATH_SEGMENTS).map_or(path.len(), |(position, _)| position);
    Some(&path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_paths_are_cut_at_the_repository() {
        for (path, expected) in [
            ("/scm/app/engine.git", Some("/scm/app/engine.git")),
            ("/scm/app/engine.git/info/refs", Some("/scm/app/engine.git")),
            ("/scm/app/engine/git-upload-pack", Some("/scm/app/engine")),
            ("/scm/app", Some("/scm/app")),
            ("/rest/api/latest/projects", None),
            ("/scmx/app/engine.git", None),
        ] {
            assert_eq!(git_repository_path(path), expected, "{path}");
        }
    }
}
