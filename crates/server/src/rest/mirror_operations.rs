//! The mirror's side of the contract: each operation is handed to its own file, in document order.

use std::sync::Arc;

use heliostat_api::Call;
use heliostat_api::mirror::{self as contract, *};
use heliostat_api::models::{
    MirrorMode, RestAddonInstalledEvent, RestUnknownEntity, RestUpstreamSettingsUpdate,
};
use heliostat_auth::{Caller, Credentials, path_below_base};
use heliostat_mirror::{Mirror, RequestFacts, permit};
use heliostat_refusal::Refusal;

use super::{
    farm_nodes, mirror_repos, progress, support_info, sync_settings, upstream_server, upstream_servers,
};
use crate::problem::Problem;
use crate::wire::MirrorWire;

/// Everything that the handlers of a mirror need.
pub struct MirrorOperations {
    /// The domain.
    pub mirror: Arc<Mirror>,
    /// Makes the answers.
    pub wire: MirrorWire,
}

impl MirrorOperations {
    /// The operations of a mirror.
    pub fn new(mirror: Arc<Mirror>) -> Self {
        let options = mirror.options();
        let wire = MirrorWire::new(&options.base_url, &options.name, mirror.server_id());
        MirrorOperations { mirror, wire }
    }

    /// Finds out who is calling.
    pub(super) async fn identify(&self, call: &Call) -> Result<Caller, Problem> {
        Ok(self.mirror.identify(&self.credentials(call)?, self.facts(call)).await?)
    }

    /// Lets the upstream and its administrators pass.
    pub(super) async fn require_administrator(&self, call: &Call) -> Result<(), Problem> {
        Ok(permit::administer(&self.identify(call).await?)?)
    }

    /// The upstream that this mirror follows, for an administrator who does not name it.
    pub(super) async fn administered_upstream(&self, call: &Call) -> Result<&str, Problem> {
        // Whether there is one is no secret: `/status` tells it to everybody.
        let upstream_id = self.mirror.followed_upstream()?;
        self.require_administrator(call).await?;
        Ok(upstream_id)
    }

    /// The credentials that the request carries.
    pub(super) fn credentials(&self, call: &Call) -> Result<Credentials, Problem> {
        let pairs = call.query.as_deref().unwrap_or_default().split('&');
        let link_token = pairs.filter_map(|pair| pair.strip_prefix("jwt=")).next();
        Credentials::parse(call.authorization.as_deref(), link_token)
            .map_err(|error| Refusal::from(error).into())
    }

    /// What a signature covers.
    pub(super) fn facts<'a>(&self, call: &'a Call) -> RequestFacts<'a> {
        RequestFacts {
            method: &call.method,
            path: path_below_base(self.wire.context_path(), &call.path).unwrap_or(&call.path),
            raw_query: call.query.as_deref(),
        }
    }
}

impl contract::MirrorOperations for MirrorOperations {
    async fn list_upstream_servers(
        &self,
        call: Call,
        start: i64,
        limit: i32,
    ) -> poem::Result<ListUpstreamServersResponse> {
        Ok(upstream_servers::list_upstream_servers(self, call, start, limit).await?)
    }

    async fn get_upstream_server(
        &self,
        call: Call,
        upstream_id: String,
    ) -> poem::Result<GetUpstreamServerResponse> {
        Ok(upstream_servers::get_upstream_server(self, call, upstream_id).await?)
    }

    async fn get_synchronization_progress(
        &self,
        call: Call,
        upstream_id: String,
    ) -> poem::Result<GetSynchronizationProgressResponse> {
        Ok(upstream_servers::get_synchronization_progress(self, call, upstream_id).await?)
    }

    async fn get_farm_nodes(&self, call: Call, upstream_id: String) -> poem::Result<GetFarmNodesResponse> {
        Ok(upstream_servers::get_farm_nodes(self, call, upstream_id).await?)
    }

    async fn get_mirrored_repository(
        &self,
        call: Call,
        upstream_id: String,
        upstream_repo_id: String,
    ) -> poem::Result<GetMirroredRepositoryResponse> {
        Ok(upstream_servers::get_mirrored_repository(self, call, upstream_id, upstream_repo_id).await?)
    }

    async fn get_mirror_settings(
        &self,
        call: Call,
        upstream_id: String,
    ) -> poem::Result<GetMirrorSettingsResponse> {
        Ok(upstream_servers::get_mirror_settings(self, call, upstream_id).await?)
    }

