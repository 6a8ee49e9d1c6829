//! How clients that read are answered: from memory, from stored answers, or by computing once for all who ask.
//!
//! The engine stands beside the repository, not inside it: a [`ServedRepository`] is both. The engine follows the feed
//! of changes of references that `heliostat_git` announces: it computes in advance what build servers will ask
//! ([`prewarm`]), and keeps repositories fast ([`housekeeping`]).
//!
//! Read in this order: [`answer_request`] (from a request to its answer), [`reachability`] (who may have it),
//! [`named_objects`] (what of a client's own is known), [`compute`], [`forwarded_clone`] (the first clone, while it comes
//! from elsewhere), [`beside_answer`] (what one client is told besides), [`bundle`], [`housekeeping`].

mod answer;
mod answer_request;
mod as_shown;
mod asking;
mod beside_answer;
mod bundle;
mod bundle_list;
mod compute;
mod counters;
mod disk;
mod engine;
mod followed;
mod forwarded_clone;
mod housekeeping;
mod named_objects;
mod object_sizes;
mod object_source;
mod piece_bytes;
mod prewarm;
mod reachability;
mod request_body;
mod served;
mod still_needed;

#[cfg(test)]
mod agrees_with_git;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod service_tests;
#[cfg(test)]
mod shown_tests;

pub use answer::{Answer, AwaitedAnswer, GitReader, StoredAnswer};
pub use bundle::{Bundle, BundleReader};
pub use counters::{ServingCounters, StoredAnswers};
pub use disk::{keep_room, make_room};
pub use engine::{DEFAULT_KEEP_UNREACHABLE, ServingEngine, ServingOptions};
pub use followed::note_progress;
pub use heliostat_git::ClientKey;
pub use heliostat_git_wire::RemoteMessage;
pub use heliostat_stream_cache::{DEFAULT_CACHE_BYTES, Piece, Progress};
pub use housekeeping::{HousekeepingCounters, LastRun, Pruned, Repacked, keep_house, purge};
pub use object_source::{FetchOutcome, Forwarding, ObjectSource, Sizes};
pub use served::{Lists, ServedRepositories, ServedRepository};
