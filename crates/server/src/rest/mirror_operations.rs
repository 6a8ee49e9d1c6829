//! The mirror's side of the contract: each operation is handed to its own file, in document order.

use std::sync::Arc;

use heliostat_api::Call;
use heliostat_api::mirror::{self as contract, *};
use heliostat_api::models::{
    MirrorMode, RestAddonInstalledEvent, RestUnknownEntity, RestUpstreamSettingsUpdate,
};
use heliostat_auth::{Caller, Credentials, Refusal, path_below_base};
use heliostat_mirror::{Mirror, RequestFacts};

use super::upstream_servers;
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
}
