//! What a failure says about the repository that it happened at: that it is damaged, or only that it cannot be read now.
//!
//! Much hangs on the difference. What is damaged is replaced; what cannot be read now is whole as far as is known,
//! and is read again a little later. So damage has to be proven: content that is wrong, an object that git misses although
//! a reference needs it, a file that every repository has and that is not there. A full table of open files, a
//! permission, a disk that gives an error, a git that was killed or does not start prove nothing. Git names some of
//! these in the same breath as a damaged object, because it could not open what it looked for.

use std::io;

/// What is wrong with a repository, with a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Its content is provably wrong.
    Damaged(String),
    /// It could not be read, for a reason that may be gone in a moment. Nothing may be concluded from it.
    CannotReadNow(String),
}

impl Fault {
    /// Whether the content is provably wrong.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_))
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(what) => write!(f, "damaged: {what}"),
            Self::CannotReadNow(what) => write!(f, "cannot be read at the moment: {what}"),
        }
    }
}

/// What `git` says when the system refuses it something; most are texts of the C library for an error number.
const REFUSED_BY_THE_SYSTEM: &[&str] = &[
    "Too many open files",
    "Cannot allocate memory",
    "ut of memory",
    // More at once than a process of ours may have.
    "attempting to allocate",
    "Permission denied",
    "Operation not permitted",
    "Input/output error",
    "Remote I/O error",
    "Stale file handle",
    "Stale NFS file handle",
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "Resource temporarily unavailable",
    "Device or resource busy",
    "Interrupted system call",
    "Transport endpoint is not connected",
    "No such device",
    "died of signal",
    "unable to create thread",
    "unable to fork",
    "cannot fork",
];

/// Whether this text tells of a system that refused something, whatever else it tells.
pub(crate) fn is_about_the_system(stderr: &str) -> bool {
    REFUSED_BY_THE_SYSTEM.iter().any(|phrase| stderr.contains(phrase))
}

/// Whether reading failed because of what is on the disk. Every other failure says nothing about the content.
pub(crate) fn is_about_content(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::InvalidData
            | io::ErrorKind::UnexpectedEof
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_prove_nothing() {
        let numbers = [
            rustix::io::Errno::MFILE,
            rustix::io::Errno::NFILE,
            rustix::io::Errno::NOMEM,
            rustix::io::Errno::ACCESS,
            rustix::io::Errno::PERM,
            rustix::io::Errno::IO,
            rustix::io::Errno::STALE,
            rustix::io::Errno::NOSPC,
            rustix::io::Errno::ROFS,
            rustix::io::Errno::AGAIN,
            rustix::io::Errno::NOTCONN,
        ];
        for number in numbers {
            let error = io::Error::from(number);
            assert!(!is_about_content(&error), "{error}");
            let text = error.to_string();
            let said = format!("fatal: bad object main: {}", text.split(" (os").next().unwrap_or_default());
            assert!(is_about_the_system(&said), "{said}");
        }
        assert!(!is_about_the_system("fatal: bad object refs/heads/main"));
        assert!(is_about_content(&io::Error::from(rustix::io::Errno::NOENT)));
    }
}
