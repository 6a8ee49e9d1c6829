//! Whether a repository is worth some work, and which of its packs become one.
//!
//! Packs are kept in a geometric row: each weighs at least twice as much as the next smaller one. A push then costs a
//! rewrite of little more than itself most of the time, and an object is rewritten only as often as the repository
//! doubles. Weight is the number of objects, and of bytes where a few objects have very many.
//!
//! One pack is not in the row: the base, which clones begin with as it is. It holds exactly what some branches and tags
//! need: settled ones where that is possible, so that it outlives those that come and go; all else lies beside it.

use std::time::Duration;

use heliostat_git_wire::RefSnapshot;

use super::packs::{Base, Pack, PackInventory};
use crate::compute::MAX_NEW_OBJECTS;

/// How far a repository may go before it is worked on.
#[derive(Debug, Clone)]
pub(crate) struct Thresholds {
    /// What weighs less than so many objects is served fast as it is: no bitmap, no bundle.
    pub(crate) small_weight: u64,
    /// Packs that the common index does not cover.
    pub(crate) unindexed_packs: usize,
    /// Of objects in files of their own.
    pub(crate) loose_weight: u64,
    pub(crate) loose_refs: usize,
    /// After this time anything that is not covered is reason enough.
    pub(crate) index_age: Duration,
    /// A base is not tried to be made more often than this: the whole repository is written for it.
    pub(crate) base_age: Duration,
    /// Branches and tags whose commits are younger may soon be gone again: a base is not to depend on them.
    pub(crate) settled_age: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            small_weight: 1_000,
            unindexed_packs: 8,
            loose_weight: 1_000,
            loose_refs: 256,
            index_age: Duration::from_hours(6),
            base_age: Duration::from_hours(6),
            settled_age: Duration::from_hours(14 * 24),
        }
    }
}

/// How much heavier each pack is than the next smaller one.
const GROWTH: u64 = 2;

/// A repository up to this size is written as a whole the first time it is worked on, and for a base.
pub(super) const MAX_WHOLE_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// A base is made anew when this part of the repository's objects has come since.
const BASE_GROWTH: u64 = 8;

/// Or this many. A clone packs what is not in the base anew; as many again may lie in branches that are not settled.
pub(super) const MAX_BASE_GROWTH_OBJECTS: u64 = MAX_NEW_OBJECTS as u64 / 2;

/// What becomes of the packs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PackPlan {
    /// Become one, with the loose objects.
    pub(crate) roll_up: Vec<Pack>,
    pub(crate) stay: Vec<Pack>,
    pub(crate) has_loose: bool,
    /// Whether a base has just been written whose objects the other packs hold too.
    is_beside_new_base: bool,
}

impl PackPlan {
    /// Which packs become one.
    pub(crate) fn of(inventory: &PackInventory) -> Self {
        let (kept, free) =
            stays_and_row(inventory, inventory.base.as_ref().map(|base| base.pack.name.as_str()));
        let is_first = inventory.indexed.is_none() && inventory.bytes() <= MAX_WHOLE_BYTES;
        let (has_loose, is_beside_new_base) = (inventory.loose_objects > 0, false);
        if is_first && free.len() + usize::from(has_loose) > 1 {
            return Self { roll_up: free, stay: kept, has_loose, is_beside_new_base };
        }
        let mut first_in_row = free.len().saturating_sub(1);
        while first_in_row > 0 && free[first_in_row].weight() >= GROWTH * free[first_in_row - 1].weight() {
            first_in_row -= 1;
        }
        let mut split = first_in_row;
        let mut rolled = inventory.loose_weight() + free[..split].iter().map(Pack::weight).sum::<u64>();
        if split == 0 && inventory.loose_objects == 0 {
            return Self {
                roll_up: Vec::new(),
                stay: inventory.packs.clone(),
                has_loose,
                is_beside_new_base,
            };
        }
        while split < free.len() && free[split].weight() < GROWTH * rolled {
            rolled += free[split].weight();
            split += 1;
        }
        let (roll_up, stay) = free.split_at(split);
        let stay = stay.iter().cloned().chain(kept).collect();
        Self { roll_up: roll_up.to_vec(), stay, has_loose, is_beside_new_base }
    }

    /// Everything becomes one but this pack, which was written a moment ago.
    pub(crate) fn beside_new_base(inventory: &PackInventory, base: &str) -> Self {
        let (stay, roll_up) = stays_and_row(inventory, Some(base));
        Self { roll_up, stay, has_loose: inventory.loose_objects > 0, is_beside_new_base: true }
    }

    /// Whether anything is to be packed.
    pub(crate) fn packs_anything(&self) -> bool {
        let fewest = if self.is_beside_new_base { 1 } else { 2 };
        self.has_loose || self.roll_up.len() >= fewest
    }
}

