//! What the upstream knows otherwise: asked for in one call, and read part by part while it arrives.

use std::time::Duration;

use heliostat_api::models::{RestPartDigest, RestRepositoryComparison, RestRepositoryPart};
use heliostat_api::ops::CompareRepositoriesRequest;
use heliostat_auth::Secret;
use heliostat_peer::{CallError, Items};

use super::client::{ItemList, UpstreamClient};
use super::repository::UpstreamRepository;

/// The most digests that are sent: 2 million repositories if ids have no gaps. Parts beyond are told in full each time.
const MAX_DIGESTS: usize = 8_192;

/// The answer. A first one tells of every repository, and each is recorded before the next part is read; a part has at most
/// 256 repositories.
const DIFFERENCES: ItemList =
    ItemList { member: "parts", timeout: Duration::from_hours(1), max_item_bytes: 32 * 1024 * 1024 };

/// A part of which the upstream knows something else.
#[derive(Debug)]
pub(crate) struct DifferingPart {
    pub(crate) part: i32,
    /// All that the upstream has there.
    pub(crate) repositories: Vec<UpstreamRepository>,
}

/// The parts that differ, as they arrive.
#[derive(Debug)]
pub(crate) struct Differences {
    client: UpstreamClient,
    parts: Items<RestRepositoryPart>,
}

impl UpstreamClient {
    /// Tells the upstream what is known of all repositories, or of those of these projects, by the digests of parts, and
    /// asks for those that differ. `None` if it cannot be asked so.
    pub(crate) async fn differences(
        &self,
        project_ids: Option<Vec<i32>>,
        digests: impl Iterator<Item = (i32, String)>,
        secret: &Secret,
    ) -> Result<Option<Differences>, CallError> {
        let digests =
            digests.take(MAX_DIGESTS).map(|(part, digest)| RestPartDigest { part, digest }).collect();
        let request = CompareRepositoriesRequest { body: RestRepositoryComparison { project_ids, digests } };
        let parts = self.call_for_items_if_known(&request, &DIFFERENCES, secret).await?;
        Ok(parts.map(|parts| Differences { client: self.clone(), parts }))
    }
}

impl Differences {
    /// The next part; `None` when the upstream has told all.
    pub(crate) async fn next(&mut self) -> Result<Option<DifferingPart>, CallError> {
        let arrived = self.parts.next().await;
        self.client.note_contact(&arrived);
        let Some(RestRepositoryPart { part, repositories }) = arrived? else { return Ok(None) };
        let repositories =
            repositories.into_iter().map(UpstreamRepository::try_from).collect::<Result<_, _>>();
        match repositories {
            Ok(repositories) => Ok(Some(DifferingPart { part, repositories })),
            Err(unfit) => Err(self.client.malformed(&unfit)),
        }
    }
}
