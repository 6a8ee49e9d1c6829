//! What an upstream remembers of its users: who they are, their tokens, and what each may do.

mod access_tokens;
mod last_holder;
mod permissions;
mod users;

use crate::database::Database;

/// Users, their tokens and their permissions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AccountStore {
    pub(super) database: Database,
}
