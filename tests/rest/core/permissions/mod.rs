//! Permissions for the whole server, for one project and for one repository.

mod get_project_user_permissions;
mod get_repository_user_permissions;
mod get_users_with_any_permission;
mod revoke_permissions_for_user;
mod revoke_project_user_permission;
mod revoke_repository_user_permission;
mod set_permission_for_user;
mod set_permission_for_users;
mod set_project_user_permission;
