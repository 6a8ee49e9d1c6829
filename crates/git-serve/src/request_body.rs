//! Reading a request to fetch, which is a line or megabytes, until it can be understood.
//!
//! A clone of very many references wants very many objects. What it repeats is left out, and what it wants is read to its
//! end: whether it may have that is asked before anything is sent. What it says of its own objects, `git` reads as it
//! comes, unless its reader is shown other references than those that are here.

use std::collections::BTreeSet;
use std::io;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use heliostat_git::{ByteStream, ClientKey, GitError, Permit};
use heliostat_git_wire::{ObjectId, PassingWants, WantsSoFar};

use crate::served::ServedRepository;

/// Longest request that is held in memory to be understood, unless it is one of those that have to be.
const MAX_UNDERSTOOD_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// Longest request of those that have to be understood: a million wants.
pub(crate) const MAX_VERY_LONG_REQUEST_BYTES: usize = 48 * 1024 * 1024;

/// Longest request that is read without a permit. Longer ones are few, and would fill the memory together.
const MAX_SHORT_REQUEST_BYTES: usize = 64 * 1024;

/// How much of a request that had repeated itself is read before it is looked at again.
const LOOK_AGAIN_BYTES: usize = MAX_UNDERSTOOD_REQUEST_BYTES / 2;

/// Why the rest of a request is not read that was not held in memory: whether a client may have what it wants is asked
/// before anything is sent.
const WANTS_TOO_LATE: &str = "a request this long has to want everything at its beginning, in at most 48 MiB";

/// A request as far as it was read, and the permits to hold so much of it.
pub(crate) enum RequestBody {
    Whole(Bytes, RequestPermits),
    /// What it wants, and all of it; it breaks off where it wants more.
    Long(BTreeSet<ObjectId>, ByteStream, RequestPermits),
}

/// Held as long as a request is, if that is a long one.
#[derive(Default)]
pub(crate) struct RequestPermits {
    long: Option<Permit>,
    very_long: Option<Permit>,
}

impl ServedRepository {
    /// Reads as much of a request as is to be understood.
    pub(crate) async fn read_request(
        &self,
        mut request: ByteStream,
        client: ClientKey,
    ) -> Result<RequestBody, GitError> {
        let mut first = Bytes::new();
        let mut body = Vec::new();
        let (mut permits, mut look_at) = (RequestPermits::default(), MAX_UNDERSTOOD_REQUEST_BYTES);
        while let Some(piece) = request.next().await {
            let piece = piece.map_err(GitError::Request)?;
            // Nearly every request comes in one piece, which is then used as it is.
            if first.is_empty() && body.is_empty() {
                first = piece;
                continue;
            }
            body.extend_from_slice(&std::mem::take(&mut first));
            body.extend_from_slice(&piece);
            let (engine, repository) = (self.engine(), self.repository.id());
            if permits.long.is_none() && body.len() > MAX_SHORT_REQUEST_BYTES {
                permits.long = Some(engine.long_requests().permit(repository, client).await);
            }
            if body.len() <= look_at {
                continue;
            }
            let (shorter, wants_go_on) = without_repetitions(body);
            body = shorter;
            if body.len() > MAX_UNDERSTOOD_REQUEST_BYTES {
                let has_to_be_understood = wants_go_on || self.shown().is_some();
                if !has_to_be_understood || body.len() > MAX_VERY_LONG_REQUEST_BYTES {
                    return long_request(body.into(), request, permits);
                }
                if permits.very_long.is_none() {
                    permits.very_long = Some(engine.very_long_requests().permit(repository, client).await);
                }
            }
            look_at = (body.len() + LOOK_AGAIN_BYTES)
                .clamp(MAX_UNDERSTOOD_REQUEST_BYTES, MAX_VERY_LONG_REQUEST_BYTES);
        }
        Ok(RequestBody::Whole(if body.is_empty() { first } else { body.into() }, permits))
    }
}

/// The same without the wants that it repeats, and whether it may go on to want something.
fn without_repetitions(request: Vec<u8>) -> (Vec<u8>, bool) {
    match WantsSoFar::in_request(&request) {
        None => (request, false),
        Some(WantsSoFar { shorter, go_on }) => (shorter.unwrap_or(request), go_on),
    }
}

/// A request of which this is the beginning. Clients say what they want before they say what they have.
fn long_request(begun: Bytes, rest: ByteStream, permits: RequestPermits) -> Result<RequestBody, GitError> {
    let broken_off = || io::Error::new(io::ErrorKind::InvalidData, WANTS_TOO_LATE);
    let mut passing = PassingWants::default();
    passing.adds_nothing(&begun);
    let wants = passing.wants().cloned().ok_or_else(|| GitError::Request(broken_off()))?;
    let rest = rest.map(move |piece| {
        let piece = piece?;
        if passing.adds_nothing(&piece) { Ok(piece) } else { Err(broken_off()) }
    });
    Ok(RequestBody::Long(wants, stream::iter([Ok(begun)]).chain(rest).boxed(), permits))
}
