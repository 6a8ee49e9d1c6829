//! What happens when the upstream posts an event.
//!
//! The answer goes out as soon as what the event says is stored; fetching follows in the background. An
//! event that cannot be stored is refused, and the upstream posts it again.

use std::sync::Arc;

use heliostat_api::models::RestUnknownEntity;
use heliostat_api::{AddonEvent, AddonEventKey};
use heliostat_auth::{Caller, Credentials};
use heliostat_peer::DetachedTasks;
use heliostat_refusal::Refusal;
use heliostat_storage::{HeldReason, StoreError};
use serde_json::Value;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::event::UpstreamEvent;
use super::late_news::PATIENCE;
use super::pending_changes::AnnouncedChange;
use super::queue::SyncQueue;
use super::sweep::SweepSignal;
use super::sweep_progress::SweepProgress;
use crate::access::permit::UpstreamItself;
use crate::access::{AccessDecisions, Authenticator, RequestFacts};
use crate::inventory::{Entry, Inventory, SelectedProjects, Selection, has_identity};
use crate::refuse::store_refusal;
use crate::upstream_link::{
    ClaimedInstallation, Heartbeat, InstalledEvent, Unconfirmed, UpstreamClient, UpstreamLink, UpstreamMake,
    UpstreamRepository,
};

/// Takes what the upstream announces.
pub struct UpstreamEvents {
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) client: UpstreamClient,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) decisions: Arc<AccessDecisions>,
    pub(crate) selection: Arc<SelectedProjects>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) queue: Arc<SyncQueue>,
    pub(crate) sweep_signal: Arc<SweepSignal>,
    pub(crate) sweep_progress: Arc<SweepProgress>,
    pub(crate) unconfirmed: Unconfirmed,
    pub(crate) heartbeat: Arc<Heartbeat>,
    pub(crate) tasks: DetachedTasks,
}

impl UpstreamEvents {
    /// Takes an `installed` event, which may come from anyone: the upstream has to confirm it.
    pub async fn installed(
        self: &Arc<Self>,
        upstream_id: &str,
        event: InstalledEvent,
        credentials: &Credentials,
        request: RequestFacts<'_>,
    ) -> Result<(), Refusal> {
        self.link.require(upstream_id)?;
        // What a user shows says nothing about the secret, so the upstream is not asked about it.
        let caller = match credentials {
            Credentials::Jwt(_) => self.authenticator.identify(credentials, request).await.ok(),
            Credentials::None | Credentials::Basic { .. } | Credentials::Bearer(_) => None,
        };
        let is_signed = matches!(caller, Some(Caller::Upstream { .. }));
        let claim = ClaimedInstallation { event, is_signed };
        match claim.event.make {
            UpstreamMake::Heliostat => {
                let this = Arc::clone(self);
                self.tasks.to_the_end(async move { this.believe(claim).await }).await
            }
            // It waits for the answer before its own side of the link is in force.
            UpstreamMake::Other => {
                self.link.check_installed_event(&claim.event)?;
                self.unconfirmed.keep_installation(claim)
            }
        }
    }

    /// Takes an installation in, if the upstream confirms it.
    async fn believe(&self, claim: ClaimedInstallation) -> Result<(), Refusal> {
        let ClaimedInstallation { event, is_signed } = claim;
        let chosen = event.settings.as_ref().map(Selection::chosen).transpose()?.unwrap_or_default();
        let confirmed = self.link.confirm_installation(&self.client, event, is_signed).await?;
        self.unconfirmed.forget();
        if self.link.is_installed() {
            self.link.install(&self.client, confirmed, None).await.map_err(store_refusal)?;
        } else {
            self.sweep_progress.start_over();
            self.selection
                .begin_with(chosen, |settings| self.link.install(&self.client, confirmed, Some(settings)))
                .await?;
        }
        self.decisions.revoke(None).await?;
        self.sweep_signal.wake();
        Ok(())
    }

    /// Takes in which process of the upstream has sent an event.
    pub async fn sent_by(&self, _: &UpstreamItself, instance: &str) {
        if let Some(secret) = self.link.secret_in_force() {
            self.heartbeat.heard_from(instance, &secret).await;
        }
    }

    /// Takes an `uninstalled` event, which may come from a copy of the upstream: the upstream itself has to confirm it. It is
    /// asked again for a moment, because some tell of the end before it is in force.
    pub async fn uninstalled(self: &Arc<Self>, _: &UpstreamItself, upstream_id: &str) -> Result<(), Refusal> {
        self.link.require(upstream_id)?;
        let this = Arc::clone(self);
        if let Err(reason) = self.tasks.to_the_end(async move { this.end_if_confirmed().await }).await {
            tracing::warn!(reason = %reason, "the end of the link was announced, and the upstream does not confirm it");
            self.unconfirmed.keep_end();
            return Err(reason);
        }
        Ok(())
    }

    async fn end_if_confirmed(&self) -> Result<(), Refusal> {
        let _ending = self.link.ending();
        self.link.confirm_end(&self.client).await?;
        self.unconfirmed.forget();
        self.link.uninstall().await.map_err(store_refusal)?;
        self.decisions.revoke(None).await
    }

