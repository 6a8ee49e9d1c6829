//! Operations on user accounts.

mod create_user;
mod delete_user;
mod get_detailed_users;
mod get_user;
mod get_users;
mod update_user_password;

pub use create_user::{UserInQuery, create_user};
pub use delete_user::delete_user;
pub use get_detailed_users::get_detailed_users;
pub use get_user::get_user;
pub use get_users::get_users;
pub use update_user_password::update_user_password;
