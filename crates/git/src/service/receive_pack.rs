//! Taking a push: run to its end before anything is answered, so that the change can be recorded first.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use heliostat_git_wire::{
    CreationsBeginning, GitProtocol, GitService, MAX_LISTED_REFS, MAX_REF_LIST_BYTES, ObjectId, PacketLine,
    PushBeginning, PushCommands, PushCreations, PushDeletions, PushReport, RefName, RefRoom, RemoteMessage,
    decode_packet, push_flush, push_packet,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::process::{ByteStream, GitError, is_about_a_lock};
use crate::repository::{AtomicPush, Repository, STALE_LOCK_AGE};
use crate::service::new_refs::{create_hidden, settings_for, shown_one};
use crate::service::prepare_push::last_piece_after;
use crate::service::run::exchange_with;
use crate::service::{RunningService, ServeMode, ServiceEnd};

/// Most that a client may push at once.
pub const MAX_PUSH_BYTES: u64 = 16 * 1024 * 1024 * 1024;

/// Most that is held of the report about a push: a line for every reference, and progress.
pub const MAX_RECEIVE_REPORT_BYTES: usize = 64 * 1024 * 1024;

/// Largest pack that is handed on to the caller.
const MAX_KEPT_PACK_BYTES: usize = 512 * 1024;

/// Most that is held of a push that only deletes.
const MAX_DELETIONS_HELD_BYTES: usize = 8 * 1024 * 1024;

/// Most that is held of a push that only creates: the commands for a million references.
const MAX_CREATIONS_HELD_BYTES: usize = 128 * 1024 * 1024;

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
    /// What was pushed, if it is small and was taken as a whole.
    pub pack: Option<Bytes>,
}

impl ReceivedPack {
    /// Whether it was to delete the branch that `HEAD` names, which is refused.
    pub fn refused_default_branch(&self) -> bool {
        let report = PushReport::within(&self.output);
        report.refused().any(|(_, reason)| reason == DELETES_DEFAULT_BRANCH.as_bytes())
    }

