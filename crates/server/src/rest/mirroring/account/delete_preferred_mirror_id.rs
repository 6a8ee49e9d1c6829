//! DELETE /account/settings/preferred-mirror: the caller prefers no mirror any more.

use heliostat_api::Call;
use heliostat_api::ops::{DeletePreferredMirrorId, DeletePreferredMirrorIdResponse};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl DeletePreferredMirrorId for UpstreamHandlers {
    async fn delete_preferred_mirror_id(
        &self,
        call: Call,
    ) -> Result<DeletePreferredMirrorIdResponse, Problem> {
        let caller = self.identify(&call).await?;
        self.upstream.downstream().members.delete_preferred_mirror(permit::user(&caller)?).await?;
        Ok(DeletePreferredMirrorIdResponse::NoContent)
    }
}
