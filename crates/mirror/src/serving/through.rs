//! The way to the upstream for a request that is not to be answered with what is here: that is known to be old, or nothing
//! can be served from here yet.
//!
//! The upstream decides with the reader's own credentials, and its answer goes to the reader as it comes. When it does
//! not answer, or when what was missing has come meanwhile, the answer comes from here after all.

use std::fmt;

use futures_util::StreamExt;
use heliostat_git::{ByteStream, ClientKey, Permit};
use heliostat_refusal::Refusal;
use reqwest::StatusCode;

use super::freshness::{Freshness, has};
use super::upstream_of_reader::{UpstreamOfReader, hides_the_repository};
use crate::access::permit;
use crate::upstream_link::PassedRequest;

/// Leads one request of one reader to the upstream.
#[derive(Clone)]
pub struct Through {
    pub(super) upstream: UpstreamOfReader,
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
        let UpstreamOfReader { client: upstream, places, entry, access, .. } = &self.upstream;
        let mut record = entry.subscribe();
        let known = self.freshness.known;
        let is_behind = !self.freshness.is_current();
        let caught_up = async { record.wait_for(|record| has(record, known)).await.map(drop).is_ok() };
        let place = tokio::select! {
            biased;
            place = places.permit(entry.disk_id(), client) => place,
            _ = caught_up, if is_behind => return Ok(self.here()),
        };
        let wanted = request.answer_type();
        let answer = match upstream.pass_on(access, request).await {
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
    /// news, and a reader who has seen it must not be shown less here a moment later.
    async fn knows_what_was_shown(&self) -> bool {
        let UpstreamOfReader { synchroniser, entry, .. } = &self.upstream;
        let asked = synchroniser.look_for_news(entry).await;
        if let Err(failure) = &asked {
            tracing::debug!(reason = failure.in_full(), "the upstream does not say what it has just shown");
        }
        asked.is_ok()
    }

    fn here(&self) -> Passed {
        let UpstreamOfReader { link, entry, .. } = &self.upstream;
        let served = entry.record().generation_synced;
        Passed::Here(Freshness { served, upstream: link.facts(), ..self.freshness })
    }
}

impl fmt::Debug for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Through")
            .field("external_id", &self.upstream.entry.external_id)
            .finish_non_exhaustive()
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
