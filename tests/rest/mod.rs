//! The contract, operation by operation: a folder for each resource, a file for each operation.
//!
//! `behaviour` tests check what an operation does and what its answer looks like, `authorisation` tests who may call
//! it. Answers are compared with the contract itself, see `harness::contract`.

mod access_tokens;
mod account;
mod analytics_settings;
mod application_properties;
mod authenticate;
mod core_projects;
mod core_repositories;
mod farm_nodes;
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
mod upstream_server;
mod upstream_servers;
mod users;
mod webhooks;
