//! A few references that move together, each by a rename of its own: what a crash between the renames leaves is taken back.
//!
//! What is about to move is written down before the first rename, and the note goes after the last. A note that is found at a
//! start is of a move that was interrupted. Its references become what they were, which is the state that is recorded: it is
//! served also while the upstream is away. No reader has seen anything else, because readers wait for the last rename.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use heliostat_git_wire::{ObjectId, RefMove};

use super::swap_refs::is_synced;
use crate::disk::{read_note, remove_if_there, replace_under_lock, sync_folder, write_durably, write_note};
use crate::process::Durability;

/// The file in a repository's folder, which git leaves alone: a line for each reference with what its own file says before
/// and after, and its name; then the end.
const NOTE_FILE: &str = "heliostat-moving-refs";

/// No note is longer: few references move so.
const MAX_NOTE_BYTES: u64 = 256 * 1024;

/// Stands for a reference that has no file of its own.
const NO_FILE: &[u8] = b"-";

/// A note that does not end so was not written to its end.
const END: &[u8] = b"end\n";

/// What the own file of a reference says, without the end of its line; `None` while there is none.
type OwnValue = Option<Vec<u8>>;

/// A reference that is moved by its own file.
struct Moving {
    before: OwnValue,
    after: OwnValue,
    name: Vec<u8>,
}

/// Notes what is about to move, while all of it is locked. Blocks.
pub(super) fn note_moves(repository: &Path, moves: &[RefMove], durability: Durability) -> io::Result<()> {
    let mut text = Vec::new();
    for RefMove { name, step } in moves {
        let before = own_value(repository, name)?;
        let before = before.as_deref().unwrap_or(NO_FILE);
        let after = step.to.as_ref().map_or(NO_FILE, ObjectId::as_bytes);
        text.extend([before, b" ", after, b" ", name, b"\n"].concat());
    }
    text.extend(END);
    let note = repository.join(NOTE_FILE);
    match durability {
        Durability::Strict => write_durably(&note, &text),
        Durability::Relaxed => write_note(&note, &text),
    }
}

/// Forgets what was noted: all of it has moved. Blocks.
pub(super) fn forget_moves(repository: &Path) -> io::Result<()> {
    remove_if_there(&repository.join(NOTE_FILE))
}

/// Takes back what was noted if some of it has moved and some has not; whether that was so. Blocks.
pub(super) fn take_back_half_moved(repository: &Path, durability: Durability) -> io::Result<bool> {
    let Some(text) = read_note(&repository.join(NOTE_FILE), MAX_NOTE_BYTES)? else { return Ok(false) };
    let moves = parse(&text).unwrap_or_default();
    let is_half = is_half_moved(repository, &moves)?;
    if is_half {
        for moved in &moves {
            put_back(repository, moved, durability)?;
        }
    }
    forget_moves(repository)?;
    Ok(is_half)
}

/// Not if others have moved any of the references since.
fn is_half_moved(repository: &Path, moves: &[Moving]) -> io::Result<bool> {
    let (mut has_moved, mut has_stayed) = (false, false);
    for Moving { before, after, name } in moves {
        let now = own_value(repository, name)?;
        if now == *after {
            has_moved = true;
        } else if now == *before {
            has_stayed = true;
        } else {
            return Ok(false);
        }
    }
    Ok(has_moved && has_stayed)
}

fn put_back(repository: &Path, moved: &Moving, durability: Durability) -> io::Result<()> {
    if own_value(repository, &moved.name)? == moved.before {
        return Ok(());
    }
    let place = repository.join(OsStr::from_bytes(&moved.name));
    let folder = place.parent().unwrap_or(repository);
    match &moved.before {
        Some(value) => {
            fs::create_dir_all(folder)?;
            replace_under_lock(&place, is_synced(&place, durability), |lock| {
                lock.write_all(&[value.as_slice(), b"\n"].concat())
            })
        }
        None => {
            remove_if_there(&place)?;
            if durability == Durability::Strict { sync_folder(folder) } else { Ok(()) }
        }
    }
}

fn own_value(repository: &Path, name: &[u8]) -> io::Result<OwnValue> {
    match fs::read(repository.join(OsStr::from_bytes(name))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => Ok(Some(found?.trim_ascii_end().to_owned())),
    }
}

fn parse(text: &[u8]) -> Option<Vec<Moving>> {
    let lines = text.strip_suffix(END)?;
    let value = |word: &[u8]| (word != NO_FILE).then(|| word.to_owned());
    let line = |line: &[u8]| {
        let mut words = line.strip_suffix(b"\n")?.splitn(3, |byte| *byte == b' ');
        let (before, after, name) = (words.next()?, words.next()?, words.next()?);
        Some(Moving { before: value(before), after: value(after), name: name.to_owned() })
    };
    lines.split_inclusive(|byte| *byte == b'\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::{RefName, RefStep};

    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn what_a_crash_has_left_half_moved_is_taken_back_at_the_next_start_and_nothing_else() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let main = RefName::branch("main").expect("valid");
        let repository = store.create(1, &main).await.expect("created");
        let path = repository.path();
        let object = |text: String| ObjectId::parse(text.trim()).expect("an object");
        let (one, two) =
            (object(workshop.commit(&repository, "packed")), object(workshop.commit(&repository, "packed")));
        workshop.run(path, &["pack-refs", "--all"]);
        for name in ["main", "gone"] {
            workshop.run(path, &["update-ref", &format!("refs/heads/{name}"), one.as_str()]);
        }
        let moves: Vec<_> = [
            ("gone", Some(&one), None),
            ("main", Some(&one), Some(&two)),
            ("new", None, Some(&one)),
            ("packed", Some(&two), Some(&one)),
        ]
        .into_iter()
        .map(|(name, from, to)| {
            let step = RefStep { from: from.cloned(), to: to.cloned() };
            RefMove { name: format!("refs/heads/{name}").into_bytes(), step }
        })
        .collect();
        let listed = || workshop.run(path, &["for-each-ref", "--format=%(objectname) %(refname)"]);
        let carry_out = |moves: &[RefMove]| {
            for RefMove { name, step } in moves {
                let place = path.join(OsStr::from_bytes(name));
                match &step.to {
                    Some(to) => fs::write(place, format!("{to}\n")).expect("written"),
                    None => fs::remove_file(place).expect("removed"),
                }
            }
        };
        let before = listed();
        for half in [&moves[..0], &moves[..1], &moves[1..3], &moves[..3], &moves[3..]] {
            for durability in [Durability::Relaxed, Durability::Strict] {
                note_moves(path, &moves, durability).expect("noted");
                carry_out(half);
                store.recover().await.expect("recovered");
                assert_eq!(listed(), before, "after {} of them", half.len());
                assert!(!path.join(NOTE_FILE).exists());
            }
        }
        // A note that says nothing is none.
        fs::write(path.join(NOTE_FILE), "rubbish").expect("written");
        store.recover().await.expect("recovered");
        assert_eq!(listed(), before);

        note_moves(path, &moves, Durability::Relaxed).expect("noted");
        carry_out(&moves);
        let after = listed();
        store.recover().await.expect("recovered");
        assert_eq!(listed(), after, "all of it has moved");
        assert!(!path.join(NOTE_FILE).exists());
        repository.verify().await.expect("whole");
    }
}