    /// The reconciler of what was said in the upstream's name; ends with the token.
    pub(crate) async fn confirm_what_was_said(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.unconfirmed.is_due() => {}
            }
            if self.unconfirmed.awaits_end() {
                self.end_if_confirmed().await.ok();
            }
            for claim in self.unconfirmed.installations() {
                if self.believe(claim).await.is_ok() {
                    break;
                }
            }
        }
    }

    /// Takes an event.
    pub async fn handle(
        self: &Arc<Self>,
        _: &UpstreamItself,
        upstream_id: &str,
        event: RestUnknownEntity,
    ) -> Result<(), Refusal> {
        self.link.require(upstream_id)?;
        self.link.contact().has_news();
        let key = event.get("eventKey").and_then(Value::as_str).unwrap_or_default().to_owned();
        let event = match read(event) {
            Ok(event) => event,
            Err(unread) => {
                self.make_up_for_unread(&key).await?;
                return Err(unread);
            }
        };
        let this = Arc::clone(self);
        self.tasks.to_the_end(async move { this.take_in(event).await }).await
    }

    async fn take_in(&self, event: UpstreamEvent) -> Result<(), Refusal> {
        let stored = match event {
            UpstreamEvent::RefsChanged { repository, change } => self.refs_changed(&repository, change).await,
            UpstreamEvent::RepositoryDescribed { repository } => self.repository_described(&repository).await,
            UpstreamEvent::RepositoryDeleted { external_id, identity } => {
                self.repository_deleted(&external_id, identity.as_deref()).await
            }
            UpstreamEvent::ProjectDescribed { project } => self.take_in_project(&project).await,
            UpstreamEvent::ProjectDeleted { project_id } => {
                // Its repositories announce their own end; the sweep sees to it that none is forgotten.
                tracing::info!(project.id = project_id, "the upstream has deleted a project");
                self.sweep_signal.wake();
                Ok(())
            }
            UpstreamEvent::PermissionsChanged { user } => {
                self.decisions.revoke(user.as_deref()).await?;
                Ok(())
            }
            UpstreamEvent::Other { key } => {
                tracing::debug!(event.key = key, "an event that does not concern a mirror");
                Ok(())
            }
        };
        stored.map_err(store_refusal)
    }

    /// An upstream of another version may say what this mirror cannot read, and does not repeat what was refused. The
    /// sweep finds what has changed; whose permissions have changed cannot be known, so no decision is kept.
    async fn make_up_for_unread(&self, key: &str) -> Result<(), Refusal> {
        tracing::warn!(
            event.key = key,
            "an event of the upstream cannot be read; comparing everything instead"
        );
        self.sweep_signal.wake();
        match AddonEventKey::from_wire(key) {
            Some(AddonEventKey::HeliostatPermissionsChanged) => self.decisions.revoke(None).await,
            _ => Ok(()),
        }
    }

    async fn refs_changed(
        &self,
        repository: &UpstreamRepository,
        change: AnnouncedChange,
    ) -> Result<(), StoreError> {
        let Some(entry) = self.inventory.find(&repository.external_id) else {
            return self.repository_described(repository).await;
        };
        if !self.is_about(&entry, repository.identity()).await? {
            return Ok(());
        }
        if repository.generation < entry.record().generation_known && !self.queue.is_busy(&entry) {
            self.look_closer(&entry).await?;
        }
        self.inventory.note_known(&entry, repository).await?;
        self.queue.announce(&entry, change);
        // After the queue has it: a changed name matters less than the refs.
        self.repository_described(repository).await
    }

    /// Whether an event is about the repository that is here. One about another with the same id may be late: what the
    /// upstream has now decides about what is here, the event does not.
    async fn is_about(&self, entry: &Arc<Entry>, identity: Option<&str>) -> Result<bool, StoreError> {
        let here = entry.record();
        if has_identity(&here, identity) {
            return Ok(true);
        }
        if here.held != Some(HeldReason::Replaced) {
            self.look_closer(entry).await?;
            self.sweep_signal.wake();
        }
        Ok(false)
    }

    /// News that is older than what is known is late, or the upstream has lost its past. It knows which. If it does not
    /// answer, the sweep finds out.
    async fn look_closer(&self, entry: &Arc<Entry>) -> Result<(), StoreError> {
        let Some(secret) = self.link.secret_in_force() else { return Ok(()) };
        let known = entry.record().generation_known;
        let asking = self.client.newest_repository(&entry.external_id, known, &secret);
        if let Ok(Ok(Some(answer))) = timeout(PATIENCE, asking).await
            && self.inventory.is_meant(entry, answer.identity()).await?
        {
            let need = self.inventory.note_answer(entry, &answer, known).await?;
            self.queue.request_needed(entry, need);
        }
        Ok(())
    }

    async fn repository_described(&self, repository: &UpstreamRepository) -> Result<(), StoreError> {
        match self.inventory.find(&repository.external_id) {
            None if self.selection.current().covers(&repository.project.id) => {
                self.begin_to_mirror(repository).await
            }
            None => Ok(()),
            Some(entry) if !self.is_about(&entry, repository.identity()).await? => Ok(()),
            Some(entry) => {
                self.take_in_description(&entry, repository).await?;
                if self.selection.current().covers(&entry.record().project_id) {
                    return self.inventory.note_known(&entry, repository).await;
                }
                // It has moved to a project that is not mirrored. From here on it is not served.
                self.sweep_signal.wake();
                Ok(())
            }
        }
    }

    async fn repository_deleted(&self, external_id: &str, identity: Option<&str>) -> Result<(), StoreError> {
        match self.inventory.find(external_id) {
            None => Ok(()),
            // Another repository with this id is gone.
            Some(entry) if !self.is_about(&entry, identity).await? => Ok(()),
            Some(entry) => self.take_in_deletion(&entry).await,
        }
    }
}

fn read(event: RestUnknownEntity) -> Result<UpstreamEvent, Refusal> {
    let refuse = |field: String, problem: String| {
        let message = format!("The event cannot be read: {field}: {problem}.");
        Refusal::invalid(field, message)
    };
    let event = AddonEvent::read(event).map_err(|invalid| refuse(invalid.context, invalid.message))?;
    UpstreamEvent::try_from(event).map_err(|unfit| refuse(unfit.field, unfit.problem))
}
