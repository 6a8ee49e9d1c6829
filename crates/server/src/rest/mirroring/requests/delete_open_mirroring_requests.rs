//! DELETE /requests: forgets all open requests at once, for SYS_ADMIN.

use heliostat_api::Call;
use heliostat_api::ops::{DeleteOpenMirroringRequests, DeleteOpenMirroringRequestsResponse};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl DeleteOpenMirroringRequests for UpstreamHandlers {
    async fn delete_open_mirroring_requests(
        &self,
        call: Call,
    ) -> Result<DeleteOpenMirroringRequestsResponse, Problem> {
        let caller = self.identify(&call).await?;
        self.upstream.downstream().joining.delete_open_requests(permit::sys_admin(&caller)?).await?;
        Ok(DeleteOpenMirroringRequestsResponse::NoContent)
    }
}
