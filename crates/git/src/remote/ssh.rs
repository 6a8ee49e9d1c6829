//! A server that is reached over SSH: who asks there, which host keys are believed, and a conversation with
//! `git upload-pack`.
//!
//! The system's `ssh` does the work, and takes everything from its arguments: it reads no settings of a user or of this
//! machine, never prompts, uses no agent, forwards nothing, and connects only where the host key is known. Its
//! arguments name the files in which secrets are, and hold none.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::task::JoinHandle;

use crate::disk::blocking;
use crate::process::{Git, GitCommand, GitError, GitProcess, Lane, read_tail};
use crate::remote::SshEnd;
use crate::repository::RepositoryStore;

const OPERATION: &str = "ask over SSH";

/// The program, on the search path.
const PROGRAM: &str = "ssh";

/// What stands in the place of the settings of the user and of this machine.
const NO_SETTINGS_FILE: [&str; 2] = ["-F", "/dev/null"];

/// How `ssh` is to behave.
const SETTINGS: &[&str] = &[
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "CheckHostIP=no",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "ControlMaster=no",
    "ControlPath=none",
    "ConnectTimeout=10",
    "ServerAliveInterval=30",
    "ServerAliveCountMax=4",
    "LogLevel=ERROR",
];

/// Only its owner reads a private key, or `ssh` does not use it.
const OWN_FILE_MODE: u32 = 0o600;

/// How long `ssh` may take to end when nothing more is asked, and to say why it has ended.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// How long `ssh` may take to say which version it is.
const VERSION_PATIENCE: Duration = Duration::from_secs(5);

/// Who asks over SSH, and which host keys are believed: files that are removed with the last of its clones.
#[derive(Clone)]
pub struct SshIdentity(Arc<Files>);

struct Files {
    git: Git,
    /// The values of settings that name the files.
    key: String,
    known_hosts: Option<String>,
    _folder: TempDir,
}

/// Where a server is asked over SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshPlace {
    /// The account there; if none is named, it is called like the user of this process.
    pub user: Option<String>,
    /// The name or the address under which the key of the host is known.
    pub host: String,
    /// The port, if it is not the usual one.
    pub port: Option<u16>,
    /// The only address that is connected to; `ssh` looks the host up by itself if there is none.
    pub address: Option<IpAddr>,
}

/// Why no conversation began.
#[derive(Debug, Error)]
pub enum SshError {
    /// User or host would be taken for an option.
    #[error("neither user nor host of an address may be empty or begin with '-'")]
    InvalidPlace,
    /// There is no `ssh`.
    #[error(
        "ssh cannot be started; the client of OpenSSH has to be installed on this machine (openssh-client)"
    )]
    NoProgram(#[source] io::Error),
    /// It is another program than that of OpenSSH, which may understand its arguments otherwise.
    #[error("ssh does not say that it is OpenSSH: {0:?}")]
    Unrecognised(String),
    /// The system starts no further program at the moment.
    #[error(
        "ssh does not start; this machine may be short of memory, or at its limit of processes or open files"
    )]
    NotStarted(#[source] io::Error),
    /// It was only to say which version it is.
    #[error(
        "ssh does not say within {} s which version it is; see what is called ssh on the search path of this server",
        .0.as_secs()
    )]
    Silent(Duration),
    /// It was started, and could not be listened to.
    #[error("ssh was started, and what it says cannot be read")]
    Unreadable(#[source] io::Error),
}

impl SshIdentity {
    /// Keeps a private key, and known hosts in the place of those of the system, in files beside the repositories of a store.
    pub async fn write(store: &RepositoryStore, key: &str, known_hosts: Option<&str>) -> io::Result<Self> {
        let (git, folder) = (store.git().clone(), store.incoming());
        let (key, known_hosts) = (key.to_owned(), known_hosts.map(str::to_owned));
        let written = blocking(move || {
            let folder = tempfile::Builder::new().prefix("ssh-").tempdir_in(folder)?;
            let key = written_to(&folder.path().join("key"), &key)?;
            let known_hosts = known_hosts
                .map(|known_hosts| written_to(&folder.path().join("known_hosts"), &known_hosts))
                .transpose()?;
            Ok(Files { git, key, known_hosts, _folder: folder })
        });
        Ok(Self(Arc::new(written.await?)))
    }

