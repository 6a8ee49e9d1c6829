//! What REST clients and the console ask about: upstreams and mirrored repositories.

use std::net::IpAddr;
use std::sync::Arc;

use heliostat_auth::{Caller, Credentials};
use heliostat_peer::Clock;
use heliostat_refusal::Refusal;
use heliostat_storage::{MirroredRepository, UpstreamServer};

use crate::access::permit::{self, Administrator, Reader};
use crate::access::{AccessDecisions, AskedRepository};
use crate::inventory::{Inventory, is_available};
use crate::upstream_link::{Heartbeat, Introduction, UpstreamFacts, UpstreamLink, UpstreamUrl};

/// An upstream, and what is known of it now.
#[derive(Debug, Clone)]
pub struct UpstreamView {
    /// What is remembered of it.
    pub server: Arc<UpstreamServer>,
    /// Whether it answers, and since when it is not known what it has.
    pub facts: UpstreamFacts,
    /// By how much its clock is ahead of ours, in milliseconds, as far as that is known.
    pub clock_skew_ms: Option<i64>,
    /// When any repository was last synchronised, in epoch milliseconds.
    pub last_sync_at: Option<i64>,
    /// Age of the oldest change that is known and not here, in milliseconds.
    pub lag_ms: Option<i64>,
    /// Repositories whose last synchronisation failed.
    pub failing: usize,
    /// What is wrong with following it, if anything is known to be.
    pub problem: Option<String>,
}

/// A mirrored repository as clients see it.
#[derive(Debug, Clone)]
pub struct MirroredRepositoryView {
    /// What is known about it.
    pub record: Arc<MirroredRepository>,
    /// Whether it can be cloned from this mirror now.
    pub available: bool,
    /// When the upstream last told what it has of it, in epoch milliseconds.
    pub compared_at: Option<i64>,
    /// Since when it is not known what the upstream has, in epoch milliseconds; `None` while it is known.
    pub not_known_since: Option<i64>,
    /// Where it is cloned from this mirror over HTTP.
    pub clone_url: String,
    /// Where it is pushed to over HTTP: the upstream.
    pub push_url: String,
}

/// Answers questions about upstreams and single repositories.
pub struct Lookups {
    pub(crate) introduction: Arc<Introduction>,
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) heartbeat: Arc<Heartbeat>,
    pub(crate) decisions: Arc<AccessDecisions>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) clock: Clock,
}

impl Lookups {
    /// The upstreams that this mirror follows.
    pub fn upstream_servers(&self, _: &Administrator) -> Vec<UpstreamView> {
        vec![self.followed()]
    }

    /// The upstream with this id.
    pub fn upstream_server(&self, _: &Administrator, upstream_id: &str) -> Result<UpstreamView, Refusal> {
        self.link.require(upstream_id)?;
        Ok(self.followed())
    }

    fn followed(&self) -> UpstreamView {
        let (contact, counts) = (self.link.contact(), self.inventory.counts());
        UpstreamView {
            last_sync_at: counts.last_sync_at,
            lag_ms: counts.lag_ms(self.clock.now_ms()),
            failing: counts.failing,
            server: self.link.upstream(),
            facts: self.link.facts(),
            clock_skew_ms: contact.clock_skew_ms(),
            problem: self
                .heartbeat
                .complaint()
                .or_else(|| self.link.complaint())
                .or_else(|| contact.why_away()),
        }
    }

    /// Lets a caller read a mirrored repository by the upstream's id. The upstream reads every one, a signed link
    /// counts as the upstream for the one it was made for, and users read what they may.
    pub async fn reader(
        &self,
        upstream_id: &str,
        external_id: &str,
        caller: &Caller,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Reader, Refusal> {
        self.link.require(upstream_id)?;
        let arrivals = self.inventory.arrivals();
        let found = self.inventory.find_mirrored(external_id).map(|entry| entry.record());
        let asked = AskedRepository::by_id(external_id, found.as_deref(), arrivals);
        self.reader_of(found, &asked, caller, credentials, peer).await
    }

    /// The same for a repository that is named by its project and slug.
    pub async fn reader_by_path(
        &self,
        project_key: &str,
        slug: &str,
        caller: &Caller,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Reader, Refusal> {
        let arrivals = self.inventory.arrivals();
        let found = self.inventory.find_mirrored_by_path(project_key, slug).map(|entry| entry.record());
        let asked = AskedRepository::by_path(project_key, slug, found.as_deref(), arrivals);
        self.reader_of(found, &asked, caller, credentials, peer).await
    }

    async fn reader_of(
        &self,
        found: Option<Arc<MirroredRepository>>,
        asked: &AskedRepository,
        caller: &Caller,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Reader, Refusal> {
        self.link.refuse_while_in_doubt()?;
        match caller {
            Caller::Upstream { .. } => {
                permit::read_as_upstream(found.ok_or_else(permit::repository_not_found)?, caller)
            }
            Caller::User(_) | Caller::LimitedUser { .. } => {
                let decision = self.decisions.decide(credentials, peer, Some(asked)).await?;
                permit::read(found.ok_or_else(permit::repository_not_found)?, &decision)
            }
            Caller::Anonymous | Caller::Mirror { .. } => Err(Refusal::unauthenticated(
                "This needs a link signed by the upstream, or the credentials of a user who may read the repository.",
            )),
        }
    }

    /// Everything that can be cloned from here now, in the order of the ids here.
    pub fn served_repositories(&self, _: &Administrator) -> Vec<MirroredRepositoryView> {
        let records = self.inventory.mirrored().map(|entry| entry.record());
        let mut served: Vec<_> = records.filter(|record| is_available(record)).collect();
        served.sort_unstable_by_key(|record| record.local_id.0);
        served.into_iter().map(|record| self.view(record)).collect()
    }

    /// A mirrored repository.
    pub fn mirrored_repository(&self, reader: &Reader) -> MirroredRepositoryView {
        self.view(Arc::clone(reader.record()))
    }

    fn view(&self, record: Arc<MirroredRepository>) -> MirroredRepositoryView {
        let path = UpstreamUrl::clone_path(&record.project_key, &record.slug);
        MirroredRepositoryView {
            available: is_available(&record),
            compared_at: self.inventory.find(&record.external_id).and_then(|entry| entry.compared_at()),
            not_known_since: self.link.facts().not_known_since,
            clone_url: format!("{}{path}", self.introduction.base_url),
            push_url: format!("{}{path}", self.link.public_url()),
            record,
        }
    }
}
