//! How a mirror serves the repositories of a Git server that is not ours.
//!
//! That server, the origin, is asked with each reader's own credentials: what it answers proves what they may read, and
//! tells exactly what is there. So references come from the origin's word, and objects from here. What is wanted and not
//! here is fetched once, by id, for all who may read. While the origin does not answer, those are served whom it has shown a
//! repository lately, by what they were shown.
//!
//! `origin` puts the parts together; `permit` says who may see what is not for readers. Each folder may use those below it
//! in this list, and none above it:
//!
//! 1. `status`: how things are, for `/status`, metrics, pages and people who look for a fault.
//! 2. `serving`: what a git request goes through, what waits for something to be here, and how hints make it quicker.
//! 3. `reader_access`: what the origin has said about which reader, how old it may be, and what is kept of it.
//! 4. `repositories`: which repositories are here, how they come, and how they make room.

mod options;
mod origin;
pub mod permit;

mod reader_access;
mod repositories;
mod serving;
mod status;

pub use options::{
    DEFAULT_MAX_REPOSITORIES, DEFAULT_SERVE_STALE, DEFAULT_VERDICT_LIFETIME, InvalidPathPattern,
    OriginOptions, PathPattern,
};
pub use origin::{Origin, StartError};
pub use reader_access::{AccessCounters, ContactView};
pub use serving::{
    Awaited, Ensured, FetchCounters, Freshness, NotOpened, OpenedRepository, OwnAnswer, ServiceAccess, Visit,
};
pub use status::{OriginStatus, RepositoryView};
