//! The hashes of all repositories, which both roles answer in the same words, and what of them differs at a mirror.

mod compare_repositories;
mod get_repository_content_hashes;
mod get_repository_hashes;
mod get_repository_metadata_hashes;
mod hash_document;
mod hash_source;
