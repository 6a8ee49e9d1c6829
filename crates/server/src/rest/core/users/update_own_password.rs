//! PUT /users/credentials: a new password for the caller, given twice, for the present one.

use heliostat_api::Call;
use heliostat_api::ops::{UpdateOwnPassword, UpdateOwnPasswordRequest, UpdateOwnPasswordResponse};
use heliostat_auth::Secret;
use heliostat_refusal::Refusal;
use heliostat_upstream::PasswordChange;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl UpdateOwnPassword for UpstreamHandlers {
    async fn update_own_password(
        &self,
        call: Call,
        request: UpdateOwnPasswordRequest,
    ) -> Result<UpdateOwnPasswordResponse, Problem> {
        let caller = self.identify(&call).await?;
        let own = self.upstream.accounts().own_account(&caller).await?;
        if request.body.password != request.body.password_confirm {
            return Err(Refusal::invalid("passwordConfirm", "The two passwords differ.").into());
        }
        let change = PasswordChange {
            present: Secret::new(request.body.original_password),
            new: Secret::new(request.body.password),
        };
        self.upstream.accounts().change_password(&own, call.peer, &change).await?;
        Ok(UpdateOwnPasswordResponse::NoContent)
    }
}
