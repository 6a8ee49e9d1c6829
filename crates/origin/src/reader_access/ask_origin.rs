//! Asking the origin what a reader may read and what is there, once for all who want to know at the same moment.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use heliostat_foreign::{Credentials, Listing, Refusal, RepositoryPath, Source};
use heliostat_git::{ClientKey, ContentHash, FairQueue, Permit, Shares};
use heliostat_git_wire::LsRefs;
use heliostat_peer::Clock;
use heliostat_storage::OriginStore;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;

use super::contact::Contact;
use super::fingerprint_key::FingerprintKey;
use super::kept_lists::KeptLists;
use super::known_readers::KnownReaders;
use super::listings::{ListName, Listings, Shown};
use super::persisted_readers::{OnDisk, PersistedReaders};
use super::reader::{Grant, LastAnswer, Lifetimes, NewEnough, Reader};
use super::waiting_news::WaitingNews;
use crate::repositories::Repositories;

/// Readers of repositories of whom something is known in memory; each takes some hundred bytes.
const MAX_READERS: usize = 65_536;

/// The same of those whom the origin has shown nothing.
const MAX_NOT_SHOWN: usize = 16_384;

/// Questions that the origin is asked at once.
const MAX_QUESTIONS: usize = 128;

/// How long a question goes on whose reader has hung up: others may wait for the answer.
const ABANDONED_QUESTION_LIMIT: Duration = Duration::from_mins(2);

/// A reader of a repository: where it is, and the keyed hash of their credentials.
pub(super) type ReaderKey = (RepositoryPath, [u8; 32]);

/// The same in a few bytes.
pub(super) type ReaderDigest = [u8; 32];

/// How new the origin's word must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// It is asked after the request has come.
    Anew,
    /// The same where the reader is shown no references yet: it may be asked for less.
    Greeting,
    /// The request follows another one, for which it was asked.
    Following,
}

/// What a reader is shown.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) refs: HeardRefs,
    /// When the origin was asked, in epoch milliseconds.
    pub(crate) asked_at: i64,
    /// Why the origin has said nothing now, so that what it has said before holds.
    pub(crate) outage: Option<Refusal>,
    /// What of the references is known to be so still, if that is not all.
    pub(crate) part: Option<LsRefs>,
}

/// The references of a repository as the origin has shown them.
#[derive(Debug, Clone)]
pub(crate) enum HeardRefs {
    /// These.
    Told(Arc<Shown>),
    /// Those with this hash, before this process was started: branches and tags.
    Before(ContentHash),
}

/// A question that is asked for a reader of a repository.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) key: &'a ReaderKey,
    pub(super) reader: &'a Arc<Reader>,
    pub(super) credentials: &'a Credentials,
    pub(super) client: ClientKey,
}

/// How often the origin was asked, and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccessCounters {
    /// Requests for which the origin was asked.
    pub asked: u64,
    /// Requests for which what was asked for another one held.
    pub shared: u64,
    /// Requests that the origin has refused.
    pub refused: u64,
    /// Requests of known readers while the origin has said nothing.
    pub stale: u64,
    /// Requests that were refused because the origin has said nothing.
    pub unknown: u64,
}

#[derive(Debug, Default)]
struct Counts {
    asked: AtomicU64,
    shared: AtomicU64,
    refused: AtomicU64,
    stale: AtomicU64,
    unknown: AtomicU64,
}

/// The origin's word about readers.
pub(crate) struct ReaderAccess {
    source: Arc<dyn Source>,
    contact: Contact,
    clock: Clock,
    lifetimes: Lifetimes,
    pub(super) key: FingerprintKey,
    places: FairQueue,
    pub(super) listings: Listings,
    pub(super) readers: KnownReaders,
    /// Readers to whom something was shown that is to be kept.
    pub(super) changed: Mutex<WaitingNews>,
    /// Readers who were refused, which is to be kept; and when, in epoch milliseconds.
    pub(super) refused: Arc<Mutex<HashMap<ReaderDigest, i64>>>,
    pub(super) lists: KeptLists,
    pub(super) store: OriginStore,
    pub(super) repositories: Arc<Repositories>,
    /// Readers of whom there is something on the disk, or may be.
    pub(super) on_disk: Arc<Mutex<HashMap<ReaderDigest, OnDisk>>>,
    /// How many may be there.
    pub(super) max_kept: u64,
    /// Held by one who changes what is on the disk.
    pub(super) writing: Arc<tokio::sync::Mutex<()>>,
    counts: Counts,
}

