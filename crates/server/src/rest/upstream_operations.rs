//! The upstream's side of the mirroring contract: each operation is handed to its own file, in document order.

use heliostat_api::Call;
use heliostat_api::models::{
    BooleanText, MirroringRequestState, RestAuthenticationRequest, RestMirrorAcceptance,
    RestMirrorUpgradeRequest, RestMirroringRequestSubmission, RestRepositoryMirrorEvent,
};
use heliostat_api::upstream::{self as contract, *};
use heliostat_auth::{Caller, Credentials};
use heliostat_refusal::Refusal;
use heliostat_upstream::{RequestFacts, Upstream};

use super::{account, analytics_settings, authenticate, mirror_servers, projects, repos, requests};
use crate::problem::Problem;
use crate::reported_version::ReportedVersion;
use crate::wire::UpstreamWire;

/// Everything that the handlers of an upstream need.
pub struct UpstreamOperations {
    /// The domain.
    pub upstream: Upstream,
    /// Makes the answers.
    pub wire: UpstreamWire,
}

impl UpstreamOperations {
    /// The handlers of this upstream, which calls itself `display_name` and tells its clients a version.
    pub fn new(upstream: Upstream, display_name: &str, version: ReportedVersion) -> Self {
        let wire = UpstreamWire::new(upstream.base_url(), display_name).reporting(version);
        UpstreamOperations { upstream, wire }
    }

    /// Finds out who is calling.
    pub(super) async fn identify(&self, call: &Call) -> Result<Caller, Problem> {
        let credentials = Credentials::parse(call.authorization.as_deref(), None).map_err(Refusal::from)?;
        let facts = RequestFacts { method: &call.method, path: &call.path, raw_query: call.query.as_deref() };
        Ok(self.upstream.identify(credentials, facts).await?)
    }
}

impl contract::UpstreamOperations for UpstreamOperations {
    async fn list_requests(
        &self,
        call: Call,
        state: Option<MirroringRequestState>,
        start: i64,
        limit: i32,
    ) -> poem::Result<ListRequestsResponse> {
        Ok(requests::list_requests(self, call, state, start, limit).await?)
    }

    async fn register(
        &self,
        call: Call,
        body: RestMirroringRequestSubmission,
    ) -> poem::Result<RegisterResponse> {
        Ok(requests::register(self, call, body).await?)
    }

    async fn get_mirroring_request(
        &self,
        call: Call,
        mirroring_request_id: String,
    ) -> poem::Result<GetMirroringRequestResponse> {
        Ok(requests::get_mirroring_request(self, call, mirroring_request_id).await?)
    }

    async fn delete_mirroring_request(
        &self,
        call: Call,
        mirroring_request_id: String,
    ) -> poem::Result<DeleteMirroringRequestResponse> {
        Ok(requests::delete_mirroring_request(self, call, mirroring_request_id).await?)
    }

    async fn accept(
        &self,
        call: Call,
        mirroring_request_id: String,
        body: Option<RestMirrorAcceptance>,
    ) -> poem::Result<AcceptResponse> {
        Ok(requests::accept(self, call, mirroring_request_id, body).await?)
    }

    async fn reject(&self, call: Call, mirroring_request_id: String) -> poem::Result<RejectResponse> {
        Ok(requests::reject(self, call, mirroring_request_id).await?)
    }

    async fn list_mirrors(&self, call: Call, start: i64, limit: i32) -> poem::Result<ListMirrorsResponse> {
        Ok(mirror_servers::list_mirrors(self, call, start, limit).await?)
    }

    async fn get_mirror(&self, call: Call, mirror_id: String) -> poem::Result<GetMirrorResponse> {
        Ok(mirror_servers::get_mirror(self, call, mirror_id).await?)
    }

    async fn upgrade(
        &self,
        call: Call,
        mirror_id: String,
        body: RestMirrorUpgradeRequest,
    ) -> poem::Result<UpgradeResponse> {
        Ok(mirror_servers::upgrade(self, call, mirror_id, body).await?)
    }

    async fn remove(&self, call: Call, mirror_id: String) -> poem::Result<RemoveResponse> {
        Ok(mirror_servers::remove(self, call, mirror_id).await?)
    }

    async fn publish_event(
        &self,
        call: Call,
        mirror_id: String,
        body: RestRepositoryMirrorEvent,
    ) -> poem::Result<PublishEventResponse> {
        Ok(mirror_servers::publish_event(self, call, mirror_id, body).await?)
    }

    async fn get_panel_html(&self, call: Call, mirror_id: String) -> poem::Result<GetPanelHtmlResponse> {
        Ok(mirror_servers::get_panel_html(self, call, mirror_id).await?)
    }

    async fn get_project_by_id(
        &self,
        call: Call,
        project_id: String,
    ) -> poem::Result<GetProjectByIdResponse> {
        Ok(projects::get_project_by_id(self, call, project_id).await?)
    }

    async fn get_all_repos_for_project(
        &self,
        call: Call,
        project_id: String,
        include_default_branch: BooleanText,
        start: i64,
        limit: i32,
    ) -> poem::Result<GetAllReposForProjectResponse> {
        Ok(projects::get_all_repos_for_project(self, call, project_id, include_default_branch, start, limit)
            .await?)
    }

    async fn get_all_content_hashes(
        &self,
        call: Call,
        include_default_branch: BooleanText,
        start: i64,
        limit: i32,
    ) -> poem::Result<GetAllContentHashesResponse> {
        Ok(repos::get_all_content_hashes(self, call, include_default_branch, start, limit).await?)
    }

    async fn get_content_hash_by_id(
        &self,
        call: Call,
        repo_id: String,
        include_default_branch: bool,
    ) -> poem::Result<GetContentHashByIdResponse> {
        Ok(repos::get_content_hash_by_id(self, call, repo_id, include_default_branch).await?)
    }

    async fn get_repository_mirrors(
        &self,
        call: Call,
        repo_id: String,
        pre_authorized: bool,
        start: i64,
        limit: i32,
    ) -> poem::Result<GetRepositoryMirrorsResponse> {
        Ok(repos::get_repository_mirrors(self, call, repo_id, pre_authorized, start, limit).await?)
    }

    async fn authenticate(
        &self,
        call: Call,
        body: RestAuthenticationRequest,
    ) -> poem::Result<AuthenticateResponse> {
        Ok(authenticate::authenticate(self, call, body).await?)
    }

    async fn analytics_settings(&self, call: Call) -> poem::Result<AnalyticsSettingsResponse> {
        Ok(analytics_settings::analytics_settings(self, call).await?)
    }

    async fn get_preferred_mirror_id(&self, call: Call) -> poem::Result<GetPreferredMirrorIdResponse> {
        Ok(account::get_preferred_mirror_id(self, call).await?)
    }

    async fn set_preferred_mirror_id(
        &self,
        call: Call,
        body: String,
    ) -> poem::Result<SetPreferredMirrorIdResponse> {
        Ok(account::set_preferred_mirror_id(self, call, body).await?)
    }

    async fn delete_preferred_mirror_id(&self, call: Call) -> poem::Result<DeletePreferredMirrorIdResponse> {
        Ok(account::delete_preferred_mirror_id(self, call).await?)
    }
}
