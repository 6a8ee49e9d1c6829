//! The hashes of all repositories, on both roles.

mod compare_repositories;
mod documents;
mod get_repository_content_hashes;
mod get_repository_hashes;
mod get_repository_metadata_hashes;
