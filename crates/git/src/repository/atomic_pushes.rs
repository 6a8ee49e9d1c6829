//! Pushes that change all of their references or none (`git push --atomic`): over a crash, and for those who record.
//!
//! Git locks all of the references, and then renames one file after the other. Before it gets the end of such a push, what the
//! push is about to change is noted; the note goes when git has ended. A note that is found at a start is of a push that was
//! interrupted, and whose client was not told how it ended. Where some of its references have changed, the others are changed
//! as well: what a reader may have seen is not taken back.
//!
//! Other pushes go on meanwhile, and move references of their own. So a note says nothing of these, and each of its
//! references is looked at by itself. What is recorded never has a part of such a push while that goes on
//! ([`Repository::settled_refs`]): what a note finds half changed was not recorded, and no acknowledged push was built on it.
//! Two things bound that: pushes of more commands than are kept in memory are not noted, and no push waits longer than
//! `MAX_WAIT` for a git that makes no progress.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use heliostat_git_wire::{Head, ObjectId, PushCommand, RefName, RefSnapshot, SnapshotRef};
use tempfile::TempPath;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::make_durable::sync_refs;
use crate::disk::{blocking, entries, make_folder_durably, read_note, remove_if_there, sync_folder};
use crate::process::{Durability, GitError};
use crate::refs::{RefUpdate, UpdateRefsError};
use crate::repository::Repository;

/// The folder of notes in that of a repository, which git leaves alone. A note is a line for each command of the push, and the
/// end.
const NOTES_FOLDER: &str = "heliostat-atomic-pushes";

/// No note is longer: so few commands are kept.
const MAX_NOTE_BYTES: u64 = 4 * 1024 * 1024;

/// A note that does not end so was not written to its end.
const END: &[u8] = b"end\n";

/// How long one who reads waits for pushes that have begun to move references. Git moves them at once.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Such pushes of one repository, as far as this process takes them.
#[derive(Debug, Default)]
pub(super) struct AtomicPushes(watch::Sender<UnderWay>);

#[derive(Debug, Default)]
struct UnderWay {
    pushes: Vec<Arc<Vec<PushCommand>>>,
    /// How many have ended.
    ended: u64,
}

/// A push that goes on until this is dropped.
pub(crate) struct AtomicPush {
    /// The folder of its repository.
    repository: PathBuf,
    /// None where it could not be written.
    note: Option<TempPath>,
    commands: Arc<Vec<PushCommand>>,
    pushes: Arc<AtomicPushes>,
}

impl AtomicPush {
    /// Git has ended. A power failure must not take a part of what the push has changed once the note has gone, and must not
    /// bring the note back: what was changed is recorded next, and may be changed again by others.
    pub(crate) async fn end(mut self, durability: Durability) {
        let Some(note) = self.note.take() else { return };
        let (repository, commands) = (self.repository.clone(), Arc::clone(&self.commands));
        let removed = blocking(move || {
            if durability == Durability::Relaxed {
                return note.close();
            }
            let names: Vec<_> = commands.iter().filter_map(name_of).collect();
            sync_refs(&repository, &names, commands.iter().any(|command| command.to.is_zero()))?;
            note.close()?;
            sync_folder(&repository.join(NOTES_FOLDER))
        });
        if let Err(error) = removed.await {
            tracing::warn!(%error, "cannot remove the note of an atomic push that has ended");
        }
    }

    /// Leaves the note to the next start.
    fn leave(mut self) {
        if let Some(Err(error)) = self.note.take().map(TempPath::keep) {
            tracing::warn!(%error, "cannot leave the note of an atomic push");
        }
    }
}

impl Drop for AtomicPush {
    fn drop(&mut self) {
        // Before anyone takes it for ended.
        drop(self.note.take());
        self.pushes.0.send_modify(|under_way| {
            under_way.pushes.retain(|push| !Arc::ptr_eq(push, &self.commands));
            under_way.ended += 1;
        });
    }
}

