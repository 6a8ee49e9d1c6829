//! Operations on the access tokens of a user.

mod create_user_access_token;
mod delete_user_access_token;
mod get_user_access_token;
mod get_user_access_tokens;

pub use create_user_access_token::create_user_access_token;
pub use delete_user_access_token::delete_user_access_token;
pub use get_user_access_token::get_user_access_token;
pub use get_user_access_tokens::get_user_access_tokens;
