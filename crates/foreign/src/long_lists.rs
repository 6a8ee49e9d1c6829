//! Lists of references are read whole before they are understood. Of long ones only a few are in hand at once, so that many of
//! them do not take all the memory there is.

use std::sync::Arc;
use std::time::Duration;

use heliostat_git::MAX_REF_LIST_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Refusal;

/// Longer lists are long ones, in bytes: about 200,000 references.
const LONG_LIST_BYTES: usize = 16 * 1024 * 1024;

/// Long lists that are in hand at once.
pub(crate) const MAX_LONG_LISTS: usize = 2;

/// How long one waits for the end of others.
const PLACE_LIMIT: Duration = Duration::from_secs(20);

/// Places for lists that are long. Clones share them.
#[derive(Debug, Clone)]
pub struct LongLists(pub(crate) Arc<Semaphore>);

impl Default for LongLists {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_LONG_LISTS)))
    }
}

impl LongLists {
    /// A list of which nothing has come yet.
    pub(crate) fn begin(&self) -> ListBody {
        ListBody { bytes: Vec::new(), place: None, places: self.clone() }
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let waiting = tokio::time::timeout(PLACE_LIMIT, Arc::clone(&self.0).acquire_owned()).await;
        // The semaphore is never closed.
        waiting.ok().and_then(Result::ok).ok_or(Refusal::Busy)
    }
}

/// A list as it comes.
pub(crate) struct ListBody {
    bytes: Vec<u8>,
    /// Held until it is understood, if it is long.
    place: Option<OwnedSemaphorePermit>,
    places: LongLists,
}

impl ListBody {
    /// What has come so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the next piece, as soon as there is room for it.
    pub(crate) async fn take(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        let length = self.bytes.len().saturating_add(piece.len());
        if length > MAX_REF_LIST_BYTES {
            return Err(Refusal::Nonsense(format!("it answers more than {MAX_REF_LIST_BYTES} bytes")));
        }
        if length > LONG_LIST_BYTES && self.place.is_none() {
            self.place = Some(self.places.place().await?);
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}
