//! Who may read what: remembered, or asked of the upstream, once for all who ask the same.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use heliostat_auth::{
    ACCESS_TOKEN_PREFIX, Credentials, Expectation, LoginAttempt, LoginOrigin, LoginQueue, LoginTurn,
    UserIdentity,
};
use heliostat_peer::{AddressPrefix, CallError, Clock, DetachedTasks};
use heliostat_refusal::Refusal;
use heliostat_storage::UpstreamState;
use tokio_util::sync::CancellationToken;

use super::asked::AskedRepository;
use super::decision_cache::{CredentialKey, DecisionLifetimes, Remembered};
use super::keeping::Keeping;
use super::outage::{Outage, is_passing};
use super::permit;
use crate::upstream_link::{
    AccessDecision, AuthenticationAnswer, UpstreamClient, UpstreamLink, is_about_us_alone,
};

/// Questions about different credentials rarely wait for each other with this many locks.
const SINGLE_FLIGHT_LOCKS: usize = 256;

/// Questions that the upstream is asked at once; it checks a few passwords at a time.
const MAX_QUESTIONS_AT_ONCE: usize = 64;
/// Questions that wait; more are refused.
const MAX_WAITING_QUESTIONS: usize = 1_024;

/// How often a question is repeated because permissions changed while it was asked.
const MAX_QUESTIONS: usize = 3;

/// How long a question goes on that was begun for a client that has hung up: others may wait for the answer.
const ABANDONED_QUESTION_LIMIT: Duration = Duration::from_secs(30);

/// The upstream's decisions about users.
pub(crate) struct AccessDecisions {
    link: Arc<UpstreamLink>,
    client: UpstreamClient,
    clock: Clock,
    keeping: Keeping,
    /// Per-credential single-flight: those who waited find the answer in the cache.
    in_flight: Vec<Arc<tokio::sync::Mutex<()>>>,
    outage: Outage,
    logins: LoginQueue,
    tasks: DetachedTasks,
    stop: CancellationToken,
}

impl AccessDecisions {
    /// Begins with what an earlier process has left in the data folder. With the token, questions end that no client waits for.
    pub(crate) async fn open(
        data: &Path,
        link: Arc<UpstreamLink>,
        client: UpstreamClient,
        clock: Clock,
        lifetimes: DecisionLifetimes,
        tasks: DetachedTasks,
        stop: CancellationToken,
    ) -> Self {
        Self {
            keeping: Keeping::open(data, &link, lifetimes, clock.clone()).await,
            link,
            client,
            clock,
            in_flight: (0..SINGLE_FLIGHT_LOCKS).map(|_| Arc::default()).collect(),
            outage: Outage::new(),
            logins: LoginQueue::new(MAX_QUESTIONS_AT_ONCE, MAX_WAITING_QUESTIONS),
            tasks,
            stop,
        }
    }

