//! The upstream as one reader of one repository may ask it: with their own credentials, and at most so many at once.

use std::sync::Arc;

use heliostat_git::{FairQueue, Shares};
use reqwest::StatusCode;

use crate::inventory::Entry;
use crate::sync::Synchroniser;
use crate::upstream_link::{ReaderAccess, UpstreamClient, UpstreamLink};

/// Most requests that go through to the upstream at once, questions about single objects included. More wait, and may be
/// answered from here when they have waited.
const MAX_REQUESTS_AT_UPSTREAM: usize = 64;

/// What it takes to ask for a reader.
#[derive(Clone)]
pub(super) struct UpstreamOfReader {
    pub(super) link: Arc<UpstreamLink>,
    pub(super) client: UpstreamClient,
    pub(super) synchroniser: Arc<Synchroniser>,
    /// Shared by all that readers ask of the upstream.
    pub(super) places: FairQueue,
    pub(super) entry: Arc<Entry>,
    pub(super) access: ReaderAccess,
}

/// Places for requests that the upstream answers for readers.
pub(crate) fn places_at_upstream() -> FairQueue {
    FairQueue::new(Shares::of_requests(MAX_REQUESTS_AT_UPSTREAM))
}

/// Whether this reader is not to see that there is a repository.
pub(super) fn hides_the_repository(status: StatusCode) -> bool {
    [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&status)
}
