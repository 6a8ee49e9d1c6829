//! The replica: joins an upstream, follows it, and decides what may be served how fresh.
//!
//! `mirror` shows the parts, `parts` puts them together; `refuse` is at hand for all. Each folder may use those below
//! it in this list, and none above it:
//!
//! 1. `status`: how things are, for `/status`, metrics, console and people who look for a fault.
//! 2. `serving`: what a git request goes through, and how fresh its answer is.
//! 3. `sync`: events, sweep, queue and workers; how the inventory gets what the upstream has.
//! 4. `inventory`: which repositories are here, what is known about each, and which projects are selected.
//! 5. `access`: who is calling, and what they may do.
//! 6. `upstream_link`: the upstream, and how this mirror stands with it.

mod mirror;
mod options;
mod parts;

mod access;
mod inventory;
mod serving;
mod status;
mod sync;
mod upstream_link;

mod refuse;

pub use access::{Authenticator, RequestFacts, permit};
pub use inventory::SelectedProjects;
pub use mirror::Mirror;
pub use options::MirrorOptions;
pub use parts::StartError;
pub use serving::{Arrivals, Awaited, Freshness, GitServing, Passed, ServedRepository, Through};
pub use status::{
    DelayedSync, Lookups, MirrorStatus, MirroredRepositoryView, Progress, RunningSync, StatusReport,
    SupportInfo, UpstreamView, WaitingSync,
};
pub use sync::{
    ChangeCounters, DiskCounters, HeldBack, HeldBackList, MassRemoval, RepairCounters, RunCounters,
    SweepCounters, SweepOutcome, SweepSignal, SyncRun, UpstreamEvents,
};
pub use upstream_link::{
    AddonDescriptor, AddonWebhook, InstalledEvent, Introduction, InvalidUpstreamUrl, PassedBody,
    PassedRequest, UpstreamFacts, UpstreamLink, UpstreamMake, UpstreamUrl,
};
