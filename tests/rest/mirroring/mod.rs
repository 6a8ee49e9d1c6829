//! The mirroring API, resource by resource.

mod account;
mod analytics_settings;
mod authenticate;
mod descriptor;
mod farm_nodes;
mod mirror_repos;
mod mirror_servers;
mod progress;
mod projects;
mod repo_contents;
mod repo_hashes;
mod repos;
mod requests;
mod served_repos;
mod support_info;
mod sync_settings;
mod upstream_server;
pub mod upstream_servers;
