//! Operations on projects, by key.

mod create_project;
mod delete_project;
mod get_project;
mod get_projects;
mod update_project;

pub use create_project::create_project;
pub use delete_project::delete_project;
pub use get_project::get_project;
pub use get_projects::get_projects;
pub use update_project::update_project;
