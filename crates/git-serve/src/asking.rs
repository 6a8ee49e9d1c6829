//! One client's request for a fetch, and those answers to it that take no computing: a refusal, or an answer that is shared.

use heliostat_git::GitError;
use heliostat_git_wire::{Bands, FetchRequest, ObjectId, error_packet};
use heliostat_stream_cache::EntryReader;

use crate::answer::{Answer, GitReader, StoredAnswer};
use crate::beside_answer::{BesideAnswer, ShownProgress};
use crate::request_body::RequestPermits;

/// What a failure says that was to be done.
pub(crate) const OPERATION: &str = "serve a fetch";

/// Who asks, and what their client shows.
pub(crate) struct Asking {
    pub(crate) reader: GitReader,
    pub(crate) shows_progress: bool,
    pub(crate) bands: Bands,
    pub(crate) _permits: RequestPermits,
}

impl Asking {
    /// An answer that is stored or in the making, with what this client is told beside it.
    pub(crate) fn stored_answer(&self, entry: EntryReader, request: &FetchRequest) -> Answer {
        let progress =
            (self.shows_progress && entry.is_growing()).then(|| ShownProgress::new(entry.progress()));
        let beside = BesideAnswer::of(request, self.reader.messages.clone(), progress);
        Answer::Stored(StoredAnswer::new(entry, beside))
    }
}

/// What a client is told when it cannot be found out whether it may have an object.
pub(crate) fn not_brought(object: &ObjectId, reason: &str) -> GitError {
    let message = format!("upload-pack: {object} cannot be given now: {reason}");
    GitError::Refused { operation: OPERATION, message }
}

/// As `git` refuses it, whether or not it is here.
pub(crate) fn refused_want(object: &ObjectId) -> Answer {
    Answer::Whole(error_packet(&format!("upload-pack: not our ref {object}")))
}