impl Repository {
    /// Notes a push that is about to carry out all of these commands or none. It goes on until what is returned is dropped;
    /// nothing is noted of what is one step for git, or will be refused.
    pub(crate) async fn note_atomic_push(&self, commands: &[PushCommand]) -> Option<AtomicPush> {
        let before = self.snapshot().await.ok()?;
        let head = before.head().and_then(Head::target);
        let may_be = |command: &PushCommand| {
            let is_default = |name: &RefName| head.as_ref() == Some(name);
            is_at(&before, &command.name, &command.from)
                && name_of(command).is_some_and(|name| !(command.to.is_zero() && is_default(&name)))
        };
        let changes = commands.iter().filter(|command| command.from != command.to);
        let changes: Vec<_> = changes.cloned().collect();
        if changes.len() < 2 || !changes.iter().all(may_be) {
            return None;
        }
        let mut text = Vec::new();
        for PushCommand { from, to, name } in &changes {
            text.extend([format!("{from} {to} ").as_bytes(), name, b"\n"].concat());
        }
        text.extend(END);
        let (folder, durability) = (self.path().join(NOTES_FOLDER), self.git().durability());
        let written = blocking(move || write(&folder, &text, durability)).await;
        let written = written.inspect_err(
            |error| tracing::warn!(%error, repository.path = %self.path().display(), "cannot note an atomic push"),
        );
        let (commands, pushes) = (Arc::new(changes), self.atomic_pushes());
        pushes.0.send_modify(|under_way| under_way.pushes.push(Arc::clone(&commands)));
        let repository = self.path().to_owned();
        Some(AtomicPush { repository, note: written.ok(), commands, pushes })
    }

    /// All references but our internal ones, as they are on disk now, in a state that may be recorded: with all that a push
    /// changes which is to change all or nothing, or with nothing of it. One that has begun to move them is waited for, but
    /// not for long.
    pub async fn settled_refs(&self) -> Result<RefSnapshot, GitError> {
        self.refs_settled_within(MAX_WAIT).await
    }

    async fn refs_settled_within(&self, wait: Duration) -> Result<RefSnapshot, GitError> {
        let pushes = self.atomic_pushes();
        let mut under_way = pushes.0.subscribe();
        let until = Instant::now() + wait;
        loop {
            let ended = under_way.borrow().ended;
            let refs = self.refs().await?;
            // One that has ended meanwhile may have been read in the middle.
            let is_settled = {
                let now = under_way.borrow();
                now.ended == ended && !now.pushes.iter().any(|commands| has_begun(commands, &refs))
            };
            if is_settled {
                return Ok(refs);
            }
            let next_end = under_way.wait_for(|now| now.ended != ended);
            if timeout_at(until, next_end).await.is_err() {
                let path = self.path().display();
                tracing::warn!(repository.path = %path, "an atomic push takes long to move its references");
                return Ok(refs);
            }
        }
    }

    /// Whether an earlier process may have been interrupted in a push of which all or nothing is to be carried out.
    pub async fn has_noted_pushes(&self) -> io::Result<bool> {
        let folder = self.path().join(NOTES_FOLDER);
        blocking(move || Ok(entries(&folder)?.next().is_some())).await
    }

