//! How many permits there are, and how many of them one client or one repository may hold.
//!
//! A client that holds its permits for long must not keep others from theirs. So no client, no repository, and not all
//! unverified clients together, can hold all of them: there is always one left for another client.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::process::ClientKey;
use crate::process::usage::{GONE_AFTER, Usage};

/// Background work may take this part of the permits, but at least one.
const BACKGROUND_PART: usize = 2;

/// How permits are shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Permits at once.
    all: usize,
    /// Of them, for work that no client waits for.
    background: usize,
    /// Background work begins only while fewer are taken.
    background_below: usize,
    /// For one verified client.
    account: usize,
    /// For all unverified clients of one network.
    network: usize,
    /// For all unverified clients.
    unverified: usize,
    /// For one repository; verified clients may have half as much again of it, and one who asks now and then one in any
    /// case.
    repository: usize,
    /// For one client that has had much lately, while there are others.
    beside_others: usize,
}

/// From this rank of usage on, a client has had much: four seconds lately.
const MUCH: u32 = 3;

/// How soon it may change, without any permit being given back, what a client may have.
pub(super) const LOOK_AGAIN_AFTER: Duration = GONE_AFTER;

impl Shares {
    /// So many permits, for work of our own, which takes no more than it needs.
    pub fn unlimited(all: usize) -> Self {
        let all = all.max(1);
        let background = (all / BACKGROUND_PART).max(1);
        Self {
            all,
            background,
            background_below: all,
            account: all,
            network: all,
            unverified: all,
            repository: all,
            beside_others: all,
        }
    }

    /// Processes that last as long as a client likes: half of them for one account and for one repository, a quarter for
    /// one network, three quarters for all unverified clients.
    pub fn of_processes(all: usize) -> Self {
        let (half, quarter) = ((all / 2).max(1), (all / 4).max(1));
        let unverified = (all - all / 4).max(1);
        Self { account: half, network: quarter, unverified, repository: half, ..Self::unlimited(all) }
    }

    /// Requests of any kind: half of them for one account, a quarter for one network, three quarters for all unverified
    /// clients.
    pub fn of_requests(all: usize) -> Self {
        Self { repository: all.max(1), ..Self::of_processes(all) }
    }

    /// Cores: a client may use all of them as long as it is alone. When others come, they begin beside it, until twice
    /// as much runs as there are cores; and from two cores on, one that has had much leaves half of them to others.
    pub fn of_cores(cores: usize) -> Self {
        let cores = cores.max(1);
        Self {
            all: 2 * cores,
            account: cores,
            network: cores,
            unverified: cores + cores / 2,
            repository: cores,
            beside_others: (cores / 2).max(1),
            ..Self::unlimited(cores)
        }
    }

    /// Whether a client may have more as time passes, without any permit being given back: once others have had nothing for a
    /// while, or once it counts as one who asks now and then, who may have one beyond the share of a repository.
    pub(super) fn depend_on_time(&self) -> bool {
        self.beside_others < self.account || self.repository < self.all
    }
}

/// Who holds how many permits.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) all: usize,
    pub(super) background: usize,
    unverified: usize,
    clients: HashMap<ClientKey, usize>,
    repositories: HashMap<u64, usize>,
    usage: Usage,
}

/// Who comes first: who holds fewer permits, and has had less lately.
pub(super) type Rank = (usize, u32);

impl Held {
    /// Where a client comes that wants one more for this repository; `None` where it may not have one.
    pub(super) fn rank(
        &self,
        shares: &Shares,
        repository: u64,
        client: ClientKey,
        now: Instant,
    ) -> Option<Rank> {
        let of_client = self.clients.get(&client).copied().unwrap_or_default();
        let of_repository = self.repositories.get(&repository).copied().unwrap_or_default();
        let rank = (of_client, self.usage.rank(client, now));
        let of_client_is_within = if client.is_verified() {
            of_client < shares.account
        } else {
            of_client < shares.network && self.unverified < shares.unverified
        };
        let leaves_room = rank.1 < MUCH
            || of_client < shares.beside_others
            || client == ClientKey::server()
            || !self.has_others(client, now);
        let repository_share =
            if client.is_verified() { shares.repository + shares.repository / 2 } else { shares.repository };
        let of_repository_is_within = of_repository < repository_share || rank == (0, 0);
        let is_within = of_client_is_within && of_repository_is_within && leaves_room;
        (self.all < shares.all && is_within).then_some(rank)
    }

    /// How much a client has had lately, as the second half of a rank.
    pub(super) fn usage_rank(&self, client: ClientKey, now: Instant) -> u32 {
        self.usage.rank(client, now)
    }

    /// Whether background work may take one more.
    pub(super) fn leave_room_for_background(&self, shares: &Shares) -> bool {
        self.all < shares.background_below && self.background < shares.background
    }

    pub(super) fn take(&mut self, repository: u64, client: ClientKey) {
        self.all += 1;
        self.unverified += usize::from(!client.is_verified());
        *self.clients.entry(client).or_default() += 1;
        *self.repositories.entry(repository).or_default() += 1;
    }

    /// A client has held one until now.
    pub(super) fn note_usage(&mut self, client: ClientKey, since: Instant) {
        let now = Instant::now();
        self.usage.note(client, now.duration_since(since), now);
    }

    /// Whether other clients hold something, or have a moment ago. The server is no client.
    fn has_others(&self, client: ClientKey, now: Instant) -> bool {
        let held_by = |client| self.clients.get(&client).copied().unwrap_or_default();
        let of_these = held_by(client) + held_by(ClientKey::server());
        self.all > self.background + of_these || self.usage.has_others(client, now)
    }

    pub(super) fn give_back(&mut self, repository: u64, client: ClientKey) {
        self.all -= 1;
        self.unverified -= usize::from(!client.is_verified());
        one_less(&mut self.clients, client);
        one_less(&mut self.repositories, repository);
    }

    pub(super) fn take_for_background(&mut self) {
        self.all += 1;
        self.background += 1;
    }

    pub(super) fn give_back_of_background(&mut self) {
        self.all -= 1;
        self.background -= 1;
    }
}

fn one_less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let std::collections::hash_map::Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}
