//! What the upstream has decided about credentials, kept for a short time.
//!
//! Every clone would otherwise cost a round trip to the upstream, and none could be served while the
//! upstream is away. Three rules keep this honest: credentials are kept only as a hash with a salt that
//! lives as long as the process; a refusal by the upstream erases everything known about those credentials,
//! so that nothing stale can outlive it; and an answer that was asked for before a revocation is not
//! entered after it (that is what [`Epoch`] is for).

use std::collections::HashMap;
use std::time::Duration;

use heliostat_auth::{Credentials, RepositoryPermission, UserIdentity};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::upstream_link::AccessDecision;

/// How many accepted credentials are remembered.
const MAX_ACCEPTED: usize = 20_000;

/// How many refused credentials are remembered.
const MAX_REFUSED: usize = 20_000;

/// For how many repositories a decision on one set of credentials is remembered.
const MAX_REPOSITORIES_PER_USER: usize = 1_000;

/// How long a refusal is remembered: long enough to blunt guessing, short enough not to annoy.
const REFUSAL_TTL: Duration = Duration::from_secs(5);

/// How long decisions may be used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecisionLifetimes {
    /// Without asking again.
    pub(crate) fresh: Duration,
    /// While the upstream cannot be asked.
    pub(crate) stale: Duration,
}

/// A salted hash of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CredentialKey([u8; 32]);

impl CredentialKey {
    /// A number that is different for most keys.
    pub(crate) fn spread(self) -> usize {
        usize::from(self.0[0]) << 8 | usize::from(self.0[1])
    }
}

/// A moment between two revocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

/// What is remembered about credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// Recent enough to act on.
    Fresh(AccessDecision),
    /// Good only while the upstream cannot be asked.
    Stale(AccessDecision),
    /// Refused a moment ago.
    Refused,
    /// Nothing.
    Nothing,
}

/// The bounded memory of decisions.
pub(crate) struct AccessDecisionCache {
    salt: [u8; 32],
    lifetimes: DecisionLifetimes,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    epoch: u64,
    accepted: HashMap<CredentialKey, Accepted>,
    refused: HashMap<CredentialKey, i64>,
}

struct Accepted {
    user: UserIdentity,
    verified_at: i64,
    repositories: HashMap<String, (Option<RepositoryPermission>, i64)>,
}

impl AccessDecisionCache {
    pub(crate) fn new(lifetimes: DecisionLifetimes) -> Self {
        Self { salt: rand::random(), lifetimes, state: Mutex::default() }
    }

    /// The key of user credentials; other kinds have none.
    pub(crate) fn key(&self, credentials: &Credentials) -> Option<CredentialKey> {
        let (kind, name, secret) = match credentials {
            Credentials::Basic { username, password } => ("basic", username.as_str(), password.expose()),
            Credentials::Bearer(token) => ("bearer", "", token.expose()),
            Credentials::None | Credentials::Jwt(_) => return None,
        };
        let mut hash = Sha256::new();
        hash.update(self.salt);
        for part in [kind, name, secret] {
            // The length keeps ("ab", "c") apart from ("a", "bc").
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Some(CredentialKey(hash.finalize().into()))
    }

    /// To be taken before the upstream is asked and handed back with its answer.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.state.lock().epoch)
    }

    /// What is known about the credentials, and about a repository if one is named.
    pub(crate) fn recall(&self, key: CredentialKey, repository: Option<&str>, now_ms: i64) -> Remembered {
        let state = self.state.lock();
        if state.refused.get(&key).is_some_and(|until| now_ms < *until) {
            return Remembered::Refused;
        }
        let Some(accepted) = state.accepted.get(&key) else {
            return Remembered::Nothing;
        };
        let (permission, verified_at) = match repository {
            None => (None, accepted.verified_at),
            Some(id) => match accepted.repositories.get(id) {
                Some((permission, verified_at)) => (*permission, *verified_at),
                None => return Remembered::Nothing,
            },
        };
        let decision = AccessDecision { user: accepted.user.clone(), permission };
        // A wall clock can jump back; an age below zero counts as old, not as young.
        match u64::try_from(now_ms - verified_at).map(Duration::from_millis) {
            Ok(age) if age < self.lifetimes.fresh => Remembered::Fresh(decision),
            Ok(age) if age < self.lifetimes.stale => Remembered::Stale(decision),
            _ => Remembered::Nothing,
        }
    }

    /// Enters an acceptance, unless there was a revocation since `asked_in`.
    pub(crate) fn accepted(
        &self,
        key: CredentialKey,
        repository: Option<&str>,
        decision: &AccessDecision,
        asked_in: Epoch,
        now_ms: i64,
    ) {
        let mut state = self.state.lock();
        if state.epoch != asked_in.0 {
            return;
        }
        state.refused.remove(&key);
        if !state.accepted.contains_key(&key) && state.accepted.len() >= MAX_ACCEPTED {
            state.make_room(now_ms, self.lifetimes.stale);
        }
        let entry = state.accepted.entry(key).or_insert_with(|| Accepted {
            user: decision.user.clone(),
            verified_at: now_ms,
            repositories: HashMap::new(),
        });
        entry.user = decision.user.clone();
        entry.verified_at = now_ms;
        if let Some(id) = repository {
            if entry.repositories.len() >= MAX_REPOSITORIES_PER_USER && !entry.repositories.contains_key(id) {
                entry.repositories.clear();
            }
            entry.repositories.insert(id.to_owned(), (decision.permission, now_ms));
        }
    }