    /// Finishes such pushes where only some of their references have changed, and says how many there were. `recorded` is the
    /// hash of the references as they are recorded: where these are on the disk, nothing was interrupted. To be called before
    /// the first push since the start.
    pub async fn finish_noted_pushes(&self, recorded: &str) -> io::Result<usize> {
        let folder = self.path().join(NOTES_FOLDER);
        let mut finished = 0;
        for (note, commands) in blocking(move || read(&folder)).await? {
            if let Some(commands) = commands {
                match self.finish(&commands, Some(recorded)).await {
                    Ok(is_finished) => finished += usize::from(is_finished),
                    Err(error) => {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            repository.path = %self.path().display(),
                            "cannot finish an atomic push"
                        );
                        continue;
                    }
                }
            }
            blocking(move || remove_if_there(&note)).await?;
        }
        Ok(finished)
    }

    /// Ends a push whose git has ended badly, or was ended because its report could not be read, perhaps in the middle of it.
    pub(crate) async fn end_broken_push(&self, push: AtomicPush, durability: Durability) {
        match self.finish(&push.commands, None).await {
            Ok(_) => push.end(durability).await,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    repository.path = %self.path().display(),
                    "cannot finish an atomic push; it is tried again at the next start"
                );
                push.leave();
            }
        }
    }

    async fn finish(
        &self,
        commands: &[PushCommand],
        recorded: Option<&str>,
    ) -> Result<bool, UpdateRefsError> {
        let here = self.refs().await?;
        if Some(here.content_hash().as_str()) == recorded || !has_begun(commands, &here) {
            return Ok(false);
        }
        // One that others have moved on since has been moved by this push, and is theirs.
        let left = commands.iter().filter(|command| is_at(&here, &command.name, &command.from));
        let left: Vec<_> = left.filter_map(update_of).collect();
        self.update_refs(&left).await?;
        Ok(!left.is_empty())
    }
}

/// Whether a reference names this object; all zeros if it must not be there.
fn is_at(refs: &RefSnapshot, name: &[u8], object: &ObjectId) -> bool {
    refs.find(name).map(SnapshotRef::object) == Some(object).filter(|object| !object.is_zero())
}

/// Whether any of the references is where a push was to move it.
fn has_begun(commands: &[PushCommand], refs: &RefSnapshot) -> bool {
    commands.iter().any(|command| is_at(refs, &command.name, &command.to))
}

/// The name, if a push may change a reference of it.
fn name_of(command: &PushCommand) -> Option<RefName> {
    let name = std::str::from_utf8(&command.name).ok().and_then(|name| RefName::parse(name).ok());
    name.filter(|name| !name.is_internal())
}

fn update_of(command: &PushCommand) -> Option<RefUpdate> {
    let (name, from, to) = (name_of(command)?, command.from.clone(), command.to.clone());
    Some(match (from.is_zero(), to.is_zero()) {
        (true, _) => RefUpdate::create(name, to),
        (false, true) => RefUpdate::delete(name, Some(from)),
        (false, false) => RefUpdate::update(name, to, Some(from)),
    })
}

fn write(folder: &Path, text: &[u8], durability: Durability) -> io::Result<TempPath> {
    make_folder_durably(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text)?;
    if durability == Durability::Strict {
        file.as_file().sync_all()?;
        sync_folder(folder)?;
    }
    Ok(file.into_temp_path())
}

fn read(folder: &Path) -> io::Result<Vec<(PathBuf, Option<Vec<PushCommand>>)>> {
    let mut notes = Vec::new();
    for entry in entries(folder)? {
        let path = entry?.path();
        let text = read_note(&path, MAX_NOTE_BYTES)?.unwrap_or_default();
        notes.push((path, parse(&text)));
    }
    Ok(notes)
}

