//! What a git request goes through: which repository, if any, and how fresh; what of it the upstream answers; and
//! waiting for what is to come.

mod arrival;
mod freshness;
mod git_access;
mod missing_wants;
mod through;
mod upstream_of_reader;
mod wanted_fetches;

pub(crate) use arrival::places_to_wait;
pub use arrival::{Arrivals, Awaited};
pub use freshness::Freshness;
pub use git_access::{GitServing, ServedRepository};
pub use through::{Passed, Through};
pub(crate) use upstream_of_reader::places_at_upstream;
pub(crate) use wanted_fetches::WantedFetches;
