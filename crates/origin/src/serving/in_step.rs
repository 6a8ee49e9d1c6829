//! Keeping repositories that are used in step with what the origin shows, before anyone asks for it.
//!
//! Each list that a reader is shown tells what has changed. What is new is fetched at once, in the background and with the
//! credentials of that reader, so that the request for objects that follows finds it here or on its way, and answers are
//! computed in advance. Nothing depends on it: what is missing is fetched when it is wanted.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use heliostat_foreign::{Credentials, RepositoryPath};
use heliostat_git::{ClientKey, FetchTurn, ObjectId};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::fetcher::{Fetch, Fetcher, NotFetched};
use crate::reader_access::Shown;
use crate::repositories::{Entry, Repositories};

/// Most repositories that wait; those of which there is more news are fetched when a client wants them.
const MAX_WAITING: usize = 1_024;

/// Repositories that are brought in step at once.
pub(crate) const IN_STEP_WORKERS: usize = 4;

/// What is to be brought here, and who has been shown it.
struct News {
    entry: Arc<Entry>,
    shown: Arc<Shown>,
    path: RepositoryPath,
    credentials: Credentials,
}

/// The news that wait, the last of each repository.
#[derive(Default)]
struct Waiting {
    order: VecDeque<u64>,
    news: HashMap<u64, News>,
}

/// Brings repositories in step.
pub(crate) struct InStep {
    fetcher: Fetcher,
    repositories: Arc<Repositories>,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

impl InStep {
    pub(crate) fn new(fetcher: Fetcher, repositories: Arc<Repositories>) -> Self {
        Self { fetcher, repositories, waiting: Mutex::default(), arrived: Notify::new() }
    }

    /// A reader is shown this. Of a repository of which nothing is here, nothing is fetched until a client wants it.
    pub(super) fn request(
        &self,
        entry: &Arc<Entry>,
        shown: &Arc<Shown>,
        path: &RepositoryPath,
        credentials: &Credentials,
    ) {
        if entry.has_content() {
            self.request_after_fetch(entry, shown, path, credentials);
        }
    }

    /// The same of a repository into which something was fetched.
    pub(super) fn request_after_fetch(
        &self,
        entry: &Arc<Entry>,
        shown: &Arc<Shown>,
        path: &RepositoryPath,
        credentials: &Credentials,
    ) {
        if entry.is_in_step_with(shown.branches.content_hash()) {
            return;
        }
        let mut waiting = self.waiting.lock();
        let id = entry.disk_id();
        let news = News {
            entry: Arc::clone(entry),
            shown: Arc::clone(shown),
            path: path.clone(),
            credentials: credentials.clone(),
        };
        let is_waiting = waiting.news.contains_key(&id);
        if !is_waiting && waiting.order.len() >= MAX_WAITING {
            return;
        }
        waiting.news.insert(id, news);
        if !is_waiting {
            waiting.order.push_back(id);
            self.arrived.notify_one();
        }
    }

    /// Works until the token ends.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            loop {
                let next = {
                    let mut waiting = self.waiting.lock();
                    waiting.order.pop_front().and_then(|id| waiting.news.remove(&id))
                };
                match next {
                    Some(news) => self.bring(&news).await,
                    None => self.arrived.notified().await,
                }
            }
        })
        .await;
    }

    async fn bring(&self, news: &News) {
        let News { entry, shown, .. } = news;
        let listed = shown.branches.content_hash();
        let mut place = None;
        loop {
            let turn = self.fetcher.turn(entry, ClientKey::server(), place.take()).await;
            if entry.is_gone() || entry.is_in_step_with(listed) {
                return;
            }
            match self.bring_all(news, &turn).await {
                Ok(true) => {}
                Ok(false) => {
                    drop(turn);
                    place = Some(self.fetcher.place(entry, ClientKey::server()).await);
                    continue;
                }
                Err(failure) => tracing::debug!(
                    repository.path = entry.path.as_str(),
                    error = &failure as &dyn std::error::Error,
                    "a repository is not brought in step with the origin; what is wanted is fetched then"
                ),
            }
            // Not tried again until the origin shows something else.
            entry.note_in_step_with(listed);
            return;
        }
    }

    /// Whether it is done; if not, a place is needed.
    async fn bring_all(&self, news: &News, turn: &FetchTurn) -> Result<bool, NotFetched> {
        let News { entry, shown, path, credentials } = news;
        let Ok(served) = self.repositories.open(entry).await else { return Ok(true) };
        let here = served.repository.snapshot().await?;
        let mut missing: BTreeSet<ObjectId> =
            shown.branches.refs().map(|found| found.object().clone()).collect();
        here.retain_unnamed(&mut missing);
        if !missing.is_empty() && !turn.has_place() {
            return Ok(false);
        }
        let repository = &served.repository;
        let fetch = Fetch { entry, repository, shown, path, credentials, forwarder: None };
        // Also where nothing is missing: branches move back, and go.
        self.fetcher.bring_branches(fetch, &missing).await?;
        Ok(true)
    }
}
