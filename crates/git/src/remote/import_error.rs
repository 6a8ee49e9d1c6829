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
    /// What is to be copied is damaged, or does not have all that its references need.
    #[error("the repository to copy is damaged or lacks objects; `git fsck` in it tells more: {detail}")]
    Source {
        /// What git said.
        detail: String,
    },
    /// The receiving server refused references.
    #[error("references were refused: {detail}")]
    Rejected {
        /// One line for each of the first of them, with the reason.
        detail: String,
    },
}
