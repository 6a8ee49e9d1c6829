//! What the upstream has decided about credentials, kept for a short time.
//!
//! Every clone would otherwise cost a round trip to the upstream, and none could be served while the
//! upstream is away. Three rules keep this honest: credentials are kept only as a salted hash; a refusal by the
//! upstream erases everything known about those credentials, so that nothing stale can outlive it; and an answer that
//! was asked for before a revocation is not entered after it (that is what [`Epoch`] is for).
//!
//! What an earlier process knew lies beside it, under names that `kept_file` makes, until its user comes back. It is good
//! only while the upstream cannot be asked.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use heliostat_auth::{Credentials, UserIdentity};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::accepted::Accepted;
use super::asked::AskedRepository;
use super::kept_file::{KeptDecisions, KeptName};
use super::revocations::{Epoch, Revocations};
use crate::upstream_link::AccessDecision;

/// How many accepted credentials are remembered.
const MAX_ACCEPTED: usize = 20_000;

/// How many refused credentials are remembered.
const MAX_REFUSED: usize = 20_000;

/// How long a refusal is remembered, in milliseconds: long enough to blunt guessing, short enough not to annoy.
const REFUSAL_TTL_MS: i64 = 5_000;

/// How long decisions may be used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecisionLifetimes {
    /// Without asking again.
    pub(crate) fresh: Duration,
    /// While the upstream cannot be asked.
    pub(crate) stale: Duration,
}

/// A salted hash of credentials, and of the name in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CredentialKey {
    digest: [u8; 32],
    login: LoginKey,
}

/// A salted hash of the name in credentials, which is no secret; all tokens without a name have the same.
pub(super) type LoginKey = [u8; 8];

impl CredentialKey {
    /// A number that is different for most keys.
    pub(crate) fn spread(self) -> usize {
        usize::from(self.digest[0]) << 8 | usize::from(self.digest[1])
    }

    /// What stands for the credentials themselves.
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

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

/// Whether what lies on the disk allows more than what is known now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum OnDisk {
    /// It must not be used any more.
    AllowsTooMuch,
    /// It may be old, but does no harm.
    Harmless,
}

/// The bounded memory of decisions.
pub(crate) struct AccessDecisionCache {
    salt: [u8; 32],
    lifetimes: DecisionLifetimes,
    /// Only what was decided since then can be fresh: news that came before may have been missed.
    opened_at: i64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    revocations: Revocations,
    accepted: HashMap<CredentialKey, Accepted>,
    refused: HashMap<CredentialKey, i64>,
    /// What earlier processes knew, until its user comes back.
    kept: HashMap<KeptName, KeptDecisions>,
    /// Who turned out to be none of those.
    not_kept: HashSet<CredentialKey>,
    /// How often there was something new to be kept.
    changes: u64,
}

impl AccessDecisionCache {
    /// Begins with what an earlier process has kept under the same salt.
    pub(crate) fn new(
        salt: [u8; 32],
        kept: Vec<KeptDecisions>,
        lifetimes: DecisionLifetimes,
        now_ms: i64,
    ) -> Self {
        let kept = kept.into_iter().map(|kept| (kept.name, kept)).collect();
        let state = Mutex::new(State { kept, ..State::default() });
        Self { salt, lifetimes, opened_at: now_ms, state }
    }

    /// The key of user credentials; other kinds have none.
    pub(crate) fn key(&self, credentials: &Credentials) -> Option<CredentialKey> {
        let (kind, name, secret) = match credentials {
            Credentials::Basic { username, password } => ("basic", username.as_str(), password.expose()),
            Credentials::Bearer(token) => ("bearer", "", token.expose()),
            Credentials::None | Credentials::Jwt(_) => return None,
        };
        let mut login = [0; 8];
        login.copy_from_slice(&self.hash(&[kind, name])[..8]);
        Some(CredentialKey { digest: self.hash(&[kind, name, secret]), login })
    }

    fn hash(&self, parts: &[&str]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.salt);
        for part in parts {
            // The length keeps ("ab", "c") apart from ("a", "bc").
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().into()
    }

    /// To be taken before the upstream is asked and handed back with its answer.
    pub(crate) fn epoch(&self) -> Epoch {
        self.state.lock().revocations.epoch()
    }

