//! POST /authenticate: who has presented these credentials to a mirror, and what that user may do.

use heliostat_api::ops::{Authenticate, AuthenticateRequest, AuthenticateResponse};
use heliostat_api::{ApiJson, Call};
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
        let mirror = permit::mirror(&caller)?;
        let credentials = user_credentials(request.body.credentials);
        let found = self
            .upstream
            .accounts()
            .authenticate_user(mirror, &credentials, request.body.repository_id)
            .await?;
        Ok(AuthenticateResponse::Ok(ApiJson(self.wire.authenticated_user(&found))))
    }
}
