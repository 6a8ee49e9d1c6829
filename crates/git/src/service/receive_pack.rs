//! Taking a push: run to its end before anything is answered, so that the change can be recorded first.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use heliostat_git_wire::{GitProtocol, GitService, PacketLine, RemoteMessage, decode_packet};

use crate::process::{GitError, is_about_a_lock};
use crate::repository::{Repository, STALE_LOCK_AGE};
use crate::service::{ServeMode, exchange};

/// Most that a client may push at once.
pub const MAX_PUSH_BYTES: u64 = 16 * 1024 * 1024 * 1024;

/// Most that is held of the report about a push: a line for every reference, and progress.
pub const MAX_RECEIVE_REPORT_BYTES: usize = 64 * 1024 * 1024;

/// Why a reference is not deleted that `HEAD` names, in the words of the report.
const DELETES_DEFAULT_BRANCH: &str = "deletion of the current branch prohibited";

/// How far into a report a complaint about a lock file is looked for.
const LOCK_SEARCH_BYTES: usize = 64 * 1024;

/// A push that has been taken or refused.
#[derive(Debug, Clone)]
pub struct ReceivedPack {
    /// The body of the answer, which tells the client about every reference.
    pub output: Bytes,
    /// Whether `git` ended well. References may have been refused all the same: compare the references from before
    /// and after.
    pub success: bool,
}

impl ReceivedPack {
    /// Whether it was to delete the branch that `HEAD` names, which is refused.
    pub fn refused_default_branch(&self) -> bool {
        let reason = DELETES_DEFAULT_BRANCH.as_bytes();
        self.output.windows(reason.len()).any(|part| part == reason)
    }

    /// The same, with a message to the people who push; without one where their client takes none.
    #[must_use]
    pub fn telling(self, message: &RemoteMessage) -> Self {
        match decode_packet(&self.output) {
            Ok(Some((PacketLine::Data([1..=3, ..]), _))) => {
                Self { output: [message.packet(), self.output].concat().into(), ..self }
            }
            _ => self,
        }
    }
}

/// Takes a push. The references are changed when this returns. A caller that drops it before may find them changed
/// or not, so run it in a task of its own when every change must be recorded even if the client goes away.
pub async fn receive_pack(
    repository: &Repository,
    request: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    protocol: &GitProtocol,
) -> Result<ReceivedPack, GitError> {
    let mut running =
        exchange(repository, GitService::ReceivePack, ServeMode::Exchange, protocol, request).await?;
    let mut output = BytesMut::new();
    while let Some(piece) = running.next().await {
        output.extend_from_slice(&piece?);
        if output.len() > MAX_RECEIVE_REPORT_BYTES {
            let limit_bytes = MAX_RECEIVE_REPORT_BYTES;
            return Err(GitError::OutputTooLarge { operation: "receive a push", limit_bytes });
        }
    }
    let end = running.end().await?;
    let success = end.status.success();
    let failure = (!success && output.is_empty()).then(|| running.failure(&end));
    // Its locks are its own as long as it lives.
    drop(running);
    let report = String::from_utf8_lossy(&output[..output.len().min(LOCK_SEARCH_BYTES)]);
    if is_about_a_lock(&report) || is_about_a_lock(&end.stderr) {
        // The client has to push again; it must not fail for ever because a process was once killed.
        let cleared = repository.clear_stale_locks(STALE_LOCK_AGE).await;
        tracing::warn!(?cleared, repository.path = %repository.path().display(), "a push met a lock file");
    }
    if let Some(error) = failure {
        return Err(error);
    }
    Ok(ReceivedPack { output: output.freeze(), success })
}
