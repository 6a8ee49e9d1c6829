//! Calls of the role as a whole, until its callers name the parts.

use std::sync::Arc;
use std::time::Duration;

use heliostat_auth::{Caller, Credentials};
use heliostat_refusal::Refusal;
use heliostat_storage::{MirroredRepository, Page, PageRequest, UpstreamServer, UpstreamSettings};
use serde_json::Value;

use crate::access::RequestFacts;
use crate::mirror::Mirror;
use crate::options::MirrorOptions;
use crate::serving::ServedRepository;
use crate::status::{
    DelayedSync, HashCursor, MirrorStatus, MirroredRepositoryView, Progress, RepositoryHashes, RunningSync,
    WaitingSync,
};
use crate::upstream_link::{AddonDescriptor, InstalledEvent};

#[expect(missing_docs, reason = "each is documented at the part that it calls")]
impl Mirror {
    pub fn server_id(&self) -> &str {
        self.introduction.server_id()
    }

    pub fn options(&self) -> &MirrorOptions {
        &self.options
    }

    pub fn descriptor(&self) -> AddonDescriptor {
        self.introduction.addon_descriptor()
    }

    pub fn followed_upstream(&self) -> Result<&str, Refusal> {
        self.link.followed()
    }

    pub fn require_upstream(&self, upstream_id: &str) -> Result<(), Refusal> {
        self.link.require(upstream_id)
    }

    pub async fn identify(
        &self,
        credentials: &Credentials,
        request: RequestFacts<'_>,
    ) -> Result<Caller, Refusal> {
        self.authenticator.identify(credentials, request).await
    }

    pub async fn installed(
        &self,
        upstream_id: &str,
        event: InstalledEvent,
        credentials: &Credentials,
        request: RequestFacts<'_>,
    ) -> Result<(), Refusal> {
        self.events.installed(upstream_id, event, credentials, request).await
    }

    pub async fn uninstalled(&self, upstream_id: &str) -> Result<(), Refusal> {
        self.events.uninstalled(upstream_id).await
    }

    pub async fn handle_event(&self, upstream_id: &str, body: &Value) -> Result<(), Refusal> {
        self.events.handle(upstream_id, body).await
    }

    pub fn settings(&self, upstream_id: &str) -> Result<UpstreamSettings, Refusal> {
        self.selection.settings(upstream_id)
    }

    pub async fn set_settings(
        &self,
        upstream_id: &str,
        mode: Option<&str>,
        project_ids: Option<&[String]>,
    ) -> Result<UpstreamSettings, Refusal> {
        self.selection.set_settings(upstream_id, mode, project_ids).await
    }

    pub async fn set_mode(&self, upstream_id: &str, mode: &str) -> Result<UpstreamSettings, Refusal> {
        self.selection.set_mode(upstream_id, mode).await
    }

    pub async fn start_mirroring(
        &self,
        upstream_id: &str,
        project_ids: &[String],
    ) -> Result<UpstreamSettings, Refusal> {
        self.selection.start_mirroring(upstream_id, project_ids).await
    }

    pub async fn stop_mirroring(
        &self,
        upstream_id: &str,
        project_ids: &[String],
    ) -> Result<UpstreamSettings, Refusal> {
        self.selection.stop_mirroring(upstream_id, project_ids).await
    }

    pub async fn open_for_advertisement(
        &self,
        project_key: &str,
        slug: &str,
        credentials: &Credentials,
    ) -> Result<ServedRepository, Refusal> {
        self.serving.open(project_key, slug, credentials).await
    }

    pub fn upstream_repository_url(&self, project_key: &str, slug: &str) -> String {
        self.serving.upstream_url(project_key, slug)
    }

    pub fn status(&self) -> MirrorStatus {
        self.status.now()
    }

    pub fn progress(&self, upstream_id: &str) -> Result<Progress, Refusal> {
        self.status.progress(upstream_id)
    }

    pub fn upstream_servers(&self) -> Vec<Arc<UpstreamServer>> {
        self.lookups.upstream_servers()
    }

    pub fn upstream_server(&self, upstream_id: &str) -> Result<Arc<UpstreamServer>, Refusal> {
        self.lookups.upstream_server(upstream_id)
    }

    pub async fn mirrored_repository(
        &self,
        upstream_id: &str,
        external_id: &str,
        caller: &Caller,
        credentials: &Credentials,
    ) -> Result<MirroredRepositoryView, Refusal> {
        let reader = self.lookups.reader(upstream_id, external_id, caller, credentials).await?;
        Ok(self.lookups.mirrored_repository(&reader))
    }

    pub fn waiting_syncs(&self) -> Vec<WaitingSync> {
        self.support_info.waiting_syncs()
    }

    pub fn running_syncs(&self) -> Vec<RunningSync> {
        self.support_info.running_syncs()
    }

    pub fn running_sync(&self, project_key: &str, slug: &str) -> Result<Option<RunningSync>, Refusal> {
        self.support_info.running_sync(project_key, slug)
    }

    pub fn held_record(&self, project_key: &str, slug: &str) -> Result<Arc<MirroredRepository>, Refusal> {
        self.support_info.record(project_key, slug)
    }

    pub fn held_records(&self, page: PageRequest) -> Page<Arc<MirroredRepository>> {
        self.support_info.records(page)
    }

    pub fn delayed_syncs(&self, threshold: Duration, limit: usize) -> Vec<DelayedSync> {
        self.support_info.delayed_syncs(threshold, limit)
    }

    pub async fn held_hashes(
        &self,
        after: Option<HashCursor>,
        limit: u64,
    ) -> Result<Option<(Vec<RepositoryHashes>, HashCursor)>, Refusal> {
        self.support_info.repository_hashes(after, limit).await
    }
}
