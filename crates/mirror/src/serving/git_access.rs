//! Which repository a git request gets, if any.
//!
//! A repository that does not exist and one that the caller may not read look the same, and cost the upstream the same
//! question: 401 without valid credentials, 404 with them. Whether a user may read is the upstream's decision; public
//! repositories need none, so they are served even while the upstream is away.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use heliostat_auth::{Credentials, UserIdentity};
use heliostat_git::{FairQueue, Fault, OpenError};
use heliostat_git_serve::{ObjectSource, ServedRepositories};
use heliostat_peer::Clock;
use heliostat_refusal::Refusal;
use heliostat_storage::MirroredRepository;

use super::freshness::{Freshness, rest_of, wait_until_fresh};
use super::missing_wants::MissingWants;
use super::through::Through;
use super::upstream_of_reader::UpstreamOfReader;
use super::wanted_fetches::WantedFetches;
use crate::access::permit::{self, Reader};
use crate::access::{AccessDecisions, AskedRepository};
use crate::inventory::{Entry, Inventory, has_recorded_refs, is_available, names_default_branch};
use crate::sync::{Repairs, SyncQueue, Synchroniser};
use crate::upstream_link::{ReaderAccess, UpstreamClient, UpstreamLink};

/// How soon references that are not those that were synchronised are compared once more.
const SECOND_LOOK_AFTER: Duration = Duration::from_millis(10);

/// How soon a client may ask again that has waited in vain for the first look at a repository.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// A repository that the caller may read, open.
#[derive(Debug)]
pub struct ServedRepository {
    /// The repository on disk; or why nothing can be served from there, where there is a way to the upstream.
    pub repository: Result<heliostat_git_serve::ServedRepository, Refusal>,
    /// What is known about it.
    pub record: Arc<MirroredRepository>,
    /// How fresh it is.
    pub freshness: Freshness,
    /// Who reads it, if the upstream has found their credentials right.
    pub user: Option<UserIdentity>,
    /// The way to the upstream, if what is here is not to be served while the upstream answers.
    pub through: Option<Through>,
    /// Where to ask about what the references here do not lead to.
    pub object_source: Option<Arc<dyn ObjectSource>>,
}

/// A repository that is to be here, open if it can be served.
struct Opened {
    repository: Result<heliostat_git_serve::ServedRepository, Refusal>,
    record: Arc<MirroredRepository>,
    freshness: Freshness,
}

/// Opens repositories for those who may read them.
pub struct GitServing {
    pub(crate) freshness_cap: Duration,
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) client: UpstreamClient,
    pub(crate) decisions: Arc<AccessDecisions>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) served: ServedRepositories,
    pub(crate) queue: Arc<SyncQueue>,
    pub(crate) repairs: Arc<Repairs>,
    pub(crate) synchroniser: Arc<Synchroniser>,
    /// For requests that the upstream answers for readers.
    pub(crate) places: FairQueue,
    /// What readers want and is not here.
    pub(crate) fetches: WantedFetches,
    pub(crate) clock: Clock,
}

