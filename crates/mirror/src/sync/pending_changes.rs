//! What the next synchronisation of one repository has to fetch, merged from the events since the last one.
//!
//! As long as the events follow each other without a gap, the refs that they name are all that can differ, and their
//! values lead from what is here to what the upstream has. After a gap, or when too much has gathered, the whole ref set
//! is compared. Either way the content hash is the judge; a wrong guess here costs time, never correctness.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use heliostat_git::{RefName, RefStep};
use heliostat_storage::Generation;

use super::arrived_packs::ArrivedPacks;

/// With more refs than this, one snapshot is cheaper than naming each ref.
const MAX_INCREMENTAL_REFS: usize = 500;

/// The refs that one event announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnnouncedChange {
    /// The generation before the change.
    pub(crate) from: Generation,
    /// The generation after it.
    pub(crate) to: Generation,
    /// Which refs it touched, and how; `None` when the event does not say.
    pub(crate) refs: Option<Vec<(RefName, RefStep)>>,
    /// What the changes need, if it came along.
    pub(crate) packs: Option<ArrivedPacks>,
}

/// What the next synchronisation has to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum PendingChanges {
    /// Nothing is known to differ.
    #[default]
    Nothing,
    /// Exactly these refs differ, up to this generation.
    Refs {
        /// The generation that these refs lead to.
        to: Generation,
        /// Each touched ref: where it was before the first change, and where it is after the last.
        refs: BTreeMap<RefName, RefStep>,
        /// All that they need, if it came along with each of the changes.
        packs: Option<ArrivedPacks>,
    },
    /// Anything may differ.
    Snapshot,
    /// Anything may differ, and if what is here is whole and cannot be brought forward, a copy is made beside it.
    FreshCopy,
}

impl PendingChanges {
    /// What is pending once an event has arrived at a repository whose refs are those of `synced`.
    pub(crate) fn announced(self, change: AnnouncedChange, synced: Generation) -> Self {
        if change.to <= synced {
            return self;
        }
        let (reached, refs, packs) = match self {
            whole @ (Self::Snapshot | Self::FreshCopy) => return whole,
            Self::Nothing => (synced, BTreeMap::new(), Some(ArrivedPacks::default())),
            Self::Refs { to, refs, packs } => (to, refs, packs),
        };
        if change.to <= reached {
            // Delivered again, or out of order: what it names is already covered.
            return Self::Refs { to: reached, refs, packs };
        }
        match change.refs {
            Some(touched) if change.from <= reached => {
                Self::continued(change.to, refs, touched, both(packs, change.packs))
            }
            _ => Self::Snapshot,
        }
    }

    /// What is pending when `later` has gathered as well.
    pub(crate) fn followed_by(self, later: Self) -> Self {
        match (self, later) {
            (Self::FreshCopy, _) | (_, Self::FreshCopy) => Self::FreshCopy,
            (Self::Snapshot, _) | (_, Self::Snapshot) => Self::Snapshot,
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (
                Self::Refs { to: first, refs, packs },
                Self::Refs { to: second, refs: later, packs: later_packs },
            ) => Self::continued(first.max(second), refs, later, both(packs, later_packs)),
        }
    }

    /// What came along with the changes, if that is all that they need.
    pub(super) fn packs(&self) -> Option<&ArrivedPacks> {
        match self {
            Self::Refs { packs, .. } => packs.as_ref(),
            Self::Nothing | Self::Snapshot | Self::FreshCopy => None,
        }
    }

    /// Whether all references are compared.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, Self::Snapshot | Self::FreshCopy)
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }

    /// These steps and then the later ones, each of which begins where an earlier one ended, or where it began.
    fn continued(
        to: Generation,
        mut refs: BTreeMap<RefName, RefStep>,
        later: impl IntoIterator<Item = (RefName, RefStep)>,
        packs: Option<ArrivedPacks>,
    ) -> Self {
        for (name, step) in later {
            match refs.entry(name) {
                Entry::Vacant(place) => drop(place.insert(step)),
                Entry::Occupied(mut earlier) => {
                    if ![&earlier.get().from, &earlier.get().to].contains(&&step.from) {
                        return Self::Snapshot;
                    }
                    earlier.get_mut().to = step.to;
                }
            }
        }
        if refs.len() > MAX_INCREMENTAL_REFS { Self::Snapshot } else { Self::Refs { to, refs, packs } }
    }
}

fn both(packs: Option<ArrivedPacks>, later: Option<ArrivedPacks>) -> Option<ArrivedPacks> {
    packs?.followed_by(later?)
}

#[cfg(test)]
pub(super) mod tests {
    use bytes::Bytes;
    use heliostat_git::ObjectId;

    use super::*;

    fn branch(name: &str) -> RefName {
        RefName::parse(format!("refs/heads/{name}")).expect("the test's ref name is valid")
    }

    /// The step between two values, each named by a digit; a blank stands for none.
    pub(in crate::sync) fn step(from_and_to: &str) -> RefStep {
        let value = |digit: char| {
            let object = ObjectId::parse(digit.to_string().repeat(40));
            (digit != ' ').then(|| object.expect("a hex digit"))
        };
        let digits: Vec<char> = from_and_to.chars().collect();
        RefStep { from: value(digits[0]), to: value(digits[1]) }
    }

