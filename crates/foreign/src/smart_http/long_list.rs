//! Lists of references are read whole before they are understood. Of long ones only a few are in hand at once, so that many of
//! them do not take all the memory there is.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use heliostat_git::MAX_REF_LIST_BYTES;
use reqwest::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::SmartHttp;
use super::question::no_answer;
use crate::Refusal;

/// Longer lists are long ones, in bytes: about 200,000 references.
const LONG_LIST_BYTES: usize = 16 * 1024 * 1024;

/// Long lists that are in hand at once.
pub(super) const MAX_LONG_LISTS: usize = 2;

/// How long one waits for the end of others.
const PLACE_LIMIT: Duration = Duration::from_secs(20);

/// A list as it came.
pub(super) struct ListBody {
    bytes: Vec<u8>,
    /// Held until it is understood, if it is long.
    _place: Option<OwnedSemaphorePermit>,
}

impl ListBody {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl SmartHttp {
    /// Reads a list to its end.
    pub(super) async fn read_list(&self, answer: Response) -> Result<ListBody, Refusal> {
        let (mut bytes, mut place) = (Vec::new(), None);
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| no_answer(&error))?;
            let length = bytes.len().saturating_add(piece.len());
            if length > MAX_REF_LIST_BYTES {
                return Err(Refusal::Nonsense(format!("it answers more than {MAX_REF_LIST_BYTES} bytes")));
            }
            if length > LONG_LIST_BYTES && place.is_none() {
                place = Some(self.place_for_long_list().await?);
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(ListBody { bytes, _place: place })
    }

    async fn place_for_long_list(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let waiting = tokio::time::timeout(PLACE_LIMIT, Arc::clone(&self.long_lists).acquire_owned()).await;
        // Nobody closes it.
        waiting.ok().and_then(Result::ok).ok_or(Refusal::Busy)
    }
}

/// Places for lists that are long.
pub(super) fn places_for_long_lists() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_LONG_LISTS))
}
