//! Objects from a repository of the server, by `git` itself: each of its processes opens a line of its own.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use heliostat_git::{Connection, FetchPlan, Repository, fetch_objects_after, fetch_wanted};

use super::GitStream;
use super::stream_url::Scheme;
use crate::failed_fetch::failure;
use crate::source::{FetchFailure, KeptBy, Source, WantedObjects};
use crate::{Refusal, RepositoryPath};

/// How long the server may be silent. It may have to pack a large repository before it says anything.
const STALL_LIMIT: Duration = Duration::from_mins(15);

impl GitStream {
    pub(super) async fn fetch_from(
        &self,
        path: &RepositoryPath,
        into: &Repository,
        wanted: WantedObjects<'_>,
    ) -> Result<(), FetchFailure> {
        let plan = self.plan(path, wanted).await?;
        match wanted.kept_by {
            KeptBy::OurRefs => fetch_wanted(into, &plan).await.map_err(failure),
            KeptBy::Caller => {
                let shown = into.snapshot().await.map_err(|error| FetchFailure::Here(error.into()))?;
                fetch_objects_after(into, &plan, &shown, &BTreeSet::new()).await.map_err(failure)
            }
        }
    }

    /// What `git` is told: to connect to the address that was found before, and to no other.
    async fn plan(&self, path: &RepositoryPath, wanted: WantedObjects<'_>) -> Result<FetchPlan, Refusal> {
        let reached = *self.reached.lock();
        let address = match reached {
            Some(address) => Some(address),
            None => self.addresses().await?.first().copied(),
        };
        let address = address.ok_or_else(|| Refusal::Away("its name leads to no address".to_owned()))?;
        let server = &self.options.server;
        let (url, connection) = match server.scheme() {
            Scheme::Git => {
                let place = self.url_of(path);
                let url = format!("git://{}:{}{}", in_url(address), server.port(), place.path());
                let virtual_host = Some(server.host_and_port());
                (url, Connection { virtual_host, ..Connection::default() })
            }
            Scheme::Ssh => {
                let identity = self.options.identity.clone();
                let ssh = identity.map(|identity| (identity, self.ssh_place(address)));
                (server.of_path(path), Connection { ssh, ..Connection::default() })
            }
        };
        Ok(FetchPlan {
            url,
            authorization: None,
            objects: wanted.objects.clone(),
            timeout: STALL_LIMIT,
            connection,
            progress: wanted.progress.cloned().unwrap_or_default(),
        })
    }
}

fn in_url(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
