//! Heliostat from outside: other people's programs against live servers.
//!
//! All of them are ignored in ordinary runs, because they need pinned tools: `cargo xtask test --stage outside`.

mod atlassian_python_api;
mod balancers;
mod browser;
mod browser_reads_self_link;
mod fail2ban;
mod forges;
mod generated_clients;
mod git_clients;
mod github_webhooks;
mod openssh;
mod page_of_another_site;
mod pages;
mod prometheus;
mod schemathesis;
mod served_document;
mod swagger_ui;
mod tls_clients;
mod web_servers;
mod workflows;
