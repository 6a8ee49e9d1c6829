//! Who is calling: the upstream by its signature, users by what the upstream says about them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use heliostat_auth::{Caller, Credentials, Secret, UnverifiedToken, path_below_base, query_string_hash};
use heliostat_peer::CallError;
use heliostat_refusal::Refusal;

use crate::mirror::Mirror;
use crate::upstream_calls::AuthenticationAnswer;
use crate::upstream_client::is_about_us_alone;
use crate::verdicts::{CredentialKey, Remembered, Verdict};

/// Questions about different credentials rarely wait for each other with this many turnstiles.
const TURNSTILES: usize = 256;

/// After a call that found the upstream away, nobody else waits for it to time out for this long.
const OUTAGE_PAUSE: Duration = Duration::from_secs(2);

/// How often a question is repeated because permissions changed while it was asked.
const MAX_QUESTIONS: usize = 3;

/// What a signature covers: the request line as it was sent.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path with the context path, percent-encoded.
    pub path: &'a str,
    /// The query without the question mark, percent-encoded.
    pub raw_query: Option<&'a str>,
}

/// Lets one question about the same credentials through at a time; those who waited find the answer.
pub(crate) struct Turnstiles {
    turnstiles: Vec<tokio::sync::Mutex<()>>,
    outage_until_ms: AtomicI64,
}

impl Default for Turnstiles {
    fn default() -> Self {
        let turnstiles = (0..TURNSTILES).map(|_| tokio::sync::Mutex::default()).collect();
        Self { turnstiles, outage_until_ms: AtomicI64::new(0) }
    }
}

impl Turnstiles {
    async fn enter(&self, key: CredentialKey) -> tokio::sync::MutexGuard<'_, ()> {
        self.turnstiles[key.spread() % TURNSTILES].lock().await
    }
}

impl Mirror {
    /// Checks the credentials of a request.
    pub async fn identify(
        &self,
        credentials: &Credentials,
        request: RequestFacts<'_>,
    ) -> Result<Caller, Refusal> {
        match credentials {
            Credentials::None => Ok(Caller::Anonymous),
            Credentials::Jwt(token) => self.identify_upstream(token, request),
            Credentials::Basic { .. } | Credentials::Bearer(_) => {
                self.verdict(credentials, None).await.map(|verdict| Caller::User(verdict.user))
            }
        }
    }

    fn identify_upstream(&self, token: &Secret, request: RequestFacts<'_>) -> Result<Caller, Refusal> {
        let token = UnverifiedToken::parse(token.expose())?;
        let upstream = self.bond.upstream();
        let secret = match (&upstream.client_key, &upstream.shared_secret) {
            (Some(client_key), Some(secret)) if client_key == token.issuer() => Secret::new(secret.as_str()),
            _ => {
                return Err(Refusal::unauthenticated(
                    "The JWT was not accepted: its issuer is not known here.",
                ));
            }
        };
        let path = path_below_base(&self.base_path, request.path).unwrap_or(request.path);
        let query_hash = query_string_hash(request.method, path, request.raw_query);
        token.verify(&secret, &query_hash, self.options.clock.now_ms() / 1_000)?;
        Ok(Caller::Upstream { id: self.upstream_id.to_string() })
    }

    /// What the upstream says about a user's credentials, and about a repository if one is named.
    pub(crate) async fn verdict(
        &self,
        credentials: &Credentials,
        repository: Option<&str>,
    ) -> Result<Verdict, Refusal> {
        let Some(key) = self.verdicts.key(credentials) else {
            return Err(Refusal::unauthenticated(
                "The user name and password or the token of a user is needed.",
            ));
        };
        let now_ms = || self.options.clock.now_ms();
        match self.verdicts.recall(key, repository, now_ms()) {
            Remembered::Fresh(verdict) => return Ok(verdict),
            Remembered::Refused => return Err(Refusal::wrong_credentials()),
            Remembered::Stale(_) | Remembered::Nothing => {}
        }
        let _turn = self.turnstiles.enter(key).await;
        let stale = match self.verdicts.recall(key, repository, now_ms()) {
            Remembered::Fresh(verdict) => return Ok(verdict),
            Remembered::Refused => return Err(Refusal::wrong_credentials()),
            Remembered::Stale(verdict) => Some(verdict),
            Remembered::Nothing => None,
        };
        let Some(secret) = self.bond.secret_in_force() else {
            return Err(Refusal::unavailable("This mirror has not been accepted by its upstream."));
        };
        if now_ms() < self.turnstiles.outage_until_ms.load(Ordering::Relaxed) {
            return stale.ok_or_else(upstream_is_away);
        }
        for _ in 0..MAX_QUESTIONS {
            let epoch = self.verdicts.epoch();
            match self.client.authenticate(credentials, repository, &secret).await {
                Ok(AuthenticationAnswer::Accepted(verdict)) => {
                    self.verdicts.accepted(key, repository, &verdict, epoch, now_ms());
                    if self.verdicts.epoch() == epoch {
                        return Ok(verdict);
                    }
                }
                Ok(AuthenticationAnswer::Refused) => {
                    self.verdicts.refused(key, now_ms());
                    return Err(Refusal::wrong_credentials());
                }
                Ok(AuthenticationAnswer::RepositoryUnknown) => {
                    return Err(Refusal::not_found("repository", "There is no such repository."));
                }
                Err(error) => return self.without_upstream(&error, stale),
            }
        }
        Err(Refusal::unavailable("Permissions are changing at the moment; try again."))
    }

    fn without_upstream(&self, error: &CallError, stale: Option<Verdict>) -> Result<Verdict, Refusal> {
        let outage = error.is_outage();
        tracing::warn!(
            error = %error,
            serving_stale = outage && stale.is_some(),
            "cannot ask the upstream about a user"
        );
        if !outage {
            return Err(Refusal::unavailable(
                "The upstream does not answer this mirror's questions about users.",
            ));
        }
        if is_about_us_alone(error) {
            return stale.ok_or_else(|| {
                Refusal::too_many("The upstream is checking too many passwords; try again later.")
            });
        }
        let until = self.options.clock.now_ms().saturating_add(OUTAGE_PAUSE.as_millis() as i64);
        self.turnstiles.outage_until_ms.store(until, Ordering::Relaxed);
        stale.ok_or_else(upstream_is_away)
    }
}

fn upstream_is_away() -> Refusal {
    Refusal::unavailable("The upstream, which knows the users, cannot be reached.")
}
