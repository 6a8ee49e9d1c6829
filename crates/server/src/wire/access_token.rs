//! Access tokens on the wire: without the secret, and once with it.

use heliostat_api::models::{RestAccessToken, RestRawAccessToken};
use heliostat_auth::Secret;
use heliostat_storage::AccessToken;

use super::UpstreamWire;
use super::permission::permissions;
use crate::http::problem::Problem;

impl UpstreamWire {
    /// A token without its secret.
    pub fn access_token(&self, token: &AccessToken) -> Result<RestAccessToken, Problem> {
        Ok(RestAccessToken {
            id: token.id.to_string(),
            name: token.name.clone(),
            created_date: token.created_at,
            last_authenticated: token.last_used_at,
            expiry_date: token.expires_at,
            permissions: permissions(&token.permissions)?,
        })
    }

    /// A new token with its secret.
    pub fn raw_access_token(
        &self,
        token: &AccessToken,
        secret: &Secret,
    ) -> Result<RestRawAccessToken, Problem> {
        let plain = self.access_token(token)?;
        Ok(RestRawAccessToken {
            id: plain.id,
            name: plain.name,
            created_date: plain.created_date,
            last_authenticated: plain.last_authenticated,
            expiry_date: plain.expiry_date,
            permissions: plain.permissions,
            token: secret.expose().to_owned(),
        })
    }
}
