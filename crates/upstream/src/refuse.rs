//! How the errors of the layers below become refusals.

use heliostat_auth::Refusal;
use heliostat_storage::StoreError;

/// A store that says no: a value that is taken or missing is the caller's concern, everything else is ours.
pub(crate) fn store(error: StoreError) -> Refusal {
    match error {
        StoreError::Conflict { what, value } => {
            Refusal::conflict_in(field_of(what), format!("The {what} {value:?} is already taken."))
        }
        StoreError::InUse { what, value } => {
            Refusal::conflict(format!("The {what} {value:?} is still in use."))
        }
        StoreError::LimitReached { what, limit } => {
            Refusal::conflict(format!("There may be {limit} {what} at most; delete one first."))
        }
        StoreError::NotFound { what, value } => {
            Refusal::not_found(what, format!("The {what} {value:?} does not exist."))
        }
        error @ (StoreError::StaleGeneration { .. } | StoreError::Unavailable(_)) => Refusal::internal(error),
    }
}

/// The wire's name for a field: "project key" is `key` in a project's JSON, and a slug follows from a name.
fn field_of(what: &'static str) -> &'static str {
    if what.ends_with("slug") {
        return "name";
    }
    what.rsplit(' ').next().unwrap_or(what)
}
