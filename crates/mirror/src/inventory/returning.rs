//! Repositories that left this mirror by an administrator's choice and lie in the trash: when they are wanted again,
//! they are taken from there and brought up to date, instead of being fetched in full.
//!
//! What the upstream has lost since is never taken out again: the synchronisation that follows would overwrite it.

use std::collections::HashMap;

use heliostat_git::{Origin, TrashReason, TrashedRepository};
use heliostat_storage::UpstreamServerId;
use parking_lot::Mutex;

use crate::upstream_link::UpstreamRepository;

/// What lies in the trash and may come back, by the upstream's id.
#[derive(Debug, Default)]
pub(super) struct Returning(Mutex<HashMap<String, Returnable>>);

#[derive(Debug)]
struct Returnable {
    name: String,
    origin: Origin,
}

impl Returning {
    /// What may come back of all that lies in the trash.
    pub(super) fn new(trashed: Vec<TrashedRepository>, upstream_id: &UpstreamServerId) -> Self {
        let returning = Self::default();
        // The oldest comes first, so that the newest of one repository stays.
        for TrashedRepository { name, reason, origin, .. } in trashed {
            if origin.upstream_id.as_deref() == Some(upstream_id.as_str()) {
                returning.put(name, reason, origin);
            }
        }
        returning
    }

    /// Takes in what was moved into the trash.
    pub(super) fn put(&self, name: String, reason: TrashReason, origin: Origin) {
        let by_choice = matches!(reason, TrashReason::NotSelected | TrashReason::LinkEnded);
        if let (true, Some(external_id)) = (by_choice, origin.external_id.clone()) {
            self.0.lock().insert(external_id, Returnable { name, origin });
        }
    }

    /// The name in the trash of a repository that is wanted again.
    pub(super) fn take(&self, wanted: &UpstreamRepository) -> Option<String> {
        let found = self.0.lock().remove(&wanted.external_id)?;
        let identity = wanted.identity();
        let is_the_same = identity.is_some() && found.origin.identity.as_deref() == identity;
        let has_all = found.origin.generation.is_some_and(|generation| generation <= wanted.generation.0);
        (is_the_same && has_all).then_some(found.name)
    }
}
