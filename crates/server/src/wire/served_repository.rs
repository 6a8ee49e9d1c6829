//! Repositories that can be read from a mirror, on the wire.

use heliostat_api::models::RestServedRepository;
use heliostat_foreign::RepositoryPath;
use heliostat_mirror::{MirroredRepositoryView, UpstreamUrl};
use heliostat_origin::Origin;
use heliostat_origin::permit::Operator;
use heliostat_storage::{Page, PageRequest};
use url::Url;

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

/// A page of what is here of another Git server, at a mirror that clients reach at `base_url`.
pub fn repositories_of_origin(
    origin: &Origin,
    operator: &Operator,
    base_url: &Url,
    wanted: PageRequest,
) -> Page<RestServedRepository> {
    Page::of(&origin.repositories(operator), wanted)
        .map(|repository| repository_of_origin(origin, base_url, &repository.path))
}

/// A repository of another Git server, by the path that it has there and here.
pub fn repository_of_origin(origin: &Origin, base_url: &Url, path: &RepositoryPath) -> RestServedRepository {
    RestServedRepository {
        path: path.to_string(),
        clone_url: path.below(base_url).into(),
        push_url: origin.url_of(path).into(),
    }
}
