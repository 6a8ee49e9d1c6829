//! What a request may not say to `git` where its reader is shown other references than those that are here.
//!
//! `git upload-pack` knows the references here alone: it would list them, send their tags along and look names up among
//! them. So nothing reaches it that was not understood, and nothing that has it do so.

use bytes::Bytes;
use heliostat_git::GitError;
use heliostat_git_wire::{FetchRequest, ObjectId, RefSnapshot, RequestError, SnapshotRef, error_packet};

use crate::served::ServedRepository;

impl ServedRepository {
    /// A request as it is answered from what is here, or the packet that refuses it.
    pub(crate) async fn as_shown(
        &self,
        request: FetchRequest,
    ) -> Result<Result<FetchRequest, Bytes>, GitError> {
        let Some(shown) = self.shown() else { return Ok(Ok(request)) };
        let request = match request.without_tags().naming_refs_of(shown) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error.packet())),
        };
        if request.left_out().next().is_none() {
            return Ok(Ok(request));
        }
        let here = self.repository.snapshot().await?;
        let differing = request.left_out().find(|name| object_of(&here, name) != object_of(shown, name));
        let refused = differing.map(|name| {
            let name = RequestError::quoted(name);
            error_packet(&format!("upload-pack: {name} is not here yet as it is listed: try again later"))
        });
        Ok(refused.map_or(Ok(request), Err))
    }
}

fn object_of<'a>(refs: &'a RefSnapshot, name: &[u8]) -> Option<&'a ObjectId> {
    refs.find(name).map(SnapshotRef::object)
}

/// Why a request is refused that is longer than what can be understood before it is answered.
pub(crate) fn too_long(limit: usize) -> RequestError {
    let limited = "bytes at a mirror of another server: fetch fewer references at once";
    RequestError::LimitExceeded { limited, limit: limit as u64 }
}
