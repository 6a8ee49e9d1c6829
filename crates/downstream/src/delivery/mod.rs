//! How events get to their receivers: what they say, who is woken, and the loop that delivers them in order.

mod announcer;
mod coalesce;
mod date;
mod deliver_events;
mod delivery_loop;
mod events;
mod metadata_hash;

pub use announcer::Announcer;
pub use coalesce::net_changes;
pub use date::event_date;
pub use deliver_events::{DeliveryRecord, MirrorDelivery};
pub use delivery_loop::{Receivers, deliver};
pub use events::{
    DEFAULT_BRANCH_MODIFIED, EventContext, MAX_CHANGES_PER_EVENT, PROJECT_CREATED, PROJECT_DELETED,
    PROJECT_MODIFIED, REFS_CHANGED, REPOSITORY_CREATED, REPOSITORY_DELETED, REPOSITORY_MODIFIED,
    wire_changes,
};
pub use metadata_hash::metadata_hash;
