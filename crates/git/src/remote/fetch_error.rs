//! Why another server did not give us what we asked for, read from what `git` says.

use std::time::Duration;

use heliostat_git_wire::ObjectId;
use thiserror::Error;

use crate::process::{Fault, GitError, is_about_a_lock};
use crate::remote::InvalidAddress;
use crate::remote::fetch_progress::step_in;

/// Why a transfer between two repositories failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The other server does not accept who we are.
    #[error("{url} refuses us: {detail}")]
    Unauthorized {
        /// Whom we asked.
        url: String,
        /// What git said.
        detail: String,
    },
    /// Over SSH: the server that answers shows a host key by which the other server is not known here.
    #[error("the host key of {url} is not known here: {detail}")]
    UnknownHost {
        /// Whom we asked.
        url: String,
        /// What ssh said.
        detail: String,
    },
    /// The other server has no such repository, or does not tell us.
    #[error("there is no repository at {url}")]
    NotFound {
        /// What we asked for.
        url: String,
    },
    /// The other server does not answer, or stopped answering.
    #[error("{url} cannot be reached: {detail}")]
    RemoteUnreachable {
        /// Whom we asked.
        url: String,
        /// What git said.
        detail: String,
    },
    /// The other server answers, and git fails there.
    #[error("{url} answers, but cannot read its repository: {detail}")]
    RemoteBroken {
        /// Whom we asked.
        url: String,
        /// What git said.
        detail: String,
    },
    /// The other repository does not have an object, or does not give it.
    #[error("the remote repository does not give an object: {detail}")]
    RemoteObjectMissing {
        /// The object, if the other server names it: of several that are wanted, one is enough for it to give none.
        object: Option<ObjectId>,
        /// What git said.
        detail: String,
    },
    /// What was sent and what is here are not whole together. An object is missing on one side, on ours as likely as on
    /// the other: what we claim to have is not sent.
    #[error("what the remote repository sent and what is here are not whole together: {detail}")]
    Incomplete {
        /// What git said.
        detail: String,
    },
    /// The other repository gives an object that would harm those who check it out.
    #[error("what the remote repository sent would harm its readers: {detail}")]
    Harmful {
        /// What git said.
        detail: String,
    },
    /// The objects of the two repositories are named by different hashes.
    #[error("the remote repository names objects by another hash: {detail}")]
    ObjectFormatMismatch {
        /// What git said.
        detail: String,
    },
    /// Our repository is damaged or missing.
    #[error("our repository is damaged: {detail}")]
    Corrupt {
        /// What git found.
        detail: String,
    },
    /// Our repository could not be read, or git was killed: that says nothing about what is in it.
    #[error("our repository cannot be read at the moment: {detail}")]
    CannotReadNow {
        /// What the system or git said.
        detail: String,
    },
    /// A lock file is in the way: another change is running, or one was killed a moment ago.
    #[error("our repository is locked: {detail}")]
    Locked {
        /// What git said.
        detail: String,
    },
    /// Nothing was heard for too long.
    #[error("nothing was heard for {} s", .0.as_secs())]
    Timeout(Duration),
    /// The address cannot be used.
    #[error(transparent)]
    InvalidAddress(#[from] InvalidAddress),
    /// Running git failed.
    #[error(transparent)]
    Git(GitError),
    /// Git failed for another reason.
    #[error("git ended with {status}: {detail}")]
    Other {
        /// How it ended.
        status: String,
        /// The end of what it said.
        detail: String,
    },
}

impl FetchError {
    /// What this says about our repository; `None` when it is about something else.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            // Only a suspicion, as every fault is before the repository is examined.
            Self::Corrupt { detail } | Self::Incomplete { detail } => Some(Fault::Damaged(detail.clone())),
            Self::CannotReadNow { detail } => Some(Fault::CannotReadNow(detail.clone())),
            Self::Git(error) => error.fault(),
            _ => None,
        }
    }

    /// Whether our repository may be why it failed, so that an empty one may succeed.
    pub fn is_about_what_is_here(&self) -> bool {
        match self {
            Self::Incomplete { .. }
            | Self::Corrupt { .. }
            | Self::Locked { .. }
            | Self::Git(_)
            | Self::Other { .. } => true,
            Self::Unauthorized { .. }
            | Self::UnknownHost { .. }
            | Self::NotFound { .. }
            | Self::RemoteUnreachable { .. }
            | Self::RemoteBroken { .. }
            | Self::RemoteObjectMissing { .. }
            | Self::Harmful { .. }
            | Self::ObjectFormatMismatch { .. }
            | Self::CannotReadNow { .. }
            | Self::Timeout(_)
            | Self::InvalidAddress(_) => false,
        }
    }

    /// Reads why a transfer failed.
    pub(crate) fn from_failure(url: &str, status: &str, stderr: &str) -> Self {
        let lines: Vec<&str> = stderr.trim().lines().filter(|line| !is_progress(line)).collect();
        let (url, detail) = (url.to_owned(), lines.join("\n"));
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| detail.contains(phrase));
        // What the other server says about itself is no finding about our repository.
        let is_of_the_other = |line: &str| line.starts_with("remote:") || line.contains("git upload-pack:");
        let ours: String =
            detail.lines().filter(|line| !is_of_the_other(line)).collect::<Vec<_>>().join("\n");
        if says(UNKNOWN_HOST) {
            Self::UnknownHost { url, detail: about_host_key(&detail) }
        } else if says(UNAUTHORIZED) {
            Self::Unauthorized { url, detail }
        } else if says(&["fsck error in pack"]) {
            Self::Harmful { detail }
        } else if says(&[
            "mismatched algorithms",
            "mismatched object format",
            "object format mismatch",
            "hash algorithm",
        ]) {
            Self::ObjectFormatMismatch { detail }
        } else if says(NOT_GIVEN) {
            Self::RemoteObjectMissing { object: not_given_in(&detail), detail }
        } else if says(&["did not send all necessary objects"]) {
            match fault_in(status, &ours) {
                // Git misses as well what it could not open here.
                Some(refused @ Self::CannotReadNow { .. }) => refused,
                _ => Self::Incomplete { detail },
            }
        } else if is_about_a_lock(&ours) {
            Self::Locked { detail }
        } else if is_not_found(&detail) {
            Self::NotFound { url }
        } else if let Some(fault) = fault_in(status, &ours) {
            fault
        } else if says(BROKEN_THERE) {
            Self::RemoteBroken { url, detail }
        } else if says(UNREACHABLE) {
            Self::RemoteUnreachable { url, detail }
        } else {
            Self::Other { status: status.to_owned(), detail }
        }
    }
}