    /// Begins a conversation with `git upload-pack` about the repository at this path, in version 2 of the protocol if the
    /// other side knows it.
    pub async fn upload_pack(&self, place: &SshPlace, path: &str) -> Result<SshConversation, SshError> {
        let is_invalid = |text: &str| text.is_empty() || text.starts_with('-');
        if is_invalid(&place.host) || place.user.as_deref().is_some_and(is_invalid) {
            return Err(SshError::InvalidPlace);
        }
        let command =
            self.command(place).args(["-o", "SendEnv=GIT_PROTOCOL"]).env("GIT_PROTOCOL", "version=2");
        let command = match &place.user {
            Some(user) => command.args(["-l", user]),
            None => command,
        };
        let command = match place.port {
            Some(port) => command.arg("-p").arg(port.to_string()),
            None => command,
        };
        let remote_command = format!("git-upload-pack {}", shell_quoted(path));
        let command = command.args(["--", &place.host, &remote_command]);
        let mut process = command.spawn(Lane::Own).await.map_err(not_run)?;
        let input = process.stdin.take().expect("spawned with a piped stdin");
        let output = process.stdout.take().expect("spawned with a piped stdout");
        let stderr = process.stderr.take().expect("spawned with a piped stderr");
        let said = tokio::spawn(read_tail(stderr));
        Ok(SshConversation { process, input, output, said })
    }

    /// What `git` runs to reach this place: a line for a shell, to which it adds the rest.
    pub(super) fn command_line(&self, place: &SshPlace) -> String {
        let mut line = PROGRAM.to_owned();
        for argument in NO_SETTINGS_FILE {
            line.push(' ');
            line.push_str(argument);
        }
        for setting in self.settings(place) {
            line.push_str(" -o ");
            line.push_str(&shell_quoted(&setting));
        }
        line
    }

    fn command(&self, place: &SshPlace) -> GitCommand {
        let command = self.0.git.command_of(PROGRAM, OPERATION).holding(self.clone());
        let command = command.args(NO_SETTINGS_FILE).arg("-T");
        self.settings(place).into_iter().fold(command, |command, setting| command.arg("-o").arg(setting))
    }

    fn settings(&self, place: &SshPlace) -> Vec<String> {
        let mut settings: Vec<_> = SETTINGS.iter().map(|setting| (*setting).to_owned()).collect();
        settings.push(format!("IdentityFile={}", self.0.key));
        if let Some(known_hosts) = &self.0.known_hosts {
            settings.push(format!("UserKnownHostsFile={known_hosts}"));
            settings.push("GlobalKnownHostsFile=/dev/null".to_owned());
        }
        if let Some(address) = place.address {
            settings.push(format!("HostName={address}"));
            // Its key is known under its name, and not under an address that may be another one tomorrow.
            settings.push(match place.port {
                Some(port) => format!("HostKeyAlias=[{}]:{port}", place.host),
                None => format!("HostKeyAlias={}", place.host),
            });
        }
        settings
    }
}

impl fmt::Debug for SshIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SshIdentity(..)")
    }
}

/// `git upload-pack` on another machine, which is spoken with. It ends with this value.
pub struct SshConversation {
    process: GitProcess,
    input: ChildStdin,
    output: ChildStdout,
    said: JoinHandle<io::Result<String>>,
}

impl SshConversation {
    /// What it says, and what it hears.
    pub fn both_ways(
        &mut self,
    ) -> (&mut (dyn AsyncRead + Send + Unpin), &mut (dyn AsyncWrite + Send + Unpin)) {
        (&mut self.output, &mut self.input)
    }

    /// Nothing more is asked. How it ends, and why, which is worth knowing if that came before its time.
    pub async fn end(self) -> SshEnd {
        let Self { mut process, input, output, said } = self;
        // It ends as soon as it hears nothing more.
        drop((input, output));
        let status = tokio::time::timeout(END_PATIENCE, process.wait()).await;
        drop(process);
        let said = tokio::time::timeout(END_PATIENCE, said).await;
        let said = said.ok().and_then(Result::ok).and_then(Result::ok).unwrap_or_default();
        SshEnd::read(status.ok().and_then(Result::ok).and_then(|status| status.code()), &said)
    }
}

/// Which version of OpenSSH servers are asked by, in its own words.
pub async fn ssh_version(git: &Git) -> Result<String, SshError> {
    let command = git.command_of(PROGRAM, "read the version of ssh").arg("-V");
    let ended = command.time_limit(VERSION_PATIENCE).run_to_end().await.map_err(not_run)?;
    // It is said where errors go.
    let version = ended.stderr.lines().find(|line| line.starts_with("OpenSSH"));
    let version = version.map(|line| line.trim_end().to_owned());
    version.ok_or(SshError::Unrecognised(ended.stderr))
}