    /// The work behind the decisions; ends with the token.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        tokio::join!(self.outage.probe(&self.link, &self.client, &stop), self.keeping.run(&stop));
    }

    /// Forgets what is known about one user, or about all; also on the disk, or it fails.
    pub(crate) async fn revoke(&self, user: Option<&str>) -> Result<(), Refusal> {
        let on_disk = self.keeping.cache().revoke(user);
        self.keeping.take_back(on_disk).await
    }

    /// What the upstream decides about a user's credentials, and about a repository if one is asked for.
    pub(crate) async fn decide(
        self: &Arc<Self>,
        credentials: &Credentials,
        peer: Option<IpAddr>,
        asked: Option<&AskedRepository>,
    ) -> Result<AccessDecision, Refusal> {
        let Some(key) = self.keeping.cache().key(credentials) else {
            return Err(Refusal::unauthenticated(
                "The user name and password or the token of a user is needed.",
            ));
        };
        // The upstream need not be asked, and while it is away this is how a known user comes to be asked for the password.
        if credentials.lack_the_password() {
            return Err(Refusal::lacks_the_password());
        }
        let expectation = match self.recall(key, asked) {
            Remembered::Fresh(decision) => return Ok(decision),
            Remembered::Refused => return Err(Refusal::wrong_credentials()),
            Remembered::Stale(decision) if self.outage.lasts() => return Ok(decision),
            Remembered::Stale(_) => Expectation::Right,
            Remembered::Nothing => match self.recall(key, None) {
                Remembered::Fresh(_) | Remembered::Stale(_) => Expectation::Right,
                Remembered::Refused | Remembered::Nothing => Expectation::Nothing,
            },
        };
        let network = AddressPrefix::text_of(peer);
        let attempt = LoginAttempt { name: name_tried(credentials), origin: LoginOrigin::Network(&network) };
        let turn = self.logins.turn(attempt, expectation).await?;
        self.decide_once(key, credentials, asked, turn).await
    }

    /// Whose credentials these are, if the upstream has lately said that they are right.
    pub(crate) fn known_user(&self, credentials: &Credentials) -> Option<UserIdentity> {
        let key = self.keeping.cache().key(credentials)?;
        match self.recall(key, None) {
            Remembered::Fresh(decision) | Remembered::Stale(decision) => Some(decision.user),
            Remembered::Refused | Remembered::Nothing => None,
        }
    }

    fn recall(&self, key: CredentialKey, asked: Option<&AskedRepository>) -> Remembered {
        self.keeping.cache().recall(key, asked, self.clock.now_ms())
    }

    /// Asks the upstream, once for all who ask about the same credentials at the same time.
    async fn decide_once(
        self: &Arc<Self>,
        key: CredentialKey,
        credentials: &Credentials,
        asked: Option<&AskedRepository>,
        turn: LoginTurn,
    ) -> Result<AccessDecision, Refusal> {
        let in_flight = &self.in_flight[key.spread() % SINGLE_FLIGHT_LOCKS];
        let in_flight = match Arc::clone(in_flight).try_lock_owned() {
            Ok(first) => first,
            Err(_) => {
                let since_ms = self.clock.now_ms();
                let after_others = Arc::clone(in_flight).lock_owned().await;
                if let Some(decision) = self.keeping.cache().decided_since(key, asked, since_ms) {
                    turn.was_right();
                    return Ok(decision);
                }
                after_others
            }
        };
        let (this, credentials, asked) = (Arc::clone(self), credentials.clone(), asked.cloned());
        let deciding = async move {
            let decided = this.decide_alone(key, &credentials, asked.as_ref()).await;
            match &decided {
                Ok(_) => turn.was_right(),
                Err(Refusal::Unauthenticated { .. }) => turn.was_wrong(key.digest()),
                Err(_) => drop(turn),
            }
            drop(in_flight);
            decided
        };
        // A client that hangs up does not end what others wait for, nor does it guess for nothing.
        let decided = self.tasks.to_the_end_within(ABANDONED_QUESTION_LIMIT, &self.stop, deciding).await;
        decided.unwrap_or_else(|| Err(Refusal::unavailable("This mirror is stopping.")))
    }

    /// The caller keeps others from asking the same.
    async fn decide_alone(
        &self,
        key: CredentialKey,
        credentials: &Credentials,
        asked: Option<&AskedRepository>,
    ) -> Result<AccessDecision, Refusal> {
        // Before anything is asked, so that the answer also takes back what it contradicts.
        self.keeping.bring_back(key).await?;
        let stale = match self.recall(key, asked) {
            Remembered::Fresh(decision) => return Ok(decision),
            Remembered::Refused => return Err(Refusal::wrong_credentials()),
            Remembered::Stale(decision) => Some(decision),
            Remembered::Nothing => None,
        };
        if self.outage.lasts() {
            return stale.ok_or_else(|| self.outage.refusal());
        }
        self.ask_upstream(key, credentials, asked, stale).await
    }

    async fn ask_upstream(
        &self,
        key: CredentialKey,
        credentials: &Credentials,
        asked: Option<&AskedRepository>,
        stale: Option<AccessDecision>,
    ) -> Result<AccessDecision, Refusal> {
        let Some(secret) = self.link.secret_in_force() else {
            return Err(Refusal::unavailable(match self.link.state() {
                UpstreamState::Removed => {
                    "The upstream has removed this mirror, which serves no readers any more: read from another one, or from \
                     the upstream."
                }
                _ => "This mirror has not been accepted by its upstream.",
            }));
        };
        let repository = asked.and_then(AskedRepository::upstream_id);
        for _ in 0..MAX_QUESTIONS {
            let cache = self.keeping.cache();
            let epoch = cache.epoch();
            let answer = tokio::select! {
                answer = self.client.authenticate(credentials, repository, &secret) => answer,
                // Others have waited in vain meanwhile.
                () = self.outage.begun() => return stale.ok_or_else(|| self.outage.refusal()),
            };
            match answer {
                Ok(AuthenticationAnswer::Accepted(decision)) => {
                    let on_disk = cache.accepted(key, asked, &decision, epoch, self.clock.now_ms());
                    self.keeping.take_back(on_disk).await?;
                    if !cache.was_revoked_since(epoch, &decision.user) {
                        return Ok(decision);
                    }
                }
                Ok(AuthenticationAnswer::Refused) => {
                    let on_disk = cache.refused(key, self.clock.now_ms());
                    self.keeping.take_back(on_disk).await?;
                    return Err(Refusal::wrong_credentials());
                }
                Ok(AuthenticationAnswer::RepositoryUnknown) => {
                    return Err(permit::repository_not_found());
                }
                Err(error) => return self.without_answer(&error, stale),
            }
        }
        Err(Refusal::unavailable("Permissions are changing at the moment; try again."))
    }

    fn without_answer(
        &self,
        error: &CallError,
        stale: Option<AccessDecision>,
    ) -> Result<AccessDecision, Refusal> {
        if is_passing(error) {
            self.outage.begin(error);
            return stale.ok_or_else(|| self.outage.refusal());
        }
        tracing::warn!(error = %error, "the upstream does not decide about a user");
        if is_about_us_alone(error) {
            return stale.ok_or_else(|| {
                Refusal::too_many("The upstream is checking too many passwords; try again later.")
            });
        }
        let refusal =
            || Refusal::unavailable("The upstream does not answer this mirror's questions about users.");
        if error.is_outage() { stale.ok_or_else(refusal) } else { Err(refusal()) }
    }
}

/// What a client guesses the secret of: a name. A token is its own name, whatever name goes with it: many have the
/// same.
fn name_tried(credentials: &Credentials) -> &str {
    match credentials {
        Credentials::Basic { password, .. } if password.expose().starts_with(ACCESS_TOKEN_PREFIX) => {
            password.expose()
        }
        Credentials::Basic { username, .. } => username,
        Credentials::Bearer(token) | Credentials::Jwt(token) => token.expose(),
        Credentials::None => "",
    }
}

#[cfg(test)]
mod tests {
    use heliostat_auth::Secret;

    use super::*;

    #[test]
    fn wrong_tokens_lock_out_no_other_token_of_the_same_name() {
        let basic = |username: &str, password: &str| Credentials::Basic {
            username: username.to_owned(),
            password: Secret::new(password),
        };
        let tried = ["hls_one", "hls_two"].map(|token| basic("x-access-token", token));
        assert_ne!(name_tried(&tried[0]), name_tried(&tried[1]));
        assert_eq!(name_tried(&basic("ada", "one")), name_tried(&basic("ada", "two")));
    }
}
