//! What is remembered about one set of credentials that the upstream has accepted.

use std::collections::HashMap;

use heliostat_auth::{RepositoryPermission, UserIdentity};

use super::asked::{AskedRepository, NameKey};
use super::kept_file::{KeptDecisions, KeptName};
use super::permit;
use crate::upstream_link::AccessDecision;

/// For how many repositories it is remembered that they may be read.
const MAX_REPOSITORIES_PER_USER: usize = 1_000;
/// For how many names it is remembered that there is nothing to be seen.
const MAX_HIDDEN_NAMES_PER_USER: usize = 200;

/// A user, and what they may do.
pub(super) struct Accepted {
    pub(super) user: UserIdentity,
    /// When the upstream accepted the credentials last, in epoch milliseconds.
    pub(super) verified_at: i64,
    /// By the upstream's id: what they may do there, and when the upstream said so.
    repositories: HashMap<String, (RepositoryPermission, i64)>,
    /// Names under which there is nothing for them.
    hidden: HashMap<NameKey, Hidden>,
    /// Under which name it is kept on the disk, once that is known.
    pub(super) name: Option<KeptName>,
}

/// A name under which there was nothing to be seen. All such names are forgotten when a repository comes to this mirror: the
/// one that it comes to must be asked about, and must not be the only one.
struct Hidden {
    /// When the upstream said so, in epoch milliseconds.
    verified_at: i64,
    upstream_id: Option<String>,
    arrivals: u64,
}

impl Accepted {
    pub(super) fn new(user: UserIdentity, verified_at: i64) -> Self {
        Self { user, verified_at, repositories: HashMap::new(), hidden: HashMap::new(), name: None }
    }

    /// What they may do with what is asked for, if anything, and when the upstream said so. `None` if it did not.
    pub(super) fn about(
        &self,
        asked: Option<&AskedRepository>,
    ) -> Option<(Option<RepositoryPermission>, i64)> {
        let Some(asked) = asked.filter(|_| !permit::reads_everything(&self.user)) else {
            return Some((None, self.verified_at));
        };
        match asked.upstream_id().and_then(|id| self.repositories.get(id)) {
            Some((permission, at)) => Some((Some(*permission), *at)),
            None => {
                let hidden = self.hidden.get(&asked.name());
                let still = hidden.filter(|hidden| {
                    hidden.arrivals == asked.arrivals()
                        && hidden.upstream_id.as_deref() == asked.upstream_id()
                });
                still.map(|hidden| (None, hidden.verified_at))
            }
        }
    }

    /// Takes in what the upstream says now, and whether that is less than before.
    pub(super) fn learn(
        &mut self,
        asked: Option<&AskedRepository>,
        decision: &AccessDecision,
        now_ms: i64,
    ) -> bool {
        let mut has_lost = decision.user.global < self.user.global;
        self.user = decision.user.clone();
        self.verified_at = now_ms;
        let Some(asked) = asked else { return has_lost };
        if let (Some(id), Some(permission)) = (asked.upstream_id(), decision.permission) {
            if self.repositories.len() >= MAX_REPOSITORIES_PER_USER && !self.repositories.contains_key(id) {
                self.repositories.clear();
            }
            let before = self.repositories.insert(id.to_owned(), (permission, now_ms));
            has_lost |= before.is_some_and(|(before, _)| permission < before);
            self.hidden.remove(&asked.name());
        } else {
            let before = asked.upstream_id().and_then(|id| self.repositories.remove(id));
            has_lost |= before.is_some();
            if self.hidden.len() >= MAX_HIDDEN_NAMES_PER_USER {
                self.hidden.clear();
            }
            let upstream_id = asked.upstream_id().map(str::to_owned);
            let hidden = Hidden { verified_at: now_ms, upstream_id, arrivals: asked.arrivals() };
            self.hidden.insert(asked.name(), hidden);
        }
        has_lost
    }

    /// Takes in what an earlier process knew, where nothing newer is known.
    pub(super) fn take_back(&mut self, kept: Vec<(String, RepositoryPermission, i64)>) {
        for (id, permission, verified_at) in kept {
            self.repositories.entry(id).or_insert((permission, verified_at));
        }
    }

    /// What a later process should know: what they may do, and not what they may not.
    pub(super) fn to_keep(&self, login: [u8; 8]) -> Option<KeptDecisions> {
        let repositories = self.repositories.iter();
        Some(KeptDecisions {
            name: self.name?,
            login,
            user: self.user.clone(),
            verified_at: self.verified_at,
            repositories: repositories.map(|(id, (permission, at))| (id.clone(), *permission, *at)).collect(),
        })
    }
}
