//! How events get to their receivers: what they say, who is woken, and the loop that delivers them in order.

mod announcer;
mod coalesce;
mod date;
mod deliver_events;
mod delivery_loop;
mod events;
mod leases;
mod metadata_hash;
mod pushed_packs;
mod rests;

pub use announcer::Announcer;
pub use coalesce::net_changes;
pub use date::event_date;
pub use deliver_events::{DeliveryCounts, DeliveryRecord, MirrorDelivery};
pub use delivery_loop::{Receivers, deliver};
pub use events::{EventContext, MAX_CHANGES_PER_EVENT, REFS_CHANGED, wire_changes};
pub use leases::{Lease, Leases};
pub use metadata_hash::metadata_hash;
pub use pushed_packs::{DEFAULT_SMALL_PUSH_BYTES, MAX_SMALL_PUSH_BYTES, PushedPacks};
