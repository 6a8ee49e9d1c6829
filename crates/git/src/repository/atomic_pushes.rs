//! Pushes that change all of their references or none (`git push --atomic`), over a crash.
//!
//! Git locks all of the references, and then renames one file after the other. Before it gets the end of such a push, what the
//! push is about to change is noted; the note goes when git has ended. A note that is found at a start is of a push that was
//! interrupted, and whose client was not told how it ended. Where some of its references have changed, the others are changed
//! as well: what a reader may have seen is not taken back.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use heliostat_git_wire::{Head, ObjectId, PushCommand, RefName, SnapshotRef};
use tempfile::TempPath;

use crate::disk::{blocking, entries, make_folder_durably, read_note, remove_if_there, sync_folder};
use crate::process::Durability;
use crate::refs::{RefUpdate, UpdateRefsError};
use crate::repository::Repository;

/// The folder of notes in that of a repository, which git leaves alone. A note is the hash of all references before the push,
/// a line for each of its commands, and the end.
const NOTES_FOLDER: &str = "heliostat-atomic-pushes";

/// No note is longer: so few commands are kept.
const MAX_NOTE_BYTES: u64 = 4 * 1024 * 1024;

/// A note that does not end so was not written to its end.
const END: &[u8] = b"end\n";

/// A push that was noted.
struct NotedPush {
    before: Vec<u8>,
    commands: Vec<PushCommand>,
}

impl Repository {
    /// Notes a push that is about to carry out all of these commands or none. The note goes when what is returned is dropped;
    /// nothing is noted of what is one step for git, or will be refused.
    pub(crate) async fn note_atomic_push(&self, commands: &[PushCommand]) -> Option<TempPath> {
        let before = self.snapshot().await.ok()?;
        let head = before.head().and_then(Head::target);
        let may_be = |command: &&PushCommand| {
            let is_default = |name: &RefName| head.as_ref() == Some(name);
            name_of(command).is_some_and(|name| !(command.to.is_zero() && is_default(&name)))
        };
        let changes: Vec<_> = commands.iter().filter(|command| command.from != command.to).collect();
        if changes.len() < 2 || !changes.iter().all(may_be) {
            return None;
        }
        let mut text = format!("{}\n", before.content_hash().as_str()).into_bytes();
        for PushCommand { from, to, name } in changes {
            text.extend([format!("{from} {to} ").as_bytes(), name, b"\n"].concat());
        }
        text.extend(END);
        let (folder, durability) = (self.path().join(NOTES_FOLDER), self.git().durability());
        match blocking(move || write(&folder, &text, durability)).await {
            Ok(note) => Some(note),
            Err(error) => {
                tracing::warn!(%error, repository.path = %self.path().display(), "cannot note an atomic push");
                None
            }
        }
    }

    /// Whether an earlier process may have been interrupted in a push of which all or nothing is to be carried out.
    pub async fn has_noted_pushes(&self) -> io::Result<bool> {
        let folder = self.path().join(NOTES_FOLDER);
        blocking(move || Ok(entries(&folder)?.next().is_some())).await
    }

    /// Finishes such pushes where only some of their references have changed, and says how many there were. `recorded` is the
    /// hash of the references as they are recorded: a note of another state is about the past. To be called before the first
    /// push since the start.
    pub async fn finish_noted_pushes(&self, recorded: &str) -> io::Result<usize> {
        let folder = self.path().join(NOTES_FOLDER);
        let mut finished = 0;
        for (note, push) in blocking(move || read(&folder)).await? {
            if let Some(push) = push
                && push.before == recorded.as_bytes()
            {
                match self.finish(&push.commands).await {
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

    async fn finish(&self, commands: &[PushCommand]) -> Result<bool, UpdateRefsError> {
        let here = self.refs().await?;
        let is_at = |command: &PushCommand, object: &ObjectId| {
            here.find(&command.name).map(SnapshotRef::object)
                == Some(object).filter(|object| !object.is_zero())
        };
        let has_begun = commands.iter().any(|command| is_at(command, &command.to));
        let left: Vec<_> =
            commands.iter().filter(|&command| is_at(command, &command.from)).filter_map(update_of).collect();
        if !has_begun || left.is_empty() {
            return Ok(false);
        }
        self.update_refs(&left).await?;
        Ok(true)
    }
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

fn read(folder: &Path) -> io::Result<Vec<(PathBuf, Option<NotedPush>)>> {
    let mut notes = Vec::new();
    for entry in entries(folder)? {
        let path = entry?.path();
        let text = read_note(&path, MAX_NOTE_BYTES)?.unwrap_or_default();
        notes.push((path, parse(&text)));
    }
    Ok(notes)
}

fn parse(text: &[u8]) -> Option<NotedPush> {
    let mut lines = text.strip_suffix(END)?.split_inclusive(|byte| *byte == b'\n');
    let before = lines.next()?.strip_suffix(b"\n")?.to_owned();
    let command = |line: &[u8]| {
        let mut words = line.strip_suffix(b"\n")?.splitn(3, |byte| *byte == b' ');
        let (from, to, name) = (words.next()?, words.next()?, words.next()?);
        let (from, to) = (ObjectId::from_hex(from)?, ObjectId::from_hex(to)?);
        Some(PushCommand { from, to, name: name.to_owned() })
    };
    Some(NotedPush { before, commands: lines.map(command).collect::<Option<_>>()? })
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

    #[tokio::test]
    async fn what_has_begun_is_finished_and_what_has_not_is_not() {
        for first in [None, Some(0), Some(1), Some(2)] {
            let workshop = Workshop::new().await;
            let (repository, commands) = scene(&workshop).await;
            let recorded = repository.refs().await.expect("readable").content_hash().as_str().to_owned();
            let before = listed(&workshop, &repository);
            let note = repository.note_atomic_push(&commands).await.expect("noted");
            // As it stays when the process is killed.
            note.keep().expect("kept");
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
    async fn a_note_of_another_state_or_of_nothing_changes_nothing() {
        let workshop = Workshop::new().await;
        let (repository, commands) = scene(&workshop).await;
        let note = repository.note_atomic_push(&commands).await.expect("noted");
        note.keep().expect("kept");
        carry_out(&workshop, &repository, &commands[0]);
        std::fs::write(repository.path().join(NOTES_FOLDER).join("cut"), "rubbish").expect("written");
        let now = listed(&workshop, &repository);
        // Something was recorded since.
        let recorded = repository.refs().await.expect("readable").content_hash().as_str().to_owned();
        assert_eq!(repository.finish_noted_pushes(&recorded).await.expect("read"), 0);
        assert_eq!(listed(&workshop, &repository), now);
        assert!(!repository.has_noted_pushes().await.expect("readable"));
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
        let note = repository.note_atomic_push(&commands).await.expect("noted");
        assert!(repository.has_noted_pushes().await.expect("readable"));
        drop(note);
        assert!(!repository.has_noted_pushes().await.expect("readable"));
    }
}
