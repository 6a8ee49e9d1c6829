//! Projects and repositories in answers; events and webhooks show them alike.

use heliostat_api::models::{
    EnrichedRepository, PurgeState, RestMirrorPurge, RestProject, RestRepository, RestRepositoryPurge,
    RestRepositoryUsage,
};
use heliostat_downstream::wire;
use heliostat_storage::{Project, Repository};
use heliostat_upstream::{PurgeProgress, RepositoryUsage};

use super::UpstreamWire;

impl UpstreamWire {
    /// A project.
    pub fn project(&self, project: &Project) -> RestProject {
        wire::project(self.base(), project)
    }

    /// A repository.
    pub fn repository(&self, repository: &Repository) -> RestRepository {
        wire::repository(self.base(), repository)
    }

    /// A repository with what mirrors compare, and with the full name of its default branch if that was asked for.
    pub fn enriched_repository(
        &self,
        repository: &Repository,
        include_default_branch: bool,
    ) -> EnrichedRepository {
        wire::enriched_repository(self.base(), repository, include_default_branch)
    }

    /// What a repository takes.
    pub fn repository_usage(&self, usage: &RepositoryUsage) -> RestRepositoryUsage {
        RestRepositoryUsage {
            size_bytes: i64::try_from(usage.size_bytes).unwrap_or(i64::MAX),
            updated_date: usage.updated_at,
        }
    }

    /// How far the latest order to remove what no ref leads to is.
    pub fn repository_purge(&self, progress: &PurgeProgress) -> RestRepositoryPurge {
        let PurgeProgress { orders, mirrors } = progress;
        let done_at = orders.done_at.filter(|_| orders.done >= orders.number);
        let mirrors = mirrors.iter().map(|mirror| RestMirrorPurge {
            id: mirror.id.to_string(),
            name: mirror.name.clone(),
            state: purge_state(orders.number, mirror.done_at),
            done_at: mirror.done_at,
            reported_date: mirror.reported_at,
            last_seen_date: mirror.last_seen_at,
        });
        RestRepositoryPurge {
            number: orders.number,
            state: purge_state(orders.number, done_at),
            ordered_at: orders.ordered_at,
            done_at,
            mirrors: mirrors.collect(),
        }
    }
}

fn purge_state(orders: i64, done_at: Option<i64>) -> PurgeState {
    match done_at {
        _ if orders == 0 => PurgeState::NeverOrdered,
        None => PurgeState::Pending,
        Some(_) => PurgeState::Done,
    }
}