impl ReaderAccess {
    pub(crate) fn new(
        source: Arc<dyn Source>,
        clock: Clock,
        lifetimes: Lifetimes,
        key: FingerprintKey,
        store: OriginStore,
        repositories: Arc<Repositories>,
        kept: PersistedReaders,
    ) -> Self {
        Self {
            source,
            contact: Contact::default(),
            clock,
            lifetimes,
            key,
            places: FairQueue::new(Shares::of_requests(MAX_QUESTIONS)),
            listings: Listings::new(),
            readers: KnownReaders::new(MAX_READERS, MAX_NOT_SHOWN),
            changed: Mutex::default(),
            refused: Arc::default(),
            lists: kept.lists,
            store,
            repositories,
            on_disk: Arc::new(Mutex::new(kept.on_disk)),
            max_kept: kept.max,
            writing: Arc::default(),
            counts: Counts::default(),
        }
    }

    /// Whether the origin answers.
    pub(crate) fn contact(&self) -> &Contact {
        &self.contact
    }

    pub(crate) fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn counters(&self) -> AccessCounters {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { asked, shared, refused, stale, unknown } = &self.counts;
        AccessCounters {
            asked: read(asked),
            shared: read(shared),
            refused: read(refused),
            stale: read(stale),
            unknown: read(unknown),
        }
    }

    /// What the origin shows to a reader, or that it does not.
    pub(crate) async fn hear(
        self: &Arc<Self>,
        path: &RepositoryPath,
        credentials: &Credentials,
        asking: Asking,
        client: ClientKey,
    ) -> Result<Heard, Refusal> {
        let arrived = Instant::now();
        let wanted = match asking {
            Asking::Anew | Asking::Greeting => NewEnough::AskedSince(arrived),
            Asking::Following => {
                NewEnough::AnsweredSince(arrived.checked_sub(self.lifetimes.following).unwrap_or(arrived))
            }
        };
        let key = (path.clone(), credentials.fingerprint(&self.key));
        let reader = self.readers.find_or_add(&key);
        let part = match asking {
            Asking::Anew => None,
            Asking::Greeting => Some(LsRefs::of_head()),
            // Of what it was asked last, when that was too long ago.
            Asking::Following => reader.confirmed_last(),
        };
        let heard = match self.known(path, &reader, wanted).await {
            Some(heard) => heard,
            None => match self.confirmed(&reader, wanted).filter(|_| asking == Asking::Following) {
                Some(heard) => Ok(heard),
                None => {
                    let question = Question { key: &key, reader: &reader, credentials, client };
                    self.ask_anew(question, part, wanted).await
                }
            },
        };
        self.counted(heard)
    }

    /// The same for a reader who asks for a part of the references: those are as the origin has them now.
    pub(crate) async fn hear_part(
        self: &Arc<Self>,
        path: &RepositoryPath,
        credentials: &Credentials,
        part: &LsRefs,
        client: ClientKey,
    ) -> Result<Heard, Refusal> {
        let since = NewEnough::AskedSince(Instant::now());
        let key = (path.clone(), credentials.fingerprint(&self.key));
        let reader = self.readers.find_or_add(&key);
        let question = Question { key: &key, reader: &reader, credentials, client };
        let heard = self.ask_anew(question, Some(part.clone()), since).await;
        self.counted(heard)
    }

    fn counted(&self, heard: Result<Heard, Refusal>) -> Result<Heard, Refusal> {
        match &heard {
            Ok(Heard { outage: Some(_), .. }) => count(&self.counts.stale),
            Err(refusal) if refusal.is_verdict() => count(&self.counts.refused),
            Err(_) => count(&self.counts.unknown),
            Ok(_) => {}
        }
        heard
    }

    pub(super) fn count_asked(&self) {
        count(&self.counts.asked);
    }

    pub(super) fn count_shared(&self) {
        count(&self.counts.shared);
    }

    pub(super) fn source(&self) -> &dyn Source {
        &*self.source
    }

    /// A list that is in memory.
    pub(super) fn find_list(&self, name: &ListName) -> Option<Arc<Shown>> {
        self.listings.find(name)
    }

    /// Asks for this part where that is enough, or else for the whole, unless another request has done so by now.
    async fn ask_anew(
        self: &Arc<Self>,
        question: Question<'_>,
        part: Option<LsRefs>,
        wanted: NewEnough,
    ) -> Result<Heard, Refusal> {
        if let Some(part) = part.filter(|part| self.is_worth_asking(question, part)) {
            return self.ask_for_part(question, &part, wanted).await;
        }
        let turn = Arc::clone(&question.reader.turn).lock_owned().await;
        match self.known(&question.key.0, question.reader, wanted).await {
            Some(heard) => heard,
            None => self.ask(question, turn).await,
        }
    }

