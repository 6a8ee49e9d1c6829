//! Changes of refs: recorded, announced, and brought together with what is on disk.

mod announce_change;
mod brought_packs;
mod faults;
mod first_looks;
mod known_refs;
mod on_disk;
mod reconcile_refs;

pub use announce_change::{Announcement, Changes};
pub use faults::{DiskAgreement, RepositoryFault};
pub(crate) use on_disk::{disk_id, format_on_disk, note_recorded, recorded_format};
pub use reconcile_refs::ReconciliationStatus;
pub(crate) use reconcile_refs::run;
