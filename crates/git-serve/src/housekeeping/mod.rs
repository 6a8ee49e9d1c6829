//! Keeping repositories fast while they are in use: packs, bitmaps, commit graph, packed references.
//!
//! ```text
//! references change ──▶ Housekeeping::changed ──▶ reconcile ──▶ packs: what is there? ──▶ plan: is it worth it?
//!                                                     │                                       │
//!                                                     │             repack: new pack, index over packs, bitmap
//!                                                     ▼                                       │
//!       remove_replaced: removes what the index replaces, when no reader may need it any more ◀─┘
//! ```
//!
//! What no reference leads to any more is removed when it is old enough, or at once when an administrator says so: see
//! [`prune`].
//!
//! Nothing is ever taken away from under a process that reads: see [`heliostat_git::Readers`]. Nothing that is needed
//! after a crash is only in memory: what to do is read off the disk each time.

mod base_pack;
mod counters;
mod own_leftovers;
mod pack_times;
mod packs;
mod plan;
mod prune;
mod reconcile;
mod remove_replaced;
mod repack;

#[cfg(test)]
mod busy_tests;
#[cfg(test)]
mod tests;

pub(crate) use counters::Housekeeping;
pub use counters::{HousekeepingCounters, LastRun};
pub(crate) use packs::Pack;
#[cfg(test)]
pub(crate) use packs::PackInventory;
#[cfg(test)]
pub(crate) use plan::Thresholds;
pub use prune::{Pruned, purge};
pub use reconcile::keep_house;
pub use repack::Repacked;
#[cfg(test)]
pub(crate) use repack::repack;
