//! Whether a repository is worth some work, and which of its packs become one.
//!
//! Packs are kept in a geometric row: each holds at least twice as many objects as the next smaller one. A push then
//! costs a rewrite of little more than itself most of the time, and an object is rewritten only as often as the
//! repository doubles.

use std::time::Duration;

use super::stock::{Pack, Stock};

/// How far a repository may go before it is worked on.
#[derive(Debug, Clone)]
pub(crate) struct Thresholds {
    /// Fewer objects than this are served fast as they are: no bitmap, no bundle.
    pub(crate) small_objects: u64,
    /// Packs that the common index does not cover.
    pub(crate) unindexed_packs: usize,
    pub(crate) loose_objects: u64,
    pub(crate) loose_refs: usize,
    /// After this time anything that is not covered is reason enough.
    pub(crate) index_age: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            small_objects: 1_000,
            unindexed_packs: 8,
            loose_objects: 1_000,
            loose_refs: 256,
            index_age: Duration::from_hours(6),
        }
    }
}

/// How much larger each pack is than the next smaller one, in objects.
const GROWTH: u64 = 2;

/// A repository up to this size becomes one pack the first time it is worked on, which is also its bundle.
const MAX_FIRST_PACK_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// What becomes of the packs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PackPlan {
    /// Become one, with the loose objects.
    pub(crate) roll_up: Vec<Pack>,
    pub(crate) stay: Vec<Pack>,
    pub(crate) has_loose: bool,
}

impl PackPlan {
    /// Which packs become one.
    pub(crate) fn of(stock: &Stock) -> Self {
        let (kept, free): (Vec<_>, Vec<_>) = stock.packs.iter().cloned().partition(|pack| pack.is_kept);
        let is_first = stock.indexed.is_none() && stock.bytes() <= MAX_FIRST_PACK_BYTES;
        if is_first && free.len() + usize::from(stock.loose_objects > 0) > 1 {
            return Self { roll_up: free, stay: kept, has_loose: stock.loose_objects > 0 };
        }
        let mut first_in_row = free.len().saturating_sub(1);
        while first_in_row > 0 && free[first_in_row].objects >= GROWTH * free[first_in_row - 1].objects {
            first_in_row -= 1;
        }
        let mut split = first_in_row;
        let mut rolled = stock.loose_objects + free[..split].iter().map(|pack| pack.objects).sum::<u64>();
        if split == 0 && stock.loose_objects == 0 {
            return Self { roll_up: Vec::new(), stay: stock.packs.clone(), has_loose: false };
        }
        while split < free.len() && free[split].objects < GROWTH * rolled {
            rolled += free[split].objects;
            split += 1;
        }
        let (roll_up, stay) = free.split_at(split);
        let stay = stay.iter().cloned().chain(kept).collect();
        Self { roll_up: roll_up.to_vec(), stay, has_loose: stock.loose_objects > 0 }
    }

    /// Whether anything is to be packed.
    pub(crate) fn packs_anything(&self) -> bool {
        self.has_loose || self.roll_up.len() > 1
    }
}

/// Why a repository is worked on now; `None` when it can wait.
pub(crate) fn reason(stock: &Stock, thresholds: &Thresholds) -> Option<&'static str> {
    let unindexed = stock.unindexed().count();
    let is_large = stock.objects() >= thresholds.small_objects;
    if is_large && !stock.has_bitmap {
        return Some("there is no bitmap");
    }
    if stock.loose_refs >= thresholds.loose_refs {
        return Some("many references are loose");
    }
    if stock.loose_objects >= thresholds.loose_objects {
        return Some("many objects are loose");
    }
    if unindexed >= thresholds.unindexed_packs {
        return Some("many packs have come");
    }
    let is_old = stock.index_age >= thresholds.index_age;
    (is_large && is_old && unindexed > 0).then_some("packs have waited for long")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock(objects: &[u64], loose_objects: u64) -> Stock {
        let pack = |(number, objects): (usize, &u64)| Pack {
            name: format!("pack-{number}"),
            objects: *objects,
            bytes: 1,
            is_kept: false,
        };
        Stock {
            packs: objects.iter().enumerate().map(pack).collect(),
            indexed: Some(std::collections::HashSet::new()),
            has_bitmap: false,
            index_age: Duration::ZERO,
            loose_objects,
            loose_refs: 0,
            has_commit_graph: false,
        }
    }

    fn rolled(objects: &[u64], loose: u64) -> Vec<u64> {
        PackPlan::of(&stock(objects, loose)).roll_up.iter().map(|pack| pack.objects).collect()
    }

    #[test]
    fn a_row_that_grows_fast_enough_stays() {
        assert!(!PackPlan::of(&stock(&[], 0)).packs_anything());
        assert!(!PackPlan::of(&stock(&[5], 0)).packs_anything());
        assert!(!PackPlan::of(&stock(&[5, 10, 100], 0)).packs_anything());
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
        assert!(PackPlan::of(&stock(&[100], 3)).packs_anything());
        assert_eq!(rolled(&[5, 100], 3), [5]);
    }

    #[test]
    fn the_first_time_everything_becomes_one() {
        let mut stock = stock(&[5, 100], 0);
        stock.indexed = None;
        assert_eq!(PackPlan::of(&stock).roll_up.len(), 2);
        stock.packs.truncate(1);
        assert!(!PackPlan::of(&stock).packs_anything());
    }

    #[test]
    fn a_kept_pack_stays() {
        let mut stock = stock(&[5, 6, 7], 0);
        stock.packs[0].is_kept = true;
        let plan = PackPlan::of(&stock);
        assert_eq!(plan.roll_up.iter().map(|pack| pack.objects).collect::<Vec<_>>(), [6, 7]);
        assert_eq!(plan.stay.len(), 1);
    }

    #[test]
    fn a_small_repository_is_left_alone() {
        let thresholds = Thresholds::default();
        assert_eq!(reason(&stock(&[50], 100), &thresholds), None);
        assert_eq!(reason(&stock(&[1_000], 0), &thresholds), Some("there is no bitmap"));
        assert_eq!(reason(&stock(&[1; 8], 0), &thresholds), Some("many packs have come"));
    }
}