    /// What is known about the credentials, and about a repository if one is asked for.
    pub(crate) fn recall(
        &self,
        key: CredentialKey,
        asked: Option<&AskedRepository>,
        now_ms: i64,
    ) -> Remembered {
        let state = self.state.lock();
        // What was refused at a time that is still to come was refused before the clock was set back.
        let is_recent = |until: &i64| (1..=REFUSAL_TTL_MS).contains(&until.saturating_sub(now_ms));
        if state.refused.get(&key).is_some_and(is_recent) {
            return Remembered::Refused;
        }
        let Some(accepted) = state.accepted.get(&key) else {
            return Remembered::Nothing;
        };
        let Some((permission, verified_at)) = accepted.about(asked) else {
            return Remembered::Nothing;
        };
        let decision = AccessDecision { user: accepted.user.clone(), permission };
        // A wall clock can jump back; an age below zero counts as old, not as young.
        match u64::try_from(now_ms - verified_at).map(Duration::from_millis) {
            Ok(age) if age < self.lifetimes.fresh && verified_at >= self.opened_at => {
                Remembered::Fresh(decision)
            }
            Ok(age) if age < self.lifetimes.stale => Remembered::Stale(decision),
            _ => Remembered::Nothing,
        }
    }

    /// What the upstream has decided since then, for those who have waited for its answer: it is theirs as well, however
    /// short decisions are used.
    pub(crate) fn decided_since(
        &self,
        key: CredentialKey,
        asked: Option<&AskedRepository>,
        since_ms: i64,
    ) -> Option<AccessDecision> {
        let state = self.state.lock();
        let accepted = state.accepted.get(&key)?;
        let (permission, verified_at) = accepted.about(asked)?;
        (verified_at >= since_ms).then(|| AccessDecision { user: accepted.user.clone(), permission })
    }

    /// Whether something was revoked since then that this user may have been allowed.
    pub(crate) fn was_revoked_since(&self, epoch: Epoch, user: &UserIdentity) -> bool {
        self.state.lock().revocations.concern(&user.name, epoch)
    }

    /// Enters an acceptance, unless there was a revocation since `asked_in` that concerns its user.
    pub(crate) fn accepted(
        &self,
        key: CredentialKey,
        asked: Option<&AskedRepository>,
        decision: &AccessDecision,
        asked_in: Epoch,
        now_ms: i64,
    ) -> OnDisk {
        let mut state = self.state.lock();
        if state.revocations.concern(&decision.user.name, asked_in) {
            return OnDisk::Harmless;
        }
        state.refused.remove(&key);
        state.changes += 1;
        if !state.accepted.contains_key(&key) && state.accepted.len() >= MAX_ACCEPTED {
            state.make_room(now_ms, self.lifetimes.stale);
        }
        let entry = state.accepted.entry(key).or_insert_with(|| Accepted::new(decision.user.clone(), now_ms));
        let has_lost = entry.learn(asked, decision, now_ms);
        if has_lost && entry.name.is_some() { OnDisk::AllowsTooMuch } else { OnDisk::Harmless }
    }

    /// Enters a refusal and forgets all that these credentials were good for.
    pub(crate) fn refused(&self, key: CredentialKey, now_ms: i64) -> OnDisk {
        let mut state = self.state.lock();
        let before = state.accepted.remove(&key);
        if state.refused.len() >= MAX_REFUSED {
            state.refused.retain(|_, until| now_ms < *until);
            if state.refused.len() >= MAX_REFUSED {
                state.refused.clear();
            }
        }
        state.refused.insert(key, now_ms.saturating_add(REFUSAL_TTL_MS));
        OnDisk::after_removal(before.is_some_and(|accepted| accepted.name.is_some()))
    }

    /// Forgets what is known about one user, or about all.
    pub(crate) fn revoke(&self, user: Option<&str>) -> OnDisk {
        let mut state = self.state.lock();
        state.revocations.note(user);
        let name = user.map(str::to_lowercase);
        let is_meant =
            |user: &UserIdentity| name.as_ref().is_none_or(|name| user.name.to_lowercase() == *name);
        let mut was_kept = false;
        state.accepted.retain(|_, accepted| {
            was_kept |= is_meant(&accepted.user) && accepted.name.is_some();
            !is_meant(&accepted.user)
        });
        state.kept.retain(|_, kept| {
            was_kept |= is_meant(&kept.user);
            !is_meant(&kept.user)
        });
        // A refusal may be outdated as well: the user may just have been given what was missing.
        state.refused.clear();
        OnDisk::after_removal(was_kept)
    }

    /// Whether an earlier process may have known the credentials.
    pub(super) fn may_be_kept(&self, key: CredentialKey) -> bool {
        let state = self.state.lock();
        let has_name = state.accepted.get(&key).is_some_and(|accepted| accepted.name.is_some());
        !has_name && !state.not_kept.contains(&key) && state.kept.values().any(|kept| kept.login == key.login)
    }

