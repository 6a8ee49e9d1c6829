//! A program that stands in the place of `ssh` and behaves like it where that matters: it wants the right key and a known
//! host, says what `ssh` says when it has neither, and otherwise runs what it is asked to, in a folder of its own. And a
//! machine on which there is no `ssh`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

use super::git::git;
use super::script::make_script;

/// What the right private key has in it.
const RIGHT_KEY: &str = "aKeyOfAnn";

/// The host key that the server shows.
const HOST_KEY: &str = "ssh-ed25519 AAAAgood";

const SCRIPT: &str = r#"#!/bin/sh
[ "$*" = -V ] && { echo 'OpenSSH_9.9p9 Fake-1, OpenSSL 3.0.99' >&2; exit; }
printf '%s\n' "$@" >> '@FOLDER@/arguments'
setting() { printf '%s\n' "$@" | sed -n "s/^$name=\"\(.*\)\"\$/\1/p"; }
[ -e '@FOLDER@/repositories' ] || { echo 'ssh: connect to host 127.0.0.1 port 22: Connection refused' >&2; exit 255; }
name=UserKnownHostsFile; hosts=$(setting "$@")
if ! { [ -n "$hosts" ] && grep -q '@HOST_KEY@' "$hosts"; }; then
  echo 'No ED25519 host key is known for 127.0.0.1 and you have requested strict checking.' >&2
  echo 'Host key verification failed.' >&2
  exit 255
fi
name=IdentityFile; key=$(setting "$@")
if ! { [ -n "$key" ] && grep -q '@RIGHT_KEY@' "$key"; }; then
  echo 'git@127.0.0.1: Permission denied (publickey).' >&2
  exit 255
fi
for command; do :; done
cd '@FOLDER@/repositories' && exec sh -c "$command"
"#;

/// A folder with the program, to be searched before all others, and the repositories to which it leads.
pub struct FakeSsh {
    folder: TempDir,
}

impl FakeSsh {
    /// Makes it.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let script = SCRIPT.replace("@FOLDER@", &folder.path().display().to_string());
        let script = script.replace("@HOST_KEY@", HOST_KEY).replace("@RIGHT_KEY@", RIGHT_KEY);
        make_script(&folder.path().join("ssh"), &script);
        fs::create_dir(folder.path().join("repositories")).expect("a folder can be made");
        Self { folder }
    }

    /// The search path of those who are to find it, as an environment variable.
    pub fn search_path(&self) -> (String, String) {
        let path = std::env::var("PATH").unwrap_or_default();
        ("PATH".to_owned(), format!("{}:{path}", self.folder.path().display()))
    }

    /// A new repository without commits; returns its folder.
    pub fn add_repository(&self, path: &str) -> PathBuf {
        let folder = self.folder.path().join("repositories").join(path);
        fs::create_dir_all(&folder).expect("a folder can be made");
        git(&folder, &["init", "--quiet", "--bare"]);
        folder
    }

    /// A key that it takes.
    pub fn right_key() -> String {
        format!("-----BEGIN RSA PRIVATE KEY-----\n{RIGHT_KEY}\n-----END RSA PRIVATE KEY-----\n")
    }

    /// Known hosts with its host.
    pub fn known_hosts() -> String {
        format!("127.0.0.1 {HOST_KEY}\n")
    }

    /// Makes the server unreachable, or reachable again.
    pub fn be_gone(&self, is_gone: bool) {
        let places = ["repositories", "gone"].map(|name| self.folder.path().join(name));
        let [here, gone] = &places;
        let (from, to) = if is_gone { (here, gone) } else { (gone, here) };
        fs::rename(from, to).expect("it can be moved");
    }

    /// All arguments with which it was called so far, one in a line.
    pub fn arguments(&self) -> String {
        fs::read_to_string(self.folder.path().join("arguments")).unwrap_or_default()
    }
}

/// A folder with every program of the search path but `ssh`.
pub struct NoSsh {
    folder: TempDir,
}

impl NoSsh {
    /// Makes it.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let entries =
            std::env::split_paths(&path).flat_map(|place| fs::read_dir(place).into_iter().flatten());
        for entry in entries.flatten().filter(|entry| entry.file_name() != "ssh") {
            // The first of a name is the one that is found.
            symlink(entry.path(), folder.path().join(entry.file_name())).ok();
        }
        Self { folder }
    }

    /// The search path of those who are to find none, as an environment variable.
    pub fn search_path(&self) -> (String, String) {
        ("PATH".to_owned(), self.folder.path().display().to_string())
    }
}