/// The packs that stay as they are, and the others.
fn stays_and_row(inventory: &PackInventory, base: Option<&str>) -> (Vec<Pack>, Vec<Pack>) {
    inventory.packs.iter().cloned().partition(|pack| pack.is_kept || Some(pack.name.as_str()) == base)
}

/// Whether it is time to make a pack that clones can begin with, or a newer one.
pub(crate) fn needs_base(inventory: &PackInventory, refs: &RefSnapshot, thresholds: &Thresholds) -> bool {
    let is_fit = !refs.is_shallow() && refs.branches().next().is_some();
    let is_worth_it = inventory.weight() >= thresholds.small_weight;
    let is_due = inventory.base_tried.is_none_or(|age| age >= thresholds.base_age);
    // Some of what has come may not belong into a base.
    let may_be_outgrown = |base: &Base| {
        let grown = inventory.objects().saturating_sub(base.pack.objects + base.objects_beside);
        grown > base_growth(inventory, thresholds)
    };
    let is_possible = inventory.bytes() <= MAX_WHOLE_BYTES || is_one_pack(inventory);
    is_fit && is_worth_it && is_due && is_possible && inventory.base.as_ref().is_none_or(may_be_outgrown)
}

/// Whether there is nothing but one pack.
pub(super) fn is_one_pack(inventory: &PackInventory) -> bool {
    inventory.packs.len() == 1 && inventory.loose_objects == 0
}

/// How many objects may come before a base is made anew: never as few as a push of a huge file brings.
pub(super) fn base_growth(inventory: &PackInventory, thresholds: &Thresholds) -> u64 {
    MAX_BASE_GROWTH_OBJECTS.min(inventory.objects().max(thresholds.small_weight) / BASE_GROWTH)
}

