//! Where requests go at a mirror of another Git server: Git at that server's own paths, beside what is this server's own.
//!
//! Git LFS asks at the address from which git reads, so its requests come here as well. Large files are not mirrored: clients
//! are sent to the origin for them, to which they show their credentials themselves.

use std::sync::Arc;

use heliostat_foreign::RepositoryPath;
use heliostat_origin::Origin;
use poem::http::{HeaderValue, StatusCode, Uri, header};
use poem::{Endpoint, Request, Response, Result, Route};

use crate::git::OriginGit;
use crate::git::http::GitEndpoint;

/// First parts of the addresses that are this server's own: a repository of the origin below one of them is not served.
const OURS: [&str; 9] =
    ["", "rest", "status", "healthz", "readyz", "metrics", "openapi", "swagger-ui", "hooks"];

/// What stands behind the address of a repository where Git LFS asks.
const LFS: &str = "/info/lfs/";

/// All that is answered.
pub(super) struct Doors {
    /// This server's own addresses.
    pub(super) ours: Route,
    /// All others.
    pub(super) git: GitEndpoint<OriginGit>,
    /// Where large files are.
    pub(super) origin: Arc<Origin>,
}

impl Endpoint for Doors {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if is_ours(request.uri().path()) {
            return self.ours.call(request).await;
        }
        match self.place_of_large_files(request.uri()) {
            Some(place) => Ok(sent_to(place)),
            None => self.git.call(request).await,
        }
    }
}

impl Doors {
    /// Where the origin answers a request of Git LFS.
    fn place_of_large_files(&self, uri: &Uri) -> Option<HeaderValue> {
        let (repository, asked) = uri.path().split_once(LFS)?;
        let repository = self.origin.url_of(&RepositoryPath::parse(repository).ok()?);
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        HeaderValue::from_str(&format!("{repository}{LFS}{asked}{query}")).ok()
    }
}

/// With the same method and body.
fn sent_to(place: HeaderValue) -> Response {
    Response::builder().status(StatusCode::TEMPORARY_REDIRECT).header(header::LOCATION, place).finish()
}

fn is_ours(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    OURS.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_addresses_win_over_repositories_of_the_origin() {
        for path in
            ["/", "/status", "/rest/mirroring/latest/servedRepos", "/rest/x.git/info/refs", "/hooks/github"]
        {
            assert!(is_ours(path), "{path}");
        }
        for path in ["/acme/tool.git/info/refs", "/statuses/x.git/info/refs", "/status.git/git-upload-pack"] {
            assert!(!is_ours(path), "{path}");
        }
    }
}
