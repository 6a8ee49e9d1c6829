//! The mirroring API: what an upstream and its mirrors ask of each other, and what people ask of mirrors.

mod account;
mod analytics_settings;
mod authenticate;
mod mirror_repos;
mod mirror_servers;
mod projects;
mod repo_contents;
mod repo_hashes;
mod repos;
mod requests;
mod served_repos;
mod support_info;
mod upstream_servers;
