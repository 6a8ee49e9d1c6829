//! How credentials, tokens and passwords that do not hold are refused.

use heliostat_auth::{CredentialsError, PasswordError, TokenError, TooManyAttempts, UnfitPassword};

use crate::Refusal;

impl From<CredentialsError> for Refusal {
    fn from(error: CredentialsError) -> Self {
        Self::unauthenticated(format!("The request could not be authenticated: {error}."))
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        let message = format!("The JWT was not accepted: {error}.");
        match error {
            TokenError::ClockSkew { .. } => Self::server_clock(message),
            _ => Self::server_token(message),
        }
    }
}

impl From<TooManyAttempts> for Refusal {
    fn from(refused: TooManyAttempts) -> Self {
        let message = "Too many passwords are being tried, or too many were wrong; try again later.";
        Self::too_many_for(refused.retry_after, message)
    }
}

impl From<PasswordError> for Refusal {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::TooMany(refused) => refused.into(),
            PasswordError::Unusable { .. } => Self::internal(error),
        }
    }
}

impl From<UnfitPassword> for Refusal {
    fn from(error: UnfitPassword) -> Self {
        Self::invalid("password", sentence(&error))
    }
}

fn sentence(error: &UnfitPassword) -> String {
    let mut text = error.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text + "."
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Proof;

    #[test]
    fn a_wrong_clock_is_told_apart_from_a_wrong_signature() {
        let proof = |error: TokenError| match Refusal::from(error) {
            Refusal::Unauthenticated { proof, .. } => Some(proof),
            _ => None,
        };
        assert_eq!(proof(TokenError::ClockSkew { seconds: 90 }), Some(Proof::ServerClock));
        assert_eq!(proof(TokenError::WrongSignature), Some(Proof::ServerToken));
        assert_eq!(proof(TokenError::Expired { seconds: 900 }), Some(Proof::ServerToken));
    }
}
