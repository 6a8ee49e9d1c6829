//! What is made from earlier runs is what would have been made from nothing.

use std::collections::BTreeMap;

use super::*;

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % limit
    }
}

fn name(number: usize) -> Vec<u8> {
    let mut name = format!("refs/{}/{number:05}", ["heads", "pull", "tags"][number % 3]).into_bytes();
    if number % 50 == 7 {
        name.push(0xff);
    }
    name
}

fn object(number: usize) -> ObjectId {
    ObjectId::parse(format!("{number:040x}")).expect("hex")
}

fn made_of(state: &BTreeMap<Vec<u8>, ObjectId>) -> RefRuns {
    let refs = state
        .iter()
        .map(|(name, object)| SnapshotRef::new(name.clone(), object.clone(), PeelInfo::default()));
    RefRuns::new(refs.collect())
}

/// The references, for people.
fn listed(runs: &RefRuns) -> Vec<(Vec<u8>, ObjectId)> {
    runs.iter().map(|found| (found.name().to_owned(), found.object().clone())).collect()
}

#[test]
fn many_changes_one_after_the_other_lead_where_they_should() {
    let mut chance = Chance(7);
    let (mut state, mut runs) = (BTreeMap::<Vec<u8>, ObjectId>::new(), RefRuns::default());
    for round in 0..60 {
        let mut changes = BTreeMap::new();
        // Many at first, then a few, and nearly all gone in the end.
        let count = if round == 0 { 5_000 } else { 1 + chance.below(40) };
        for _ in 0..count {
            let (name, object) = (name(chance.below(6_000)), object(chance.below(900)));
            let is_gone = chance.below(4) == 0;
            changes.insert(name, Some(object).filter(|_| !is_gone));
        }
        if round == 50 {
            changes.extend(state.keys().skip(20).map(|name: &Vec<u8>| (name.clone(), None)));
        }
        for (name, object) in &changes {
            match object {
                Some(object) => drop(state.insert(name.clone(), object.clone())),
                None => drop(state.remove(name)),
            }
        }
        let changes = changes.into_iter().map(|(name, object)| {
            let now = object.map(|object| SnapshotRef::new(name.clone(), object, PeelInfo::default()));
            (name, now)
        });
        let after = runs.with(changes.collect());
        let anew = made_of(&state);
        assert_eq!(listed(&after), listed(&anew), "round {round}");
        // Sometimes the hash of one in between is never asked for.
        if round % 3 != 1 {
            assert_eq!(after.content_hash(), anew.content_hash(), "round {round}");
        }
        let found = RefRuns::differences(&runs, &after).count();
        let (old, new) = (made_of(&listed(&runs).into_iter().collect()), made_of(&state));
        assert_eq!(found, RefRuns::differences(&old, &new).count(), "round {round}");
        for prefix in ["", "refs/", "refs/heads/", "refs/pull/0", "refs/tags/00123", "refs/x", "a"] {
            let below = state.keys().filter(|name| name.starts_with(prefix.as_bytes())).count();
            assert_eq!(after.count_below(prefix.as_bytes()), below, "{prefix}");
            assert_eq!(after.below(prefix.as_bytes()).count(), below, "{prefix}");
        }
        assert_eq!(after.sizes().refs, state.len());
        assert!(after.shares_hash_of(&anew) && anew.shares_hash_of(&after));
        runs = after;
    }
}

#[test]
fn a_change_leaves_the_other_runs_as_they_are() {
    let state: BTreeMap<_, _> = (0..10_000).map(|number| (name(number), object(number))).collect();
    let before = made_of(&state);
    let moved = SnapshotRef::new(name(6_000), object(99), PeelInfo::default());
    let after = before.with(vec![(name(6_000), Some(moved))]);
    let shared = after.runs.iter().filter(|run| before.runs.iter().any(|other| Arc::ptr_eq(run, other)));
    assert_eq!(shared.count(), before.runs.len() - 1);
    assert!(after.memory_bytes_beside(&before) < before.memory_bytes() / 10);
    assert!(!after.shares_hash_of(&before));
    // Taken over, not computed.
    before.content_hash();
    let back = after
        .with(vec![(name(6_000), Some(SnapshotRef::new(name(6_000), object(6_000), PeelInfo::default())))]);
    assert!(back.hashes.get().is_none() && back.shares_hash_of(&before) && back.hashes.get().is_some());
    assert_eq!(back.content_hash(), before.content_hash());
}

#[test]
fn objects_are_found_among_those_that_are_named() {
    let state: BTreeMap<_, _> = (0..3_000).map(|number| (name(number), object(number))).collect();
    let runs = made_of(&state);
    for numbers in [2_990..3_010, 2_000..4_000] {
        let mut objects: BTreeSet<_> = numbers.clone().map(object).collect();
        let all = objects.clone();
        runs.retain_unnamed(&mut objects, |_| true);
        assert_eq!(objects, (3_000..numbers.end).map(object).collect::<BTreeSet<_>>(), "{numbers:?}");
        let mut objects = all;
        runs.retain_unnamed(&mut objects, |found| found.name().starts_with(b"refs/tags/"));
        let is_left = |number: &usize| *number >= 3_000 || number % 3 != 2;
        assert_eq!(objects, numbers.filter(is_left).map(object).collect::<BTreeSet<_>>());
    }
}

#[test]
fn those_with_some_beginnings_are_kept_without_what_lies_between() {
    let state: BTreeMap<_, _> = (0..10_000).map(|number| (name(number), object(number))).collect();
    let all = made_of(&state);
    let kept = all.runs_below(&[b"refs/heads/", b"refs/tags/"]);
    let listed_below = |runs: &RefRuns, prefix: &str| {
        listed(&RefRuns::new(runs.below(prefix.as_bytes()).cloned().collect()))
    };
    for prefix in ["refs/heads/", "refs/tags/"] {
        assert_eq!(listed_below(&kept, prefix), listed_below(&all, prefix));
    }
    let others = kept.count_below(b"refs/pull/");
    assert!(others < 2 * RUN_REFS && others < all.count_below(b"refs/pull/") / 5, "{others}");
    assert_eq!(all.runs_below(&[b"refs/a", b"refs/z"]).sizes().refs, 0);
    // One run may have them all, and more.
    let few: BTreeMap<_, _> = (0..30).map(|number| (name(number), object(number))).collect();
    assert_eq!(made_of(&few).runs_below(&[b"refs/pull/"]).sizes().refs, 30);
}
