//! How the errors of the store become refusals.

use heliostat_refusal::Refusal;
use heliostat_storage::StoreError;

/// The same as `?`, for what is not written with it yet.
pub(crate) fn store(error: StoreError) -> Refusal {
    error.into()
}
