//! What can go wrong when `git` works on a repository of ours, read from what it says.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::fault::{Fault, is_about_the_system};

/// How much of what `git` said last is kept.
pub(crate) const STDERR_TAIL_BYTES: usize = 4 * 1024;

/// How much of an unexpected output an error quotes.
const MAX_QUOTED_BYTES: usize = 200;

/// Why an operation on a repository failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GitError {
    /// The executable could not be started.
    #[error("cannot {operation}: git does not start")]
    Spawn {
        /// What was to be done.
        operation: &'static str,
        /// Why it failed.
        #[source]
        error: io::Error,
    },
    /// Talking to the process failed.
    #[error("cannot {operation}: the connection to git broke")]
    Io {
        /// What was to be done.
        operation: &'static str,
        /// Why it failed.
        #[source]
        error: io::Error,
    },
    /// There is no repository at this path.
    #[error("cannot {operation}: {path:?} is not a repository")]
    NotARepository {
        /// What was to be done.
        operation: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The repository is damaged.
    #[error("cannot {operation}: the repository {path:?} is damaged: {detail}")]
    Corrupt {
        /// What was to be done.
        operation: &'static str,
        /// Which repository.
        path: PathBuf,
        /// What git found.
        detail: String,
    },
    /// The system refused `git` something, or `git` was killed: that says nothing about the repository.
    #[error("cannot {operation}: {path:?} cannot be read at the moment: {detail}")]
    CannotReadNow {
        /// What was to be done.
        operation: &'static str,
        /// Which repository.
        path: PathBuf,
        /// What the system or git said.
        detail: String,
    },
    /// A lock file is in the way: another change is running, or one was killed.
    #[error("cannot {operation}: something in {path:?} is locked: {detail}")]
    Locked {
        /// What was to be done.
        operation: &'static str,
        /// Which repository.
        path: PathBuf,
        /// What git said.
        detail: String,
    },
    /// The output is larger than we are willing to hold.
    #[error("cannot {operation}: git printed more than {limit_bytes} bytes")]
    OutputTooLarge {
        /// What was to be done.
        operation: &'static str,
        /// The limit.
        limit_bytes: usize,
    },
    /// The output could not be understood.
    #[error("cannot {operation}: git printed something unexpected: {output:?}")]
    UnexpectedOutput {
        /// What was to be done.
        operation: &'static str,
        /// The beginning of it.
        output: String,
    },
    /// It took too long.
    #[error("cannot {operation}: git did not finish within {} s", .limit.as_secs())]
    TimedOut {
        /// What was to be done.
        operation: &'static str,
        /// How long it was given.
        limit: Duration,
    },
    /// Git refused the request, and said what the client may be shown.
    #[error("cannot {operation}: git refuses: {message}")]
    Refused {
        /// What was to be done.
        operation: &'static str,
        /// What it said.
        message: String,
    },
    /// What the client sent cannot be read.
    #[error("cannot read the request")]
    Request(#[source] io::Error),
    /// A pack that was being forwarded did not come to its end, or what came was not right.
    #[error("the pack from the other server did not come to its end, or is not right")]
    ForwardedPack,
    /// A failure that several were waiting for.
    #[error(transparent)]
    Shared(Arc<GitError>),
    /// Git failed for another reason.
    #[error("cannot {operation}: git ended with {status}: {detail}")]
    Failed {
        /// What was to be done.
        operation: &'static str,
        /// How it ended, such as "exit status: 128".
        status: String,
        /// The end of what it said.
        detail: String,
    },
}

/// Phrases by which `git` tells that stored data is damaged.
const DAMAGE: &[&str] = &[
    "bad object",
    "bad tree object",
    "is corrupt",
    "corrupt loose object",
    "object corrupt or missing",
    "object file is empty",
    "loose object file",
    "inflate: data stream error",
    "unable to unpack",
    "unable to parse object",
    "unable to read tree",
    "unable to read sha1 file",
    "missing blob",
    "missing tree",
    "missing commit",
    "invalid sha1 pointer",
    "broken link from",
    "unable to get object info",
    "bad config line",
    "bad numeric config value",
    "bad boolean config value",
    "hash mismatch",
    "does not match index",
    "ignoring broken ref",
    "bad ref for",
    "missing object",
    "packfile checksum",
    // An object is copied into another pack as it is stored, and is not what the index says.
    "bad packed object CRC",
    "Failed to traverse parents of commit",
    "badRefContent",
    "unterminated line in",
    "unexpected line in",
    "improper chunk offset",
    "chunk missing or corrupted",
    "terminating chunk",
    SUPPOSED_DAMAGE,
];

/// What upload-pack says when packing has failed; why, only the client was told.
const SUPPOSED_DAMAGE: &str = "possible repository corruption";

/// Phrases by which `git` tells that a request asks for what cannot be.
const REFUSALS: &[&str] = &[
    "invalid filter-spec",
    "expected 'tree:",
    "expected something after combine:",
    "sparse:path filters",
    "unable to access sparse blob",
    "deepen-not",
    "no commits selected for shallow requests",
];

impl GitError {
    /// Reads why a process that ended badly did so.
    pub(crate) fn from_failure(
        operation: &'static str,
        path: Option<&Path>,
        status: &str,
        stderr: &str,
    ) -> Self {
        let detail = stderr.trim().to_owned();
        let path = path.map(Path::to_owned).unwrap_or_default();
        if is_about_no_repository(&detail) {
            Self::NotARepository { operation, path }
        } else if is_about_a_lock(&detail) {
            Self::Locked { operation, path, detail }
        } else if was_killed(status) || is_about_the_system(&detail) {
            // Before damage: git calls an object damaged that it could not open.
            let detail = if detail.is_empty() { format!("git ended with {status}") } else { detail };
            Self::CannotReadNow { operation, path, detail }
        } else if is_about_damage(&detail) {
            Self::Corrupt { operation, path, detail }
        } else if let Some(message) = refusal_in(&detail) {
            Self::Refused { operation, message: message.to_owned() }
        } else {
            Self::Failed { operation, status: status.to_owned(), detail }
        }
    }

    /// The system did not let us read this file.
    pub(crate) fn refused(operation: &'static str, file: &Path, error: &io::Error) -> Self {
        Self::CannotReadNow { operation, path: file.to_owned(), detail: error.to_string() }
    }

    /// What git printed is not what it is asked for.
    pub fn unexpected(operation: &'static str, output: &[u8]) -> Self {
        let output = String::from_utf8_lossy(&output[..output.len().min(MAX_QUOTED_BYTES)]).into_owned();
        Self::UnexpectedOutput { operation, output }
    }

    /// What this says about the repository; `None` when it is about something else.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Shared(error) => error.fault(),
            Self::Corrupt { detail, .. } => Some(Fault::Damaged(detail.clone())),
            // Git calls it no repository as well when it may not read `HEAD`. Opening it tells which.
            Self::NotARepository { .. }
            | Self::CannotReadNow { .. }
            | Self::Spawn { .. }
            | Self::ForwardedPack
            | Self::Io { .. }
            | Self::TimedOut { .. } => Some(Fault::CannotReadNow(self.to_string())),
            _ => None,
        }
    }

    /// Whether `upload-pack` found the repository damaged and nothing says why.
    pub(crate) fn only_supposes_damage(&self) -> bool {
        match self {
            Self::Corrupt { detail, .. } => !is_about_damage(&detail.replace(SUPPOSED_DAMAGE, "")),
            _ => false,
        }
    }

    /// A filter names as a list of paths what cannot be read as one.
    pub(crate) fn unreadable_filter(operation: &'static str) -> Self {
        let message = "the object that the filter names cannot be read as a list of paths".to_owned();
        Self::Refused { operation, message }
    }

    /// Whether the repository itself is at fault: it is missing or damaged.
    pub fn is_broken_repository(&self) -> bool {
        match self {
            Self::Shared(error) => error.is_broken_repository(),
            _ => matches!(self, Self::NotARepository { .. } | Self::Corrupt { .. }),
        }
    }
}