    /// Takes in under which name the credentials are kept, together with what an earlier process knew about them.
    pub(super) fn named(&self, key: CredentialKey, name: KeptName) {
        let mut state = self.state.lock();
        let Some(kept) = state.kept.remove(&name) else {
            match state.accepted.get_mut(&key) {
                Some(accepted) => accepted.name = Some(name),
                None => {
                    if state.not_kept.len() >= MAX_REFUSED {
                        state.not_kept.clear();
                    }
                    state.not_kept.insert(key);
                }
            }
            return;
        };
        let entry = state.accepted.entry(key).or_insert_with(|| Accepted::new(kept.user, kept.verified_at));
        entry.name = Some(name);
        entry.take_back(kept.repositories);
    }

    /// Some of those whose names are yet to be made.
    pub(super) fn unnamed(&self, most: usize) -> Vec<CredentialKey> {
        let state = self.state.lock();
        let unnamed = state.accepted.iter().filter(|(_, accepted)| accepted.name.is_none());
        unnamed.map(|(key, _)| *key).take(most).collect()
    }

    /// How often there was something new to be kept.
    pub(super) fn changes(&self) -> u64 {
        self.state.lock().changes
    }

    /// All that is worth being kept, the newest first.
    pub(super) fn to_keep(&self, now_ms: i64) -> Vec<KeptDecisions> {
        let oldest_useful = now_ms.saturating_sub(self.lifetimes.stale.as_millis() as i64);
        let state = self.state.lock();
        let known = state.accepted.iter().filter_map(|(key, accepted)| accepted.to_keep(key.login));
        let all = known.chain(state.kept.values().cloned());
        let mut all: Vec<_> = all.filter(|kept| kept.verified_at > oldest_useful).collect();
        all.sort_by_key(|kept| std::cmp::Reverse(kept.verified_at));
        all
    }
}

