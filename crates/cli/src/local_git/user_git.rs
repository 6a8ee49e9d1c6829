//! Git as a person at this machine would call it: to read a local checkout, to ask the credential helpers, and to be the
//! demonstration's client.
//!
//! Unlike the git crate, which serves repositories, this keeps the user's own configuration and uses only
//! commands that every user has.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context, bail};
use heliostat_git::Git;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::client::credentials::Authorization;

/// How much of git's complaint is told.
const MAX_COMPLAINT_CHARS: usize = 800;

/// The exit status with which git-config(1) says that there is no such setting; its failures have others.
const NOT_FOUND: i32 = 1;

/// Variables that would make git work on another repository, as they do inside hooks.
const REPOSITORY_VARIABLES: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
];

/// The git program and the settings it is called with.
#[derive(Clone)]
pub struct UserGit {
    program: PathBuf,
    settings: Vec<(String, String)>,
}

impl UserGit {
    /// The same program as `git`.
    pub fn of(git: &Git) -> Self {
        let authorities = heliostat_git::authority_settings().into_iter();
        let settings = authorities.map(|(key, value)| (key.to_owned(), value)).collect();
        Self { program: git.program().to_owned(), settings }
    }

    /// For servers on this machine: no proxy, no stored credentials, no hooks.
    pub fn for_loopback(git: &Git) -> Self {
        let settings = [("http.proxy", ""), ("credential.helper", ""), ("core.hooksPath", "/dev/null")];
        let settings = Vec::from(settings.map(|(key, value)| (key.to_owned(), value.to_owned())));
        Self { program: git.program().to_owned(), settings }
    }

    /// The same, calling servers with this authorization, which goes by environment and not by argument.
    pub fn authorized(self, authorization: &Authorization) -> Self {
        let header = format!("Authorization: {}", authorization.header_text());
        self.with_settings([("http.extraHeader".to_owned(), header)])
    }

    /// The same with these settings, which git reads after all others.
    pub fn with_settings(mut self, settings: impl IntoIterator<Item = (String, String)>) -> Self {
        self.settings.extend(settings);
        self
    }

    /// Runs git in a directory and gives what it printed, without the last line end.
    pub async fn run(&self, directory: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        self.finish(self.command().current_dir(directory), arguments).await
    }

    /// The same for a question to git-config(1); `None` if there is no such setting.
    pub async fn find_settings(
        &self,
        directory: &Path,
        arguments: &[&str],
    ) -> anyhow::Result<Option<String>> {
        let output = self.output(self.command().current_dir(directory), arguments).await?;
        match output.status.code() {
            Some(NOT_FOUND) => Ok(None),
            _ => printed(&output, arguments).map(Some),
        }
    }

    /// Tells the credential helpers of the user something, or asks them: one of the verbs of git-credential(1). Nothing is asked
    /// on a terminal.
    pub async fn credential(&self, verb: &str, description: &str) -> anyhow::Result<String> {
        let mut command = self.command();
        command.args(["credential", verb]).env("GIT_ASKPASS", "").env("SSH_ASKPASS", "");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("cannot run {}", self.program.display()))?;
        let mut stdin = child.stdin.take().context("its standard input is a pipe")?;
        stdin.write_all(description.as_bytes()).await.context("git does not listen")?;
        drop(stdin);
        let output = child.wait_with_output().await.context("git does not end")?;
        if !output.status.success() {
            bail!("no credential helper knows it");
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The same on the repository whose git directory this is: a user may have told git to look for none by itself.
    pub async fn run_on(&self, git_dir: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        self.finish(self.command().arg("--git-dir").arg(git_dir), arguments).await
    }

    fn command(&self) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "the git crate runs git for the server, without the user's configuration; this is the user's git"
        )]
        let mut command = Command::new(&self.program);
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        for name in REPOSITORY_VARIABLES {
            command.env_remove(name);
        }
        if !self.settings.is_empty() {
            command.env("GIT_CONFIG_COUNT", self.settings.len().to_string());
        }
        for (index, (key, value)) in self.settings.iter().enumerate() {
            command
                .env(format!("GIT_CONFIG_KEY_{index}"), key)
                .env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command
    }

    async fn finish(&self, command: &mut Command, arguments: &[&str]) -> anyhow::Result<String> {
        printed(&self.output(command, arguments).await?, arguments)
    }

    async fn output(&self, command: &mut Command, arguments: &[&str]) -> anyhow::Result<Output> {
        let command = command.args(arguments);
        command.output().await.with_context(|| format!("cannot run {}", self.program.display()))
    }
}

/// What git printed, or why it failed.
fn printed(output: &Output, arguments: &[&str]) -> anyhow::Result<String> {
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let skipped = complaint.chars().count().saturating_sub(MAX_COMPLAINT_CHARS);
        let tail: String = complaint.trim().chars().skip(skipped).collect();
        bail!("git {} failed: {tail}", arguments.first().unwrap_or(&""));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
