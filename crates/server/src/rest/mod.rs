//! The handlers of the contract's operations: a folder for each resource, a file for each operation.
//!
//! A handler finds out who calls, asks the domain, and puts the answer into the words of the contract. Whether
//! the caller may ask is decided in the domain.

mod access_tokens;
mod account;
mod analytics_settings;
mod application_properties;
mod authenticate;
mod core_operations;
mod core_projects;
mod core_repositories;
mod farm_nodes;
mod hash_operations;
mod mirror_operations;
mod mirror_repos;
mod mirror_servers;
mod permissions;
mod progress;
mod projects;
mod repo_hashes;
mod repos;
mod requests;
mod support_info;
mod sync_settings;
mod upstream_operations;
mod upstream_server;
mod upstream_servers;
mod users;
mod webhook_operations;
mod webhooks;

pub use mirror_operations::MirrorOperations;
pub use upstream_operations::UpstreamOperations;
