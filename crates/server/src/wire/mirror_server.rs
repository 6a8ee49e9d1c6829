//! Mirrors on the wire, as their upstream knows them.

use heliostat_api::models::{
    MirrorEventType, MirrorSyncType, MirrorType as WireType, RestMirrorServer,
    RestMirroredRepositoryDescriptor, RestRepositoryMirrorEvent, RestSelfLinks,
};
use heliostat_downstream::{RepositoryMirror, SyncReport, SyncType};
use heliostat_storage::{MirrorOutcome, MirrorServer, MirrorType, MirroringRequest};

use super::UpstreamWire;
use super::links::self_links;
use super::mirror_standing::repository_copy;

impl UpstreamWire {
    /// A mirror that has joined. One that was never heard of since counts as seen when it joined.
    pub fn mirror_server(&self, mirror: &MirrorServer) -> RestMirrorServer {
        RestMirrorServer {
            id: mirror.id.to_string(),
            name: mirror.name.clone(),
            base_url: mirror.base_url.clone(),
            enabled: mirror.enabled,
            mirror_type: mirror_type(mirror.mirror_type),
            product_type: mirror.product_type.clone(),
            product_version: stated(&mirror.product_version),
            last_seen_date: mirror.last_seen_at.unwrap_or(mirror.created_at),
            links: self.links_of_mirror(mirror.id.as_str()),
        }
    }

    /// A mirror that was turned away: what its request says of it, not enabled, last seen when it asked.
    pub fn rejected_mirror(&self, request: &MirroringRequest) -> RestMirrorServer {
        RestMirrorServer {
            id: request.mirror_id.to_string(),
            name: request.name.clone(),
            base_url: request.base_url.clone(),
            enabled: false,
            mirror_type: mirror_type(request.mirror_type),
            product_type: request.product_type.clone(),
            product_version: stated(&request.product_version),
            last_seen_date: request.created_at,
            links: self.links_of_mirror(request.mirror_id.as_str()),
        }
    }

    /// A mirror with the signed link to one repository there.
    pub fn mirrored_repository_descriptor(
        &self,
        mirror: RepositoryMirror,
    ) -> RestMirroredRepositoryDescriptor {
        RestMirroredRepositoryDescriptor {
            mirror_server: self.mirror_server(&mirror.mirror),
            copy: Some(repository_copy(mirror.newest, mirror.reported.as_ref())),
            links: self_links(mirror.link),
        }
    }

    fn links_of_mirror(&self, id: &str) -> RestSelfLinks {
        self_links(format!("{}/rest/mirroring/latest/mirrorServers/{id}", self.base()))
    }
}

/// How many nodes a mirror has, on the wire.
pub fn mirror_type(mirror_type: MirrorType) -> WireType {
    match mirror_type {
        MirrorType::Single => WireType::Single,
        MirrorType::Farm => WireType::Farm,
    }
}

/// How many nodes a mirror has, as the store calls it.
pub fn stored_mirror_type(mirror_type: WireType) -> MirrorType {
    match mirror_type {
        WireType::Single => MirrorType::Single,
        WireType::Farm => MirrorType::Farm,
    }
}

/// How a synchronization ended, as the domain takes it in.
pub fn sync_report(event: RestRepositoryMirrorEvent) -> SyncReport {
    SyncReport {
        outcome: match event.kind {
            MirrorEventType::Synchronized => MirrorOutcome::Synchronized,
            MirrorEventType::SynchronizationFailed => MirrorOutcome::SynchronizationFailed,
        },
        upstream_repository_id: event.upstream_repo_id,
        mirror_repository_id: event.mirror_repo_id,
        generation: event.generation,
        purge: event.purge,
        sync_type: event.sync_type.map(|sync_type| match sync_type {
            MirrorSyncType::Incremental => SyncType::Incremental,
            MirrorSyncType::Snapshot => SyncType::Snapshot,
        }),
    }
}

/// A text that the other side may have left out.
pub fn stated(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}
