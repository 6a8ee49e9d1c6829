//! Mirrored repositories on the wire.

use heliostat_api::models::{
    MirroredRepositoryStatus, RestMirroredRepository, RestMirroredRepositoryLinks, RestNamedLink,
};
use heliostat_mirror::MirroredRepositoryView;
use heliostat_storage::{MirroredRepository, MirroredStatus};

use super::MirrorWire;
use super::links::self_link;

impl MirrorWire {
    /// A repository as it is here. Clone URLs lead here and push URLs to the upstream; each stands twice,
    /// because published clients look for it in two places.
    pub fn mirrored_repository(&self, view: &MirroredRepositoryView) -> RestMirroredRepository {
        let record = &view.record;
        let clone = if view.available { http_link(&view.clone_url) } else { Vec::new() };
        let push = http_link(&view.push_url);
        RestMirroredRepository {
            repository_id: record.external_id.clone(),
            local_repository_id: Some(record.local_id.0),
            mirror_name: self.name.clone(),
            available: view.available,
            status: status(record.status),
            last_updated: record.last_sync_at,
            last_sync_date: record.last_sync_at,
            generation: record.initial_sync_at.map(|_| record.generation_synced.0),
            upstream_generation: Some(record.generation_known.0),
            last_error: record.last_error.clone(),
            failed_sync_count: Some(record.failed_count).filter(|count| *count > 0),
            last_comparison_date: view.compared_at,
            behind_since: record.behind_since,
            not_known_since: view.not_known_since,
            clone_urls: clone.clone(),
            push_urls: push.clone(),
            links: RestMirroredRepositoryLinks {
                clone,
                push,
                self_links: self_link(self.address_of(record)),
            },
        }
    }

    fn address_of(&self, repository: &MirroredRepository) -> String {
        let (upstream, id) = (&repository.upstream_server_id, &repository.external_id);
        format!("{}/rest/mirroring/latest/upstreamServers/{upstream}/repos/{id}", self.base)
    }
}

fn http_link(href: &str) -> Vec<RestNamedLink> {
    vec![RestNamedLink { name: "http".to_owned(), href: href.to_owned() }]
}

fn status(status: MirroredStatus) -> MirroredRepositoryStatus {
    match status {
        MirroredStatus::NotMirrored => MirroredRepositoryStatus::NotMirrored,
        MirroredStatus::Initializing => MirroredRepositoryStatus::Initializing,
        MirroredStatus::Available => MirroredRepositoryStatus::Available,
        MirroredStatus::ErrorInitializing => MirroredRepositoryStatus::ErrorInitializing,
        MirroredStatus::ErrorAvailable => MirroredRepositoryStatus::ErrorAvailable,
    }
}