    /// What holds without a question, if something does.
    pub(super) async fn known(
        &self,
        path: &RepositoryPath,
        reader: &Reader,
        wanted: NewEnough,
    ) -> Option<Result<Heard, Refusal>> {
        let LastAnswer { answer, .. } = reader.last_answer(wanted)?;
        let heard = match answer {
            Ok(()) => {
                let grant = reader.grant()?;
                // It may have been forgotten, for room in memory.
                let shown = self.listings.find(grant.listed.as_ref()?)?;
                Ok(Heard::told(shown, grant.at_ms))
            }
            Err(refusal) => self.without_answer(path, reader, refusal).await,
        };
        self.count_shared();
        Some(heard)
    }

    /// A place among the questions that the origin is asked at once.
    pub(super) async fn place_for(&self, question: Question<'_>) -> Permit {
        self.places.permit(number_of(&question.key.0), question.client).await
    }

    /// An answer for which the origin is waited as long as it is waited for now.
    pub(super) async fn in_time<T>(&self, answer: BoxFuture<'_, Result<T, Refusal>>) -> Result<T, Refusal> {
        let patience = self.contact.patience();
        tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| {
            Err(Refusal::Away(format!("it does not end its list within {} s", patience.as_secs())))
        })
    }

    /// Asks for the whole, in the reader's turn. A client that hangs up does not end what others wait for.
    pub(super) async fn ask(
        self: &Arc<Self>,
        question: Question<'_>,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Heard, Refusal> {
        let place = self.place_for(question).await;
        let Question { key, reader, credentials, client } = question;
        let (this, key, reader) = (Arc::clone(self), key.clone(), Arc::clone(reader));
        let credentials = credentials.clone();
        let asking = async move {
            let question = Question { key: &key, reader: &reader, credentials: &credentials, client };
            let heard = this.ask_at_place(question).await;
            drop((place, turn));
            heard
        };
        let heard = self.repositories.to_the_end_within(ABANDONED_QUESTION_LIMIT, asking).await;
        heard.unwrap_or_else(|| Err(Refusal::Away("this mirror is stopping".to_owned())))
    }

    /// The caller holds the reader's turn, and a place.
    async fn ask_at_place(&self, question: Question<'_>) -> Result<Heard, Refusal> {
        let Question { key, reader, credentials, .. } = question;
        let (began, asked_at) = (Instant::now(), self.clock.now_ms());
        self.count_asked();
        match self.in_time(self.source.list(&key.0, credentials)).await {
            Ok(listing) => {
                self.contact.note_answer(self.clock.now_ms());
                let shown = self.note_shown(key, reader, listing, began, asked_at);
                Ok(Heard::told(shown, asked_at))
            }
            Err(refusal) if refusal.is_verdict() => {
                self.contact.note_answer(self.clock.now_ms());
                let is_news = reader.note_refusal(began, refusal.clone());
                self.readers.note_refused(key, reader);
                // No client is shown more without credentials than with them.
                self.keep_refusal(key, is_news && !credentials.is_anonymous()).await;
                Err(refusal)
            }
            Err(refusal) => self.heard_nothing(question, began, refusal).await,
        }
    }

    fn note_shown(
        &self,
        key: &ReaderKey,
        reader: &Arc<Reader>,
        listing: Listing,
        began: Instant,
        asked_at: i64,
    ) -> Arc<Shown> {
        let (name, shown) = self.listings.shared(listing);
        reader.note_grant(Grant {
            listed: Some(name),
            branches: shown.branches.content_hash().clone(),
            at: began,
            at_ms: asked_at,
        });
        self.readers.note_shown(key, reader);
        self.keep_grant(key, reader, name, &shown);
        shown
    }
}

impl fmt::Debug for ReaderAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderAccess").field("readers", &self.readers.len()).finish_non_exhaustive()
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn digest_of((path, fingerprint): &ReaderKey) -> ReaderDigest {
    Sha256::new().chain_update(fingerprint).chain_update(path.as_str()).finalize().into()
}

/// By what questions about one repository are told from those about others before it has a number.
fn number_of(path: &RepositoryPath) -> u64 {
    let digest = Sha256::digest(path.as_str());
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
