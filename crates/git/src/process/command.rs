//! One invocation of `git`: built, then either run to its end with bounded output or handed on as a process.

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, Command};

use crate::process::{
    Git, GitError, GitProcess, Guard, Lane, MemoryUse, STDERR_TAIL_BYTES, SecretHeader, clean_environment,
    readable_tail, settings_as_environment,
};

/// Most that an invocation may print when it is run to its end: the references of a very large repository.
const MAX_OUTPUT_BYTES: usize = 512 * 1024 * 1024;

/// How long an invocation on a local repository may take. Checking a large repository sets its own.
const LOCAL_TIME_LIMIT: Duration = Duration::from_mins(10);

/// An invocation that has not started yet.
pub struct GitCommand {
    git: Git,
    /// What is run, if it is not git itself.
    program: Option<PathBuf>,
    operation: &'static str,
    repository: Option<PathBuf>,
    args: Vec<OsString>,
    settings: Vec<(String, String)>,
    env: Vec<(OsString, OsString)>,
    input: Vec<u8>,
    time_limit: Duration,
    output_limit_bytes: usize,
    /// Held until the process is gone, which may be after the caller has lost interest in it.
    guards: Vec<Guard>,
    /// Whether packs that are replaced stay until it has ended.
    holds_packs: bool,
    priority: Priority,
    memory_use: MemoryUse,
}

/// Whether others go first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Priority {
    Ordinary,
    Yielding,
}

/// What a successful invocation printed.
pub struct Finished {
    /// What it printed.
    pub stdout: Vec<u8>,
    /// The end of what it told people.
    pub stderr: String,
}

/// How an invocation ended that may have failed.
pub(crate) struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// The end of what it told people.
    pub stderr: String,
}

impl GitCommand {
    pub(crate) fn new(git: Git, operation: &'static str) -> Self {
        Self {
            git,
            program: None,
            operation,
            repository: None,
            args: Vec::new(),
            settings: Vec::new(),
            env: Vec::new(),
            input: Vec::new(),
            time_limit: LOCAL_TIME_LIMIT,
            output_limit_bytes: MAX_OUTPUT_BYTES,
            guards: Vec::new(),
            holds_packs: true,
            priority: Priority::Ordinary,
            memory_use: MemoryUse::Work,
        }
    }

