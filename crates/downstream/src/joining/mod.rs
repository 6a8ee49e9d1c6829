//! How mirrors join: requests, decisions, and the introduction that follows an acceptance.

mod accept_mirror;
mod addon_descriptor;
mod expiry;
mod rate_limit;
mod requests;

pub use accept_mirror::Acceptance;
pub use requests::{Joining, Registration};
