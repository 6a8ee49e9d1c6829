//! How the inventory gets what the upstream has, and stays right: events make it fast, the sweep makes it correct.

mod arrived_packs;
mod event;
mod handle_event;
mod pending_changes;

mod batches;
mod failure_history;
mod queue;
mod repairs;
mod slot;
mod workers;

mod change_counters;
mod proven_state;
mod run_counters;
mod show_state;
mod sync_repository;

mod compare_listing;
mod compare_parts;
mod disk_rounds;
mod held_back;
mod hold_lease;
mod keep_contact;
mod late_news;
mod missed;
mod purges;
mod sweep;
mod sweep_progress;

mod report_outcome;

pub use change_counters::ChangeCounters;
pub use disk_rounds::DiskCounters;
pub use handle_event::UpstreamEvents;
pub use held_back::{HeldBack, HeldBackList};
pub use repairs::RepairCounters;
pub use run_counters::RunCounters;
pub use slot::SyncRun;
pub use sweep::{MassRemoval, SweepSignal};
pub use sweep_progress::{SweepCounters, SweepOutcome};

pub(crate) use batches::Batches;
pub(crate) use change_counters::ChangeCounts;
pub(crate) use disk_rounds::{DiskProgress, DiskRounds};
pub(crate) use hold_lease::HoldLease;
pub(crate) use keep_contact::KeepContact;
pub(crate) use missed::Missed;
pub(crate) use pending_changes::PendingChanges;
pub(crate) use purges::Purges;
pub(crate) use queue::{SyncQueue, Work};
pub(crate) use repairs::Repairs;
pub(crate) use report_outcome::OutcomeReports;
pub(crate) use run_counters::RunCounts;
pub(crate) use sweep::Sweep;
pub(crate) use sweep_progress::SweepProgress;
pub(crate) use sync_repository::{SyncFailure, Synchroniser};
pub(crate) use workers::SyncWorkers;
