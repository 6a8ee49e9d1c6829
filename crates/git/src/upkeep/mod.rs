//! Keeping repositories fast while they are in use: packs, bitmaps, commit graph, packed references.
//!
//! ```text
//! a fetch or a push ──▶ Upkeep::changed ──▶ reconcile ──▶ stock: what is there? ──▶ plan: is it worth it?
//!                                               │                                      │
//!                                               │                  carry_out: new pack, index over packs, bitmap
//!                                               ▼                                      │
//!             tidy: removes what the index replaces, when all who may read it have ended ◀┘
//! ```
//!
//! Nothing is ever taken away from under a process that reads: see `readers`. Nothing that is needed after a crash is
//! only in memory: what to do is read off the disk each time.

mod base_pack;
mod carry_out;
mod counters;
mod plan;
mod readers;
mod reconcile;
mod stale_locks;
mod stock;
mod tidy;

#[cfg(test)]
mod tests;

pub use carry_out::Maintained;
pub use counters::{LastUpkeep, Upkeep, UpkeepCounters};
pub use reconcile::keep_up;

pub(crate) use readers::{Reader, Readers};
pub(crate) use stock::Pack;
