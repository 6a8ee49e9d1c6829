//! The first fetch of a repository, of which nothing is here yet: over a connection that is open already, indexed while it
//! comes, looked at once, and forwarded to those who wait for it.
//!
//! It is an attempt: where it does not end well, `git` fetches as ever.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use heliostat_git::{
    ByteStream, FetchError, FetchProgress, IndexedPack, ObjectId, PackForwarder, Repository, SaidLines,
    index_whole_pack,
};
use heliostat_git_wire::{PackBand, whole_fetch_request};
use reqwest::Response;

use super::SmartHttp;
use super::fetch_wanted::STALL_LIMIT;
use super::question::{Answer, Question};
use crate::source::{Source, WantedObjects};
use crate::{Credentials, FetchFailure, Refusal, RepositoryPath};

/// Most objects that are asked for by name: a request of a megabyte.
const MAX_WANTS: usize = 20_000;

impl SmartHttp {
    /// Whether the objects are here now, with all that they need. The caller keeps others from removing objects.
    pub(super) async fn fetched_whole(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
        into: &Repository,
        wanted: WantedObjects<'_>,
    ) -> Result<bool, FetchFailure> {
        let is_here = self.fetch_one_pack(path, credentials, into, wanted).await?;
        if let Some(forwarder) = wanted.forwarder {
            match is_here {
                true => forwarder.finish(),
                false => drop(forwarder.give_up()),
            }
        }
        Ok(is_here)
    }

    async fn fetch_one_pack(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
        into: &Repository,
        wanted: WantedObjects<'_>,
    ) -> Result<bool, FetchFailure> {
        let objects = wanted.objects;
        let progress = wanted.progress.cloned().unwrap_or_default();
        let format = objects.first().map(ObjectId::format);
        let (Some(format), Some(place)) = (format, self.found.place_with_offer(path)) else {
            return Ok(false);
        };
        if objects.len() > MAX_WANTS {
            return Ok(false);
        }
        let request = whole_fetch_request(objects, format);
        let question = Question::of_git(&self.url_of(&place), credentials, request);
        let answer = match self.ask_at_length(question).await {
            Ok(Answer::Success(answer)) => answer,
            Ok(Answer::MovedTo(_)) | Err(Refusal::Nonsense(_)) => return Ok(false),
            Err(refusal) => return Err(refusal.into()),
        };
        let pack = forwarding(pack_of(answer, &progress), wanted.forwarder);
        match index_whole_pack(into, pack, STALL_LIMIT, &progress).await {
            Ok(IndexedPack::Whole) => {
                let here = into.present(objects).await.map_err(|error| FetchFailure::Here(error.into()))?;
                Ok(here == *objects)
            }
            Ok(IndexedPack::RefersToOthers) => Ok(false),
            // Git would tell the same of it.
            Err(error @ (FetchError::Harmful { .. } | FetchError::CannotReadNow { .. })) => {
                Err(FetchFailure::Here(error))
            }
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "what has come in one answer is not taken; fetching"
                );
                Ok(false)
            }
        }
    }
}

/// The same pack, each piece of which is forwarded before it is taken here.
fn forwarding(
    pack: ByteStream,
    forwarder: Option<&PackForwarder>,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    pack.then(move |piece| async move {
        if let (Some(forwarder), Ok(piece)) = (forwarder, &piece) {
            forwarder.forward(piece).await;
        }
        piece
    })
}

/// The pack, and beside it what the server says of how far it is.
fn pack_of(answer: Response, progress: &FetchProgress) -> ByteStream {
    let (mut band, mut lines) = (PackBand::default(), SaidLines::new(progress.listener()));
    let pack = answer.bytes_stream().map(move |piece| {
        let piece = piece.map_err(io::Error::other)?;
        let pack = band.take(&piece).map(Bytes::from).map_err(io::Error::other);
        lines.take(band.said());
        pack
    });
    pack.boxed()
}
