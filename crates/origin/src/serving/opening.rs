//! Which repository a git request gets, if any: what the origin says to its sender's own credentials.

use std::sync::Arc;

use heliostat_foreign::{Credentials, Refusal as OriginRefusal, RepositoryPath};
use heliostat_git::{ClientKey, ObjectFormat, RefSnapshot};
use heliostat_git_serve::{GitReader, ObjectSource, ServedRepository};
use heliostat_git_wire::RemoteMessage;
use heliostat_refusal::Refusal;
use thiserror::Error;

use super::fetcher::Fetcher;
use super::in_step::InStep;
use super::missing_objects::MissingObjects;
use super::part_lists::PartLists;
use crate::options::OriginOptions;
use crate::reader_access::{Asking, Heard, HeardRefs, ReaderAccess, Shown};
use crate::repositories::{Entry, InUse, Repositories};

/// How credentials are asked for in the place of the origin: in the way that every Git server takes them.
const CHALLENGE: &str = "Basic realm=\"Git\"";

/// Where in a git command a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// It begins one (`GET info/refs`): the origin is asked anew, so that nothing older is seen than it has at this moment.
    First,
    /// The same in version 2 of the protocol, which shows no references yet: of a long list, the origin is asked for `HEAD` alone.
    Greeting,
    /// It follows another one: what the origin has said a few seconds ago holds.
    Following,
}

/// How fresh what a reader is shown is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// When the origin was asked, in epoch milliseconds.
    pub asked_at: i64,
    /// Why the origin has said nothing since, in words; nothing if its word is new enough.
    pub outage: Option<String>,
}

/// Why a repository is not opened for a reader.
#[derive(Debug, Error)]
pub enum NotOpened {
    /// The origin does not show it, or says nothing and this reader is not known well enough.
    #[error(transparent)]
    ByOrigin(OriginRefusal),
    /// This mirror serves some repositories of the origin only, and this is none of them.
    #[error("this mirror does not serve {0}")]
    NotServed(RepositoryPath),
    /// Something of this mirror is the matter.
    #[error(transparent)]
    ByMirror(#[from] Refusal),
}

/// A repository that its reader may read, open.
#[derive(Debug, Clone)]
pub struct OpenedRepository {
    /// The repository, which shows what the origin shows this reader.
    pub repository: ServedRepository,
    /// How fresh that is.
    pub freshness: Freshness,
    /// Where the origin has it, if that is not where it was looked for.
    pub moved_to: Option<RepositoryPath>,
    pub(super) refs: RefSnapshot,
    missing: Arc<MissingObjects>,
    _in_use: InUse,
}

impl OpenedRepository {
    /// The same for a reader who may have to wait until what they want is here.
    fn offering_bands(mut self) -> Self {
        self.repository = self.repository.offering_bands();
        self
    }

    /// The same for a reader of whom is known that they are shown these references, and not which others. Lists are asked for when
    /// the client asks for them.
    fn of_a_part(mut self, lists: PartLists) -> Self {
        // It is no list of branches, so it brings none in step.
        self.missing = Arc::new(MissingObjects { in_step: None, ..(*self.missing).clone() });
        self.repository = self.repository.showing_a_part(self.refs.clone(), Arc::new(lists));
        self
    }