    /// Enters a refusal and forgets all that these credentials were good for.
    pub(crate) fn refused(&self, key: CredentialKey, now_ms: i64) {
        let mut state = self.state.lock();
        state.accepted.remove(&key);
        if state.refused.len() >= MAX_REFUSED {
            state.refused.retain(|_, until| now_ms < *until);
            if state.refused.len() >= MAX_REFUSED {
                state.refused.clear();
            }
        }
        state.refused.insert(key, now_ms.saturating_add(REFUSAL_TTL.as_millis() as i64));
    }

    /// Forgets what is known about one user, or about all.
    pub(crate) fn revoke(&self, user: Option<&str>) {
        let mut state = self.state.lock();
        state.epoch += 1;
        match user {
            None => state.accepted.clear(),
            Some(name) => {
                let name = name.to_lowercase();
                state.accepted.retain(|_, accepted| accepted.user.name.to_lowercase() != name);
            }
        }
        // A refusal may be outdated as well: the user may just have been given what was missing.
        state.refused.clear();
    }
}

impl State {
    /// Drops what can no longer be used, and if that is not enough the older half of the rest.
    fn make_room(&mut self, now_ms: i64, stale: Duration) {
        let oldest_useful = now_ms.saturating_sub(stale.as_millis() as i64);
        self.accepted.retain(|_, accepted| accepted.verified_at > oldest_useful);
        if self.accepted.len() >= MAX_ACCEPTED {
            let mut ages: Vec<i64> = self.accepted.values().map(|accepted| accepted.verified_at).collect();
            let (_, median, _) = ages.select_nth_unstable(MAX_ACCEPTED / 2);
            let median = *median;
            self.accepted.retain(|_, accepted| accepted.verified_at > median);
        }
    }
}

#[cfg(test)]
mod tests {
    use heliostat_auth::Secret;

    use super::*;

    const SECOND: i64 = 1_000;
    const REPOSITORY: Option<&str> = Some("42");

    fn cache() -> AccessDecisionCache {
        let lifetimes =
            DecisionLifetimes { fresh: Duration::from_secs(60), stale: Duration::from_secs(3_600) };
        AccessDecisionCache::new(lifetimes)
    }

    fn password(password: &str) -> Credentials {
        Credentials::Basic { username: "ada".to_owned(), password: Secret::new(password) }
    }

    fn decision() -> AccessDecision {
        let user = UserIdentity {
            id: 7,
            name: "ada".to_owned(),
            slug: "ada".to_owned(),
            display_name: "Ada".to_owned(),
            global: None,
        };
        AccessDecision { user, permission: Some(RepositoryPermission::Read) }
    }

    fn known() -> (AccessDecisionCache, CredentialKey) {
        let cache = cache();
        let key = cache.key(&password("right")).expect("a password has a key");
        cache.accepted(key, REPOSITORY, &decision(), cache.epoch(), 0);
        (cache, key)
    }

    #[test]
    fn a_decision_is_fresh_then_stale_then_forgotten() {
        let (cache, key) = known();
        assert_eq!(cache.recall(key, REPOSITORY, 59 * SECOND), Remembered::Fresh(decision()));
        assert_eq!(cache.recall(key, REPOSITORY, 60 * SECOND), Remembered::Stale(decision()));
        assert_eq!(cache.recall(key, REPOSITORY, 3_600 * SECOND), Remembered::Nothing);
    }

    #[test]
    fn a_decision_is_about_one_password_and_one_repository() {
        let (cache, key) = known();
        assert_eq!(cache.recall(key, Some("43"), 0), Remembered::Nothing);
        let other = cache.key(&password("wrong")).expect("a password has a key");
        assert_eq!(cache.recall(other, REPOSITORY, 0), Remembered::Nothing);
        assert!(matches!(cache.recall(key, None, 0), Remembered::Fresh(_)));
        assert_eq!(cache.key(&Credentials::None), None);
    }

    #[test]
    fn a_refusal_is_brief_and_leaves_nothing_stale_behind() {
        let (cache, key) = known();
        cache.refused(key, SECOND);
        assert_eq!(cache.recall(key, REPOSITORY, 2 * SECOND), Remembered::Refused);
        assert_eq!(cache.recall(key, REPOSITORY, 6 * SECOND), Remembered::Nothing);
    }

    #[test]
    fn a_revocation_forgets_the_user_whatever_the_spelling() {
        let (cache, key) = known();
        cache.revoke(Some("bob"));
        assert!(matches!(cache.recall(key, REPOSITORY, 0), Remembered::Fresh(_)));
        cache.revoke(Some("ADA"));
        assert_eq!(cache.recall(key, REPOSITORY, 0), Remembered::Nothing);
    }

    #[test]
    fn an_answer_from_before_a_revocation_is_not_entered_after_it() {
        let (cache, key) = known();
        let asked_in = cache.epoch();
        cache.revoke(None);
        cache.accepted(key, REPOSITORY, &decision(), asked_in, 0);
        assert_eq!(cache.recall(key, REPOSITORY, 0), Remembered::Nothing);
    }

    #[test]
    fn the_memory_is_bounded() {
        let cache = cache();
        for number in 0..=MAX_ACCEPTED {
            let key = cache.key(&password(&number.to_string())).expect("a password has a key");
            cache.accepted(key, None, &decision(), cache.epoch(), number as i64);
        }
        assert!(cache.state.lock().accepted.len() <= MAX_ACCEPTED);
    }
}
