//! Projects.

mod create_project;
mod delete_project;
mod get_project;
mod get_projects;
mod update_project;