/// Why a repository is worked on now; `None` when it can wait.
pub(crate) fn reason(
    inventory: &PackInventory,
    refs: &RefSnapshot,
    thresholds: &Thresholds,
) -> Option<&'static str> {
    let unindexed = inventory.unindexed().count();
    let is_large = inventory.weight() >= thresholds.small_weight;
    if is_large && !inventory.has_bitmap && !refs.is_empty() {
        return Some("there is no bitmap");
    }
    if inventory.loose_refs >= thresholds.loose_refs {
        return Some("many references are loose");
    }
    if inventory.loose_weight() >= thresholds.loose_weight {
        return Some("many objects are loose, or large ones");
    }
    if unindexed >= thresholds.unindexed_packs {
        return Some("many packs have come");
    }
    if needs_base(inventory, refs, thresholds) {
        return Some("there is no pack for clones to begin with, or it is outgrown");
    }
    let is_old = inventory.index_age >= thresholds.index_age;
    (is_large && is_old && unindexed > 0).then_some("packs have waited for long")
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::{ObjectId, RefName};

    use super::*;

    fn inventory(objects: &[u64], loose_objects: u64) -> PackInventory {
        let pack = |(number, objects): (usize, &u64)| Pack {
            name: format!("pack-{number}"),
            objects: *objects,
            bytes: 1,
            is_kept: false,
        };
        PackInventory {
            packs: objects.iter().enumerate().map(pack).collect(),
            replaced: Vec::new(),
            indexed: Some(std::collections::HashSet::new()),
            has_bitmap: false,
            base: None,
            base_tried: None,
            index_age: Duration::ZERO,
            loose_objects,
            loose_bytes: 0,
            loose_refs: 0,
            has_commit_graph: false,
        }
    }

    fn one_branch() -> RefSnapshot {
        let main = RefName::branch("main").expect("valid");
        RefSnapshot::from_entries([(main, ObjectId::parse("1".repeat(40)).expect("an object"))])
    }

    fn rolled(objects: &[u64], loose: u64) -> Vec<u64> {
        PackPlan::of(&inventory(objects, loose)).roll_up.iter().map(|pack| pack.objects).collect()
    }

    #[test]
    fn a_row_that_grows_fast_enough_stays() {
        assert!(!PackPlan::of(&inventory(&[], 0)).packs_anything());
        assert!(!PackPlan::of(&inventory(&[5], 0)).packs_anything());
        assert!(!PackPlan::of(&inventory(&[5, 10, 100], 0)).packs_anything());
    }

    #[test]
    fn what_breaks_the_row_becomes_one_and_takes_along_what_it_outgrows() {
        assert_eq!(rolled(&[5, 6, 100], 0), [5, 6]);
        assert_eq!(rolled(&[5, 6, 20, 100], 0), [5, 6, 20]);
        assert_eq!(rolled(&[5, 5, 5, 90, 100], 0), [5, 5, 5, 90, 100]);
        assert_eq!(rolled(&[100, 100], 0), [100, 100]);
    }

    #[test]
    fn loose_objects_become_a_pack() {
        assert_eq!(rolled(&[100], 3), [0; 0]);
        assert!(PackPlan::of(&inventory(&[100], 3)).packs_anything());
        assert_eq!(rolled(&[5, 100], 3), [5]);
    }

    #[test]
    fn the_first_time_everything_becomes_one() {
        let mut inventory = inventory(&[5, 100], 0);
        inventory.indexed = None;
        assert_eq!(PackPlan::of(&inventory).roll_up.len(), 2);
        inventory.packs.truncate(1);
        assert!(!PackPlan::of(&inventory).packs_anything());
    }

    #[test]
    fn a_kept_pack_stays() {
        let mut inventory = inventory(&[5, 6, 7], 0);
        inventory.packs[0].is_kept = true;
        let plan = PackPlan::of(&inventory);
        assert_eq!(plan.roll_up.iter().map(|pack| pack.objects).collect::<Vec<_>>(), [6, 7]);
        assert_eq!(plan.stay.len(), 1);
    }

    #[test]
    fn a_base_stays_and_is_renewed_when_it_is_old_and_outgrown() {
        let (refs, thresholds) = (one_branch(), Thresholds::default());
        let mut inventory = inventory(&[5, 6, 10_000], 0);
        assert!(needs_base(&inventory, &refs, &thresholds));
        assert!(!needs_base(&inventory, &RefSnapshot::empty(), &thresholds));
        inventory.base_tried = Some(Duration::ZERO);
        assert!(!needs_base(&inventory, &refs, &thresholds));
        inventory.base_tried = Some(thresholds.base_age);
        assert!(needs_base(&inventory, &refs, &thresholds));
        let base =
            |pack: usize, objects_beside| Some(Base { pack: inventory.packs[pack].clone(), objects_beside });
        let (last, first) = (base(2, 11), base(0, 0));
        inventory.base = last;
        inventory.loose_objects = 1_400;
        assert!(!needs_base(&inventory, &refs, &thresholds));
        inventory.loose_objects = 1_500;
        assert!(needs_base(&inventory, &refs, &thresholds));
        // Too large to be written anew, unless nothing has to be written.
        inventory.packs[0].bytes = MAX_WHOLE_BYTES;
        assert!(!needs_base(&inventory, &refs, &thresholds));
        // It is not in the row.
        inventory.base = first;
        let plan = PackPlan::of(&inventory);
        assert!(plan.stay.contains(&inventory.packs[0]) && !plan.roll_up.contains(&inventory.packs[0]));
    }

    #[test]
    fn all_but_a_new_base_becomes_one() {
        let plan = PackPlan::beside_new_base(&inventory(&[5, 6], 0), "pack-1");
        assert_eq!((plan.roll_up.len(), plan.stay.len(), plan.packs_anything()), (1, 1, true));
        let plan = PackPlan::beside_new_base(&inventory(&[6], 0), "pack-0");
        assert!(!plan.packs_anything());
    }

    #[test]
    fn bytes_count_where_a_few_objects_have_very_many() {
        const MIB: u64 = 1024 * 1024;
        let (thresholds, refs) = (Thresholds::default(), one_branch());
        let mut inventory = inventory(&[3, 100], 3);
        assert_eq!(reason(&inventory, &refs, &thresholds), None);
        inventory.loose_bytes = 80 * MIB;
        inventory.has_bitmap = true;
        let loose = Some("many objects are loose, or large ones");
        assert_eq!(reason(&inventory, &refs, &thresholds), loose);
        // A pack of huge files is not written anew for the sake of smaller ones.
        inventory.packs[1].bytes = 400 * MIB;
        let rolled = PackPlan::of(&inventory).roll_up;
        assert_eq!(rolled.iter().map(|pack| pack.objects).collect::<Vec<_>>(), [3]);
        inventory.packs[1].bytes = 100 * MIB;
        assert_eq!(PackPlan::of(&inventory).roll_up.len(), 2);

        let few = PackInventory { has_bitmap: false, loose_bytes: 0, loose_objects: 0, ..inventory };
        assert_eq!(reason(&few, &refs, &thresholds), Some("there is no bitmap"));
        assert!(base_growth(&few, &thresholds) > 100, "a few commits do not outgrow it");
    }

    #[test]
    fn a_small_repository_is_left_alone() {
        let (thresholds, refs) = (Thresholds::default(), one_branch());
        assert_eq!(reason(&inventory(&[50], 100), &refs, &thresholds), None);
        assert_eq!(reason(&inventory(&[1_000], 0), &refs, &thresholds), Some("there is no bitmap"));
        assert_eq!(reason(&inventory(&[1_000], 0), &RefSnapshot::empty(), &thresholds), None);
        assert_eq!(reason(&inventory(&[1; 8], 0), &refs, &thresholds), Some("many packs have come"));
    }
}
