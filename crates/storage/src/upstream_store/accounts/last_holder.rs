//! The one permission that at least one user always holds, whatever changes at the same time.
//!
//! Without a user who holds it, no user could give it again. So the rows of those who do are locked before one of them
//! loses it: of two changes at the same time, the second one sees what the first one has done.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::entities::{global_permission, user_account};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::write_transaction::WriteTransaction;

/// The global permission that an active user must hold at any time; the only one that the store knows by name.
pub(super) const ALWAYS_HELD: &str = "SYS_ADMIN";

/// Lets a user lose [`ALWAYS_HELD`] in this transaction, unless they are the last active user who holds it.
pub(super) async fn require_another_holder(
    transaction: &WriteTransaction,
    loser: UserId,
) -> Result<(), StoreError> {
    let holders = global_permission::Entity::find()
        .inner_join(user_account::Entity)
        .filter(global_permission::Column::Permission.eq(ALWAYS_HELD))
        .filter(user_account::Column::Active.eq(true))
        .order_by_asc(global_permission::Column::UserId)
        .lock_exclusive()
        .all(transaction)
        .await?;
    // A user holds one global permission.
    if matches!(&holders[..], [only] if only.user_id == loser) {
        return Err(StoreError::LastHolder { permission: ALWAYS_HELD });
    }
    Ok(())
}
