//! Convinces itself, with real git, that the mirror serves what the upstream has.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail};
use url::Url;

use crate::local_git::UserGit;

/// Clones from the mirror, compares the refs of both sides, checks the clone, and tells what was seen.
pub async fn compare(git: &UserGit, upstream: &Url, mirror: &Url, scratch: &Path) -> anyhow::Result<String> {
    let clone = scratch.join("clone");
    git.run(scratch, &["clone", "--quiet", mirror.as_str(), "clone"])
        .await
        .context("cannot clone from the mirror")?;
    git.run(&clone, &["fsck", "--connectivity-only"])
        .await
        .context("the clone from the mirror is not whole")?;

    let at_upstream = git.run(scratch, &["ls-remote", upstream.as_str()]).await?;
    let at_mirror = git.run(scratch, &["ls-remote", mirror.as_str()]).await?;
    if let Some(difference) = first_difference(&at_upstream, &at_mirror) {
        bail!("the mirror's refs differ from the upstream's: {difference}");
    }
    let count = at_mirror.lines().count();
    let head = git.run(&clone, &["rev-parse", "HEAD"]).await?;
    if !at_upstream.lines().any(|line| line == format!("{head}\tHEAD")) {
        bail!("the clone is at {head}, which is not where the upstream's HEAD is");
    }
    Ok(format!(
        "Check passed: a clone from the mirror is whole, and all {count} refs are those of the upstream"
    ))
}

/// The first ref in which two outputs of `git ls-remote` differ.
fn first_difference(upstream: &str, mirror: &str) -> Option<String> {
    let upstream: BTreeSet<&str> = upstream.lines().collect();
    let mirror: BTreeSet<&str> = mirror.lines().collect();
    let shown = |side: &str, line: &str| format!("only the {side} has {}", line.replace('\t', " "));
    let missing = upstream.difference(&mirror).next().map(|line| shown("upstream", line));
    missing.or_else(|| mirror.difference(&upstream).next().map(|line| shown("mirror", line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named() {
        assert_eq!(first_difference("a\tHEAD\na\trefs/heads/main", "a\tHEAD\na\trefs/heads/main"), None);
        let told = first_difference("a\trefs/heads/main", "b\trefs/heads/main");
        assert_eq!(told.as_deref(), Some("only the upstream has a refs/heads/main"));
        let told = first_difference("", "b\trefs/tags/x");
        assert_eq!(told.as_deref(), Some("only the mirror has b refs/tags/x"));
    }
}
