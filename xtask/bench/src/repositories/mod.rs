//! Repositories that are served, who pushes to them, and real git.

pub mod author;
pub mod copied_repositories;
pub mod generated_repository;
pub mod git;
pub mod many_refs;
pub mod small_repositories;
mod source_text;