fn parse(text: &[u8]) -> Option<Vec<PushCommand>> {
    let lines = text.strip_suffix(END)?.split_inclusive(|byte| *byte == b'\n');
    let command = |line: &[u8]| {
        let mut words = line.strip_suffix(b"\n")?.splitn(3, |byte| *byte == b' ');
        let (from, to, name) = (words.next()?, words.next()?, words.next()?);
        let (from, to) = (ObjectId::from_hex(from)?, ObjectId::from_hex(to)?);
        Some(PushCommand { from, to, name: name.to_owned() })
    };
    lines.map(command).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    /// A repository with three branches, and a push that moves one, deletes one and creates one.
    async fn scene(workshop: &Workshop) -> (Repository, [PushCommand; 3]) {
        let repository = workshop.bare_with_commits("one", &["main", "moved", "gone"]).await;
        let refs = repository.refs().await.expect("readable");
        let tip = |name: &str| refs.get(&format!("refs/heads/{name}")).expect("a branch").clone();
        let zero = ObjectId::zero(tip("main").format());
        let command = |name: &str, from, to| {
            let name = format!("refs/heads/{name}").into_bytes();
            PushCommand { from, to, name }
        };
        let commands = [
            command("moved", tip("moved"), tip("main")),
            command("gone", tip("gone"), zero.clone()),
            command("new", zero, tip("main")),
        ];
        (repository, commands)
    }

    fn carry_out(workshop: &Workshop, repository: &Repository, command: &PushCommand) {
        let name = String::from_utf8(command.name.clone()).expect("text");
        match command.to.is_zero() {
            true => workshop.run(repository.path(), &["update-ref", "-d", &name]),
            false => workshop.run(repository.path(), &["update-ref", &name, command.to.as_str()]),
        };
    }

    fn listed(workshop: &Workshop, repository: &Repository) -> String {
        workshop.run(repository.path(), &["for-each-ref", "--format=%(objectname) %(refname)"])
    }

    async fn hash_of(repository: &Repository) -> String {
        repository.refs().await.expect("readable").content_hash().as_str().to_owned()
    }

    /// Notes a push and leaves the note as it stays when the process is killed.
    async fn begin_and_be_killed(repository: &Repository, commands: &[PushCommand]) {
        let mut push = repository.note_atomic_push(commands).await.expect("noted");
        push.note.take().expect("written").keep().expect("kept");
    }

    #[tokio::test]
    async fn what_has_begun_is_finished_and_what_has_not_is_not() {
        for first in [None, Some(0), Some(1), Some(2)] {
            let workshop = Workshop::new().await;
            let (repository, commands) = scene(&workshop).await;
            let recorded = hash_of(&repository).await;
            let before = listed(&workshop, &repository);
            begin_and_be_killed(&repository, &commands).await;
            assert!(repository.has_noted_pushes().await.expect("readable"));
            if let Some(first) = first {
                carry_out(&workshop, &repository, &commands[first]);
            }
            let finished = repository.finish_noted_pushes(&recorded).await.expect("finished");
            assert_eq!(finished, usize::from(first.is_some()));
            assert!(!repository.has_noted_pushes().await.expect("readable"));
            if first.is_none() {
                assert_eq!(listed(&workshop, &repository), before);
                continue;
            }
            let refs = repository.refs().await.expect("readable");
            let names: Vec<_> = refs.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["refs/heads/main", "refs/heads/moved", "refs/heads/new"]);
            assert!(names.iter().all(|name| refs.get(name) == refs.get("refs/heads/main")), "{refs:?}");
        }
    }

    #[tokio::test]
    async fn what_other_pushes_have_changed_meanwhile_stays_recorded_or_not() {
        for is_recorded in [true, false] {
            let workshop = Workshop::new().await;
            let (repository, commands) = scene(&workshop).await;
            let before = hash_of(&repository).await;
            begin_and_be_killed(&repository, &commands).await;
            let other = workshop.commit(&repository, "other");
            let recorded = if is_recorded { hash_of(&repository).await } else { before };
            carry_out(&workshop, &repository, &commands[1]);
            carry_out(&workshop, &repository, &commands[0]);
            // This one was pushed to once more in between.
            let newer = workshop.commit(&repository, "moved");

            assert_eq!(repository.finish_noted_pushes(&recorded).await.expect("finished"), 1);
            let refs = repository.refs().await.expect("readable");
            let at = |name: &str| refs.get(&format!("refs/heads/{name}")).map(ObjectId::as_str);
            assert_eq!((at("moved"), at("other")), (Some(newer.as_str()), Some(other.as_str())));
            assert_eq!((at("gone"), at("new")), (None, at("main")));
        }
    }

    #[tokio::test]
    async fn what_a_git_that_was_killed_has_begun_is_finished_at_once() {
        for first in [None, Some(0), Some(2)] {
            let workshop = Workshop::new().await;
            let (repository, commands) = scene(&workshop).await;
            let before = repository.refs().await.expect("readable");
            let push = repository.note_atomic_push(&commands).await.expect("noted");
            if let Some(first) = first {
                carry_out(&workshop, &repository, &commands[first]);
            }
            repository.end_broken_push(push, Durability::Strict).await;
            assert!(!repository.has_noted_pushes().await.expect("readable"));
            let refs = repository.settled_refs().await.expect("readable");
            match first {
                None => assert!(refs.has_refs_of(&before), "{refs:?}"),
                Some(_) => {
                    let is_done = |command: &PushCommand| is_at(&refs, &command.name, &command.to);
                    assert!(commands.iter().all(is_done), "{refs:?}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_note_changes_nothing_of_what_is_recorded_nor_does_one_of_nothing() {
        let workshop = Workshop::new().await;
        let (repository, commands) = scene(&workshop).await;
        begin_and_be_killed(&repository, &commands).await;
        carry_out(&workshop, &repository, &commands[0]);
        std::fs::write(repository.path().join(NOTES_FOLDER).join("cut"), "rubbish").expect("written");
        let now = listed(&workshop, &repository);
        let recorded = hash_of(&repository).await;
        assert_eq!(repository.finish_noted_pushes(&recorded).await.expect("read"), 0);
        assert_eq!(listed(&workshop, &repository), now);
        assert!(!repository.has_noted_pushes().await.expect("readable"));
    }

    #[tokio::test]
    async fn what_is_to_be_recorded_has_all_of_a_push_or_nothing_of_it() {
        for durability in [Durability::Relaxed, Durability::Strict] {
            let workshop = Workshop::new().await;
            let (repository, commands) = scene(&workshop).await;
            let before = repository.refs().await.expect("readable");
            let push = repository.note_atomic_push(&commands).await.expect("noted");
            let settled = repository.settled_refs().await.expect("readable");
            assert!(settled.has_refs_of(&before), "it has not begun: {settled:?}");

            carry_out(&workshop, &repository, &commands[0]);
            let reader = repository.clone();
            // The steps of the push are processes here, which may take longer than git would.
            let wait = Duration::from_mins(4);
            let reading = tokio::spawn(async move { reader.refs_settled_within(wait).await });
            // Until it has read what has moved half.
            let has_read_half = || {
                let known = repository.cache().last_known(repository.id()).expect("was read");
                has_begun(&commands, &known.snapshot)
            };
            while !has_read_half() {
                tokio::task::yield_now().await;
            }
            commands[1..].iter().for_each(|command| carry_out(&workshop, &repository, command));
            push.end(durability).await;
            assert!(!repository.has_noted_pushes().await.expect("readable"));
            let read = reading.await.expect("no panic").expect("readable");
            assert!(commands.iter().all(|command| is_at(&read, &command.name, &command.to)), "{read:?}");
        }
    }

    #[tokio::test]
    async fn only_what_git_may_do_in_part_is_noted_and_only_while_it_lasts() {
        let workshop = Workshop::new().await;
        let (repository, commands) = scene(&workshop).await;
        assert!(repository.note_atomic_push(&commands[..1]).await.is_none(), "one step");
        let main = repository.refs().await.expect("readable").get("refs/heads/main").expect("there").clone();
        let zero = ObjectId::zero(main.format());
        let deletes_default = PushCommand { from: main, to: zero.clone(), name: b"refs/heads/main".to_vec() };
        let of_ours =
            PushCommand { to: commands[0].to.clone(), from: zero, name: b"refs/heliostat/x".to_vec() };
        for refused in [deletes_default, of_ours] {
            let push = [commands[0].clone(), refused];
            assert!(repository.note_atomic_push(&push).await.is_none(), "git refuses all of it");
        }
        let moved_on = PushCommand { from: commands[0].to.clone(), ..commands[1].clone() };
        let late = [commands[0].clone(), moved_on];
        assert!(repository.note_atomic_push(&late).await.is_none(), "one is not where its client says");
        let note = repository.note_atomic_push(&commands).await.expect("noted");
        assert!(repository.has_noted_pushes().await.expect("readable"));
        drop(note);
        assert!(!repository.has_noted_pushes().await.expect("readable"));
    }
}
