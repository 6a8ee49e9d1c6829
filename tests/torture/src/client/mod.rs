//! Clients: HTTP and Git requests by hand, which are quick and exact in time, and real git as the referee.

mod git_requests;
mod hand_made_pack;
mod http;
mod real_git;

pub use git_requests::{Change, GitClient, Listed, ReadFailure, Report};
pub use hand_made_pack::{HandMadePack, new_commit};
pub use http::{Failure, HttpClient};
pub use real_git::{GitEnd, fsck, git, listed_refs};
