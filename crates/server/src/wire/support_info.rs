//! Support information on the wire: what waits, what runs, what is behind.

use heliostat_api::models::{
    RestDelayedSyncRepository, RestFarmSynchronizationRequest, RestHashes,
    RestMirrorRepositorySynchronizationStatus, RestRepositoryLockOwner, SynchronizationType,
};
use heliostat_downstream::event_date;
use heliostat_mirror::{DelayedSync, RunningSync, WaitingSync};
use heliostat_refusal::Refusal;
use heliostat_storage::MirroredRepository;

use super::MirrorWire;

impl MirrorWire {
    /// A synchronisation in flight, on this node.
    pub fn lock_owner(&self, running: &RunningSync) -> RestRepositoryLockOwner {
        RestRepositoryLockOwner {
            external_repository_id: running.external_id.clone(),
            lock_acquire_time: running.run.started_at,
            node_id: self.node_id(),
            request_id: running.run.id.clone(),
            thread_name: running.run.worker.clone(),
        }
    }
}

/// What waits for a synchronisation.
pub fn synchronization_request(waiting: &WaitingSync) -> RestFarmSynchronizationRequest {
    RestFarmSynchronizationRequest {
        external_repo_id: waiting.external_id.clone(),
        kind: match waiting.is_snapshot {
            true => SynchronizationType::Snapshot,
            false => SynchronizationType::Incremental,
        },
        attempt: waiting.attempt,
        created_at: event_date(waiting.since),
    }
}

/// How the copy of a repository stands.
pub fn synchronization_status(
    record: &MirroredRepository,
) -> Result<RestMirrorRepositorySynchronizationStatus, Refusal> {
    let local_project_id = record.project_id.parse::<i32>().map_err(Refusal::internal)?;
    Ok(RestMirrorRepositorySynchronizationStatus {
        external_repo_id: record.external_id.clone(),
        local_repo_id: record.local_id.0,
        local_project_id,
        upstream_id: record.upstream_server_id.to_string(),
        initial_sync_date: record.initial_sync_at,
        last_sync_date: record.last_sync_at,
        failed_sync_count: record.failed_count,
        hashes: RestHashes {
            content: record.content_hash.clone(),
            metadata: Some(record.metadata_hash.clone()).filter(|hash| !hash.is_empty()),
        },
    })
}

/// A repository that is behind.
pub fn delayed_sync(delayed: &DelayedSync) -> RestDelayedSyncRepository {
    let record = &delayed.record;
    RestDelayedSyncRepository {
        repository_id: record.external_id.clone(),
        project_key: record.project_key.clone(),
        repository_slug: record.slug.clone(),
        behind_since: delayed.since,
        generation: record.initial_sync_at.map(|_| record.generation_synced.0),
        upstream_generation: Some(record.generation_known.0),
        last_sync_date: record.last_sync_at,
        failed_sync_count: Some(record.failed_count).filter(|count| *count > 0),
        last_error: delayed.trouble.clone().or_else(|| record.last_error.clone()),
    }
}
