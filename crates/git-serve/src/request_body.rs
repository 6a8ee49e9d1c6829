//! Reading a request to fetch, which is a line or megabytes, until it can be understood.

use std::collections::BTreeSet;
use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use heliostat_git::{ByteStream, ClientKey, GitError, Permit};
use heliostat_git_wire::{ObjectId, PassingWants};

use crate::served::ServedRepository;

/// Longest request that is held in memory to be understood. A longer one, of a client that has very many references
/// of its own, goes to `git` as it comes.
pub(crate) const MAX_UNDERSTOOD_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// Longest request that is read without a permit. Longer ones are few, and would fill the memory together.
const MAX_SHORT_REQUEST_BYTES: usize = 64 * 1024;

/// Why the rest of a request is not read that was not held in memory: whether a client may have what it wants is asked
/// before anything is sent.
const WANTS_TOO_LATE: &str = "a request this long has to want everything in its first 16 MiB";

/// A request as far as it was read, and the permit to hold so much of it.
pub(crate) enum RequestBody {
    Whole(Bytes, Option<Permit>),
    /// What it wants, and all of it; it breaks off where it wants more.
    Long(BTreeSet<ObjectId>, ByteStream, Option<Permit>),
}

impl ServedRepository {
    /// Reads as much of a request as is to be understood.
    pub(crate) async fn read_request(
        &self,
        mut request: ByteStream,
        client: ClientKey,
    ) -> Result<RequestBody, GitError> {
        let mut first = Bytes::new();
        let mut body = BytesMut::new();
        let mut permit = None;
        while let Some(piece) = request.next().await {
            let piece = piece.map_err(GitError::Request)?;
            // Nearly every request comes in one piece, which is then used as it is.
            if first.is_empty() && body.is_empty() {
                first = piece;
                continue;
            }
            body.extend_from_slice(&std::mem::take(&mut first));
            body.extend_from_slice(&piece);
            if permit.is_none() && body.len() > MAX_SHORT_REQUEST_BYTES {
                permit = Some(self.engine().long_requests().permit(self.repository.id(), client).await);
            }
            if body.len() > MAX_UNDERSTOOD_REQUEST_BYTES {
                return long_request(body.freeze(), request, permit);
            }
        }
        Ok(RequestBody::Whole(if body.is_empty() { first } else { body.freeze() }, permit))
    }
}

/// A request of which this is the beginning. Clients say what they want before they say what they have.
fn long_request(begun: Bytes, rest: ByteStream, permit: Option<Permit>) -> Result<RequestBody, GitError> {
    let broken_off = || io::Error::new(io::ErrorKind::InvalidData, WANTS_TOO_LATE);
    let mut passing = PassingWants::default();
    passing.adds_nothing(&begun);
    let wants = passing.wants().cloned().ok_or_else(|| GitError::Request(broken_off()))?;
    let rest = rest.map(move |piece| {
        let piece = piece?;
        if passing.adds_nothing(&piece) { Ok(piece) } else { Err(broken_off()) }
    });
    Ok(RequestBody::Long(wants, stream::iter([Ok(begun)]).chain(rest).boxed(), permit))
}
