//! Administration over REST: one module per noun, each verb one call or a few.

pub mod clone_url;
pub mod mirror_servers;
pub mod mirror_settings;
pub mod permission;
pub mod project;
pub mod repository;
pub mod request;
pub mod token;
pub mod user;
pub mod wait;
pub mod webhook;

mod confirmation;
mod connection;
mod held_back;
mod mirror_status;
mod named_resource;

pub use confirmation::Confirmation;
pub use connection::{Session, UpstreamConnection};

/// Paths of the API's parts, below the base URL.
mod api {
    /// The core operations.
    pub const CORE: [&str; 3] = ["rest", "api", "latest"];
    /// The mirroring operations.
    pub const MIRRORING: [&str; 3] = ["rest", "mirroring", "latest"];
    /// The access tokens of users.
    pub const USER_TOKENS: [&str; 4] = ["rest", "access-tokens", "latest", "users"];

    /// A path below one of them.
    pub fn path<'a>(part: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
        part.iter().chain(rest).copied().collect()
    }
}
