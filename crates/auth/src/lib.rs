//! Who is calling and what they may do.
//!
//! [`Credentials`] come in, a [`Caller`] comes out. The crate knows how passwords, tokens and signatures are
//! checked; it does not know where users or mirrors are stored.

mod body_signature;
mod caller;
mod credentials;
mod login_queue;
mod new_password;
mod password;
mod permission;
mod query_hash;
mod remembered_passwords;
mod secrets;
mod server_jwt;
mod slow_hash;
mod token_scope;

pub use body_signature::body_signature;
pub use caller::{Caller, UserIdentity};
pub use credentials::{Credentials, CredentialsError, MAX_CREDENTIAL_BYTES};
pub use login_queue::{Expectation, LoginAttempt, LoginOrigin, LoginQueue, LoginTurn, TooManyAttempts};
pub use new_password::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARACTERS, NewPassword, UnfitPassword};
pub use password::{PasswordError, Passwords};
pub use permission::{
    Audience, GlobalPermission, Grants, ProjectPermission, RepositoryPermission, UnknownPermission,
    effective_project, effective_repository,
};
pub use query_hash::{git_query_hash, path_below_base, query_string_hash};
pub use secrets::{
    ACCESS_TOKEN_PREFIX, Secret, access_token, is_server_id, random_password, server_id, shared_secret,
    token_hash,
};
pub use server_jwt::{
    Claims, GIT_TOKEN_LIFETIME_SECONDS, LEEWAY_SECONDS, MAX_TOKEN_LIFETIME_SECONDS,
    SERVER_TOKEN_LIFETIME_SECONDS, TokenError, UnverifiedToken, sign,
};
pub use slow_hash::slow_hash;
pub use token_scope::TokenScope;
