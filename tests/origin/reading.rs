//! What people do with a repository, and whether they got exactly what the origin has.

use std::path::Path;

use url::Url;

use crate::harness::{git, git_output};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `git ls-remote`.
    List,
    /// `git clone`.
    Clone,
    /// `git clone --depth=1`.
    Shallow,
    /// `git fetch URL <commit>`, of one that no reference names.
    ById,
}

/// What a repository has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Where `main` leads.
    pub tip: String,
    /// A commit below it that no reference names.
    earlier: String,
    /// What `git ls-remote` shows.
    listing: String,
    /// All commits, sorted.
    commits: Vec<String>,
}

impl Content {
    /// What the repository in this folder has now.
    pub fn of(folder: &Path) -> Self {
        Self {
            tip: git(folder, &["rev-parse", "refs/heads/main"]),
            earlier: git(folder, &["rev-parse", "refs/heads/main~2"]),
            listing: git(folder, &["ls-remote", "."]),
            commits: commits(folder),
        }
    }
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::List, Self::Clone, Self::Shallow, Self::ById];

    /// Does it. Fails with what git says; a success that is not what lies in the folder of the origin fails the test.
    pub fn at(self, url: &Url, origin: &Path) -> Result<(), String> {
        self.reads(url, &Content::of(origin))
    }

    /// The same of what is known to lie there.
    pub fn reads(self, url: &Url, content: &Content) -> Result<(), String> {
        self.reads_by(&[], url, content)
    }

    /// The same with these arguments of git before those of the command.
    pub fn reads_by(self, settings: &[&str], url: &Url, content: &Content) -> Result<(), String> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let run = |arguments: &[&str]| said(folder.path(), &[settings, arguments].concat());
        let clone = ["clone", "--quiet", "--no-checkout"];
        match self {
            Self::List => {
                let listed = run(&["ls-remote", url.as_str()])?;
                assert_eq!(listed, content.listing, "ls-remote {}", url.path());
            }
            Self::Clone => {
                run(&[&clone[..], &[url.as_str(), "."]].concat())?;
                assert_eq!(git(folder.path(), &["rev-parse", "HEAD"]), content.tip);
                assert_eq!(commits(folder.path()), content.commits);
            }
            Self::Shallow => {
                run(&[&clone[..], &["--depth=1", url.as_str(), "."]].concat())?;
                assert_eq!(commits(folder.path()), [content.tip.as_str()]);
            }
            Self::ById => {
                git(folder.path(), &["init", "--quiet"]);
                run(&["fetch", "--quiet", url.as_str(), &content.earlier])?;
                let objects = git(folder.path(), &["rev-list", "--objects", "FETCH_HEAD"]);
                assert!(objects.starts_with(&content.earlier), "{objects}");
            }
        }
        Ok(())
    }
}

fn commits(folder: &Path) -> Vec<String> {
    let mut commits: Vec<_> = git(folder, &["rev-list", "--all"]).lines().map(str::to_owned).collect();
    commits.sort();
    commits
}

fn said(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = git_output(folder, arguments);
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}
