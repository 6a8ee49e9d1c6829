//! Which of its states a repository was in when its references were last recorded in the database. A repository that was
//! put back from an older backup tells by it what it is: its references are those of that state, and not those of a push
//! that was not recorded yet.

use std::io;

use crate::disk::{blocking, read_note, write_note};
use crate::repository::Repository;

/// The file in a repository's folder, which git leaves alone: a generation and a hash, in one line.
const RECORDED_STATE_FILE: &str = "heliostat-recorded";

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

impl Repository {
    /// The state that was last noted; `None` if none was, or the note cannot be understood.
    pub async fn recorded_state(&self) -> io::Result<Option<RecordedState>> {
        let path = self.path().join(RECORDED_STATE_FILE);
        let text = blocking(move || read_note(&path, MAX_FILE_BYTES)).await?;
        Ok(text.and_then(|text| parse(std::str::from_utf8(&text).ok()?)))
    }

    /// Notes the state that was recorded. A power failure may bring the note before back, which then says nothing: the
    /// references are not those of its state.
    pub async fn note_recorded_state(&self, state: &RecordedState) -> io::Result<()> {
        let path = self.path().join(RECORDED_STATE_FILE);
        let text = format!("{} {}\n", state.generation, state.content_hash);
        blocking(move || write_note(&path, text.as_bytes())).await
    }
}

fn parse(text: &str) -> Option<RecordedState> {
    let (generation, content_hash) = text.strip_suffix('\n')?.split_once(' ')?;
    Some(RecordedState { generation: generation.parse().ok()?, content_hash: content_hash.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_whole_or_not_at_all() {
        let state = RecordedState { generation: 7, content_hash: "abc".to_owned() };
        assert_eq!(parse("7 abc\n"), Some(state));
        for torn in ["", "\n", "7", "7\n", "7 abc", "seven abc\n"] {
            assert_eq!(parse(torn), None, "{torn:?}");
        }
    }
}
