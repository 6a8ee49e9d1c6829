//! Repositories that are here although no entry tells of them: when they are wanted, they are taken and brought up to date,
//! instead of being fetched in full.
//!
//! They left this mirror by an administrator's choice, or because the upstream had them no longer, and lie in the trash; or
//! they lie where they always did and the database that told of them is lost. What the upstream has lost since is never
//! taken: the synchronisation that follows would overwrite it.

use std::collections::HashMap;

use heliostat_git::{Origin, TrashReason, TrashedRepository};
use heliostat_storage::UpstreamServerId;
use parking_lot::Mutex;

use crate::upstream_link::UpstreamRepository;

/// What may come back, by the upstream's id.
#[derive(Debug, Default)]
pub(super) struct Returning(Mutex<HashMap<String, Returnable>>);

#[derive(Debug)]
struct Returnable {
    lies: Lies,
    origin: Origin,
    /// The upstream has said that it has it no longer.
    is_gone: bool,
}

impl Returnable {
    fn is(&self, repository: &UpstreamRepository) -> bool {
        let identity = repository.identity();
        identity.is_some() && self.origin.identity.as_deref() == identity
    }
}

/// Where a repository is that may come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lies {
    /// In the trash, under this name.
    InTrash(String),
    /// Among the others, with this number, which no row has.
    Unrecorded(u64),
}

impl Lies {
    /// Where it is taken from, in words.
    pub(super) fn place(&self) -> &'static str {
        match self {
            Self::InTrash(_) => "out of the trash",
            Self::Unrecorded(_) => "from where no record told of it",
        }
    }
}

impl Returning {
    /// What may come back of all that lies in the trash and of all that no row tells of.
    pub(super) fn new(
        trashed: Vec<TrashedRepository>,
        unrecorded: Vec<(u64, Origin)>,
        upstream_id: &UpstreamServerId,
    ) -> Self {
        let returning = Self::default();
        let is_ours = |origin: &Origin| origin.upstream_id.as_deref() == Some(upstream_id.as_str());
        // The oldest comes first, so that the newest of one repository stays.
        for TrashedRepository { name, reason, origin, .. } in trashed {
            if is_ours(&origin) {
                returning.put(name, reason, origin);
            }
        }
        for (disk_id, origin) in unrecorded.into_iter().filter(|(_, origin)| is_ours(origin)) {
            returning.insert(Lies::Unrecorded(disk_id), origin, false);
        }
        returning
    }

    /// Takes in what was moved into the trash.
    pub(super) fn put(&self, name: String, reason: TrashReason, origin: Origin) {
        let is_gone = matches!(reason, TrashReason::Deleted | TrashReason::NotListed);
        if is_gone || matches!(reason, TrashReason::NotSelected | TrashReason::LinkEnded) {
            self.insert(Lies::InTrash(name), origin, is_gone);
        }
    }

    fn insert(&self, lies: Lies, origin: Origin, is_gone: bool) {
        if let Some(external_id) = origin.external_id.clone() {
            self.0.lock().insert(external_id, Returnable { lies, origin, is_gone });
        }
    }

    /// Whether it left because the upstream had it no longer. Then what tells of it may be older than that.
    pub(super) fn is_gone(&self, repository: &UpstreamRepository) -> bool {
        let returnable = self.0.lock();
        returnable.get(&repository.external_id).is_some_and(|found| found.is_gone && found.is(repository))
    }

    /// Where a repository lies that is wanted again.
    pub(super) fn take(&self, wanted: &UpstreamRepository) -> Option<Lies> {
        let found = self.0.lock().remove(&wanted.external_id)?;
        let has_all = found.origin.generation.is_some_and(|generation| generation <= wanted.generation.0);
        (found.is(wanted) && has_all).then_some(found.lies)
    }
}
