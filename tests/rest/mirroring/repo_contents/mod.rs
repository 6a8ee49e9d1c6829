//! Repositories as a whole.

mod get_repository_contents;
