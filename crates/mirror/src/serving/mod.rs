//! What a git request goes through: which repository, if any, and how fresh; what of it the upstream answers; and
//! waiting for what is to come.

mod arrival;
mod freshness;
mod git_access;
mod missing_wants;
mod through;

pub(crate) use arrival::places_to_wait;
pub use arrival::{Arrivals, Awaited};
pub use freshness::Freshness;
pub(crate) use git_access::places_at_upstream;
pub use git_access::{GitServing, ServedRepository};
pub use through::{Passed, Through};
