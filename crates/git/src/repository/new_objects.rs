//! The objects that have come since: what one needs for these tips besides what one needs for earlier ones.
//!
//! A holder of all that the earlier tips needed may build on it only if all of it is still needed. Git walks history
//! by the dates of commits, and where those go backwards it may fail to see that one commit comes after another. That
//! would be no error here, but work that is done for nothing; so what a walk from the newer side meets is looked at
//! first.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use heliostat_git_wire::{ObjectId, lines_of};

use crate::process::{GitCommand, GitError};
use crate::repository::Repository;

/// Longest listing; it names some tens of thousands of objects.
const MAX_LISTING_BYTES: usize = 8 * 1024 * 1024;

/// How long a walk may take that no client waits for.
const BACKGROUND_TIME_LIMIT: Duration = Duration::from_hours(2);

/// How long a client that waits for a clone is held up by this.
const TIME_LIMIT: Duration = Duration::from_secs(20);

const OPERATION: &str = "look what has come since";

/// What has come since.
#[derive(Debug)]
pub struct NewObjects {
    listing: Vec<u8>,
}

/// A line of the listing.
#[derive(Debug, PartialEq, Eq)]
pub enum NewObject<'a> {
    /// An object and its path. It may be among the earlier ones, where history was undone.
    Object(&'a [u8], &'a [u8]),
    /// An earlier commit on which a newer one was made.
    Edge(&'a [u8]),
}

impl NewObjects {
    /// The lines of the listing.
    pub fn iter(&self) -> impl Iterator<Item = NewObject<'_>> {
        let lines = self.listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| match line.strip_prefix(b"-") {
            Some(commit) => NewObject::Edge(commit),
            None => {
                let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
                NewObject::Object(&line[..end], line.get(end + 1..).unwrap_or_default())
            }
        })
    }

    /// These lines, for tests.
    #[cfg(any(test, feature = "testing"))]
    pub fn listed(listing: &str) -> Self {
        Self { listing: listing.into() }
    }
}

impl Repository {
    /// What one needs for `tips` besides what one needs for `earlier`; `None` when that is not all needed for `tips`.
    /// Fails when it is very much.
    pub async fn new_objects_since(
        &self,
        earlier: &BTreeSet<ObjectId>,
        tips: &BTreeSet<ObjectId>,
    ) -> Result<Option<NewObjects>, GitError> {
        let bounded = || self.command(OPERATION).output_limit(MAX_LISTING_BYTES).time_limit(TIME_LIMIT);
        let new_objects = NewObjects { listing: walk(bounded(), "--objects-edge", tips, earlier).await? };
        let needs_all = needs_all_of(bounded(), earlier, tips, &new_objects).await?;
        Ok(needs_all.then_some(new_objects))
    }

    /// Whether all that one needs for `earlier` is needed for `tips`. Takes its time, unless the one are among the other.
    pub async fn still_needs(
        &self,
        earlier: &BTreeSet<ObjectId>,
        tips: &BTreeSet<ObjectId>,
    ) -> Result<bool, GitError> {
        if earlier.is_subset(tips) {
            return Ok(true);
        }
        let command = || self.command(OPERATION).yielding().time_limit(BACKGROUND_TIME_LIMIT);
        let commits = NewObjects { listing: walk(command(), "--boundary", tips, earlier).await? };
        needs_all_of(command(), earlier, tips, &commits).await
    }
}

/// Whether all that one needs for `earlier` is needed for `tips`; `new_objects` is what a walk from these to those has met.
async fn needs_all_of(
    command: GitCommand,
    earlier: &BTreeSet<ObjectId>,
    tips: &BTreeSet<ObjectId>,
    new_objects: &NewObjects,
) -> Result<bool, GitError> {
    let edges = new_objects.iter().filter_map(|line| match line {
        NewObject::Edge(commit) => Some(commit),
        NewObject::Object(..) => None,
    });
    let met: HashSet<_> = edges.collect();
    let moved = earlier.difference(tips).filter(|object| !met.contains(object.as_bytes()));
    let moved: BTreeSet<_> = moved.cloned().collect();
    match walk(command.output_limit(MAX_LISTING_BYTES), "--objects", &moved, tips).await {
        Err(GitError::OutputTooLarge { .. }) => Ok(false),
        listing => listing.map(|listing| listing.is_empty()),
    }
}

/// What git lists on the way from `tips` to `earlier`; nothing when `tips` are among those.
async fn walk(
    command: GitCommand,
    option: &str,
    tips: &BTreeSet<ObjectId>,
    earlier: &BTreeSet<ObjectId>,
) -> Result<Vec<u8>, GitError> {
    let mut new = tips.difference(earlier).peekable();
    if new.peek().is_none() {
        return Ok(Vec::new());
    }
    let input = lines_of("", new) + &lines_of("^", earlier);
    let command = command.args(["rev-list", option, "--stdin"]);
    Ok(command.input(input.into_bytes()).run().await?.stdout)
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
        let new_objects = NewObjects::listed("aa\n-bb\ncc a path\ndd \n");
        let lines: Vec<_> = new_objects.iter().collect();
        let expected = [
            NewObject::Object(b"aa", b""),
            NewObject::Edge(b"bb"),
            NewObject::Object(b"cc", b"a path"),
            NewObject::Object(b"dd", b""),
        ];
        assert_eq!(lines, expected);
    }

    #[tokio::test]
    async fn commits_that_are_older_than_what_they_follow_are_new_objects() {
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
        let new_objects =
            repository.new_objects_since(&before, &after).await.expect("listed").expect("all is needed");
        let found: Vec<_> = new_objects
            .iter()
            .map(|line| match line {
                NewObject::Object(name, _) | NewObject::Edge(name) => {
                    String::from_utf8_lossy(name).into_owned()
                }
            })
            .collect();
        assert!([&second, &first, &ahead].iter().all(|name| found.contains(name)), "{found:?}");
        assert!(repository.still_needs(&before, &after).await.expect("walked"));
        assert!(repository.new_objects_since(&after, &before).await.expect("listed").is_none());
        assert!(!repository.still_needs(&after, &before).await.expect("walked"));
    }
}
