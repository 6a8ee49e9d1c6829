//! What a git request goes through: which repository, if any, and how fresh; and what of it the upstream answers.

mod freshness;
mod git_access;
mod missing_wants;
mod through;

pub use freshness::Freshness;
pub(crate) use git_access::places_at_upstream;
pub use git_access::{GitServing, ServedRepository};
pub use through::{Passed, Through};