    /// Its reader, who is told this beside the answers, and for whom the origin is asked about what is not here.
    pub fn reader(&self, key: ClientKey, messages: Vec<RemoteMessage>) -> GitReader {
        let object_source: Arc<dyn ObjectSource> = self.missing.clone();
        GitReader::told(key, messages).asking(object_source)
    }
}

/// Opens repositories for those to whom the origin shows them.
pub(crate) struct Opening {
    pub(crate) options: Arc<OriginOptions>,
    pub(crate) reader_access: Arc<ReaderAccess>,
    pub(crate) repositories: Arc<Repositories>,
    pub(crate) fetcher: Fetcher,
    pub(crate) in_step: Arc<InStep>,
}

impl Opening {
    pub(crate) async fn open(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
        visit: Visit,
        client: ClientKey,
    ) -> Result<OpenedRepository, NotOpened> {
        if !self.options.serves(path) {
            return Err(NotOpened::NotServed(path.clone()));
        }
        let asking = match visit {
            Visit::First => Asking::Anew,
            Visit::Greeting => Asking::Greeting,
            Visit::Following => Asking::Following,
        };
        let heard = self.reader_access.hear(path, credentials, asking, client).await;
        let heard = heard.map_err(|refusal| self.asked_who(refusal, credentials));
        let Heard { refs, asked_at, outage, part } = heard?;
        match refs {
            HeardRefs::Told(shown) => {
                let format = shown.listing.object_format();
                let place = self.repositories.place_of(path, shown.listing.moved_to());
                if let Some(refusal) = &outage
                    && self.repositories.find(&place).is_some_and(|entry| entry.format != format)
                {
                    // What is here is another repository, which others were shown since. It would have to go for one in which
                    // nothing is, and could not come again.
                    return Err(NotOpened::ByOrigin(refusal.clone()));
                }
                let opened = self.open_entry(&place, format).await?;
                // Otherwise some of it may have to be fetched before there is anything to answer with.
                let is_here = opened.entry.is_in_step_with(shown.branches.content_hash());
                let told_of_waits = |opened: OpenedRepository| match is_here {
                    true => opened,
                    false => opened.offering_bands(),
                };
                if let Some(part) = part {
                    let lists = PartLists::of(self, path, credentials, client, &opened.entry);
                    let shown = Arc::new(shown.part(&part));
                    let opened = self.opened(opened, path, shown, credentials, asked_at, None);
                    return Ok(told_of_waits(opened.of_a_part(lists)));
                }
                if outage.is_none() {
                    self.in_step.request(&opened.entry, &shown, path, credentials);
                }
                let opened = self.opened(opened, path, shown, credentials, asked_at, outage.as_ref());
                Ok(told_of_waits(opened))
            }
            HeardRefs::Before(branches) => {
                // Only what is here can be shown, and only if it is what this reader was shown.
                let refusal = outage.unwrap_or_else(|| OriginRefusal::Away("it was not asked".to_owned()));
                let place = self.repositories.place_of(path, None);
                let Some(entry) = self.repositories.find(&place) else {
                    return Err(NotOpened::ByOrigin(refusal));
                };
                let opened = self.open_entry(&place, entry.format).await?;
                let here = opened.repository.repository.snapshot().await.map_err(Refusal::internal)?;
                if *here.content_hash() != branches {
                    return Err(NotOpened::ByOrigin(refusal));
                }
                let shown = Arc::new(Shown::of_what_is_here(here, entry.format));
                Ok(self.opened(opened, path, shown, credentials, asked_at, Some(&refusal)))
            }
        }
    }

    /// What one is told to whom nothing is known to be shown. Clients say who they are only when they are asked: known readers
    /// begin without credentials, or with a name alone, and would be sent away while the origin says nothing. While nothing is
    /// here, no credentials can help, and git would tell of those that it lacks instead of what is the matter.
    fn asked_who(&self, refusal: OriginRefusal, credentials: &Credentials) -> NotOpened {
        let may_show_more = credentials.is_anonymous() || credentials.lack_the_password();
        if refusal.is_verdict() || !may_show_more || self.repositories.count() == 0 {
            return NotOpened::ByOrigin(refusal);
        }
        let told = format!(
            "This mirror cannot ask its origin whether you may read this repository: {refusal}. Readers whom this mirror \
             knows are served all the same."
        );
        NotOpened::ByMirror(Refusal::challenged(vec![CHALLENGE.to_owned()], told))
    }

    async fn open_entry(&self, path: &RepositoryPath, format: ObjectFormat) -> Result<OpenEntry, Refusal> {
        let now = self.options.clock.now_ms();
        let mut entry = self.repositories.find_or_make(path, format).await?;
        let mut in_use = entry.use_now(now);
        if entry.is_gone() {
            // At this very moment it has made room for another one.
            entry = self.repositories.find_or_make(path, format).await?;
            in_use = entry.use_now(now);
        }
        let repository = self.repositories.open(&entry).await?;
        Ok(OpenEntry { entry, repository, in_use })
    }

    fn opened(
        &self,
        opened: OpenEntry,
        path: &RepositoryPath,
        shown: Arc<Shown>,
        credentials: &Credentials,
        asked_at: i64,
        outage: Option<&OriginRefusal>,
    ) -> OpenedRepository {
        let OpenEntry { entry, repository, in_use } = opened;
        let refs = shown.listing.refs().clone();
        let moved_to = shown.listing.moved_to().cloned();
        let freshness = Freshness { asked_at, outage: outage.map(ToString::to_string) };
        let missing = MissingObjects {
            fetcher: self.fetcher.clone(),
            in_step: Some(Arc::clone(&self.in_step)),
            repository: repository.repository.clone(),
            entry,
            path: path.clone(),
            shown,
            credentials: credentials.clone(),
            outage: freshness.outage.clone(),
            _in_use: in_use.clone(),
        };
        OpenedRepository {
            repository: repository.showing(refs.clone()),
            freshness,
            moved_to,
            refs,
            missing: Arc::new(missing),
            _in_use: in_use,
        }
    }
}

/// A repository that is here, open.
struct OpenEntry {
    entry: Arc<Entry>,
    repository: ServedRepository,
    in_use: InUse,
}