/// Whether a signal ended the process, so that what it said need not be what is wrong.
fn was_killed(status: &str) -> bool {
    status.starts_with("signal")
}

/// The sentence that the client may be shown, if it is at fault.
fn refusal_in(stderr: &str) -> Option<&str> {
    let line = stderr.lines().find(|line| REFUSALS.iter().any(|phrase| line.contains(phrase)))?;
    Some(line.strip_prefix("fatal: ").unwrap_or(line).trim_end())
}

fn is_about_no_repository(stderr: &str) -> bool {
    let phrases = ["not a git repository", "does not appear to be a git repository"];
    phrases.iter().any(|phrase| stderr.contains(phrase))
}

pub(crate) fn is_about_a_lock(stderr: &str) -> bool {
    stderr.contains(".lock': File exists") || stderr.contains("packed-refs.new: File exists")
}

pub(crate) fn is_about_damage(stderr: &str) -> bool {
    DAMAGE.iter().any(|phrase| stderr.contains(phrase))
}

/// The end of a text that may be long, as text, without secrets that a URL may hold.
pub(crate) fn readable_tail(bytes: &[u8]) -> String {
    let tail = &bytes[bytes.len().saturating_sub(STDERR_TAIL_BYTES)..];
    crate::process::without_credentials(&String::from_utf8_lossy(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stderr: &str) -> GitError {
        GitError::from_failure("test", Some(Path::new("/r.git")), "exit status: 128", stderr)
    }

    #[test]
    fn recognises_what_git_says() {
        let no_repository = read("fatal: not a git repository: '/r.git'");
        assert!(matches!(no_repository, GitError::NotARepository { .. }));
        assert!(no_repository.is_broken_repository());
        assert!(matches!(read("fatal: bad object refs/heads/main"), GitError::Corrupt { .. }));
        let lock = "error: cannot lock ref 'refs/heads/a': Unable to create '/r.git/refs/heads/a.lock': File exists.";
        assert!(matches!(read(lock), GitError::Locked { .. }));
        let draft = "fatal: unable to write new packed-refs: unable to create file /r.git/packed-refs.new: File exists";
        assert!(matches!(read(draft), GitError::Locked { .. }));
        assert!(matches!(read("fatal: something new"), GitError::Failed { .. }));
        // What repacking meets where a bit was flipped.
        for flipped in [
            "error: bad packed object CRC for 47c8\nfatal: unable to read 47c8",
            "error: Could not read 47c8\nfatal: Failed to traverse parents of commit 1955",
        ] {
            assert!(matches!(read(flipped), GitError::Corrupt { .. }), "{flipped}");
        }
    }

    #[test]
    fn what_the_system_refused_is_no_damage() {
        let open = "error: unable to open object pack directory: /r.git/objects/pack: Too many open files";
        let refused = [
            format!("{open}\nfatal: bad object HEAD"),
            "error: unable to open loose object 1234: Permission denied\nfatal: bad object main".to_owned(),
            "fatal: out of memory, malloc failed".to_owned(),
            "error: index-pack died of signal 9\nfatal: loose object file is corrupt".to_owned(),
        ];
        for text in &refused {
            assert!(matches!(read(text).fault(), Some(Fault::CannotReadNow(_))), "{text}");
        }
        let killed = GitError::from_failure("test", None, "signal: 9 (SIGKILL)", "error: bad object HEAD");
        assert!(matches!(killed.fault(), Some(Fault::CannotReadNow(_))), "{killed}");
        let no_repository = read("fatal: not a git repository: '/r.git'");
        assert!(matches!(no_repository.fault(), Some(Fault::CannotReadNow(_))));
        assert!(matches!(read("fatal: bad object HEAD").fault(), Some(Fault::Damaged(_))));
        assert_eq!(read("fatal: something new").fault(), None);
    }

    #[test]
    fn a_long_message_is_cut_at_the_front() {
        let long = format!("start{}end", "x".repeat(STDERR_TAIL_BYTES));
        let tail = readable_tail(long.as_bytes());
        assert!(tail.ends_with("end") && !tail.contains("start"));
    }
}
