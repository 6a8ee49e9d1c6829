//! Users: who they are, how they sign in, and what they may do.

mod access_tokens;
mod account_permissions;
mod authenticate_user;
mod bootstrap;
mod grants;
mod identify;
mod own_password;
mod part;
mod reset_password;
mod users;

pub use access_tokens::TokenCreation;
pub use authenticate_user::{AuthenticatedUser, UserCredentials};
pub use bootstrap::{ADMIN_NAME, AdminAccount, BootstrapError};
pub(crate) use bootstrap::{FirstAdmin, create_admin};
pub use identify::{Identified, RequestFacts};
pub use own_password::PasswordChange;
pub use part::Accounts;
pub use reset_password::{PasswordResetError, reset_password};
pub use users::UserCreation;