/// Whether a line tells how far git is, and nothing about why it ended.
fn is_progress(line: &str) -> bool {
    line.starts_with("Cloning into ") || step_in(line).is_some()
}

/// What is wrong with our repository, as far as `git` says so.
fn fault_in(status: &str, ours: &str) -> Option<FetchError> {
    let error = GitError::from_failure("fetch", None, status, ours);
    error.fault().is_some().then(|| error.into())
}

const UNAUTHORIZED: &[&str] = &[
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "returned error: 401",
    "returned error: 403",
    KEY_REFUSED,
    TOO_MANY_KEYS,
];

/// What `ssh` says when the other side does not take a key.
pub(super) const KEY_REFUSED: &str = "Permission denied (";
pub(super) const TOO_MANY_KEYS: &str = "Too many authentication failures";

/// What `ssh` says when the key of the host is not one that is known.
pub(super) const UNKNOWN_HOST: &[&str] = &["Host key verification failed"];

/// Of what `ssh` says of a host key, often in a frame and with the names of files, what tells something to those who read it
/// elsewhere.
pub(super) fn about_host_key(said: &str) -> String {
    let line = |is_it: fn(&str) -> bool| said.lines().map(str::trim).find(|line| is_it(line));
    let reason = line(|line| line.contains("strict checking"));
    let shown = line(|line| line.starts_with("SHA256:"));
    match (reason, shown) {
        (Some(reason), Some(shown)) => format!("{reason} It shows {shown}"),
        (Some(reason), None) => reason.to_owned(),
        (None, _) => said.trim().to_owned(),
    }
}

const NOT_GIVEN: &[&str] = &["not our ref", "Server does not allow request for"];

/// The object that is not given, where a line names it.
fn not_given_in(detail: &str) -> Option<ObjectId> {
    let says = |line: &&str| NOT_GIVEN.iter().any(|phrase| line.contains(phrase));
    let mut words = detail.lines().filter(says).flat_map(str::split_ascii_whitespace);
    words.find_map(|word| ObjectId::parse(word).ok())
}

/// What the git of the other server says when it ends badly; ours then says that the connection broke.
const BROKEN_THERE: &[&str] = &["corruption on the remote side", "remote: fatal:"];

const UNREACHABLE: &[&str] = &[
    "unable to access",
    "Could not resolve host",
    "Failed to connect",
    "Connection refused",
    "Connection timed out",
    "Could not read from remote repository",
    "the remote end hung up",
    "RPC failed",
    "early EOF",
    "expected flush after",
    "unexpected disconnect",
    "unable to connect",
    "ssh: connect to host",
    "returned error: 5",
    "returned error: 429",
];

/// `fatal: repository 'https://…' not found`, and of a path that it does not exist.
pub(super) fn is_not_found(detail: &str) -> bool {
    let ends = ["' not found", "' does not exist"];
    let is_so = |line: &str| line.contains("repository '") && ends.iter().any(|end| line.ends_with(end));
    detail.contains("returned error: 404")
        || SAID_NOT_FOUND.iter().any(|phrase| detail.contains(phrase))
        || detail.lines().any(|line| is_so(line.trim_end()))
}

/// What servers say over SSH and by `git://` of a repository that is not there, or not shown.
const SAID_NOT_FOUND: &[&str] = &[
    "does not appear to be a git repository",
    "ERROR: Repository not found",
    "ERROR: The project you were looking for could not be found",
    "repository not exported",
    "no such repository",
];

