//! References of our own to what clients wanted and no reference of the repository led to: the next fetch has something
//! to offer, and what was fetched once is not removed at once.
//!
//! They give no client access: clients do not see them, and who may have an object is checked each time. Their names
//! tell the day on which they were made, because they go after a while; what they named is noted like what other
//! references have left, so that housekeeping removes it then.

use std::collections::BTreeSet;
use std::time::Duration;

use heliostat_git_wire::{INTERNAL_NAMESPACE, ObjectId, RefName};

use super::left_tips::seconds_now;
use crate::process::GitError;
use crate::refs::{RefUpdate, UpdateRefsError};
use crate::repository::Repository;

/// Where they are, below our namespace.
const FOLDER: &str = "wanted/";

/// Most of them in a repository; the older ones go first.
const MAX_WANTED_REFS: usize = 1_000;

const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;

const OPERATION: &str = "drop references to what clients wanted";

impl Repository {
    /// Notes what the references that are to name these objects from today on name, for the day on which they go. Returns
    /// what they are called.
    pub(crate) async fn note_wanted<'a>(
        &self,
        objects: &'a BTreeSet<ObjectId>,
    ) -> Vec<(&'a ObjectId, String)> {
        let today = seconds_now() / SECONDS_OF_A_DAY;
        let named: Vec<_> = objects.iter().map(|object| (object, wanted_ref(object, today))).collect();
        let left = named.iter().map(|(object, name)| ((*object).clone(), name.clone().into_bytes()));
        self.left_tips().note(left.collect()).await;
        named
    }

    /// Drops those that were made longer ago than this, to the day, and those that are too many.
    pub async fn drop_wanted_refs(&self, keep: Duration) -> Result<(), GitError> {
        let folder = format!("{INTERNAL_NAMESPACE}{FOLDER}");
        let command = self.command(OPERATION).args(["for-each-ref", "--format=%(refname)", &folder]);
        let listing = command.run().await?.stdout;
        let listing = String::from_utf8_lossy(&listing);
        // In the order of their days.
        let names: Vec<&str> = listing.lines().collect();
        let too_many = names.len().saturating_sub(MAX_WANTED_REFS);
        let now = seconds_now();
        let is_old = |name: &str| made_at(name).is_none_or(|made| now.saturating_sub(made) >= keep.as_secs());
        let old = names.iter().enumerate().filter(|(index, name)| *index < too_many || is_old(name));
        let updates: Vec<_> = old
            .filter_map(|(_, name)| RefName::parse(*name).ok())
            .map(|name| RefUpdate::delete(name, None))
            .collect();
        if updates.is_empty() {
            return Ok(());
        }
        let lock = self.refs_lock();
        let _lock = lock.lock().await;
        match self.update_refs(&updates).await {
            Ok(()) => Ok(()),
            Err(UpdateRefsError::Git(error)) => Err(error),
            Err(error) => {
                Err(GitError::Io { operation: OPERATION, error: std::io::Error::other(error.to_string()) })
            }
        }
    }
}

/// The reference that names this object from a day on, which is counted from 1970.
fn wanted_ref(object: &ObjectId, day: u64) -> String {
    format!("{INTERNAL_NAMESPACE}{FOLDER}{day}/{object}")
}

/// When the day began that such a name tells, in seconds since 1970.
fn made_at(name: &str) -> Option<u64> {
    let below = name.strip_prefix(INTERNAL_NAMESPACE)?.strip_prefix(FOLDER)?;
    let day: u64 = below.split_once('/')?.0.parse().ok()?;
    day.checked_mul(SECONDS_OF_A_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    const LONG: Duration = Duration::from_hours(14 * 24);

    #[tokio::test]
    async fn they_go_with_time_and_are_no_part_of_what_is_shown() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let path = repository.path();
        let before = repository.refs().await.expect("readable");
        let commit = |name: &str| {
            let id = workshop.run(path, &["commit-tree", "-m", name, "main^{tree}"]);
            ObjectId::parse(id.trim()).expect("an object")
        };
        let (new, old) = (commit("new"), commit("old"));
        let wanted = BTreeSet::from([new.clone()]);
        let (_, new_ref) = repository.note_wanted(&wanted).await.remove(0);
        workshop.run(path, &["update-ref", &new_ref, new.as_str()]);
        workshop.run(path, &["update-ref", &wanted_ref(&old, 1), old.as_str()]);
        workshop.run(path, &["pack-refs", "--all"]);
        let noted = repository.left_tips().all().await.expect("readable");
        assert!(noted.iter().map(|tip| &tip.object).eq([&new]));
        let after = repository.refs().await.expect("readable");
        assert_eq!(after.content_hash(), before.content_hash());

        let there = || workshop.run(path, &["for-each-ref", "--format=%(objectname)", INTERNAL_NAMESPACE]);
        repository.drop_wanted_refs(LONG).await.expect("dropped");
        assert_eq!(there().trim(), new.as_str());
        repository.drop_wanted_refs(Duration::ZERO).await.expect("dropped");
        assert_eq!(there(), "");
        repository.drop_wanted_refs(Duration::ZERO).await.expect("nothing to do");
    }

    #[test]
    fn a_name_tells_its_day() {
        let object = ObjectId::parse("12".repeat(20)).expect("hex");
        assert_eq!(made_at(&wanted_ref(&object, 20_000)), Some(20_000 * SECONDS_OF_A_DAY));
        for name in ["refs/heads/1/x", "refs/heliostat/wanted/x/y", "refs/heliostat/wanted/1"] {
            assert_eq!(made_at(name), None, "{name}");
        }
    }
}
