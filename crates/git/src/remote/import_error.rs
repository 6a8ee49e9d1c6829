//! Why a repository was not imported.

use thiserror::Error;

use crate::remote::FetchError;

/// Why a repository was not imported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The transfer failed.
    #[error(transparent)]
    Transfer(#[from] FetchError),
    /// The receiving server refused references.
    #[error("references were refused: {detail}")]
    Rejected {
        /// One line for each of the first of them, with the reason.
        detail: String,
    },
}