impl OnDisk {
    fn after_removal(was_kept: bool) -> Self {
        if was_kept { Self::AllowsTooMuch } else { Self::Harmless }
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
    use heliostat_auth::{RepositoryPermission, Secret};

    use super::*;

    const SECOND: i64 = 1_000;

    fn named(name: &str, upstream_id: Option<&str>) -> AskedRepository {
        AskedRepository::of(name, upstream_id)
    }

    fn engine() -> AskedRepository {
        named("APP/engine", Some("42"))
    }

    fn cache() -> AccessDecisionCache {
        let lifetimes =
            DecisionLifetimes { fresh: Duration::from_secs(60), stale: Duration::from_secs(3_600) };
        AccessDecisionCache::new([7; 32], Vec::new(), lifetimes, 0)
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
        assert_eq!(cache.accepted(key, Some(&engine()), &decision(), cache.epoch(), 0), OnDisk::Harmless);
        (cache, key)
    }

    #[test]
    fn a_decision_is_fresh_then_stale_then_forgotten() {
        let (cache, key) = known();
        assert_eq!(cache.recall(key, Some(&engine()), 59 * SECOND), Remembered::Fresh(decision()));
        assert_eq!(cache.recall(key, Some(&engine()), 60 * SECOND), Remembered::Stale(decision()));
        assert_eq!(cache.recall(key, Some(&engine()), 3_600 * SECOND), Remembered::Nothing);
    }

    #[test]
    fn a_decision_is_about_one_password_and_one_repository() {
        let (cache, key) = known();
        assert_eq!(cache.recall(key, Some(&named("APP/wing", Some("43"))), 0), Remembered::Nothing);
        let other = cache.key(&password("wrong")).expect("a password has a key");
        assert_eq!(cache.recall(other, Some(&engine()), 0), Remembered::Nothing);
        assert!(matches!(cache.recall(key, None, 0), Remembered::Fresh(_)));
        assert_eq!(cache.key(&Credentials::None), None);
    }

    #[test]
    fn what_is_hidden_and_what_is_missing_are_remembered_alike_and_under_the_asked_name_alone() {
        let (cache, key) = known();
        let nothing = AccessDecision { permission: None, ..decision() };
        for upstream_id in [Some("43"), None] {
            let asked = named("APP/wing", upstream_id);
            assert_eq!(cache.recall(key, Some(&asked), 0), Remembered::Nothing, "{upstream_id:?}");
            let _ = cache.accepted(key, Some(&asked), &nothing, cache.epoch(), 0);
            assert_eq!(cache.recall(key, Some(&asked), 1), Remembered::Fresh(nothing.clone()));
            let later = asked.clone().after_another_arrival();
            assert_eq!(cache.recall(key, Some(&later), 1), Remembered::Nothing, "it may have come");
            let by_id = named("43", upstream_id);
            assert_eq!(cache.recall(key, Some(&by_id), 1), Remembered::Nothing, "{upstream_id:?}");
            let _ = cache.revoke(None);
            let _ = cache.accepted(key, None, &decision(), cache.epoch(), 0);
        }
    }

    #[test]
    fn an_answer_is_also_of_those_who_waited_for_it() {
        let (cache, key) = known();
        let engine = engine();
        assert_eq!(cache.decided_since(key, Some(&engine), 0), Some(decision()));
        assert_eq!(cache.decided_since(key, Some(&engine), 1), None);
        assert_eq!(cache.decided_since(key, Some(&named("APP/wing", None)), 0), None);
    }

    #[test]
    fn a_refusal_is_brief_and_leaves_nothing_stale_behind() {
        let (cache, key) = known();
        assert_eq!(cache.refused(key, SECOND), OnDisk::Harmless);
        assert_eq!(cache.recall(key, Some(&engine()), 2 * SECOND), Remembered::Refused);
        assert_eq!(cache.recall(key, Some(&engine()), 6 * SECOND), Remembered::Nothing);
        assert_eq!(cache.refused(key, 400 * SECOND), OnDisk::Harmless);
        assert_eq!(cache.recall(key, Some(&engine()), 401 * SECOND), Remembered::Refused);
        assert_eq!(cache.recall(key, Some(&engine()), SECOND), Remembered::Nothing, "the clock was set back");
    }

    #[test]
    fn a_revocation_forgets_the_user_whatever_the_spelling() {
        let (cache, key) = known();
        assert_eq!(cache.revoke(Some("bob")), OnDisk::Harmless);
        assert!(matches!(cache.recall(key, Some(&engine()), 0), Remembered::Fresh(_)));
        assert_eq!(cache.revoke(Some("ADA")), OnDisk::Harmless);
        assert_eq!(cache.recall(key, Some(&engine()), 0), Remembered::Nothing);
    }

    #[test]
    fn an_answer_from_before_a_revocation_is_not_entered_after_it() {
        let (cache, key) = known();
        let asked_in = cache.epoch();
        let _ = cache.revoke(Some("bob"));
        assert!(!cache.was_revoked_since(asked_in, &decision().user), "that is another user");
        let _ = cache.revoke(None);
        let _ = cache.accepted(key, Some(&engine()), &decision(), asked_in, 0);
        assert_eq!(cache.recall(key, Some(&engine()), 0), Remembered::Nothing);
    }

    #[test]
    fn what_was_kept_comes_back_as_stale_for_its_user_alone() {
        let (before, key) = known();
        let name = KeptName::of([1; 32]);
        before.named(key, name);
        let after = AccessDecisionCache::new([7; 32], before.to_keep(SECOND), before.lifetimes, SECOND);
        let other = after.key(&password("wrong")).expect("a password has a key");
        assert!(after.may_be_kept(key) && after.may_be_kept(other));
        after.named(other, KeptName::of([2; 32]));
        assert!(!after.may_be_kept(other), "the name of others is not made twice");
        assert_eq!(after.recall(key, Some(&engine()), 2 * SECOND), Remembered::Nothing);
        after.named(key, name);
        assert_eq!(after.recall(key, Some(&engine()), 2 * SECOND), Remembered::Stale(decision()));
        assert_eq!(after.recall(key, Some(&engine()), 3_600 * SECOND), Remembered::Nothing);
        assert_eq!(after.to_keep(SECOND), before.to_keep(SECOND));
        assert_eq!(after.to_keep(3_600 * SECOND), []);
    }

    #[test]
    fn what_is_kept_must_go_when_it_allows_more_than_the_upstream_does() {
        let kept = || {
            let (cache, key) = known();
            cache.named(key, KeptName::of([1; 32]));
            (cache, key)
        };
        let (cache, key) = kept();
        assert_eq!(cache.revoke(Some("bob")), OnDisk::Harmless);
        assert_eq!(cache.revoke(Some("Ada")), OnDisk::AllowsTooMuch);
        assert_eq!(cache.to_keep(0), []);
        let (cache, key_again) = kept();
        assert_eq!(key, key_again);
        assert_eq!(cache.refused(key, 0), OnDisk::AllowsTooMuch);
        let (cache, _) = kept();
        let less = AccessDecision { permission: None, ..decision() };
        assert_eq!(cache.accepted(key, Some(&engine()), &decision(), cache.epoch(), 1), OnDisk::Harmless);
        assert_eq!(cache.accepted(key, Some(&engine()), &less, cache.epoch(), 1), OnDisk::AllowsTooMuch);
        let (before, _) = kept();
        let after = AccessDecisionCache::new([7; 32], before.to_keep(0), before.lifetimes, 0);
        assert_eq!(after.revoke(Some("ada")), OnDisk::AllowsTooMuch, "also before its user comes back");
    }

    #[test]
    fn the_memory_is_bounded() {
        let cache = cache();
        for number in 0..=MAX_ACCEPTED {
            let key = cache.key(&password(&number.to_string())).expect("a password has a key");
            let _ = cache.accepted(key, None, &decision(), cache.epoch(), number as i64);
        }
        assert!(cache.state.lock().accepted.len() <= MAX_ACCEPTED);
    }
}