impl GitServing {
    /// Opens a repository. Waits for a synchronisation in flight, up to the cap.
    pub async fn open(
        &self,
        project_key: &str,
        slug: &str,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<ServedRepository, Refusal> {
        self.link.refuse_while_in_doubt()?;
        let arrivals = self.inventory.arrivals();
        let found = self.inventory.find_mirrored_by_path(project_key, slug);
        let record = found.as_ref().map(|entry| entry.record());
        let asked = AskedRepository::by_path(project_key, slug, record.as_deref(), arrivals);
        let (entry, reader, user) = self.permit(found, &asked, credentials, peer).await?;
        // Before it is looked what is known: with a lease, that is all that was acknowledged.
        let lease_is_over = self.link.lease().is_over();
        let Opened { repository, record, freshness } = self.open_entry(&entry, &reader).await;
        let freshness = Freshness { lease_is_over, ..freshness };
        let upstream_url = self.link.url().clone_url(&record.project_key, &record.slug);
        let upstream = ReaderAccess::of(credentials, upstream_url).map(|access| UpstreamOfReader {
            link: Arc::clone(&self.link),
            client: self.client.clone(),
            synchroniser: Arc::clone(&self.synchroniser),
            places: self.places.clone(),
            entry,
            access,
        });
        let is_unfit = lease_is_over || !freshness.is_current() || repository.is_err();
        let through = upstream.as_ref().filter(|_| is_unfit && can_go_through(&record, &freshness));
        let through = through.map(|upstream| Through { upstream: upstream.clone(), freshness });
        let repository = match (repository, &through) {
            (Err(refusal), None) => return Err(refusal),
            (repository, _) => repository,
        };
        let object_source = upstream.zip(repository.as_ref().ok()).map(|(upstream, served)| {
            let (fetches, repairs) = (self.fetches.clone(), Arc::clone(&self.repairs));
            let repository = served.repository.clone();
            Arc::new(MissingWants { upstream, fetches, repairs, repository }) as Arc<dyn ObjectSource>
        });
        Ok(ServedRepository { repository, record, freshness, user, through, object_source })
    }

    /// Where people find a repository on the upstream, whether or not it is mirrored.
    pub fn upstream_url(&self, project_key: &str, slug: &str) -> String {
        self.link.public_url().clone_url(project_key, slug)
    }

    async fn permit(
        &self,
        found: Option<Arc<Entry>>,
        asked: &AskedRepository,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<(Arc<Entry>, Reader, Option<UserIdentity>), Refusal> {
        if let Some(entry) = &found
            && let Some(reader) = permit::read_public(&entry.record())
        {
            // What is public is read without a question to the upstream, with any credentials.
            return Ok((Arc::clone(entry), reader, self.decisions.known_user(credentials)));
        }
        if *credentials == Credentials::None {
            return Err(Refusal::unauthenticated(
                "Credentials of the upstream are needed to read this repository.",
            ));
        }
        let decision = self.decisions.decide(credentials, peer, Some(asked)).await?;
        let entry = found.ok_or_else(permit::repository_not_found)?;
        let reader = permit::read(entry.record(), &decision)?;
        Ok((entry, reader, Some(decision.user)))
    }

    async fn open_entry(&self, entry: &Arc<Entry>, _: &Reader) -> Opened {
        let in_trouble = self.wait_while_in_trouble(entry).await;
        let cap = match &in_trouble {
            Ok(()) => rest_of(self.freshness_cap, entry.record().behind_since, self.clock.now_ms()),
            Err(_) => Duration::ZERO,
        };
        let upstream = || self.link.facts();
        let (record, freshness) = wait_until_fresh(entry, &self.queue, cap, upstream).await;
        let repository = match in_trouble {
            Err(refusal) => Err(refusal),
            Ok(()) if is_available(&record) => self.open_proven(entry).await,
            Ok(()) => {
                let upstream_url = self.upstream_url(&record.project_key, &record.slug);
                Err(Refusal::unavailable(format!(
                    "This mirror does not have the repository yet. Until then it is at {upstream_url}."
                )))
            }
        };
        Opened { repository, record, freshness }
    }

    /// Opens what is here, if its references are what they should be.
    async fn open_proven(
        &self,
        entry: &Arc<Entry>,
    ) -> Result<heliostat_git_serve::ServedRepository, Refusal> {
        let opened = match self.served.open(entry.disk_id()).await {
            Ok(repository) => self.is_proven(entry, &repository).await.map(|is_so| (repository, is_so)),
            Err(OpenError::BeingLookedAt(_)) => return Err(self.being_looked_at(&entry.record())),
            Err(error) => Err(error.fault().unwrap_or_else(|| Fault::Damaged(error.to_string()))),
        };
        match opened {
            Ok((repository, true)) => return Ok(repository),
            Ok((_, false)) => self.repairs.differs(entry),
            Err(fault) => self.repairs.suspect(entry, &fault),
        }
        let record = entry.record();
        Err(self.not_readable(&record.project_key, &record.slug))
    }

    fn being_looked_at(&self, record: &MirroredRepository) -> Refusal {
        let upstream_url = self.upstream_url(&record.project_key, &record.slug);
        let message = format!(
            "This mirror is looking at its copy of the repository for the first time since it was started. Until then it is \
             at {upstream_url}."
        );
        Refusal::unavailable_for(ASK_AGAIN_AFTER, message)
    }

    /// Waits for the end of a trouble up to the cap: a small repository is made anew within a moment. The cap runs from
    /// when the trouble began, so that a fetch of several requests waits once.
    async fn wait_while_in_trouble(&self, entry: &Entry) -> Result<(), Refusal> {
        let since = entry.trouble().map(|trouble| trouble.since);
        let cap = rest_of(self.freshness_cap, since, self.clock.now_ms());
        let mut trouble = entry.subscribe_to_trouble();
        if tokio::time::timeout(cap, trouble.wait_for(Option::is_none)).await.is_ok() {
            return Ok(());
        }
        let record = entry.record();
        let upstream_url = self.upstream_url(&record.project_key, &record.slug);
        let told =
            entry.trouble().map_or("This mirror cannot serve the repository.", |trouble| trouble.kind.told());
        Err(Refusal::unavailable(format!("{told} Until then it is at {upstream_url}.")))
    }

    /// Whether its references are a state that a synchronisation has proven. While one is under way, `HEAD` may be on its way.
    async fn is_proven(
        &self,
        entry: &Entry,
        served: &heliostat_git_serve::ServedRepository,
    ) -> Result<bool, Fault> {
        // Once more after a moment, because news may have come between the two that are compared.
        for pause in [Some(SECOND_LOOK_AFTER), None] {
            let before = entry.record();
            let refs = served.repository.snapshot().await;
            let refs = refs
                .map_err(|error| error.fault().unwrap_or_else(|| Fault::CannotReadNow(error.to_string())))?;
            let record = entry.record();
            let is_recorded = [&before, &record].into_iter().any(|record| has_recorded_refs(record, &refs));
            if (is_recorded || entry.has_shown(&refs))
                && (names_default_branch(&record, &refs) || self.queue.is_busy(entry))
            {
                return Ok(true);
            }
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(false)
    }

    /// What a client is told when a repository of this mirror turns out to be unreadable while it is served.
    pub fn not_readable(&self, project_key: &str, slug: &str) -> Refusal {
        let upstream_url = self.upstream_url(project_key, slug);
        Refusal::unavailable(format!(
            "This mirror cannot read its copy of the repository. Until it can, the repository is at {upstream_url}."
        ))
    }
}

/// Whether the upstream may answer in place of this mirror. What it has lost is not asked of it.
fn can_go_through(record: &MirroredRepository, freshness: &Freshness) -> bool {
    freshness.upstream.reachable && record.held.is_none()
}
