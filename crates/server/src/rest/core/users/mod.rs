//! Operations on user accounts.

mod create_user;
mod delete_user;
mod get_detailed_users;
mod get_user;
mod get_users;
mod update_own_password;
mod update_user_password;
