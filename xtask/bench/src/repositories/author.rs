//! Who pushes: a copy of a repository in which commits are made, one small change each.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::repositories::git::{Git, Refs, branches_and_tags, text};
use crate::{process, scratch};

/// Date of the first commit that is made here.
const FIRST_COMMIT_AT: u64 = 1_760_000_000;
/// How long it may take to copy the repository.
const COPY_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// A copy with branches and tags.
#[derive(Debug)]
pub struct Author {
    folder: TempDir,
    git: Git,
    /// The branch that commits go to: the one that HEAD names.
    pub branch: String,
    commits: AtomicU64,
}

impl Author {
    /// With a copy of a repository on this machine.
    pub fn of(source: &Path) -> anyhow::Result<Self> {
        let git = Git::without_credentials();
        let folder = scratch::folder("author")?;
        let path = folder.path().join("author.git");
        process::succeed(process::command("cp").arg("-r").arg(source).arg(&path), COPY_TIMEOUT)?;
        let branch = git.run(&path, &["symbolic-ref", "--short", "HEAD"])?;
        git.run(&path, &["rev-parse", "--verify", "--quiet", "HEAD"])
            .with_context(|| format!("HEAD of {} names no commit", source.display()))?;
        Ok(Author { folder, git, branch, commits: AtomicU64::new(0) })
    }

    /// The copy.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("author.git")
    }

    /// Its branches and tags.
    pub fn refs(&self) -> anyhow::Result<Refs> {
        Ok(branches_and_tags(&self.git.refs(&self.path())?))
    }

    /// The newest commit.
    pub fn tip(&self) -> anyhow::Result<String> {
        self.git.run(&self.path(), &["rev-parse", "HEAD"])
    }

    /// Makes a commit and returns its id.
    pub fn commit(&self) -> anyhow::Result<String> {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        let reference = format!("refs/heads/{}", self.branch);
        let content = format!("change {number}\n");
        self.git.fast_import(&self.path(), |out| {
            let date = FIRST_COMMIT_AT + number;
            writeln!(out, "commit {reference}\ncommitter Pusher <pusher@example.com> {date} +0000")?;
            writeln!(out, "data {}\n{content}from {reference}^0", content.len())?;
            writeln!(out, "M 100644 inline CHANGES\ndata {}\n{content}", content.len())
        })?;
        self.tip()
    }

    /// Pushes the branch somewhere.
    pub fn push(&self, git: &Git, url: &str) -> anyhow::Result<()> {
        git.run(
            &self.path(),
            &["push", "--quiet", url, &format!("refs/heads/{0}:refs/heads/{0}", self.branch)],
        )?;
        Ok(())
    }

    /// Pushes the branch into a repository on this machine.
    pub fn push_to_folder(&self, path: &Path) -> anyhow::Result<()> {
        self.push(&self.git, text(path)?)
    }

    /// Pushes every branch and tag somewhere.
    pub fn push_all(&self, git: &Git, url: &str) -> anyhow::Result<()> {
        let refs = ["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"];
        git.run(&self.path(), &["push", "--quiet", url, refs[0], refs[1]])?;
        Ok(())
    }
}
