//! POST /authenticate: who has presented these credentials to a mirror, and what that user may do.

use heliostat_api::ops::{Authenticate, AuthenticateRequest, AuthenticateResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_auth::Caller;
use heliostat_refusal::Refusal;
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::credentials::user_credentials;

impl Authenticate for UpstreamHandlers {
    async fn authenticate(
        &self,
        call: Call,
        request: AuthenticateRequest,
    ) -> Result<AuthenticateResponse, Problem> {
        let caller = self.identify(&call).await?;
        as_mirror(&caller)?;
        let credentials = user_credentials(request.body.credentials);
        let found = self
            .upstream
            .accounts()
            .authenticate_user(permit::mirror(&caller)?, &credentials, request.body.repository_id)
            .await?;
        Ok(AuthenticateResponse::Ok(ApiJson(self.wire.authenticated_user(&found))))
    }
}

/// As published, a caller that is not a mirror is 401 here and never 403.
fn as_mirror(caller: &Caller) -> Result<(), Refusal> {
    match caller {
        Caller::Mirror { .. } => Ok(()),
        _ => Err(Refusal::server_token("Only mirrors may ask this, with a JWT of their own.")),
    }
}
