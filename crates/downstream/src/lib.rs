//! How a server is followed by mirrors: how they join, what is known of them, and how events get to them.
//!
//! [`Downstream`] assembles the parts: [`Joining`] takes requests and lets mirrors in, [`Members`] knows those that
//! have joined, [`MirrorDelivery`] brings events to them, and [`MirroredRepositories`] knows what they have of this
//! server's repositories. The server that is followed is an [`Origin`]: today the primary. Values of [`permit`] say
//! that a caller was asked for what a call needs.

mod downstream;
mod origin;
mod parts;
pub mod permit;

mod calling;
mod delivery;
mod joining;
mod members;
mod text;
pub mod wire;

#[cfg(any(test, feature = "fixture"))]
pub mod fixture;

pub use calling::{LinkAuthorization, call_url, internal_url};
pub use delivery::{
    Announcer, DEFAULT_SMALL_PUSH_BYTES, DeliveryCounts, DeliveryRecord, EventContext, Lease, Leases,
    MAX_CHANGES_PER_EVENT, MAX_SMALL_PUSH_BYTES, MirrorDelivery, PushedPacks, REFS_CHANGED, Receivers,
    deliver, event_date, metadata_hash, net_changes, wire_changes,
};
pub use downstream::Downstream;
pub use joining::{Acceptance, Joining, Registration};
pub use members::{
    AnalyticsSettings, ConfigPanel, Members, MirrorCopies, MirrorStanding, MirrorUpgrade,
    MirroredRepositories, PanelCalls, RepositoryMirror, Standing, SyncReport,
};
pub use origin::{AcceptedReport, MakeEvents, Origin, SyncType};
pub use parts::DownstreamParts;
pub use text::{MAX_LONG_NAME_LENGTH, one_line};