impl From<GitError> for FetchError {
    fn from(error: GitError) -> Self {
        match error {
            GitError::Corrupt { detail, .. } => Self::Corrupt { detail },
            GitError::CannotReadNow { detail, .. } => Self::CannotReadNow { detail },
            GitError::NotARepository { .. } => {
                Self::CannotReadNow { detail: "git does not take it for a repository".to_owned() }
            }
            GitError::Locked { detail, .. } => Self::Locked { detail },
            GitError::TimedOut { limit, .. } => Self::Timeout(limit),
            error => Self::Git(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stderr: &str) -> FetchError {
        FetchError::from_failure("http://host/a.git", "exit status: 128", stderr)
    }

    #[test]
    fn recognises_what_git_says() {
        let unauthorized = [
            "fatal: Authentication failed for 'http://host/a.git/'",
            "fatal: could not read Username for 'http://host': terminal prompts disabled",
            "fatal: unable to access 'http://host/a.git/': The requested URL returned error: 403",
            "git@host: Permission denied (publickey).\nfatal: Could not read from remote repository.",
        ];
        for text in unauthorized {
            assert!(matches!(read(text), FetchError::Unauthorized { .. }), "{text}");
        }
        let not_found = [
            "fatal: repository 'http://host/a.git/' not found",
            "remote: nothing here\nfatal: repository 'http://host/a.git/' not found\n",
            "fatal: '/a.git' does not appear to be a git repository\nfatal: Could not read from remote repository.",
            "ERROR: Repository not found.\nfatal: Could not read from remote repository.",
            "fatal: remote error: access denied or repository not exported: /a.git",
        ];
        for text in not_found {
            assert!(matches!(read(text), FetchError::NotFound { .. }), "{text}");
        }
        let unreachable = [
            "fatal: unable to access 'http://host/': Failed to connect to host port 80: Connection refused",
            "fatal: unable to access 'http://host/': The requested URL returned error: 503",
            "error: RPC failed; curl 18 transfer closed\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack output",
        ];
        for text in unreachable {
            assert!(matches!(read(text), FetchError::RemoteUnreachable { .. }), "{text}");
        }
        let framed = "@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nSHA256:abc.\nOffending key in /x:1\n\
            Host key for host has changed and you have requested strict checking.\nHost key verification failed.\n\
            fatal: Could not read from remote repository.";
        let FetchError::UnknownHost { detail, .. } = read(framed) else { panic!("it is about the host key") };
        assert_eq!(
            detail,
            "Host key for host has changed and you have requested strict checking. It shows SHA256:abc."
        );
        let broken_there = [
            "remote: fatal: bad object 123\nfatal: the remote end hung up unexpectedly",
            "fatal: git upload-pack: aborting due to possible repository corruption on the remote side.\nfatal: early EOF",
        ];
        for text in broken_there {
            assert!(matches!(read(text), FetchError::RemoteBroken { .. }), "{text}");
        }
        let other_hash = "fatal: the receiving end does not support this repository's hash algorithm\n\
            fatal: the remote end hung up unexpectedly";
        assert!(matches!(read(other_hash), FetchError::ObjectFormatMismatch { .. }));
        let harmful = "error: object 1234: hasDotgit: contains '.git'\nfatal: fsck error in packed object\n\
            fatal: fetch-pack: invalid index-pack output";
        assert!(matches!(read(harmful), FetchError::Harmful { .. }) && read(harmful).fault().is_none());
        assert!(matches!(read("fatal: bad object HEAD"), FetchError::Corrupt { .. }));
        let proves_nothing = [
            "fatal: not a git repository: '/r.git'",
            "error: unable to open /r.git/objects/12/34: Permission denied\nfatal: bad object HEAD",
            "error: file write error: No space left on device\nfatal: unable to unpack object",
            "error: unable to open loose object 12: Input/output error\nfatal: bad object refs/heads/main\n\
             error: http://host/a.git did not send all necessary objects",
        ];
        for text in proves_nothing {
            assert!(matches!(read(text).fault(), Some(Fault::CannotReadNow(_))), "{text}");
        }
        assert!(matches!(read("fatal: bad object HEAD").fault(), Some(Fault::Damaged(_))));
        let incomplete =
            "fatal: bad object refs/heads/topic\nerror: http://host/a.git did not send all necessary objects";
        assert!(matches!(read(incomplete), FetchError::Incomplete { .. }));
        assert!(matches!(read(incomplete).fault(), Some(Fault::Damaged(_))));
        assert_eq!(read("fatal: remote error: upload-pack: not our ref 1234").fault(), None);
        let lock =
            "error: cannot lock ref 'refs/heads/a': Unable to create '/r/refs/heads/a.lock': File exists.";
        assert!(matches!(read(lock), FetchError::Locked { .. }));
        assert!(matches!(read("fatal: something new"), FetchError::Other { .. }));
        let with_progress = "Cloning into bare repository '/x'...\nremote: Counting objects: 100% (3/3), done.\n\
            fatal: something new\n";
        assert!(read(with_progress).to_string().ends_with("exit status: 128: fatal: something new"));
    }
}
