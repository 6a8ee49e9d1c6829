//! How a repository has grown: what one needs for these tips besides what one needs for earlier ones.
//!
//! Whoever holds all that the earlier tips needed may build on it only if all of it is still needed. Git walks history
//! by the dates of commits, and where those go backwards it may fail to see that one commit comes after another. That
//! would be no error here, but work that is done for nothing; so what a walk from the newer side meets is looked at
//! first.

use std::collections::{BTreeSet, HashSet};

use crate::error::GitError;
use crate::object_id::ObjectId;
use crate::repository::Repository;

const OPERATION: &str = "look what has come since";

/// What has come since.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    listing: Vec<u8>,
}

/// A line of the listing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Grown<'a> {
    /// An object and its path. It may be among the earlier ones, where history was undone.
    Object(&'a [u8], &'a [u8]),
    /// An earlier commit on which a newer one was made.
    Edge(&'a [u8]),
}

impl Growth {
    /// The lines of the listing.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Grown<'_>> {
        let lines = self.listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| match line.strip_prefix(b"-") {
            Some(commit) => Grown::Edge(commit),
            None => {
                let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
                Grown::Object(&line[..end], line.get(end + 1..).unwrap_or_default())
            }
        })
    }

    #[cfg(test)]
    pub(crate) fn listed(listing: &str) -> Self {
        Self { listing: listing.into() }
    }
}

impl Repository {
    /// What one needs for `tips` besides what one needs for `earlier`; `None` when that is not all needed for `tips`.
    pub(crate) async fn growth_since(
        &self,
        earlier: &BTreeSet<ObjectId>,
        tips: &BTreeSet<ObjectId>,
    ) -> Result<Option<Growth>, GitError> {
        let mut new = tips.difference(earlier).peekable();
        let growth = match new.peek() {
            None => Growth::default(),
            Some(_) => Growth { listing: self.list_objects("--objects-edge", new, earlier).await? },
        };
        let met: HashSet<_> = growth
            .iter()
            .filter_map(|line| match line {
                Grown::Edge(commit) => Some(commit),
                Grown::Object(..) => None,
            })
            .collect();
        let moved = earlier.difference(tips).filter(|object| !met.contains(object.as_bytes()));
        let moved: Vec<_> = moved.collect();
        let are_needed = moved.is_empty() || self.list_objects("--objects", moved, tips).await?.is_empty();
        drop(met);
        Ok(are_needed.then_some(growth))
    }

    async fn list_objects<'a>(
        &self,
        option: &str,
        included: impl IntoIterator<Item = &'a ObjectId>,
        excluded: &BTreeSet<ObjectId>,
    ) -> Result<Vec<u8>, GitError> {
        let included = included.into_iter().flat_map(|object| ["", object.as_str(), "\n"]);
        let excluded = excluded.iter().flat_map(|object| ["^", object.as_str(), "\n"]);
        let input: String = included.chain(excluded).collect();
        let command = self.command(OPERATION).args(["rev-list", option, "--stdin"]);
        Ok(command.input(input.into_bytes()).run().await?.stdout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    fn names(names: &[&str]) -> BTreeSet<ObjectId> {
        names.iter().map(|name| ObjectId::parse(name.trim()).expect("an object")).collect()
    }

    #[test]
    fn lines_are_told_apart() {
        let growth = Growth::listed("aa\n-bb\ncc a path\ndd \n");
        let lines: Vec<_> = growth.iter().collect();
        let expected = [
            Grown::Object(b"aa", b""),
            Grown::Edge(b"bb"),
            Grown::Object(b"cc", b"a path"),
            Grown::Object(b"dd", b""),
        ];
        assert_eq!(lines, expected);
    }

    #[tokio::test]
    async fn commits_that_are_older_than_what_they_follow_are_growth() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let path = repository.path();
        // Later and later, with a name for each, so that a walk by date meets names before what is new.
        let mut earlier = vec![];
        let commit = |parent: &str, date: usize| {
            let script = format!(
                "GIT_COMMITTER_DATE='{date} +0000' git commit-tree -m x -p {parent} {parent}^{{tree}}"
            );
            workshop.shell(path, &script).trim().to_owned()
        };
        let mut tip = workshop.run(path, &["rev-parse", "main"]).trim().to_owned();
        for number in 0..30 {
            tip = commit(&tip, 1_700_000_000 + number * 1_000);
            earlier.push(tip.clone());
        }
        let ahead = commit(&tip, 1_800_000_000);
        let first = commit(&ahead, 1_000_000_000);
        let second = commit(&first, 1_000_000_001);
        let earlier: Vec<&str> = earlier.iter().map(String::as_str).collect();
        let before = names(&[&earlier[..], &[&ahead]].concat());
        let after = names(&[&earlier[..], &[&second]].concat());
        let growth = repository.growth_since(&before, &after).await.expect("listed").expect("all is needed");
        let found: Vec<_> = growth
            .iter()
            .map(|line| match line {
                Grown::Object(name, _) | Grown::Edge(name) => String::from_utf8_lossy(name).into_owned(),
            })
            .collect();
        assert!([&second, &first, &ahead].iter().all(|name| found.contains(name)), "{found:?}");
        assert!(repository.growth_since(&after, &before).await.expect("listed").is_none());
    }
}