    /// Whether the report tells of a reference that was not changed.
    fn refuses_some(&self) -> bool {
        PushReport::within(&self.output).refused().next().is_some()
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
///
/// A push that creates more references than there is `room` for is refused as a whole.
pub async fn receive_pack(
    repository: &Repository,
    request: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    protocol: &GitProtocol,
    room: RefRoom,
) -> Result<ReceivedPack, GitError> {
    let (beginning, request) = read_ahead(request.boxed()).await;
    match beginning {
        Beginning::Deletions(deletions) => {
            let at_once = stream::iter([Ok(deletions)]);
            let received = run(repository, at_once, protocol, room, Vec::new()).await?;
            if received.success && !received.refuses_some() {
                return Ok(received);
            }
            // Nothing was deleted. Some can be all the same.
        }
        Beginning::Creations(created) => {
            if let Some(shown) = shown_one(&created, &repository.snapshot().await?) {
                let received = run(repository, request, protocol, room, settings_for(shown)).await?;
                return create_hidden(repository, &created, received).await;
            }
        }
        Beginning::Other => {}
    }
    run(repository, request, protocol, room, Vec::new()).await
}

/// What the commands of a push are.
enum Beginning {
    /// It only deletes; this deletes all of it at once.
    Deletions(Bytes),
    /// It only creates these.
    Creations(Vec<(RefName, ObjectId)>),
    Other,
}

/// Reads the commands of a push that only deletes or only creates, and gives them beside the push as it was.
async fn read_ahead(mut request: ByteStream) -> (Beginning, ByteStream) {
    let (mut held, mut last) = (BytesMut::new(), None);
    let (mut deletions, mut creations) = (PushBeginning::default(), CreationsBeginning::default());
    let beginning = loop {
        match (deletions.read(&held), creations.read(&held)) {
            (PushDeletions::All(push), _) => break Beginning::Deletions(push.into()),
            (_, PushCreations::All(created)) => break Beginning::Creations(created),
            (PushDeletions::Unfinished, _) if held.len() <= MAX_DELETIONS_HELD_BYTES => {}
            (_, PushCreations::Unfinished) if held.len() <= MAX_CREATIONS_HELD_BYTES => {}
            _ => break Beginning::Other,
        }
        match request.next().await {
            Some(Ok(piece)) => held.extend_from_slice(&piece),
            end => {
                last = end;
                break Beginning::Other;
            }
        }
    };
    let held = (!held.is_empty()).then(|| Ok(held.freeze()));
    (beginning, stream::iter(held.into_iter().chain(last)).chain(request).boxed())
}

async fn run(
    repository: &Repository,
    request: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    protocol: &GitProtocol,
    room: RefRoom,
    settings: Vec<(&'static str, String)>,
) -> Result<ReceivedPack, GitError> {
    let before = repository.snapshot().await?;
    let commands = Arc::new(Mutex::new(PushCommands::keeping_packs_of(MAX_KEPT_PACK_BYTES)));
    let request = within_room(request, room, Arc::clone(&commands)).boxed();
    let atomic = Arc::<Mutex<Option<AtomicPush>>>::default();
    let noted = note_what_moves(repository.clone(), Arc::clone(&commands), Arc::clone(&atomic));
    let request = last_piece_after(request, noted);
    let (service, mode) = (GitService::ReceivePack, ServeMode::Exchange);
    let (lives, is_gone) = oneshot::channel::<()>();
    let until_it_is_gone = (Arc::clone(&atomic), lives);
    let mut running =
        exchange_with(repository, service, mode, protocol, request, settings, until_it_is_gone).await?;
    let reported = report_of(&mut running).await;
    if matches!(&reported, Err(GitError::Request(_))) && !is_within(&commands.lock(), room) {
        // Git has not seen the end of the commands, and so carries out none of them.
        return Ok(too_many_references(commands.lock().side_band));
    }
    let success = matches!(&reported, Ok((_, end)) if end.status.success());
    let failure = match &reported {
        Ok((output, end)) if !success && output.is_empty() => Some(running.failure(end)),
        _ => None,
    };
    // One that has not ended is ended by that. Its locks are its own as long as it lives.
    drop(running);
    is_gone.await.ok();
    // What it had to carry out as a whole is carried out, or not, unless it was killed in the middle.
    let (atomic, durability) = (atomic.lock().take(), repository.git().durability());
    match atomic {
        Some(push) if success => push.end(durability).await,
        Some(push) => repository.end_broken_push(push, durability).await,
        None => {}
    }
    repository.note_left_since(&before).await;
    let (output, end) = reported?;
    let report = String::from_utf8_lossy(&output[..output.len().min(LOCK_SEARCH_BYTES)]);
    if is_about_a_lock(&report) || is_about_a_lock(&end.stderr) {
        // The client has to push again; it must not fail for ever because a process was once killed.
        let cleared = repository.clear_stale_locks(STALE_LOCK_AGE).await;
        tracing::warn!(?cleared, repository.path = %repository.path().display(), "a push met a lock file");
    }
    if let Some(error) = failure {
        return Err(error);
    }
    let pack = commands.lock().take_pack();
    let mut received = ReceivedPack { output, success, pack };
    if !success || received.refuses_some() {
        // No reference leads to some of it, and that must not be sent to mirrors.
        received.pack = None;
    }
    Ok(received)
}

/// All that git reports of a push, and how it ended.
async fn report_of(running: &mut RunningService) -> Result<(Bytes, ServiceEnd), GitError> {
    let mut output = BytesMut::new();
    while let Some(piece) = running.next().await {
        output.extend_from_slice(&piece?);
        if output.len() > MAX_RECEIVE_REPORT_BYTES {
            let limit_bytes = MAX_RECEIVE_REPORT_BYTES;
            return Err(GitError::OutputTooLarge { operation: "receive a push", limit_bytes });
        }
    }
    let end = running.end().await?;
    Ok((output.freeze(), end))
}

/// Notes what references name that the push moves, before it can move them: this process may end right afterwards, or git in
/// the middle of a push that it has to carry out as a whole.
async fn note_what_moves(
    repository: Repository,
    commands: Arc<Mutex<PushCommands>>,
    atomic: Arc<Mutex<Option<AtomicPush>>>,
) {
    let (kept, is_atomic) = {
        let commands = commands.lock();
        (commands.kept().to_vec(), commands.is_atomic && commands.all().is_some())
    };
    repository.note_before_push(&kept).await;
    if is_atomic {
        let push = repository.note_atomic_push(&kept).await;
        *atomic.lock() = push;
    }
}

/// The same request, which breaks off before its commands end when they create too many references.
fn within_room(
    request: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    room: RefRoom,
    commands: Arc<Mutex<PushCommands>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    request.map(move |piece| {
        let piece = piece?;
        let mut commands = commands.lock();
        commands.read(&piece);
        if is_within(&commands, room) { Ok(piece) } else { Err(io::ErrorKind::QuotaExceeded.into()) }
    })
}

fn is_within(commands: &PushCommands, room: RefRoom) -> bool {
    room.holds(commands.created, commands.created_name_bytes)
}

/// What the client shows as the error of the server.
fn too_many_references(side_band: bool) -> ReceivedPack {
    let message = format!(
        "the push would leave more references than mirrors can follow: at most {MAX_LISTED_REFS} of them, in a list of \
         at most {MAX_REF_LIST_BYTES} bytes; delete some first"
    );
    let mut output = Vec::new();
    push_packet(&mut output, &[if side_band { b"\x03" } else { b"ERR " }, message.as_bytes()]);
    push_flush(&mut output);
    ReceivedPack { output: output.into(), success: false, pack: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;
    use crate::process::Git;

    #[tokio::test]
    async fn of_many_deletions_one_that_is_refused_stops_no_other() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "a", "b"]).await;
        let none = "0".repeat(40);
        for (names, left) in [(&["a\0report-status", "main"][..], 2), (&["b\0report-status", "main"], 1)] {
            let mut request = Vec::new();
            for name in names {
                let branch = name.split('\0').next().expect("a name");
                let tip = workshop.run(repository.path(), &["rev-parse", branch]);
                push_packet(&mut request, &[format!("{} {none} refs/heads/{name}", tip.trim()).as_bytes()]);
            }
            push_flush(&mut request);
            let pieces: Vec<_> = request.chunks(50).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let room = RefRoom::of(0);
            let received =
                receive_pack(&repository, stream::iter(pieces), &GitProtocol::default(), room).await;
            let received = received.expect("answered");
            assert!(received.refused_default_branch() && received.refuses_some());
            assert_eq!(repository.refs().await.expect("readable").len(), left);
        }
    }

    #[tokio::test]
    async fn what_a_push_takes_away_is_noted_before_it_is_carried_out() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "a"]).await;
        let none = "0".repeat(40);
        let tip = workshop.run(repository.path(), &["rev-parse", "a"]);
        // The second is not what its client says.
        for branch in ["a", "main"] {
            let mut request = Vec::new();
            let command = format!("{} {none} refs/heads/{branch}\0report-status", tip.trim());
            push_packet(&mut request, &[command.as_bytes()]);
            push_flush(&mut request);
            let pieces = stream::iter([Ok(Bytes::from(request))]);
            receive_pack(&repository, pieces, &GitProtocol::default(), RefRoom::of(0))
                .await
                .expect("answered");
            // As a process finds it that is started when this one was killed: nothing has read the references since.
            let found = Repository::at(workshop.git.clone(), repository.path().to_owned());
            let left = found.left_tips().all().await.expect("readable");
            assert_eq!(left.len(), 1, "{left:?}");
            assert_eq!((left[0].object.as_str(), &left[0].reference[..]), (tip.trim(), &b"refs/heads/a"[..]));
        }
    }

    #[tokio::test]
    async fn what_is_to_be_done_as_a_whole_is_finished_when_the_report_cannot_be_read() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "a", "b"]).await;
        let tip = |name: &str| workshop.run(repository.path(), &["rev-parse", name]).trim().to_owned();
        let [main, a, b] = ["main", "a", "b"].map(tip);
        // It moves one of the references, and then says more than is read.
        let (git, place) = (workshop.git.program().display(), repository.path().display());
        let talkative = format!(
            "#!/bin/sh
case \" $* \" in *' receive-pack '*)
    cat >/dev/null
    '{git}' --git-dir='{place}' update-ref refs/heads/a {main}
    exec head -c {} /dev/zero
esac
exec '{git}' \"$@\"
",
            MAX_RECEIVE_REPORT_BYTES + 1
        );
        // Written by another process: a file that this one has open cannot be run.
        workshop.shell(repository.path(), &format!("cat >../git <<'END'\n{talkative}END\nchmod u+x ../git"));
        let git = Git::discover(&workshop.path("git")).await.expect("it says its version");
        let taking = Repository::at(git, repository.path().to_owned());

        let mut request = Vec::new();
        for (from, name) in [(a, "a\0report-status atomic"), (b, "b")] {
            push_packet(&mut request, &[format!("{from} {main} refs/heads/{name}").as_bytes()]);
        }
        push_flush(&mut request);
        let pieces = stream::iter([Ok(Bytes::from(request))]);
        let received = receive_pack(&taking, pieces, &GitProtocol::default(), RefRoom::of(0)).await;
        assert!(matches!(received, Err(GitError::OutputTooLarge { .. })), "{received:?}");
        assert_eq!(["a", "b"].map(tip), [main.clone(), main]);
        assert!(!taking.has_noted_pushes().await.expect("readable"));
    }

    #[tokio::test]
    async fn a_push_of_more_references_than_there_is_room_for_changes_nothing_and_says_why() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let tip = workshop.run(repository.path(), &["rev-parse", "main"]);
        let mut request = Vec::new();
        let none = "0".repeat(40);
        for name in ["a\0report-status", "b"] {
            push_packet(&mut request, &[format!("{none} {} refs/heads/{name}", tip.trim()).as_bytes()]);
        }
        push_flush(&mut request);
        // A pack of nothing.
        request.extend_from_slice(b"PACK\0\0\0\x02\0\0\0\0");
        request.extend_from_slice(&hex::decode("029d08823bd8a8eab510ad6ac75c823cfd3ed31e").expect("hex"));
        let before = repository.refs().await.expect("readable");
        for (room, is_taken) in [(RefRoom::of(1), false), (RefRoom::of(2), true)] {
            let pieces = stream::iter([Ok(Bytes::from(request.clone()))]);
            let received = receive_pack(&repository, pieces, &GitProtocol::default(), room).await;
            let ReceivedPack { output, pack, .. } = received.expect("answered");
            assert_eq!(pack.is_some_and(|pack| pack.starts_with(b"PACK")), is_taken);
            let says = |words: &[u8]| output.windows(words.len()).any(|part| part == words);
            assert_eq!(says(b"ok refs/heads/b"), is_taken);
            assert_eq!(says(b"more references than mirrors can follow"), !is_taken);
            let after = repository.refs().await.expect("readable");
            assert_eq!(after.len(), before.len() + if is_taken { 2 } else { 0 });
        }
    }
}
