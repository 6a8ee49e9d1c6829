//! How credentials, tokens and passwords that do not hold are refused.

use heliostat_auth::{CredentialsError, PasswordError, TokenError};

use crate::Refusal;

impl From<CredentialsError> for Refusal {
    fn from(error: CredentialsError) -> Self {
        Self::unauthenticated(format!("The request could not be authenticated: {error}."))
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self::unauthenticated(format!("The JWT was not accepted: {error}."))
    }
}

impl From<PasswordError> for Refusal {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::too_many("Too many passwords are being checked; try again later."),
            PasswordError::TooLong | PasswordError::Empty => Self::invalid("password", sentence(&error)),
            PasswordError::Unusable { .. } => Self::internal(error),
        }
    }
}

fn sentence(error: &PasswordError) -> String {
    let mut text = error.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text + "."
}
