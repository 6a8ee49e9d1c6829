//! What a git request goes through: which repository, if any, and how fresh.

mod freshness;
mod git_access;

pub use freshness::Freshness;
pub use git_access::{GitServing, ServedRepository};