    /// Runs another program: in the same environment, within the same bounds, and ended in the same way.
    pub(crate) fn program(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    /// Works on the repository whose git directory is at `path`, and errors name it. Git looks for none by itself.
    pub(crate) fn repository(mut self, path: &Path) -> Self {
        self.repository = Some(path.to_owned());
        let mut option = OsString::from("--git-dir=");
        option.push(path);
        self.args.insert(0, option);
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a configuration variable for it and its helpers.
    pub fn setting(mut self, key: &str, value: impl Into<String>) -> Self {
        self.settings.push((key.to_owned(), value.into()));
        self
    }

    /// Sets configuration variables.
    pub fn settings(self, settings: Vec<(&'static str, String)>) -> Self {
        settings.into_iter().fold(self, |command, (key, value)| command.setting(key, value))
    }

    /// Takes objects from elsewhere: checks them, and takes no more memory than they may need.
    pub(crate) fn checking(mut self, checks: Vec<(String, String)>) -> Self {
        self.memory_use = MemoryUse::Receive;
        self.settings.extend(checks);
        self
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sends this header with every HTTP request, and follows no redirect with it.
    pub(crate) fn authorization(self, authorization: Option<&SecretHeader>) -> Self {
        match authorization {
            None => self,
            Some(header) => self
                .setting("http.extraHeader", format!("Authorization: {}", header.expose()))
                .setting("http.followRedirects", "false"),
        }
    }

    /// What it reads; nothing unless this is said.
    pub fn input(mut self, input: Vec<u8>) -> Self {
        self.input = input;
        self
    }

    /// Ends it when it takes longer.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Ends it when it prints more.
    pub(crate) fn output_limit(mut self, bytes: usize) -> Self {
        self.output_limit_bytes = bytes;
        self
    }

    /// Lets go of this when the process and its helpers are gone.
    pub(crate) fn holding(mut self, guard: impl Any + Send + Sync) -> Self {
        self.guards.push(Arc::new(guard));
        self
    }

    /// No pack stays for its sake, however long it takes: it wants objects one by one, and looks again for one whose
    /// pack is gone.
    pub(crate) fn looking_again(mut self) -> Self {
        self.holds_packs = false;
        self
    }

    /// Lets every other process of the machine go first.
    pub fn yielding(mut self) -> Self {
        self.priority = Priority::Yielding;
        self
    }

    pub(crate) fn operation(&self) -> &'static str {
        self.operation
    }

    /// Starts it with all three streams piped, as soon as the bound on processes allows it.
    pub(crate) async fn spawn(&self, lane: Lane) -> Result<GitProcess, GitError> {
        self.spawn_with(lane, Stdio::piped()).await
    }

    /// The same with output to a pipe that is not watched yet.
    pub(crate) async fn spawn_with_pipe(&self, lane: Lane) -> Result<(GitProcess, PipeReader), GitError> {
        let operation = self.operation;
        let (reader, writer) = io::pipe().map_err(|error| GitError::Io { operation, error })?;
        Ok((self.spawn_with(lane, writer.into()).await?, reader))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
    async fn spawn_with(&self, lane: Lane, stdout: Stdio) -> Result<GitProcess, GitError> {
        let place = self.git.place_to_start(lane).await;
        let mut command = Command::new(self.program.as_deref().unwrap_or(self.git.program()));
        command
            .args(&self.args)
            .env_clear()
            .envs(clean_environment())
            .envs(settings_as_environment(&[self.git.sync_settings(), &self.settings].concat()));
        let usage_rank = place.usage_rank();
        let memory = self.git.memory_limit(self.memory_use);
        command.envs(memory.variable()).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
        // Noted before it starts: nothing that it may look up is removed from then on.
        let path = self.repository.as_deref().filter(|_| self.holds_packs);
        let reader = path.map(|path| self.git.readers().begin(path));
        let process = GitProcess::spawn(command, memory, place, self.guards.clone(), reader)
            .map_err(|error| GitError::Spawn { operation: self.operation, error })?;
        Ok(match (self.priority, lane) {
            (Priority::Yielding, _) => process.yielding(),
            (Priority::Ordinary, Lane::Fetch) => process.computing(usage_rank),
            (Priority::Ordinary, Lane::Push | Lane::Own) => process,
        })
    }

    /// Runs it to its end; a bad exit status is an error.
    pub async fn run(self) -> Result<Finished, GitError> {
        let (operation, repository) = (self.operation, self.repository.clone());
        let Ended { status, stdout, stderr } = self.run_to_end().await?;
        if status.success() {
            return Ok(Finished { stdout, stderr });
        }
        Err(GitError::from_failure(operation, repository.as_deref(), &status.to_string(), &stderr))
    }

    /// Runs it to its end, whatever its exit status.
    pub(crate) fn run_to_end(self) -> BoxFuture<'static, Result<Ended, GitError>> {
        // Behind a pointer it is compiled here, and as a future where it is waited for: in each crate above.
        self.run_within_limits().boxed()
    }

    async fn run_within_limits(mut self) -> Result<Ended, GitError> {
        let (operation, limit, limit_bytes) = (self.operation, self.time_limit, self.output_limit_bytes);
        let input = std::mem::take(&mut self.input);
        let mut process = self.spawn(Lane::Own).await?;
        match tokio::time::timeout(limit, collect(&mut process, &input, operation, limit_bytes)).await {
            Ok(ended) => ended,
            Err(_) => Err(GitError::TimedOut { operation, limit }),
        }
    }
}

async fn collect(
    process: &mut GitProcess,
    input: &[u8],
    operation: &'static str,
    limit_bytes: usize,
) -> Result<Ended, GitError> {
    let io_error = |error| GitError::Io { operation, error };
    let stdin = process.stdin.take().expect("spawned with a piped stdin");
    let stdout = process.stdout.take().expect("spawned with a piped stdout");
    let stderr = process.stderr.take().expect("spawned with a piped stderr");
    let write = write_input(stdin, input).map(Ok);
    let read = async {
        let mut output = Vec::new();
        stdout.take(limit_bytes as u64 + 1).read_to_end(&mut output).await.map_err(io_error)?;
        if output.len() > limit_bytes {
            return Err(GitError::OutputTooLarge { operation, limit_bytes });
        }
        Ok(output)
    };
    let tail = async { read_tail(stderr).await.map_err(io_error) };
    let ((), stdout, stderr) = tokio::try_join!(write, read, tail)?;
    let status = process.wait().await.map_err(io_error)?;
    Ok(Ended { status, stdout, stderr })
}

/// Writes everything and closes. A process that stops reading has a reason, which its exit status tells better than
/// the broken pipe.
pub(crate) async fn write_input(mut stdin: ChildStdin, input: &[u8]) {
    stdin.write_all(input).await.ok();
}

/// Reads to the end and keeps the last [`STDERR_TAIL_BYTES`], as text without credentials.
pub(crate) async fn read_tail(mut stderr: impl AsyncRead + Unpin) -> io::Result<String> {
    let mut tail = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        match stderr.read(&mut chunk).await? {
            0 => return Ok(readable_tail(&tail)),
            count => keep_tail(&mut tail, &chunk[..count]),
        }
    }
}

/// Appends, and lets go of the front before the buffer grows beyond twice the tail.
pub(crate) fn keep_tail(tail: &mut Vec<u8>, more: &[u8]) {
    tail.extend_from_slice(more);
    if tail.len() > 2 * STDERR_TAIL_BYTES {
        tail.drain(..tail.len() - STDERR_TAIL_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::process::niceness;

    #[tokio::test]
    async fn what_computes_for_readers_lets_others_go_first_and_housekeeping_lets_both() {
        let git = fixture::git().await;
        // It waits for its input.
        let waiting = || git.command("wait").args(["hash-object", "--stdin"]);
        let niceness = |process: &GitProcess| {
            let stat = format!("/proc/{}/stat", process.id().expect("running"));
            let stat = std::fs::read_to_string(stat).expect("readable");
            // The 19th field; the second one is the name, in brackets.
            let (_, fields) = stat.rsplit_once(") ").expect("a name");
            fields.split(' ').nth(16).expect("a niceness").parse::<i32>().expect("a number")
        };
        let niceness_of =
            async |command: GitCommand, lane: Lane| niceness(&command.spawn(lane).await.expect("started"));
        let push = niceness_of(waiting(), Lane::Push).await;
        assert_eq!(push, niceness_of(waiting(), Lane::Own).await);
        let long = waiting().spawn(Lane::Fetch).await.expect("started");
        assert_eq!(niceness_of(waiting(), Lane::Fetch).await, push);
        assert_eq!(niceness_of(waiting().yielding(), Lane::Own).await, push.max(niceness::YIELDING));
        let takes_long = async {
            while niceness(&long) < niceness::MOST_COMPUTING {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(2), takes_long).await.expect("it is lowered");
        // Its client has had much.
        let client = crate::process::ClientKey::unverified("flood");
        let place = git.place_for_fetch(client, 1).await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(4)).await;
        drop(place);
        let git = git.at_place(git.place_for_fetch(client, 1).await, client, 1);
        let command = git.command("wait").args(["hash-object", "--stdin"]);
        assert_eq!(niceness_of(command, Lane::Fetch).await, push.max(niceness::of_computing(3)));
    }
}
