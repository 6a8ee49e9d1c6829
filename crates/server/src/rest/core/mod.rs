//! The core API of an upstream: projects, repositories, users and what belongs to them. The log is that of every role.

mod access_tokens;
mod application;
mod following;
mod log;
mod permissions;
mod projects;
mod repositories;
mod repository_faults;
mod users;
mod webhooks;
