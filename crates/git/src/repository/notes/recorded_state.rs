//! Which of its states a repository was in when its references were last recorded in the database. A repository that was
//! put back from an older backup tells by it what it is: its references are those of that state, and not those of a push
//! that was not recorded yet.
//!
//! A replica notes before it shows a state that this one was proven. When it ends before it has recorded that, it finds the
//! proof at its next start, whatever else it was told meanwhile.

use std::io;
use std::path::PathBuf;

use super::RepositoryNotes;
use crate::disk::{blocking, read_note, sync_folder, write_durably, write_note};
use crate::process::Durability;

/// The file in a repository's folder, which git leaves alone: a generation and a hash, in one line.
const RECORDED_STATE_FILE: &str = "heliostat-recorded";

/// The same of the state that was proven last.
const PROVEN_STATE_FILE: &str = "heliostat-proven";

/// No such file is longer.
const MAX_FILE_BYTES: u64 = 256;

/// A state of all references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedState {
    /// Its number: each recorded change of the references counts one up.
    pub generation: i64,
    /// The hash of all references.
    pub content_hash: String,
}

impl RepositoryNotes {
    /// The state that was last noted; `None` if none was, or the note cannot be understood.
    pub async fn recorded_state(&self) -> io::Result<Option<RecordedState>> {
        state_in(self.folder.join(RECORDED_STATE_FILE)).await
    }

    /// Notes the state that was recorded. A power failure may bring the note before back, which then says nothing: the
    /// references are not those of its state.
    pub async fn set_recorded_state(&self, state: &RecordedState) -> io::Result<()> {
        let (path, text) = (self.folder.join(RECORDED_STATE_FILE), line_of(state));
        blocking(move || write_note(&path, text.as_bytes())).await
    }

    /// The state that was last proven and shown, or about to be; `None` if none was, or the note cannot be understood.
    pub async fn proven_state(&self) -> io::Result<Option<RecordedState>> {
        state_in(self.folder.join(PROVEN_STATE_FILE)).await
    }

    /// Notes a state that was proven, before it is shown. It says nothing while the references are others.
    pub async fn set_proven_state(&self, state: &RecordedState) -> io::Result<()> {
        let (path, text) = (self.folder.join(PROVEN_STATE_FILE), line_of(state));
        let durability = self.durability;
        blocking(move || match durability {
            Durability::Strict => write_durably(&path, text.as_bytes()),
            Durability::Relaxed => write_note(&path, text.as_bytes()),
        })
        .await
    }

    /// Forgets which state was proven, for good: its number is to mean another one. There need be no repository.
    pub async fn forget_proven_state(&self) -> io::Result<()> {
        let (folder, durability) = (self.folder.clone(), self.durability);
        let forget = move || match std::fs::remove_file(folder.join(PROVEN_STATE_FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Ok(()) if durability == Durability::Strict => sync_folder(&folder),
            removed => removed,
        };
        blocking(forget).await
    }
}

async fn state_in(path: PathBuf) -> io::Result<Option<RecordedState>> {
    let text = blocking(move || read_note(&path, MAX_FILE_BYTES)).await?;
    Ok(text.and_then(|text| parse(std::str::from_utf8(&text).ok()?)))
}

fn line_of(state: &RecordedState) -> String {
    format!("{} {}\n", state.generation, state.content_hash)
}

fn parse(text: &str) -> Option<RecordedState> {
    let (generation, content_hash) = text.strip_suffix('\n')?.split_once(' ')?;
    Some(RecordedState { generation: generation.parse().ok()?, content_hash: content_hash.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;
    use crate::repository::Repository;

    #[tokio::test]
    async fn what_is_proven_is_noted_apart_from_what_is_recorded() {
        let workshop = Workshop::new().await;
        let relaxed = workshop.bare_with_commits("one", &["main"]).await;
        let git = workshop.git.clone().with_durability(Durability::Strict, relaxed.path());
        let strict = Repository::at(git, relaxed.path().to_owned());
        assert_eq!(relaxed.notes().proven_state().await.expect("readable"), None);
        for (generation, repository) in [(7, &relaxed), (8, &strict), (9, &relaxed)] {
            let state = RecordedState { generation, content_hash: "abc".to_owned() };
            repository.notes().set_proven_state(&state).await.expect("writable");
            assert_eq!(strict.notes().proven_state().await.expect("readable"), Some(state));
            if generation == 8 {
                strict.notes().forget_proven_state().await.expect("removable");
                assert_eq!(relaxed.notes().proven_state().await.expect("readable"), None);
            }
        }
        let nowhere = Repository::at(workshop.git.clone(), workshop.path("nowhere.git"));
        nowhere.notes().forget_proven_state().await.expect("there is none");
        assert_eq!(relaxed.notes().recorded_state().await.expect("readable"), None);
    }

    #[test]
    fn a_note_is_read_whole_or_not_at_all() {
        let state = RecordedState { generation: 7, content_hash: "abc".to_owned() };
        assert_eq!(parse("7 abc\n"), Some(state));
        for torn in ["", "\n", "7", "7\n", "7 abc", "seven abc\n"] {
            assert_eq!(parse(torn), None, "{torn:?}");
        }
    }
}
