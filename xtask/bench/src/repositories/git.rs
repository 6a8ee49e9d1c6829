//! Real git as the yardstick and the referee: with no configuration but ours, and a token in place of a password.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};

use crate::process;

/// A transfer that brings less than a byte per second for so long has failed.
const STALL_SECONDS: &str = "60";
/// How long git may take unless something else is said: a large repository comes over a far line meanwhile.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long git may take to pack a very large repository anew.
pub const PACKING_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Runs git as a user has it.
#[derive(Debug, Clone)]
pub struct Git {
    configuration: Vec<(&'static str, String)>,
    timeout: Duration,
}

/// Every ref with its object, except HEAD.
pub type Refs = BTreeMap<String, String>;

impl Git {
    /// For repositories on this machine.
    pub fn without_credentials() -> Self {
        let settings = [("gc.auto", "0"), ("maintenance.auto", "false"), ("init.defaultBranch", "main")];
        let configuration = settings.map(|(name, value)| (name, value.to_owned())).to_vec();
        Git { configuration, timeout: TIMEOUT }
    }

    /// For servers that know this token.
    pub fn with_token(token: &str) -> Self {
        Self::with_authorization(&format!("Bearer {token}"))
    }

    /// For servers that want this header. It goes with the first request already, so that no request is sent twice.
    pub fn with_authorization(value: &str) -> Self {
        let mut git = Self::without_credentials();
        git.configuration.push(("http.extraHeader", format!("Authorization: {value}")));
        git
    }

    /// The same for servers with this certificate.
    pub fn trusting(mut self, certificate: &Path) -> Self {
        self.configuration.push(("http.sslCAInfo", certificate.display().to_string()));
        self
    }

    /// The same with another limit for each call.
    pub fn within(&self, timeout: Duration) -> Self {
        Git { timeout, ..self.clone() }
    }

    /// A command with a clean environment.
    fn command(&self, folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = process::command_with_clean_environment("git");
        command
            .args(arguments)
            .current_dir(folder)
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_HTTP_LOW_SPEED_LIMIT", "1")
            .env("GIT_HTTP_LOW_SPEED_TIME", STALL_SECONDS)
            .env("GIT_CONFIG_COUNT", self.configuration.len().to_string());
        for (index, (name, value)) in self.configuration.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{index}"), name);
            command.env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command
    }

    /// Runs git and returns its trimmed standard output; a failure carries its standard error.
    pub fn run(&self, folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        process::succeed(&mut self.command(folder, arguments), self.timeout)
    }

    /// Makes an empty bare repository.
    pub fn init_bare(&self, path: &Path) -> anyhow::Result<()> {
        self.run(Path::new("/"), &["init", "--quiet", "--bare", "--template=", text(path)?])?;
        Ok(())
    }

    /// Pushes all branches over HTTP at once, in a time that does not grow with the square of their number as that of
    /// `git push` does: the helper that speaks HTTP takes a pattern.
    pub fn push_everything(&self, repository: &Path, url: &str) -> anyhow::Result<()> {
        let mut command = self.command(repository, &["remote-http", url, url]);
        // A server that syncs each of very many references has nothing to say meanwhile.
        command.env("GIT_HTTP_LOW_SPEED_TIME", self.timeout.as_secs().to_string());
        let mut helper = process::spawn(command.stdin(Stdio::piped()).stdout(Stdio::null()))?;
        let mut stdin = helper.stdin.take().context("the helper has no standard input")?;
        // The first empty line begins the push, and the second one ends the helper: an end of the input it calls a failure.
        stdin
            .write_all(b"list for-push\npush +refs/*:refs/*\n\n\n")
            .context("cannot write to git remote-http")?;
        drop(stdin);
        let status = process::wait(&mut helper, "git remote-http", self.timeout)?;
        ensure!(status.success(), "git remote-http failed with {status}");
        Ok(())
    }

