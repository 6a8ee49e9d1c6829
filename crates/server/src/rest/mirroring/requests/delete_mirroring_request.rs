//! DELETE /requests/{mirroringRequestId}: forgets a request, for SYS_ADMIN.

use heliostat_api::Call;
use heliostat_api::ops::{
    DeleteMirroringRequest, DeleteMirroringRequestRequest, DeleteMirroringRequestResponse,
};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl DeleteMirroringRequest for UpstreamHandlers {
    async fn delete_mirroring_request(
        &self,
        call: Call,
        request: DeleteMirroringRequestRequest,
    ) -> Result<DeleteMirroringRequestResponse, Problem> {
        let caller = self.identify(&call).await?;
        self.upstream
            .downstream()
            .joining
            .delete_request(permit::sys_admin(&caller)?, &request.mirroring_request_id)
            .await?;
        Ok(DeleteMirroringRequestResponse::NoContent)
    }
}
