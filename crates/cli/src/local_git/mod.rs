//! Git on this machine: the repository to copy, and git as its user would call it.

mod authorities;
mod source_credentials;
mod source_repository;
mod user_git;

pub use authorities::share_authorities;
pub use source_credentials::SourceCredentials;
pub use source_repository::{SourceRepository, name_of};
pub use user_git::UserGit;
