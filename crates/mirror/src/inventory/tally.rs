//! The sums behind the counts, kept as repositories change: with 100,000 of them, asking each took a tenth of a second of
//! every look at `/status`.
//!
//! They are kept by project, because what is selected to be mirrored are projects.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use heliostat_storage::{LocalRepositoryId, MirroredRepository, MirroredStatus};
use parking_lot::Mutex;

use super::counts::Counts;
use super::entry::{is_available, is_behind};
use super::trouble::Trouble;

/// The sums of all projects, by their ids.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<HashMap<String, Sums>>);

/// What one repository adds to the sums.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub(super) record: Arc<MirroredRepository>,
    pub(super) trouble: Option<Arc<Trouble>>,
}

/// A moment in epoch milliseconds, and the repository of which it tells something.
type Since = (i64, LocalRepositoryId);

/// The sums of one project.
#[derive(Debug, Default)]
struct Sums {
    total: usize,
    synced: usize,
    in_step: usize,
    available: usize,
    held: usize,
    undecided: usize,
    failing: BTreeMap<Since, Arc<MirroredRepository>>,
    in_repair: BTreeMap<Since, Arc<Trouble>>,
    behind: BTreeSet<Since>,
    last_syncs: BTreeSet<Since>,
}

impl Tally {
    /// Takes in that a repository adds something else than before.
    pub(super) fn replace(&self, before: Option<&Share>, after: Option<&Share>) {
        let mut projects = self.0.lock();
        if let Some(before) = before.filter(|share| share.counts())
            && let Some(sums) = projects.get_mut(&before.record.project_id)
        {
            sums.remove(before);
            if sums.total == 0 {
                projects.remove(&before.record.project_id);
            }
        }
        if let Some(after) = after.filter(|share| share.counts()) {
            projects.entry(after.record.project_id.clone()).or_default().add(after);
        }
    }

    /// What the repositories of these projects add up to.
    pub(super) fn counts(&self, is_selected: impl Fn(&str) -> bool) -> Counts {
        let projects = self.0.lock();
        let mut counts = Counts::default();
        let (mut first_failing, mut longest_in_repair): (Option<(&Since, _)>, Option<(&Since, _)>) =
            (None, None);
        for (_, sums) in projects.iter().filter(|(project, _)| is_selected(project)) {
            counts.total += sums.total;
            counts.synced += sums.synced;
            counts.in_step += sums.in_step;
            counts.available += sums.available;
            counts.held += sums.held;
            counts.undecided += sums.undecided;
            counts.failing += sums.failing.len();
            counts.in_repair += sums.in_repair.len();
            first_failing = first_of(first_failing, sums.failing.first_key_value());
            longest_in_repair = first_of(longest_in_repair, sums.in_repair.first_key_value());
            let behind_since = sums.behind.first().map(|(since, _)| *since);
            counts.behind_since = counts.behind_since.into_iter().chain(behind_since).min();
            counts.last_sync_at = counts.last_sync_at.max(sums.last_syncs.last().map(|(at, _)| *at));
        }
        counts.first_failing = first_failing.map(|(_, record)| Arc::clone(record));
        counts.longest_in_repair = longest_in_repair.map(|(_, trouble)| Arc::clone(trouble));
        counts
    }
}

impl Share {
    /// Whether it is counted at all.
    fn counts(&self) -> bool {
        self.record.removed_at.is_none()
    }
}

impl Sums {
    fn add(&mut self, share: &Share) {
        for (sum, adds) in self.plain_sums(share) {
            *sum += usize::from(adds);
        }
        let (Share { record, trouble }, id) = (share, share.record.local_id);
        if record.failed_count > 0 {
            self.failing.insert((failing_since(record), id), Arc::clone(record));
        }
        if let Some(trouble) = trouble {
            self.in_repair.insert((trouble.since, id), Arc::clone(trouble));
        }
        self.behind.extend(behind_since(record).map(|since| (since, id)));
        self.last_syncs.extend(record.last_sync_at.map(|at| (at, id)));
    }

    fn remove(&mut self, share: &Share) {
        for (sum, added) in self.plain_sums(share) {
            *sum -= usize::from(added);
        }
        let (Share { record, trouble }, id) = (share, share.record.local_id);
        self.failing.remove(&(failing_since(record), id));
        if let Some(trouble) = trouble {
            self.in_repair.remove(&(trouble.since, id));
        }
        if let Some(since) = behind_since(record) {
            self.behind.remove(&(since, id));
        }
        if let Some(at) = record.last_sync_at {
            self.last_syncs.remove(&(at, id));
        }
    }