    async fn set_mirror_settings(
        &self,
        call: Call,
        upstream_id: String,
        body: RestUpstreamSettingsUpdate,
    ) -> poem::Result<SetMirrorSettingsResponse> {
        Ok(upstream_servers::set_mirror_settings(self, call, upstream_id, body).await?)
    }

    async fn get_mirror_mode(&self, call: Call, upstream_id: String) -> poem::Result<GetMirrorModeResponse> {
        Ok(upstream_servers::get_mirror_mode(self, call, upstream_id).await?)
    }

    async fn set_mirror_mode(
        &self,
        call: Call,
        upstream_id: String,
        body: MirrorMode,
    ) -> poem::Result<SetMirrorModeResponse> {
        Ok(upstream_servers::set_mirror_mode(self, call, upstream_id, body).await?)
    }

    async fn get_mirrored_projects(
        &self,
        call: Call,
        upstream_id: String,
    ) -> poem::Result<GetMirroredProjectsResponse> {
        Ok(upstream_servers::get_mirrored_projects(self, call, upstream_id).await?)
    }

    async fn start_mirroring_projects(
        &self,
        call: Call,
        upstream_id: String,
        body: Vec<String>,
    ) -> poem::Result<StartMirroringProjectsResponse> {
        Ok(upstream_servers::start_mirroring_projects(self, call, upstream_id, body).await?)
    }

    async fn stop_mirroring_projects(
        &self,
        call: Call,
        upstream_id: String,
        body: Vec<String>,
    ) -> poem::Result<StopMirroringProjectsResponse> {
        Ok(upstream_servers::stop_mirroring_projects(self, call, upstream_id, body).await?)
    }

    async fn start_mirroring_project(
        &self,
        call: Call,
        upstream_id: String,
        project_id: String,
    ) -> poem::Result<StartMirroringProjectResponse> {
        Ok(upstream_servers::start_mirroring_project(self, call, upstream_id, project_id).await?)
    }

    async fn stop_mirroring_project(
        &self,
        call: Call,
        upstream_id: String,
        project_id: String,
    ) -> poem::Result<StopMirroringProjectResponse> {
        Ok(upstream_servers::stop_mirroring_project(self, call, upstream_id, project_id).await?)
    }

    async fn get_addon_descriptor(
        &self,
        _call: Call,
        upstream_id: String,
    ) -> poem::Result<GetAddonDescriptorResponse> {
        Ok(upstream_servers::get_addon_descriptor(self, upstream_id).await?)
    }

    async fn on_addon_installed(
        &self,
        call: Call,
        upstream_id: String,
        body: RestAddonInstalledEvent,
    ) -> poem::Result<OnAddonInstalledResponse> {
        Ok(upstream_servers::on_addon_installed(self, call, upstream_id, body).await?)
    }

    async fn on_addon_event(
        &self,
        call: Call,
        upstream_id: String,
        body: RestUnknownEntity,
    ) -> poem::Result<OnAddonEventResponse> {
        Ok(upstream_servers::on_addon_event(self, call, upstream_id, body).await?)
    }

    async fn on_addon_uninstalled(
        &self,
        call: Call,
        upstream_id: String,
    ) -> poem::Result<OnAddonUninstalledResponse> {
        Ok(upstream_servers::on_addon_uninstalled(self, call, upstream_id).await?)
    }

    async fn on_addon_enabled(
        &self,
        _call: Call,
        _upstream_id: String,
    ) -> poem::Result<OnAddonEnabledResponse> {
        Ok(upstream_servers::on_addon_enabled())
    }

    async fn on_addon_disabled(
        &self,
        _call: Call,
        _upstream_id: String,
    ) -> poem::Result<OnAddonDisabledResponse> {
        Ok(upstream_servers::on_addon_disabled())
    }

    async fn synchronize_with_upstream(
        &self,
        _call: Call,
        _upstream_id: String,
        _level: String,
    ) -> poem::Result<SynchronizeWithUpstreamResponse> {
        Ok(upstream_servers::synchronize_with_upstream()?)
    }

    async fn synchronize_repository_with_upstream(
        &self,
        _call: Call,
        _upstream_id: String,
        _upstream_repo_id: String,
        _level: String,
    ) -> poem::Result<SynchronizeRepositoryWithUpstreamResponse> {
        Ok(upstream_servers::synchronize_repository_with_upstream()?)
    }

    async fn get_upstream_server_1(&self, call: Call) -> poem::Result<GetUpstreamServer1Response> {
        Ok(upstream_server::get_upstream_server_1(self, call).await?)
    }

