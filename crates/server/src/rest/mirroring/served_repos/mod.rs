//! What can be read from a mirror, by the path under which clients read it.

mod ensure_served_repository;
mod list_served_repositories;
