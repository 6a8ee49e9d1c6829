//! Repositories that can be read from a mirror, on the wire.

use heliostat_api::models::RestServedRepository;
use heliostat_mirror::{MirroredRepositoryView, UpstreamUrl};
use heliostat_storage::{Page, PageRequest};

use super::MirrorWire;

impl MirrorWire {
    /// A page of what can be read from here.
    pub fn served_repositories(
        &self,
        served: &[MirroredRepositoryView],
        wanted: PageRequest,
    ) -> Page<RestServedRepository> {
        Page::of(served, wanted).map(|repository| self.served_repository(&repository))
    }

    /// A repository, by the path that it has here and on the upstream.
    pub fn served_repository(&self, view: &MirroredRepositoryView) -> RestServedRepository {
        RestServedRepository {
            path: UpstreamUrl::clone_path(&view.record.project_key, &view.record.slug),
            clone_url: view.clone_url.clone(),
            push_url: view.push_url.clone(),
        }
    }
}
