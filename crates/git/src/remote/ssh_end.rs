//! How a conversation over SSH has ended, read from what `ssh` and the other side have said.

use std::fmt;

use super::fetch_error::{KEY_REFUSED, TOO_MANY_KEYS, UNKNOWN_HOST, about_host_key, is_not_found};

/// How `ssh` ends by itself; any other number is that of the program on the other side.
const ENDED_BY_SSH: i32 = 255;

/// How a shell ends that does not find a program.
const NO_PROGRAM: i32 = 127;

/// How a conversation has ended, by who is to do something about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SshEnd {
    /// The key of the host is not one that is known here.
    UnknownHost(String),
    /// The other side does not take the key that it was shown.
    KeyRefused(String),
    /// The other side says that there is no such repository, or none that is shown.
    NotFound(String),
    /// There was no connection.
    Unreached(String),
    /// The connection broke.
    Broken(String),
    /// There is no git on the other side.
    NoGit(String),
    /// The other side has said something else, and ended.
    Refused(String),
}

impl SshEnd {
    pub(super) fn read(code: Option<i32>, said: &str) -> Self {
        let says = |phrase: &str| said.contains(phrase);
        let text = in_one_line(said);
        if UNKNOWN_HOST.iter().any(|phrase| says(phrase)) {
            Self::UnknownHost(about_host_key(said))
        } else if says(KEY_REFUSED) || says(TOO_MANY_KEYS) {
            Self::KeyRefused(text)
        } else if is_not_found(said) {
            Self::NotFound(text)
        } else if says("ssh: connect to host") || says("Could not resolve hostname") {
            Self::Unreached(text)
        } else if code == Some(NO_PROGRAM) {
            Self::NoGit(text)
        } else if matches!(code, None | Some(0 | ENDED_BY_SSH)) {
            Self::Broken(text)
        } else {
            Self::Refused(text)
        }
    }
}

impl fmt::Display for SshEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHost(said)
            | Self::KeyRefused(said)
            | Self::NotFound(said)
            | Self::Unreached(said)
            | Self::Broken(said)
            | Self::NoGit(said)
            | Self::Refused(said) => f.write_str(said),
        }
    }
}

/// Without the names of our own files, which say nothing to those who read it elsewhere.
fn in_one_line(said: &str) -> String {
    let lines = said.lines().map(|line| match line.trim().strip_prefix("Load key \"") {
        Some(rest) => format!("the key: {}", rest.split_once("\": ").map_or(rest, |(_, fault)| fault)),
        None => line.trim().to_owned(),
    });
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    if lines.is_empty() { "it ends without a word".to_owned() } else { lines.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_who_is_at_fault() {
        let read = |code, said: &str| SshEnd::read(Some(code), said);
        let unknown = "No ED25519 host key is known for [h]:22 and you have requested strict checking.\r\n\
            Host key verification failed.\r\n";
        assert_eq!(
            read(255, unknown),
            SshEnd::UnknownHost(
                "No ED25519 host key is known for [h]:22 and you have requested strict checking.".to_owned()
            )
        );
        let refused = "Load key \"/data/incoming/ssh-x/key\": error in libcrypto\r\ngit@h: Permission denied (publickey).\r\n";
        assert_eq!(
            read(255, refused),
            SshEnd::KeyRefused(
                "the key: error in libcrypto; git@h: Permission denied (publickey).".to_owned()
            )
        );
        assert!(matches!(read(1, "ERROR: Repository not found."), SshEnd::NotFound(_)));
        let missing = "fatal: '/a.git' does not appear to be a git repository";
        assert!(matches!(read(128, missing), SshEnd::NotFound(_)));
        let away = "ssh: connect to host 127.0.0.1 port 9: Connection refused";
        assert!(matches!(read(255, away), SshEnd::Unreached(_)));
        assert!(matches!(read(255, "Connection reset by 192.0.2.1 port 22"), SshEnd::Broken(_)));
        assert!(matches!(read(127, "sh: git-upload-pack: not found"), SshEnd::NoGit(_)));
        assert!(matches!(read(1, "This account is for mail only."), SshEnd::Refused(_)));
        assert_eq!(read(0, "").to_string(), "it ends without a word");
    }
}
