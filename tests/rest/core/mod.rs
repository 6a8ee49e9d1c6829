//! The core API of an upstream, resource by resource.

mod access_tokens;
mod application;
mod permissions;
mod projects;
mod repositories;
mod repository_faults;
mod users;
mod webhooks;
