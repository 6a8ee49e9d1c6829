//! A pack that comes from another server in pieces: written and indexed while it comes, and proven to hold all that its
//! objects need.
//!
//! `git fetch` into an empty repository looks at everything once more afterwards. Where nothing is here yet, the pack has to
//! be whole by itself, and that is seen while it is indexed.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;

use crate::process::{Fsck, GitError, Lane, read_said, read_tail};
use crate::remote::{FetchError, FetchProgress};
use crate::repository::Repository;

const OPERATION: &str = "index a pack";

/// How `git index-pack` ends when it has taken a pack that needs objects besides its own.
const NOT_WHOLE_BY_ITSELF: i32 = 1;

/// What became of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexedPack {
    /// Everything that its objects need is in it.
    Whole,
    /// It was taken, and refers to objects that were here already.
    RefersToOthers,
}

/// Takes a pack. No reference leads to it yet: the caller keeps others from removing objects. When `stall_limit` passes
/// without a piece it is given up.
pub async fn index_whole_pack(
    repository: &Repository,
    pack: impl Stream<Item = io::Result<Bytes>> + Send,
    stall_limit: Duration,
    progress: &FetchProgress,
) -> Result<IndexedPack, FetchError> {
    let checks = format!("--strict={}", Fsck::of_index_pack());
    let command = repository.ref_writing_command(OPERATION).looking_again().checking(Vec::new());
    let command = command.args(["index-pack", "--stdin", "-v", "--check-self-contained-and-connected"]);
    let mut process = command.arg(checks).spawn(Lane::Own).await?;
    let io_error = |error| GitError::Io { operation: OPERATION, error };
    let stdin = process.stdin.take().expect("spawned with a piped stdin");
    let stdout = process.stdout.take().expect("spawned with a piped stdout");
    let stderr = process.stderr.take().expect("spawned with a piped stderr");
    // It ends as soon as its input does.
    let said = read_said(stderr, progress.listener());
    let (fed, stdout, stderr) = tokio::join!(feed(stdin, pack, stall_limit), read_tail(stdout), said);
    let status = process.wait().await.map_err(io_error)?;
    stdout.map_err(io_error)?;
    let stderr = stderr.map_err(io_error)?;
    match (fed, status.code()) {
        (Err(error), _) => Err(error),
        (Ok(()), Some(0)) => Ok(IndexedPack::Whole),
        (Ok(()), Some(NOT_WHOLE_BY_ITSELF)) => Ok(IndexedPack::RefersToOthers),
        (Ok(()), _) => Err(FetchError::from_failure("the other server", &status.to_string(), &stderr)),
    }
}

async fn feed(
    mut stdin: ChildStdin,
    pack: impl Stream<Item = io::Result<Bytes>> + Send,
    stall_limit: Duration,
) -> Result<(), FetchError> {
    let mut pack = std::pin::pin!(pack);
    loop {
        let piece = tokio::time::timeout(stall_limit, pack.next()).await;
        match piece.map_err(|_| FetchError::Timeout(stall_limit))? {
            None => return Ok(()),
            Some(Ok(piece)) => {
                if stdin.write_all(&piece).await.is_err() {
                    // Why it reads no further is told by how it ends.
                    return Ok(());
                }
            }
            Some(Err(error)) => {
                let (url, detail) = ("the other server".to_owned(), error.to_string());
                return Err(FetchError::RemoteUnreachable { url, detail });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use heliostat_git_wire::{ObjectFormat, ObjectId};

    use super::*;
    use crate::fixture::Workshop;

    const LONG: Duration = Duration::from_secs(60);

    /// A pack with what these revisions lead to, in pieces.
    fn pack_of(workshop: &Workshop, repository: &Repository, revisions: &str) -> Vec<io::Result<Bytes>> {
        let objects = format!("git rev-list --objects {revisions} | cut -d' ' -f1");
        workshop.shell(repository.path(), &format!("{objects} | git pack-objects -q --stdout >pack"));
        let pack = std::fs::read(repository.path().join("pack")).expect("readable");
        pack.chunks(100).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect()
    }

    #[tokio::test]
    async fn a_pack_is_whole_or_refers_to_others_or_is_none() {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_commits("source", &["main"]).await;
        let first = workshop.run(source.path(), &["rev-parse", "main"]);
        workshop.commit(&source, "main");
        let whole = pack_of(&workshop, &source, first.trim());
        let later = pack_of(&workshop, &source, "main~1..main");

        let target = workshop.bare("target", ObjectFormat::Sha1);
        let missing = pack_of(&workshop, &source, "main~1..main");
        let refused = index_whole_pack(&target, stream::iter(missing), LONG, &FetchProgress::default()).await;
        assert!(refused.is_err(), "what a commit needs is missing: {refused:?}");
        let indexed = index_whole_pack(&target, stream::iter(whole), LONG, &FetchProgress::default())
            .await
            .expect("a pack");
        assert_eq!(indexed, IndexedPack::Whole);
        let first = ObjectId::parse(first.trim()).expect("an object");
        assert!(target.has_object(&first).await.expect("readable"));
        let indexed = index_whole_pack(&target, stream::iter(later), LONG, &FetchProgress::default())
            .await
            .expect("a pack");
        assert_eq!(indexed, IndexedPack::RefersToOthers);
    }

    #[tokio::test]
    async fn a_pack_that_breaks_off_is_none() {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_commits("source", &["main"]).await;
        let target = workshop.bare("target", ObjectFormat::Sha1);
        let mut cut = pack_of(&workshop, &source, "main");
        cut.pop();
        let refused = index_whole_pack(&target, stream::iter(cut), LONG, &FetchProgress::default()).await;
        assert!(refused.is_err(), "{refused:?}");
        let mut broken = pack_of(&workshop, &source, "main");
        broken.insert(1, Err(io::Error::other("the line broke")));
        let refused = index_whole_pack(&target, stream::iter(broken), LONG, &FetchProgress::default()).await;
        assert!(matches!(refused, Err(FetchError::RemoteUnreachable { .. })), "{refused:?}");
        let silent = stream::iter(pack_of(&workshop, &source, "main").into_iter().take(1));
        let silent = silent.chain(stream::pending());
        let refused =
            index_whole_pack(&target, silent, Duration::from_millis(1), &FetchProgress::default()).await;
        assert!(matches!(refused, Err(FetchError::Timeout(_))), "{refused:?}");
    }
}