    fn change(from: i64, to: i64, refs: &[(&str, &str)]) -> AnnouncedChange {
        let refs = refs.iter().map(|(name, values)| (branch(name), step(values))).collect();
        AnnouncedChange { from: Generation(from), to: Generation(to), refs: Some(refs), packs: None }
    }

    fn pending(changes: &[AnnouncedChange], synced: i64) -> PendingChanges {
        changes.iter().fold(PendingChanges::Nothing, |pending, change| {
            pending.announced(change.clone(), Generation(synced))
        })
    }

    #[test]
    fn contiguous_events_are_merged_and_the_last_word_counts() {
        let merged = pending(&[change(4, 5, &[("a", "12"), ("b", " 1")]), change(5, 6, &[("a", "2 ")])], 4);
        let refs = BTreeMap::from([(branch("a"), step("1 ")), (branch("b"), step(" 1"))]);
        assert_eq!(merged, PendingChanges::Refs { to: Generation(6), refs, packs: None });
    }

    #[test]
    fn a_gap_asks_for_a_snapshot() {
        assert_eq!(pending(&[change(5, 6, &[("a", "12")])], 4), PendingChanges::Snapshot);
        let gap_between = [change(4, 5, &[("a", "12")]), change(6, 7, &[("b", "12")])];
        assert_eq!(pending(&gap_between, 4), PendingChanges::Snapshot);
        let unknown_between = [change(4, 5, &[("a", "12")]), change(5, 6, &[("a", "34")])];
        assert_eq!(pending(&unknown_between, 4), PendingChanges::Snapshot);
    }

    #[test]
    fn what_is_already_here_changes_nothing() {
        assert_eq!(pending(&[change(3, 4, &[("a", "1 ")])], 4), PendingChanges::Nothing);
        let twice = [change(4, 5, &[("a", "12")]), change(4, 5, &[("a", "12")])];
        assert_eq!(pending(&twice, 4), pending(&twice[..1], 4));
    }

    #[test]
    fn an_event_that_spans_several_generations_bridges_them() {
        let spanning = [change(4, 5, &[("a", "12")]), change(4, 9, &[("a", "13"), ("c", " 1")])];
        let refs = BTreeMap::from([(branch("a"), step("13")), (branch("c"), step(" 1"))]);
        assert_eq!(pending(&spanning, 4), PendingChanges::Refs { to: Generation(9), refs, packs: None });
    }

    #[test]
    fn an_event_without_refs_asks_for_a_snapshot() {
        let silent = AnnouncedChange { from: Generation(4), to: Generation(5), refs: None, packs: None };
        assert_eq!(PendingChanges::Nothing.announced(silent, Generation(4)), PendingChanges::Snapshot);
    }

    #[test]
    fn what_is_done_together_is_as_thorough_as_the_most_thorough_part() {
        let first = pending(&[change(4, 5, &[("a", "12")])], 4);
        let later = pending(&[change(5, 6, &[("b", "1 ")])], 5);
        let refs = BTreeMap::from([(branch("a"), step("12")), (branch("b"), step("1 "))]);
        let together = PendingChanges::Refs { to: Generation(6), refs, packs: None };
        assert_eq!(first.clone().followed_by(later), together);
        assert_eq!(first.followed_by(PendingChanges::Snapshot), PendingChanges::Snapshot);
        let fresh = PendingChanges::Snapshot.followed_by(PendingChanges::FreshCopy);
        let fresh = fresh.announced(change(4, 5, &[("a", "12")]), Generation(4));
        assert_eq!(fresh.followed_by(PendingChanges::Snapshot), PendingChanges::FreshCopy);
    }

    #[test]
    fn packs_are_kept_while_each_change_has_brought_its_own() {
        let with_pack = |from, to, pack: &'static str| AnnouncedChange {
            packs: ArrivedPacks::hold(vec![Bytes::from_static(pack.as_bytes())]),
            ..change(from, to, &[("a", "12")])
        };
        let packs_of = |changes: &[AnnouncedChange]| match pending(changes, 4) {
            PendingChanges::Refs { packs, .. } => packs.map(|packs| packs.packs()),
            other => panic!("{other:?}"),
        };
        let (first, second) = (with_pack(4, 5, "first"), with_pack(5, 6, "second"));
        let both = packs_of(&[first.clone(), first.clone(), second]);
        assert_eq!(both, Some(vec![Bytes::from_static(b"first"), Bytes::from_static(b"second")]));
        assert_eq!(packs_of(&[first, change(5, 6, &[("b", " 1")])]), None);
    }

    #[test]
    fn too_many_refs_become_a_snapshot() {
        let names: Vec<String> = (0..=MAX_INCREMENTAL_REFS).map(|n| format!("b{n}")).collect();
        let refs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), " 1")).collect();
        assert_eq!(pending(&[change(4, 5, &refs)], 4), PendingChanges::Snapshot);
    }
}
