//! The state of all references that is to be shown: complete, and proven before anything is changed.
//!
//! A hash that the upstream had at some generation proves that a state is the one of that generation, whatever was pushed
//! since. It must not be older than what was known when the synchronisation began, nor than what is shown already.

use std::sync::Arc;

use heliostat_api::models::MirrorSyncType;
use heliostat_git::RefSnapshot;
use heliostat_storage::Generation;

use super::pending_changes::PendingChanges;
use super::sync_repository::{Base, SyncFailure, Synchroniser};
use crate::inventory::Entry;

/// References as the upstream had them.
pub(super) struct ProvenState {
    pub(super) refs: RefSnapshot,
    /// When.
    pub(super) generation: Generation,
    /// How they were found out.
    pub(super) sync_type: MirrorSyncType,
}

impl Synchroniser {
    /// The state that is to be shown; fails with [`SyncFailure::Unproven`] when the upstream lists another one than
    /// it has told of, as it may in the middle of a push.
    pub(super) async fn proven_state(
        &self,
        entry: &Arc<Entry>,
        base: Option<&Base>,
        work: &PendingChanges,
        target: Generation,
    ) -> Result<ProvenState, SyncFailure> {
        let proven = |refs: RefSnapshot, sync_type| {
            let generation = proven_generation(entry, &refs, target)?;
            Some(ProvenState { refs, generation, sync_type })
        };
        // Where nothing is, only a list tells by which hash the objects are named, be it a list of nothing.
        if let Some(base) = base {
            if let Some(state) = proven(base.refs.clone(), MirrorSyncType::Incremental) {
                return Ok(state);
            }
            // Values that are not based on what is here lead nowhere.
            if let PendingChanges::Refs { refs: steps, .. } = work
                && let Some(after) = base.refs.after(steps)
                && let Some(state) = proven(after, MirrorSyncType::Incremental)
            {
                return Ok(state);
            }
        }
        let access = self.git_access(entry)?;
        let listed = self.client.list_refs(&access).await.map_err(SyncFailure::List)?;
        if let Some(state) = proven(listed.clone(), MirrorSyncType::Snapshot) {
            return Ok(state);
        }
        // The event of what is listed may be on its way.
        self.ask_upstream(entry).await?;
        if let Some(state) = proven(listed.clone(), MirrorSyncType::Snapshot) {
            return Ok(state);
        }
        let record = entry.record();
        Err(SyncFailure::Unproven {
            listed: listed.content_hash().clone(),
            told: record.upstream_content_hash.clone().unwrap_or_default(),
            needed: needed_generation(entry, target),
            known: record.generation_known,
        })
    }
}

/// The newest generation at which the upstream had these references, if that is new enough.
pub(super) fn proven_generation(entry: &Entry, refs: &RefSnapshot, target: Generation) -> Option<Generation> {
    let needed = needed_generation(entry, target);
    entry.generation_of(refs.content_hash()).filter(|generation| *generation >= needed)
}

/// All that was known at the start, unless the upstream has lost its past since; and never less than what is shown.
fn needed_generation(entry: &Entry, target: Generation) -> Generation {
    let record = entry.record();
    target.min(record.generation_known).max(record.generation_synced)
}
