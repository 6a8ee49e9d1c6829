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

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::List, Self::Clone, Self::Shallow, Self::ById];

    /// Does it. Fails with what git says; a success that is not what lies in the folder of the origin fails the test.
    pub fn at(self, url: &Url, origin: &Path) -> Result<(), String> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let run = |arguments: &[&str]| said(folder.path(), arguments);
        let tip = git(origin, &["rev-parse", "refs/heads/main"]);
        match self {
            Self::List => {
                let listed = run(&["ls-remote", url.as_str()])?;
                assert_eq!(listed, git(origin, &["ls-remote", "."]), "ls-remote {}", url.path());
            }
            Self::Clone => {
                run(&["clone", "--quiet", url.as_str(), "."])?;
                assert_eq!(git(folder.path(), &["rev-parse", "HEAD"]), tip);
                assert_eq!(commits(folder.path()), commits(origin));
                git(folder.path(), &["fsck", "--strict"]);
            }
            Self::Shallow => {
                run(&["clone", "--quiet", "--depth=1", url.as_str(), "."])?;
                assert_eq!(commits(folder.path()), [tip]);
            }
            Self::ById => {
                let wanted = git(origin, &["rev-parse", "refs/heads/main~2"]);
                git(folder.path(), &["init", "--quiet"]);
                run(&["fetch", "--quiet", url.as_str(), &wanted])?;
                assert_eq!(git(folder.path(), &["rev-parse", "FETCH_HEAD"]), wanted);
                git(folder.path(), &["rev-list", "--objects", "FETCH_HEAD"]);
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
