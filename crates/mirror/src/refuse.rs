//! What a caller is told when the database does not answer: it is not their fault, and the call may be repeated.

use heliostat_refusal::Refusal;
use heliostat_storage::StoreError;

pub(crate) fn store_refusal(error: StoreError) -> Refusal {
    match error {
        StoreError::Unavailable(_) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the database does not answer");
            Refusal::unavailable("The mirror's database does not answer; try again later.")
        }
        other => Refusal::internal(other),
    }
}
