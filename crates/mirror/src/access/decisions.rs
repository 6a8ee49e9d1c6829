//! Who may read what: remembered, or asked of the upstream, once for all who ask the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use heliostat_auth::Credentials;
use heliostat_peer::{CallError, Clock};
use heliostat_refusal::Refusal;

use super::decision_cache::{AccessDecisionCache, CredentialKey, DecisionLifetimes, Remembered};
use crate::upstream_link::{
    AccessDecision, AuthenticationAnswer, UpstreamClient, UpstreamLink, is_about_us_alone,
};

/// Questions about different credentials rarely wait for each other with this many locks.
const SINGLE_FLIGHT_LOCKS: usize = 256;

/// After a call that found the upstream away, no other request waits for it to time out for this long.
const OUTAGE_PAUSE: Duration = Duration::from_secs(2);

/// How often a question is repeated because permissions changed while it was asked.
const MAX_QUESTIONS: usize = 3;

/// The upstream's decisions about users.
pub(crate) struct AccessDecisions {
    link: Arc<UpstreamLink>,
    client: UpstreamClient,
    clock: Clock,
    cache: AccessDecisionCache,
    /// Per-credential single-flight: those who waited find the answer in the cache.
    in_flight: Vec<tokio::sync::Mutex<()>>,
    outage_until_ms: AtomicI64,
}

impl AccessDecisions {
    pub(crate) fn new(
        link: Arc<UpstreamLink>,
        client: UpstreamClient,
        clock: Clock,
        lifetimes: DecisionLifetimes,
    ) -> Self {
        Self {
            link,
            client,
            clock,
            cache: AccessDecisionCache::new(lifetimes),
            in_flight: (0..SINGLE_FLIGHT_LOCKS).map(|_| tokio::sync::Mutex::default()).collect(),
            outage_until_ms: AtomicI64::new(0),
        }
    }

    /// Forgets what is known about one user, or about all.
    pub(crate) fn revoke(&self, user: Option<&str>) {
        self.cache.revoke(user);
    }

    /// What the upstream decides about a user's credentials, and about a repository if one is named.
    pub(crate) async fn decide(
        &self,
        credentials: &Credentials,
        repository: Option<&str>,
    ) -> Result<AccessDecision, Refusal> {
        let Some(key) = self.cache.key(credentials) else {
            return Err(Refusal::unauthenticated(
                "The user name and password or the token of a user is needed.",
            ));
        };
        match self.cache.recall(key, repository, self.clock.now_ms()) {
            Remembered::Fresh(decision) => return Ok(decision),
            Remembered::Refused => return Err(Refusal::wrong_credentials()),
            Remembered::Stale(_) | Remembered::Nothing => {}
        }
        let _in_flight = self.in_flight[key.spread() % SINGLE_FLIGHT_LOCKS].lock().await;
        let stale = match self.cache.recall(key, repository, self.clock.now_ms()) {
            Remembered::Fresh(decision) => return Ok(decision),
            Remembered::Refused => return Err(Refusal::wrong_credentials()),
            Remembered::Stale(decision) => Some(decision),
            Remembered::Nothing => None,
        };
        self.ask_upstream(key, credentials, repository, stale).await
    }

    async fn ask_upstream(
        &self,
        key: CredentialKey,
        credentials: &Credentials,
        repository: Option<&str>,
        stale: Option<AccessDecision>,
    ) -> Result<AccessDecision, Refusal> {
        let Some(secret) = self.link.secret_in_force() else {
            return Err(Refusal::unavailable("This mirror has not been accepted by its upstream."));
        };
        if self.clock.now_ms() < self.outage_until_ms.load(Ordering::Relaxed) {
            return stale.ok_or_else(upstream_is_away);
        }
        for _ in 0..MAX_QUESTIONS {
            let epoch = self.cache.epoch();
            match self.client.authenticate(credentials, repository, &secret).await {
                Ok(AuthenticationAnswer::Accepted(decision)) => {
                    self.cache.accepted(key, repository, &decision, epoch, self.clock.now_ms());
                    if self.cache.epoch() == epoch {
                        return Ok(decision);
                    }
                }
                Ok(AuthenticationAnswer::Refused) => {
                    self.cache.refused(key, self.clock.now_ms());
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

    fn without_upstream(
        &self,
        error: &CallError,
        stale: Option<AccessDecision>,
    ) -> Result<AccessDecision, Refusal> {
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
        let until = self.clock.now_ms().saturating_add(OUTAGE_PAUSE.as_millis() as i64);
        self.outage_until_ms.store(until, Ordering::Relaxed);
        stale.ok_or_else(upstream_is_away)
    }
}

fn upstream_is_away() -> Refusal {
    Refusal::unavailable("The upstream, which knows the users, cannot be reached.")
}
