//! Access tokens.

mod create_user_access_token;
mod delete_user_access_token;
mod get_user_access_token;
mod get_user_access_tokens;
