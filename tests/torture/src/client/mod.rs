//! Clients: HTTP and Git requests by hand, which are quick and exact in time, and real git as the referee.

mod denied;
mod git_requests;
mod http;
mod new_commit;
mod real_git;

pub use denied::denied;
pub use git_requests::{Change, GitClient, Listed, ReadFailure, Report};
pub use http::{Failure, HttpClient};
pub use new_commit::new_commit;
pub use real_git::{COPY, GitEnd, clone, fsck, git, listed_refs};
