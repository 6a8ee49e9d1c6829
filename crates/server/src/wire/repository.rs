//! Projects and repositories in answers; events and webhooks show them alike.

use heliostat_api::models::{EnrichedRepository, RestProject, RestRepository};
use heliostat_downstream::wire;
use heliostat_storage::{Project, Repository};

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
}
