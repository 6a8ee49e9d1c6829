//! The way to the upstream for a request that is not to be answered with what is here, because that is known to be old.
//!
//! The upstream decides with the reader's own credentials, and its answer goes to the reader as it comes. When it does
//! not answer, or when what was missing has come meanwhile, the answer comes from here after all.

use std::fmt;
use std::sync::Arc;

use futures_util::StreamExt;
use heliostat_git::{ByteStream, ClientKey, FairQueue, Permit};
use heliostat_refusal::Refusal;
use reqwest::StatusCode;

use super::freshness::{Freshness, has};
use super::missing_wants::hides_the_repository;
use crate::access::permit;
use crate::inventory::Entry;
use crate::sync::Synchroniser;
use crate::upstream_link::{PassedRequest, ReaderAccess, UpstreamClient, UpstreamLink};

/// Most requests that go through to the upstream at once, questions about single objects included. More wait, and may be
/// answered from here when they have waited.
pub(super) const MAX_REQUESTS_AT_UPSTREAM: usize = 64;

/// Leads one request of one reader to the upstream.
#[derive(Clone)]
pub struct Through {
    pub(super) link: Arc<UpstreamLink>,
    pub(super) client: UpstreamClient,
    pub(super) synchroniser: Arc<Synchroniser>,
    pub(super) places: FairQueue,
    pub(super) entry: Arc<Entry>,
    pub(super) access: ReaderAccess,
    pub(super) freshness: Freshness,
}

/// Who answers after all.
pub enum Passed {
    /// The upstream, with this.
    ByUpstream(ByteStream),
    /// This mirror, which is so fresh by now.
    Here(Freshness),
}

impl Through {
    /// Lets the request go on.
    pub async fn pass(self, request: PassedRequest, client: ClientKey) -> Result<Passed, Refusal> {
        let mut record = self.entry.subscribe();
        let known = self.freshness.known;
        let is_behind = !self.freshness.is_current();
        let caught_up = async { record.wait_for(|record| has(record, known)).await.map(drop).is_ok() };
        let place = tokio::select! {
            biased;
            place = self.places.permit(self.entry.disk_id(), client) => place,
            _ = caught_up, if is_behind => return Ok(self.here()),
        };
        let wanted = request.answer_type();
        let answer = match self.client.pass_on(&self.access, request).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(%error, "the upstream is not reached with a request of a client");
                return Ok(self.here());
            }
        };
        if answer.is_of(wanted) {
            let knows = self.knows_what_was_shown().await;
            let stream = answer.into_stream();
            return Ok(if knows { Passed::ByUpstream(with_place(stream, place)) } else { self.here() });
        }
        match answer.status() {
            StatusCode::UNAUTHORIZED => Err(Refusal::wrong_credentials()),
            status if hides_the_repository(status) => Err(permit::repository_not_found()),
            status => {
                let status = status.as_u16();
                tracing::warn!(status, "the upstream does not answer a request that this mirror passes on");
                Ok(self.here())
            }
        }
    }

    /// Whether this mirror knows by now of everything that the upstream can have shown: its answer may be newer than all
    /// news, and whoever has seen it must not be shown less here a moment later.
    async fn knows_what_was_shown(&self) -> bool {
        let asked = self.synchroniser.look_for_news(&self.entry).await;
        if let Err(failure) = &asked {
            tracing::debug!(reason = failure.in_full(), "the upstream does not say what it has just shown");
        }
        asked.is_ok()
    }

    fn here(&self) -> Passed {
        let served = self.entry.record().generation_synced;
        Passed::Here(Freshness { served, upstream: self.link.facts(), ..self.freshness })
    }
}

impl fmt::Debug for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Through").field("external_id", &self.entry.external_id).finish_non_exhaustive()
    }
}

/// The place is taken until the reader has all of it.
fn with_place(answer: ByteStream, place: Permit) -> ByteStream {
    let held = move |piece| {
        let _ = &place;
        piece
    };
    answer.map(held).boxed()
}
