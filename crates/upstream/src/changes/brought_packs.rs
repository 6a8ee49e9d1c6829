//! What small pushes have brought, from their end until their change is recorded.
//!
//! A push hands its pack over before its change is recorded, and who records takes all packs before the references are
//! read: so what a change needs is never taken for what a later one needs. Where a push is found on the disk before it has
//! handed over its pack, mirrors fetch what it has brought.

use std::collections::HashMap;

use bytes::Bytes;
use heliostat_git::{RefChange, RefChangeKind};
use heliostat_storage::RepositoryId;
use parking_lot::Mutex;

/// Packs of pushes whose changes are not recorded yet.
#[derive(Default)]
pub(super) struct BroughtPacks(Mutex<HashMap<RepositoryId, Vec<Bytes>>>);

impl BroughtPacks {
    /// A push has ended that has brought this.
    pub(super) fn put(&self, id: RepositoryId, pack: Bytes) {
        self.0.lock().entry(id).or_default().push(pack);
    }

    /// What pushes have brought whose changes are recorded now.
    pub(super) fn take(&self, id: RepositoryId) -> Vec<Bytes> {
        self.0.lock().remove(&id).unwrap_or_default()
    }
}

/// What these changes need, as far as it is known: `None` if it has to be fetched.
pub(super) fn needed_packs(changes: Option<&[RefChange]>, brought: &[Bytes]) -> Option<Vec<Bytes>> {
    let needs_nothing = changes?.iter().all(|change| change.kind() == RefChangeKind::Delete);
    match (needs_nothing, brought) {
        (true, _) => Some(Vec::new()),
        (false, []) => None,
        (false, packs) => Some(packs.to_vec()),
    }
}
