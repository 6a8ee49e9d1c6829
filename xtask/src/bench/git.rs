//! Real git as the yardstick and the referee: with no configuration but ours, and a token in place of a password.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// A transfer that brings less than a byte per second for so long has failed.
const STALL_SECONDS: &str = "60";

/// Runs git as a user has it.
#[derive(Debug, Clone)]
pub struct Git {
    configuration: Vec<(&'static str, String)>,
}

/// Every ref with its object, except HEAD.
pub type Refs = BTreeMap<String, String>;

impl Git {
    /// For repositories on this machine.
    pub fn without_credentials() -> Self {
        let settings = [("gc.auto", "0"), ("maintenance.auto", "false"), ("init.defaultBranch", "main")];
        Git { configuration: settings.map(|(name, value)| (name, value.to_owned())).to_vec() }
    }

    /// For servers that know this token. It goes with the first request already, so that no request is sent twice.
    pub fn with_token(token: &str) -> Self {
        let mut git = Self::without_credentials();
        git.configuration.push(("http.extraHeader", format!("Authorization: Bearer {token}")));
        git
    }

    /// The same for servers with this certificate.
    pub fn trusting(mut self, certificate: &Path) -> Self {
        self.configuration.push(("http.sslCAInfo", certificate.display().to_string()));
        self
    }

    /// A command with a clean environment.
    pub fn command(&self, folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_HTTP_LOW_SPEED_LIMIT", "1")
            .env("GIT_HTTP_LOW_SPEED_TIME", STALL_SECONDS)
            .env("GIT_CONFIG_COUNT", self.configuration.len().to_string())
            .stdin(Stdio::null());
        for (index, (name, value)) in self.configuration.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{index}"), name);
            command.env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command
    }

    /// Runs git and returns its trimmed standard output; a failure carries its standard error.
    pub fn run(&self, folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(folder, arguments).output().context("cannot run git")?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("git {} failed with {}: {}", arguments.join(" "), output.status, errors.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Makes an empty bare repository.
    pub fn init_bare(&self, path: &Path) -> anyhow::Result<()> {
        self.run(Path::new("/"), &["init", "--quiet", "--bare", "--template=", text(path)?])?;
        Ok(())
    }

    /// Feeds a stream to `git fast-import`.
    pub fn fast_import(
        &self,
        repository: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        // Every object is packed again later; until then speed counts, not size.
        let arguments = ["-c", "core.compression=1", "fast-import", "--quiet"];
        let mut import = self
            .command(repository, &arguments)
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot run git fast-import")?;
        let mut stdin = import.stdin.take().context("fast-import has no standard input")?;
        let written = write(&mut stdin);
        drop(stdin);
        let status = import.wait()?;
        ensure!(status.success(), "git fast-import failed with {status}");
        written.context("cannot write to git fast-import")
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