    async fn get_synchronization_progress_1(
        &self,
        call: Call,
    ) -> poem::Result<GetSynchronizationProgress1Response> {
        Ok(progress::get_synchronization_progress_1(self, call).await?)
    }

    async fn get_farm_nodes_1(&self, call: Call) -> poem::Result<GetFarmNodes1Response> {
        Ok(farm_nodes::get_farm_nodes_1(self, call).await?)
    }

    async fn get_mirrored_repository_1(
        &self,
        call: Call,
        external_repository_id: String,
    ) -> poem::Result<GetMirroredRepository1Response> {
        Ok(mirror_repos::get_mirrored_repository_1(self, call, external_repository_id).await?)
    }

    async fn get_delayed_sync_repositories(
        &self,
        call: Call,
        delay_threshold: Option<i32>,
        limit: i32,
    ) -> poem::Result<GetDelayedSyncRepositoriesResponse> {
        Ok(mirror_repos::get_delayed_sync_repositories(self, call, delay_threshold, limit).await?)
    }

    async fn get_mirror_settings_1(&self, call: Call) -> poem::Result<GetMirrorSettings1Response> {
        Ok(sync_settings::get_mirror_settings_1(self, call).await?)
    }

    async fn set_mirror_settings_1(
        &self,
        call: Call,
        body: RestUpstreamSettingsUpdate,
    ) -> poem::Result<SetMirrorSettings1Response> {
        Ok(sync_settings::set_mirror_settings_1(self, call, body).await?)
    }

    async fn get_mirror_mode_1(&self, call: Call) -> poem::Result<GetMirrorMode1Response> {
        Ok(sync_settings::get_mirror_mode_1(self, call).await?)
    }

    async fn set_mirror_mode_1(&self, call: Call, body: MirrorMode) -> poem::Result<SetMirrorMode1Response> {
        Ok(sync_settings::set_mirror_mode_1(self, call, body).await?)
    }

    async fn get_mirrored_projects_1(&self, call: Call) -> poem::Result<GetMirroredProjects1Response> {
        Ok(sync_settings::get_mirrored_projects_1(self, call).await?)
    }

    async fn start_mirroring_projects_1(
        &self,
        call: Call,
        body: Vec<String>,
    ) -> poem::Result<StartMirroringProjects1Response> {
        Ok(sync_settings::start_mirroring_projects_1(self, call, body).await?)
    }

    async fn start_mirroring_project_1(
        &self,
        call: Call,
        project_id: String,
    ) -> poem::Result<StartMirroringProject1Response> {
        Ok(sync_settings::start_mirroring_project_1(self, call, project_id).await?)
    }

    async fn stop_mirroring_project_1(
        &self,
        call: Call,
        project_id: String,
    ) -> poem::Result<StopMirroringProject1Response> {
        Ok(sync_settings::stop_mirroring_project_1(self, call, project_id).await?)
    }

    async fn get_ref_changes_queue(&self, call: Call) -> poem::Result<GetRefChangesQueueResponse> {
        Ok(support_info::get_ref_changes_queue(self, call).await?)
    }

    async fn get_ref_changes_queue_count(&self, call: Call) -> poem::Result<GetRefChangesQueueCountResponse> {
        Ok(support_info::get_ref_changes_queue_count(self, call).await?)
    }

    async fn get_repo_sync_status(
        &self,
        call: Call,
        start: i64,
        limit: i32,
    ) -> poem::Result<GetRepoSyncStatusResponse> {
        Ok(support_info::get_repo_sync_status(self, call, start, limit).await?)
    }

    async fn get_repo_sync_status_1(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
    ) -> poem::Result<GetRepoSyncStatus1Response> {
        Ok(support_info::get_repo_sync_status_1(self, call, project_key, repository_slug).await?)
    }

    async fn get_repository_lock_owner(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
    ) -> poem::Result<GetRepositoryLockOwnerResponse> {
        Ok(support_info::get_repository_lock_owner(self, call, project_key, repository_slug).await?)
    }

    async fn get_repository_lock_owners(&self, call: Call) -> poem::Result<GetRepositoryLockOwnersResponse> {
        Ok(support_info::get_repository_lock_owners(self, call).await?)
    }

    async fn get_out_of_sync_repositories(
        &self,
        call: Call,
    ) -> poem::Result<GetOutOfSyncRepositoriesResponse> {
        Ok(support_info::get_out_of_sync_repositories(self, call).await?)
    }
}
