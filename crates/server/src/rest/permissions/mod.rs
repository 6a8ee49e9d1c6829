//! Operations on permissions of users: for the server, for a project, for a repository.

mod get_project_user_permissions;
mod get_repository_user_permissions;
mod get_users_with_any_permission;
mod revoke_permissions_for_user;
mod revoke_project_user_permission;
mod revoke_repository_user_permission;
mod set_permission_for_user;
mod set_permission_for_users;
mod set_project_user_permission;

pub use get_project_user_permissions::get_project_user_permissions;
pub use get_repository_user_permissions::get_repository_user_permissions;
pub use get_users_with_any_permission::get_users_with_any_permission;
pub use revoke_permissions_for_user::revoke_permissions_for_user;
pub use revoke_project_user_permission::revoke_project_user_permission;
pub use revoke_repository_user_permission::revoke_repository_user_permission;
pub use set_permission_for_user::set_permission_for_user;
pub use set_permission_for_users::set_permission_for_users;
pub use set_project_user_permission::set_project_user_permission;
