//! Which entry to give up first: GreedyDual-Size-Frequency.
//!
//! An entry is worth the processor time that it saves per byte that it takes, times how often it was wanted. A clock
//! that rises to the worth of what was given up last lets entries age that were once dear and are wanted no more.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::key::CacheKey;

/// The least that computing an answer counts: starting a process is never free.
const MIN_COST: Duration = Duration::from_millis(1);

/// Where an entry stands in the order: its worth, and when it got there. The bits of floating-point numbers that are
/// not negative sort like the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(u64, u64);

/// All entries, the least worthy first.
#[derive(Debug, Default)]
pub(crate) struct EvictionOrder {
    clock: f64,
    ranks: BTreeMap<Rank, CacheKey>,
    sequence: u64,
}

impl EvictionOrder {
    /// Takes an entry that was wanted so many times.
    pub(crate) fn place(&mut self, key: CacheKey, cost: Duration, bytes: u64, wanted: u32) -> Rank {
        let per_byte = cost.max(MIN_COST).as_secs_f64() / bytes.max(1) as f64;
        let worth = self.clock + per_byte * f64::from(wanted);
        self.sequence += 1;
        let rank = Rank(worth.to_bits(), self.sequence);
        self.ranks.insert(rank, key);
        rank
    }

    /// Takes an entry out, for another reason than that it is the least worthy.
    pub(crate) fn remove(&mut self, rank: Rank) {
        self.ranks.remove(&rank);
    }

    /// Takes the least worthy out.
    pub(crate) fn pop(&mut self) -> Option<CacheKey> {
        let (rank, key) = self.ranks.pop_first()?;
        self.clock = f64::from_bits(rank.0);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> CacheKey {
        CacheKey { group: 1, digest: [number; 32] }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_saves_least_per_byte_goes_first() {
        let mut order = EvictionOrder::default();
        order.place(key(1), SECOND, 1_000, 1);
        order.place(key(2), SECOND, 1_000_000, 1);
        order.place(key(3), SECOND * 5, 1_000_000, 1);
        let dropped = order.place(key(4), SECOND, 10, 1);
        order.remove(dropped);
        let popped: Vec<_> = std::iter::from_fn(|| order.pop()).collect();
        assert_eq!(popped, [key(2), key(3), key(1)]);
    }

    #[test]
    fn what_is_wanted_often_stays() {
        let mut order = EvictionOrder::default();
        order.place(key(1), SECOND, 1_000, 3);
        order.place(key(2), SECOND, 1_000, 1);
        assert_eq!(order.pop(), Some(key(2)));
    }

    #[test]
    fn what_was_dear_once_ages() {
        let mut order = EvictionOrder::default();
        order.place(key(0), SECOND, 1_000, 5);
        // A stream of entries that are wanted twice each overtakes one that is no longer wanted.
        let mut popped = Vec::new();
        for number in 1..=10 {
            order.place(key(number), SECOND, 1_000, 2);
            popped.extend((number > 1).then(|| order.pop()).flatten());
        }
        assert!(popped.contains(&key(0)), "{popped:?}");
    }

    #[test]
    fn equals_go_in_the_order_in_which_they_came() {
        let mut order = EvictionOrder::default();
        for number in 0..5 {
            order.place(key(number), Duration::ZERO, 10, 1);
        }
        assert_eq!(order.pop(), Some(key(0)));
        assert_eq!(order.pop(), Some(key(1)));
    }
}
