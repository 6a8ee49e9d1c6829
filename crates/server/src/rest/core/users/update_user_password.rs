//! PUT /admin/users/credentials: a new password for a user, given twice.

use heliostat_api::Call;
use heliostat_api::ops::{UpdateUserPassword, UpdateUserPasswordRequest, UpdateUserPasswordResponse};
use heliostat_auth::Secret;
use heliostat_refusal::Refusal;
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl UpdateUserPassword for UpstreamHandlers {
    async fn update_user_password(
        &self,
        call: Call,
        request: UpdateUserPasswordRequest,
    ) -> Result<UpdateUserPasswordResponse, Problem> {
        let caller = self.identify(&call).await?;
        request_record::about(&request.body.name);
        if request.body.password != request.body.password_confirm {
            return Err(Refusal::invalid("passwordConfirm", "The two passwords differ.").into());
        }
        self.upstream
            .accounts()
            .set_password(permit::admin(&caller)?, &request.body.name, &Secret::new(request.body.password))
            .await?;
        Ok(UpdateUserPasswordResponse::NoContent)
    }
}
