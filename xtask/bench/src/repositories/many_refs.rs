//! A repository with very many refs: a small history, and a `packed-refs` file written by hand.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::repositories::generated_repository::small_one;
use crate::repositories::git::{Git, Refs, branches_and_tags};

/// So many are in a folder of names.
const PER_FOLDER: usize = 4_000;

/// Makes it at a path: half of the refs are branches, half are tags.
pub fn make(path: &Path, count: usize) -> anyhow::Result<()> {
    let git = Git::without_credentials();
    small_one(&git, path)?;
    let refs = branches_and_tags(&git.refs(path)?);
    let commits = git.run(path, &["rev-list", "--all"])?;
    let commits: Vec<&str> = commits.lines().collect();
    git.run(path, &["pack-refs", "--all"])?;
    fs::write(path.join("packed-refs"), packed_refs(&refs, &commits, count))
        .context("cannot write packed-refs")?;
    Ok(())
}

/// The present refs, filled up.
fn packed_refs(refs: &Refs, commits: &[&str], count: usize) -> String {
    // Annotated tags would have to be peeled here; the branches are enough.
    let mut all: Refs =
        refs.iter().filter(|(name, _)| name.starts_with("refs/heads/")).map(clone_pair).collect();
    let mut number = 0;
    while all.len() < count {
        let commit = commits[number * 7 % commits.len()].to_owned();
        let name = match number % 2 {
            0 => format!("refs/heads/team-{:03}/TEAM-{number:06}-change", number / PER_FOLDER),
            _ => format!("refs/tags/team-{:03}/build-{number}", number / PER_FOLDER),
        };
        all.insert(name, commit);
        number += 1;
    }
    let mut text = String::from("# pack-refs with: peeled fully-peeled sorted \n");
    for (name, object) in all {
        let _ = writeln!(text, "{object} {name}");
    }
    text
}

fn clone_pair((name, object): (&String, &String)) -> (String, String) {
    (name.clone(), object.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_reads_what_was_written() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("many.git");
        make(&path, 3_000).expect("it can be made");
        let git = Git::without_credentials();
        assert_eq!(git.refs(&path).expect("it has refs").len(), 3_000);
        git.check_connectivity(&path).expect("it is whole");
    }
}
