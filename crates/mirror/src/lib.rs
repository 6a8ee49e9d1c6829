//! The replica: joins an upstream, follows it, and decides what may be served how fresh.
//!
//! Read in this order: [`Mirror`] is the whole; `registration`, `install` and `bond` are the way in;
//! `handle_event` and `sweep` find out what has changed; `sync_queue` and `sync_repository` fetch it and prove
//! that it is right; `identify`, `freshness` and `git_access` are what a git request goes through. `holdings`
//! is the one store that all of them read. The upstream is a stranger: it is known only by what goes over the
//! wire.

mod mirror;
mod options;

mod bond;
mod descriptor;
mod install;
mod lifecycle;
mod registration;
mod upstream_identity;

mod event;
mod handle_event;
mod selection;
mod settings;
mod sweep;

mod bookkeeping;
mod deletion_guard;
mod holdings;
mod pending_changes;
mod removal;
mod report_outcome;
mod sync_queue;
mod sync_repository;
mod sync_slot;

mod freshness;
mod git_access;
mod identify;
mod lookups;
pub mod permit;
mod progress;
mod support_info;
mod verdicts;

mod json_field;
mod upstream_calls;
mod upstream_client;
mod upstream_repository;

pub use descriptor::{AddonDescriptor, AddonWebhook, EVENT_KEYS, PRODUCT_TYPE};
pub use freshness::Freshness;
pub use git_access::ServedRepository;
pub use identify::RequestFacts;
pub use install::InstalledEvent;
pub use lookups::MirroredRepositoryView;
pub use mirror::{Mirror, StartError};
pub use options::{
    DEFAULT_FRESHNESS_CAP, DEFAULT_SERVE_STALE, DEFAULT_SWEEP_INTERVAL, DEFAULT_SYNC_PARALLELISM,
    DEFAULT_SYNC_TOLERANCE, DEFAULT_VERDICT_TTL, MassRemoval, MirrorOptions,
};
pub use progress::{MirrorStatus, Progress, SweepOutcome};
pub use removal::REMOVAL_GRACE;
pub use support_info::{DelayedSync, HashCursor, HeldHashes, RunningSync, WaitingSync};
pub use sync_slot::SyncRun;
pub use upstream_identity::{InvalidUpstreamUrl, UpstreamUrl};