    /// Feeds a stream to `git fast-import`.
    pub fn fast_import(
        &self,
        repository: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send,
    ) -> anyhow::Result<()> {
        // Every object is packed again later; until then speed counts, not size.
        let arguments = ["-c", "core.compression=1", "fast-import", "--quiet"];
        let mut command = self.command(repository, &arguments);
        let mut import = process::spawn(command.stdin(Stdio::piped()))?;
        let mut stdin = import.stdin.take().context("fast-import has no standard input")?;
        // A thread writes, because one that waits for a reader cannot look at the clock.
        let (status, written) = thread::scope(|scope| {
            let writer = scope.spawn(move || write(&mut stdin));
            (process::wait(&mut import, "git fast-import", self.timeout), writer.join())
        });
        let status = status?;
        ensure!(status.success(), "git fast-import failed with {status}");
        written.map_err(|_| anyhow!("the writer has panicked"))?.context("cannot write to git fast-import")
    }

    /// `git clone --mirror`.
    pub fn clone_mirror(&self, url: &str, into: &Path) -> anyhow::Result<()> {
        self.run(Path::new("/"), &["clone", "--quiet", "--mirror", url, text(into)?])?;
        Ok(())
    }

    /// Everything below `refs/` of a repository on this machine.
    pub fn refs(&self, repository: &Path) -> anyhow::Result<Refs> {
        let listing = self.run(repository, &["for-each-ref", "--format=%(objectname) %(refname)"])?;
        Ok(parse_refs(&listing))
    }

    /// Everything below `refs/` of a repository that a server has.
    pub fn remote_refs(&self, url: &str) -> anyhow::Result<Refs> {
        let listing = self.run(Path::new("/"), &["ls-remote", "--quiet", "--refs", url])?;
        Ok(parse_refs(&listing))
    }

    /// What its objects occupy on disk, in MiB.
    pub fn size_mib(&self, repository: &Path) -> anyhow::Result<f64> {
        let counted = self.run(repository, &["count-objects", "-v"])?;
        let kibibytes = |name: &str| {
            let value = counted.lines().find_map(|line| line.strip_prefix(name));
            value.and_then(|value| value.trim().parse::<f64>().ok()).unwrap_or_default()
        };
        Ok((kibibytes("size:") + kibibytes("size-pack:")) / 1024.0)
    }

    /// Fails unless every object that a ref needs is there.
    pub fn check_connectivity(&self, repository: &Path) -> anyhow::Result<()> {
        self.run(repository, &["fsck", "--connectivity-only", "--no-dangling"])?;
        Ok(())
    }
}

/// Of a repository's refs, those that are pushed when it is copied.
pub fn branches_and_tags(refs: &Refs) -> Refs {
    let is_pushed = |name: &str| name.starts_with("refs/heads/") || name.starts_with("refs/tags/");
    let pushed = refs.iter().filter(|(name, _)| is_pushed(name));
    pushed.map(|(name, object)| (name.clone(), object.clone())).collect()
}

/// A path as an argument among others.
pub fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("the path {} is not UTF-8", path.display()))
}

fn parse_refs(listing: &str) -> Refs {
    let lines = listing.lines().filter_map(|line| line.split_once([' ', '\t']));
    lines.map(|(object, name)| (name.to_owned(), object.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_are_read_from_both_commands() {
        let expected = Refs::from([("refs/heads/main".into(), "12".into())]);
        assert_eq!(parse_refs("12 refs/heads/main"), expected);
        assert_eq!(parse_refs("12\trefs/heads/main\n"), expected);
    }

    #[test]
    fn failures_tell_what_git_said() {
        let git = Git::without_credentials();
        let error =
            git.run(Path::new("/"), &["rev-parse", "--no-such-thing"]).expect_err("it cannot succeed");
        assert!(error.to_string().contains("git rev-parse --no-such-thing failed"), "{error}");
    }
}
