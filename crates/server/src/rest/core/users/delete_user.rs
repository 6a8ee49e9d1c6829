//! DELETE /admin/users: deletes an account with its permissions and tokens.

use heliostat_api::ops::{DeleteUser, DeleteUserRequest, DeleteUserResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl DeleteUser for UpstreamHandlers {
    async fn delete_user(
        &self,
        call: Call,
        request: DeleteUserRequest,
    ) -> Result<DeleteUserResponse, Problem> {
        let caller = self.identify(&call).await?;
        let user = self.upstream.accounts().delete_user(permit::admin(&caller)?, &request.name).await?;
        Ok(DeleteUserResponse::Ok(ApiJson(self.wire.detailed_user(&user))))
    }
}