    /// Each sum with whether this repository adds to it.
    fn plain_sums(&mut self, Share { record, trouble }: &Share) -> [(&mut usize, bool); 6] {
        let is_synced = !is_behind(record);
        let is_undecided =
            matches!(record.status, MirroredStatus::NotMirrored | MirroredStatus::Initializing);
        [
            (&mut self.total, true),
            (&mut self.synced, is_synced),
            (&mut self.in_step, is_synced && record.held.is_none() && trouble.is_none()),
            (&mut self.available, is_available(record) && trouble.is_none()),
            (&mut self.held, record.held.is_some()),
            (&mut self.undecided, is_undecided),
        ]
    }
}

/// The one of two that comes first.
fn first_of<'a, T>(
    one: Option<(&'a Since, &'a T)>,
    other: Option<(&'a Since, &'a T)>,
) -> Option<(&'a Since, &'a T)> {
    one.into_iter().chain(other).min_by_key(|(since, _)| *since)
}

/// Since when it has been behind; for ever if that is not known.
fn failing_since(record: &MirroredRepository) -> i64 {
    record.behind_since.unwrap_or(i64::MIN)
}

/// Since when it has been behind for another reason than that it waits for an administrator.
fn behind_since(record: &MirroredRepository) -> Option<i64> {
    record.behind_since.filter(|_| record.held.is_none())
}

#[cfg(test)]
mod tests {
    use heliostat_storage::{Generation, HeldReason};

    use super::*;
    use crate::inventory::TroubleKind;
    use crate::inventory::index::Index;
    use crate::inventory::tests::record;

    fn all(index: &Index) -> Counts {
        index.tally().counts(|_| true)
    }

    #[test]
    fn sums_follow_what_changes() {
        let index = Index::default();
        let [engine, motor] = [(1, "engine"), (2, "motor")].map(|(id, slug)| index.enter(record(id, slug)));
        let counts = all(&index);
        assert_eq!((counts.total, counts.synced, counts.in_step, counts.available), (2, 2, 2, 2));
        assert_eq!((counts.last_sync_at, counts.behind_since, counts.failing), (Some(1), None, 0));

        let behind = |id, slug: &str, since| MirroredRepository {
            generation_known: Generation(5),
            behind_since: Some(since),
            failed_count: 1,
            ..record(id, slug)
        };
        engine.show(behind(1, "engine", 9));
        motor.show(behind(2, "motor", 7));
        let counts = all(&index);
        assert_eq!((counts.synced, counts.failing, counts.behind_since), (0, 2, Some(7)));
        assert_eq!(counts.first_failing.expect("one is").slug, "motor");
        motor.show(MirroredRepository { held: Some(HeldReason::Missing), ..behind(2, "motor", 7) });
        assert_eq!((all(&index).held, all(&index).behind_since), (1, Some(9)));

        engine.set_trouble(TroubleKind::Suspected, "git says so", 5);
        engine.set_trouble(TroubleKind::Damaged, "a pack is cut", 6);
        let counts = all(&index);
        assert_eq!((counts.available, counts.in_repair), (1, 1));
        assert_eq!(counts.longest_in_repair.expect("one is").kind, TroubleKind::Damaged);
        assert!(engine.clear_trouble(&[TroubleKind::Damaged]));
        engine.show(MirroredRepository { last_sync_at: Some(20), ..record(1, "engine") });
        let counts = all(&index);
        assert_eq!((counts.in_repair, counts.in_step, counts.last_sync_at), (0, 1, Some(20)));
    }

    #[test]
    fn what_is_elsewhere_or_gone_counts_no_more() {
        let index = Index::default();
        let entry = index.enter(record(1, "engine"));
        index.enter(MirroredRepository { project_id: "4".to_owned(), ..record(2, "motor") });
        let of = |project: &'static str| index.tally().counts(move |other| other == project).total;
        assert_eq!((of("3"), of("4"), all(&index).total), (1, 1, 2));
        entry.show(MirroredRepository { project_id: "4".to_owned(), ..record(1, "engine") });
        assert_eq!((of("3"), of("4")), (0, 2));
        entry.show(MirroredRepository { removed_at: Some(9), ..(*entry.record()).clone() });
        assert_eq!(of("4"), 1);
        index.leave(&entry);
        entry.show(record(1, "engine"));
        assert_eq!((of("3"), of("4")), (0, 1), "it is not there any more");
    }
}
