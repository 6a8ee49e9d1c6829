//! What can be read from a mirror, by path.

mod ensure_served_repository;
mod list_served_repositories;
