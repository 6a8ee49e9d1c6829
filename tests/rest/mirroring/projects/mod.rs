//! Projects as mirrors see them.

mod get_all_repos_for_project;
mod get_project_by_id;