/// Why `ssh` was not run to its end. A program that is missing is another matter than a machine that starts no more programs
/// at the moment; what starts them takes each for git.
fn not_run(error: GitError) -> SshError {
    match error {
        GitError::Spawn { error, .. }
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) =>
        {
            SshError::NoProgram(error)
        }
        GitError::Spawn { error, .. } => SshError::NotStarted(error),
        GitError::TimedOut { limit, .. } => SshError::Silent(limit),
        GitError::Io { error, .. } => SshError::Unreadable(error),
        error => SshError::Unreadable(io::Error::other(error)),
    }
}

/// Writes a file that only its owner reads, and gives its name as the value of a setting of `ssh`.
fn written_to(path: &Path, content: &str) -> io::Result<String> {
    let is_plain = |text: &&str| !text.contains(['"', '\\', '\n']) && !text.contains("${");
    let Some(name) = path.to_str().filter(is_plain) else {
        return Err(io::Error::other(format!("{path:?} cannot be named in a setting of ssh")));
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(OWN_FILE_MODE).open(path)?;
    file.write_all(content.as_bytes())?;
    // A percent sign would begin a word that stands for something else.
    Ok(format!("\"{}\"", name.replace('%', "%%")))
}

/// A word as a shell reads it, on this machine or on another one, quoted as git does it.
fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''").replace('!', "'\\!'"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::fixture::Workshop;

    fn place() -> SshPlace {
        SshPlace {
            user: Some("git".to_owned()),
            host: "git.example.com".to_owned(),
            port: Some(2222),
            address: Some("192.0.2.7".parse().expect("an address")),
        }
    }

    #[tokio::test]
    async fn secrets_lie_in_files_that_go_again_and_arguments_name_them() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let identity = SshIdentity::write(&store, "the key", Some("known")).await.expect("written");
        let line = identity.command_line(&place());
        assert!(
            !line.contains("the key") && line.starts_with("ssh -F /dev/null -o 'BatchMode=yes'"),
            "{line}"
        );
        for setting in ["HostName=192.0.2.7", "HostKeyAlias=[git.example.com]:2222", "IdentityAgent=none"] {
            assert!(line.contains(&format!(" -o '{setting}'")), "{line}");
        }
        let file = line.split("IdentityFile=\"").nth(1).and_then(|rest| rest.split('"').next());
        let file = Path::new(file.expect("the key has a file"));
        assert_eq!(std::fs::read_to_string(file).expect("readable"), "the key");
        assert_eq!(std::fs::metadata(file).expect("there").permissions().mode() & 0o777, OWN_FILE_MODE);
        assert!(file.starts_with(store.incoming()), "{file:?}");
        let by_the_system = SshIdentity::write(&store, "x", None).await.expect("written");
        assert!(!by_the_system.command_line(&place()).contains("KnownHostsFile"));
        drop(identity);
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn nothing_that_is_named_becomes_an_option() {
        let workshop = Workshop::new().await;
        let identity = SshIdentity::write(&workshop.store(), "x", None).await.expect("written");
        let hosts = SshPlace { host: "-oProxyCommand=x".to_owned(), ..place() };
        let users = SshPlace { user: Some("-x".to_owned()), ..place() };
        for place in [hosts, users] {
            let refused = identity.upload_pack(&place, "/a.git").await;
            assert!(matches!(refused, Err(SshError::InvalidPlace)), "{place:?}");
        }
    }

    #[test]
    fn what_goes_wrong_with_ssh_is_said_of_ssh() {
        let spawn =
            |kind: io::ErrorKind| not_run(GitError::Spawn { operation: OPERATION, error: kind.into() });
        let broken = io::ErrorKind::BrokenPipe.into();
        for (error, remedy) in [
            (spawn(io::ErrorKind::NotFound), "openssh-client"),
            (spawn(io::ErrorKind::PermissionDenied), "openssh-client"),
            (spawn(io::ErrorKind::WouldBlock), "limit of processes"),
            (not_run(GitError::TimedOut { operation: OPERATION, limit: VERSION_PATIENCE }), "search path"),
            (not_run(GitError::Io { operation: OPERATION, error: broken }), "cannot be read"),
        ] {
            let told = error.to_string();
            assert!(told.starts_with("ssh ") && told.contains(remedy) && !told.contains("git"), "{told}");
        }
    }

    #[test]
    fn a_shell_reads_one_word() {
        assert_eq!(shell_quoted("/a b/$x;`y`"), "'/a b/$x;`y`'");
        assert_eq!(shell_quoted("it's!"), "'it'\\''s'\\!''");
    }
}
