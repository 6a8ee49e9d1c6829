//! How the errors of a store are refused.

use heliostat_storage::StoreError;

use crate::Refusal;

/// A value that is taken, missing or in use is the caller's concern; everything else is a fault of this server.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { what, value } => {
                Self::conflict_in(field_of(what), format!("The {what} {value:?} is already taken."))
            }
            StoreError::InUse { what, value } => {
                Self::conflict(format!("The {what} {value:?} is still in use."))
            }
            StoreError::LimitReached { what, limit } => {
                Self::conflict(format!("There may be {limit} {what} at most; delete one first."))
            }
            StoreError::LastHolder { permission } => {
                let message = format!("This is the last user with {permission}; one must remain.");
                Self::conflict_in("name", message)
            }
            StoreError::NotFound { what, value } => {
                Self::not_found(what, format!("The {what} {value:?} does not exist."))
            }
            error if error.is_about_the_database() => {
                tracing::error!(error = &error as &dyn std::error::Error, "the database does not answer");
                Self::unavailable("The database of this server does not answer; try again later.")
            }
            error @ (StoreError::StaleGeneration { .. } | StoreError::Unavailable(_)) => {
                Self::internal(error)
            }
        }
    }
}

/// The wire's name for a field: "project key" is `key` in a project's JSON, and a slug follows from a name.
fn field_of(what: &'static str) -> &'static str {
    if what.ends_with("slug") {
        return "name";
    }
    what.rsplit(' ').next().unwrap_or(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_value_names_the_field_of_the_request() {
        for (what, field) in [("project key", "key"), ("repository slug", "name"), ("name", "name")] {
            let refusal = Refusal::from(StoreError::Conflict { what, value: "X".to_owned() });
            let Refusal::Conflict { context, message } = refusal else { panic!("{refusal:?}") };
            assert_eq!(context.as_deref(), Some(field));
            assert_eq!(message, format!("The {what} \"X\" is already taken."));
        }
    }
}
