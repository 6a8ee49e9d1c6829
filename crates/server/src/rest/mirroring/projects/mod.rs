//! Operations of mirrors on projects, by id.

mod get_all_repos_for_project;
mod get_project_by_id;
