//! Which projects are mirrored: what administrators of the upstream set.

use std::sync::Arc;

use heliostat_peer::DetachedTasks;
use heliostat_refusal::Refusal;
use heliostat_storage::{MirrorStore, StoreError, UpstreamSettings};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::selection::{Selection, parse_mode, parse_project_ids};
use crate::access::permit::Administrator;
use crate::refuse::store_refusal;
use crate::upstream_link::{UpstreamClient, UpstreamLink};

/// The selection of projects as it is in force.
pub struct SelectedProjects {
    link: Arc<UpstreamLink>,
    client: UpstreamClient,
    store: MirrorStore,
    current: watch::Sender<Arc<Selection>>,
    changing: Arc<Mutex<()>>,
    tasks: DetachedTasks,
}

impl SelectedProjects {
    /// Reads what was selected last.
    pub(crate) async fn load(
        link: Arc<UpstreamLink>,
        client: UpstreamClient,
        store: MirrorStore,
        tasks: DetachedTasks,
    ) -> Result<Self, StoreError> {
        let selection = Selection::from(store.upstream_settings(link.id()).await?);
        let current = watch::Sender::new(Arc::new(selection));
        Ok(Self { link, client, store, current, changing: Arc::default(), tasks })
    }

    pub(crate) fn current(&self) -> Arc<Selection> {
        Arc::clone(&self.current.borrow())
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Selection>> {
        self.current.subscribe()
    }

    /// Nothing is selected or deselected while this is held.
    pub(crate) async fn hold(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.changing).lock_owned().await
    }

    /// The mode and the selected projects.
    pub fn settings(&self, _: &Administrator, upstream_id: &str) -> Result<UpstreamSettings, Refusal> {
        self.link.require(upstream_id)?;
        Ok(UpstreamSettings::from(&*self.current()))
    }

    /// Sets the mode, the selected projects, or both; what is `None` stays.
    pub async fn set_settings(
        &self,
        _: &Administrator,
        upstream_id: &str,
        mode: Option<&str>,
        project_ids: Option<&[String]>,
    ) -> Result<UpstreamSettings, Refusal> {
        let mode = mode.map(parse_mode).transpose()?;
        let project_ids = project_ids.map(parse_project_ids).transpose()?;
        self.change_selection(upstream_id, |current| {
            Ok(Selection {
                mode: mode.unwrap_or(current.mode),
                project_ids: project_ids.unwrap_or_else(|| current.project_ids.clone()),
            })
        })
        .await
    }

    /// Switches between all and selected projects.
    pub async fn set_mode(
        &self,
        _: &Administrator,
        upstream_id: &str,
        mode: &str,
    ) -> Result<UpstreamSettings, Refusal> {
        let mode = parse_mode(mode)?;
        self.change_selection(upstream_id, |current| Ok(current.with_mode(mode))).await
    }

    /// Adds projects to the list. If the upstream does not have one of them, nothing changes.
    pub async fn start_mirroring(
        &self,
        _: &Administrator,
        upstream_id: &str,
        project_ids: &[String],
    ) -> Result<UpstreamSettings, Refusal> {
        self.link.require(upstream_id)?;
        self.require_projects(project_ids).await?;
        self.change_selection(upstream_id, |current| current.with_projects(project_ids)).await
    }

    /// Asks the upstream about the projects that are not on the list yet.
    async fn require_projects(&self, project_ids: &[String]) -> Result<(), Refusal> {
        let known = self.current();
        let new = &parse_project_ids(project_ids)? - &known.project_ids;
        for id in new {
            let secret = self.link.secret_in_force().ok_or_else(|| {
                Refusal::unavailable("This mirror is not joined to its upstream, which knows the projects.")
            })?;
            match self.client.has_project(&id, &secret).await {
                Ok(true) => {}
                Ok(false) => {
                    return Err(Refusal::not_found("project", format!("The upstream has no project {id}.")));
                }
                Err(error) => {
                    tracing::warn!(error = %error, project.id = id, "cannot ask about a project");
                    return Err(Refusal::unavailable(
                        "The upstream, which knows the projects, does not answer.",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Takes projects off the list.
    pub async fn stop_mirroring(
        &self,
        _: &Administrator,
        upstream_id: &str,
        project_ids: &[String],
    ) -> Result<UpstreamSettings, Refusal> {
        self.change_selection(upstream_id, |current| current.without_projects(project_ids)).await
    }

    async fn change_selection(
        &self,
        upstream_id: &str,
        change: impl FnOnce(&Selection) -> Result<Selection, Refusal>,
    ) -> Result<UpstreamSettings, Refusal> {
        self.link.require(upstream_id)?;
        let changing = self.hold().await;
        let current = self.current();
        let wanted = change(&current)?;
        let settings = UpstreamSettings::from(&wanted);
        if wanted != *current {
            self.store_selection(wanted, changing).await?;
        }
        Ok(settings)
    }

    /// Replaces the selection, whatever it was, by the one that a link begins with; `install` stores both at once. It is
    /// in force before the link holds, so that nothing else is mirrored for a moment.
    pub(crate) async fn begin_with<F: Future<Output = Result<(), StoreError>>>(
        &self,
        selection: Selection,
        install: impl FnOnce(UpstreamSettings) -> F,
    ) -> Result<(), Refusal> {
        let _changing = self.hold().await;
        let before = self.current();
        let settings = UpstreamSettings::from(&selection);
        self.current.send_replace(Arc::new(selection));
        install(settings).await.map_err(|error| {
            self.current.send_replace(before);
            store_refusal(error)
        })
    }

    /// What leaves the selection is no longer served from here on; the sweep, which waits for changes, removes it
    /// from disk.
    async fn store_selection(
        &self,
        selection: Selection,
        changing: OwnedMutexGuard<()>,
    ) -> Result<(), Refusal> {
        let (store, link, current) = (self.store.clone(), Arc::clone(&self.link), self.current.clone());
        let storing = async move {
            let UpstreamSettings { mode, project_ids } = UpstreamSettings::from(&selection);
            store.set_upstream_settings(link.id(), mode, Some(&project_ids)).await?;
            current.send_replace(Arc::new(selection));
            drop(changing);
            Ok(())
        };
        self.tasks.to_the_end(storing).await.map_err(store_refusal)
    }
}
