//! POST /authenticate: who has presented these credentials to a mirror, and what that user may do.

use heliostat_api::models::RestAuthenticationRequest;
use heliostat_api::upstream::AuthenticateResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_auth::Caller;
use heliostat_refusal::Refusal;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::credentials::user_credentials;

/// Who has presented these credentials to a mirror, and what that user may do.
pub async fn authenticate(
    role: &UpstreamOperations,
    call: Call,
    body: RestAuthenticationRequest,
) -> Result<AuthenticateResponse, Problem> {
    let caller = role.identify(&call).await?;
    as_mirror(&caller)?;
    let credentials = user_credentials(body.credentials);
    let found = role.upstream.authenticate_user(&caller, &credentials, body.repository_id).await?;
    Ok(AuthenticateResponse::Ok(ApiJson(role.wire.authenticated_user(&found))))
}

/// As published, a caller that is not a mirror is 401 here and never 403.
fn as_mirror(caller: &Caller) -> Result<(), Refusal> {
    match caller {
        Caller::Mirror { .. } => Ok(()),
        _ => Err(Refusal::unauthenticated("Only mirrors may ask this, with a JWT of their own.")),
    }
}
