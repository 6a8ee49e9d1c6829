//! Answers that are ready before the first job asks.
//!
//! Build servers ask for the newest commit of the same few branches, shallow, again and again. What they asked is
//! remembered by the name of the branch; when the branch moves, the same question about its new tip is answered at
//! once, in the background, so that the first of many jobs finds the answer stored or joins its computation. The same
//! goes for the twin of each question that leaves file contents out, or does not.
//!
//! Only the way of asking is remembered, never who asked.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use heliostat_git::{ClientKey, Permit};
use heliostat_git_wire::{FetchRequest, ObjectId, RefName, RefSnapshot};
use heliostat_stream_cache::{CacheKey, Interest, ResponseStream};
use parking_lot::{Mutex, MutexGuard};

use crate::compute::compute;
use crate::served::ServedRepository;

/// Questions remembered for one repository; the one that was asked longest ago makes room.
const MAX_QUESTIONS: usize = 32;

/// Repositories whose questions are remembered; the one that was asked longest ago makes room.
const MAX_REPOSITORIES: usize = 4_096;

/// A question that was not asked for this long is not answered in advance any more.
const REMEMBERED_FOR: Duration = Duration::from_hours(24);

/// Most branches of one question; build servers name one.
const MAX_BRANCHES: usize = 4;

/// What build servers asked for lately, by repository.
#[derive(Debug, Default)]
pub(crate) struct Prewarm {
    asked: Mutex<HashMap<u64, Asked>>,
}

#[derive(Debug, Default)]
struct Asked {
    questions: Vec<Question>,
    /// Requests that were found to be no such question, or to be one that is in the list: they are common, and
    /// looking for their branches takes a walk through all references.
    seen: HashSet<[u8; 32]>,
    last: Option<Instant>,
}

#[derive(Debug, Clone)]
struct Question {
    branches: BTreeSet<RefName>,
    /// Everything but what is wanted.
    shape: FetchRequest,
    last: Instant,
}

impl Prewarm {
    /// Remembers a request if it is one that build servers repeat.
    pub(crate) fn note(&self, key: CacheKey, request: &FetchRequest, refs: &RefSnapshot) {
        if !request.is_shallow_clone() || request.wants().len() > MAX_BRANCHES {
            return;
        }
        let mut asked = self.lock();
        if !asked.contains_key(&key.group) && asked.len() >= MAX_REPOSITORIES {
            let oldest = asked.iter().min_by_key(|(_, asked)| asked.last).map(|(repository, _)| *repository);
            oldest.and_then(|repository| asked.remove(&repository));
        }
        asked.entry(key.group).or_default().note(key.digest, request, refs, Instant::now());
    }

    /// The requests to answer now that the references are these.
    fn requests(&self, repository: u64, refs: &RefSnapshot) -> Vec<FetchRequest> {
        let now = Instant::now();
        let mut asked = self.lock();
        let Some(asked) = asked.get_mut(&repository) else { return Vec::new() };
        asked.seen.clear();
        asked.questions.retain(|question| now.duration_since(question.last) < REMEMBERED_FOR);
        asked.questions.iter().flat_map(|question| question.about(refs)).flatten().collect()
    }

    pub(crate) fn forget(&self, repository: u64) {
        self.lock().remove(&repository);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Asked>> {
        self.asked.lock()
    }
}

impl Asked {
    fn note(&mut self, digest: [u8; 32], request: &FetchRequest, refs: &RefSnapshot, now: Instant) {
        self.last = Some(now);
        let shape = request.with_wants(BTreeSet::new());
        if self.seen.contains(&digest) {
            // The time counts for all questions of this shape: which branch it was is not looked up again.
            self.questions.iter_mut().filter(|known| known.shape == shape).for_each(|known| known.last = now);
            return;
        }
        if self.seen.len() >= MAX_QUESTIONS {
            self.seen.clear();
        }
        self.seen.insert(digest);
        let Some(branches) = branches_of(request.wants(), refs) else { return };
        self.questions.retain(|known| known.shape != shape || known.branches != branches);
        if self.questions.len() >= MAX_QUESTIONS {
            let oldest = self.questions.iter().enumerate().min_by_key(|(_, known)| known.last);
            if let Some(index) = oldest.map(|(index, _)| index) {
                self.questions.remove(index);
            }
        }
        self.questions.push(Question { branches, shape, last: now });
    }
}

impl Question {
    /// The question about where its branches are now, and its twin; `None` when one of them is gone.
    fn about(&self, refs: &RefSnapshot) -> Option<[FetchRequest; 2]> {
        let tips = self.branches.iter().map(|name| refs.get(name.as_str()).cloned());
        let request = self.shape.with_wants(tips.collect::<Option<_>>()?);
        let twin = request.with_or_without_blobs();
        Some([request, twin])
    }
}

/// The branches at these commits: for each the default branch, if it is there, else the first by name.
fn branches_of(wants: &BTreeSet<ObjectId>, refs: &RefSnapshot) -> Option<BTreeSet<RefName>> {
    let default = refs.head().and_then(|head| Some((head.target()?, head.object()?.clone())));
    let branch_at = |want: &ObjectId| match &default {
        Some((name, object)) if object == want => Some(name.clone()),
        _ => refs.branches().find(|(_, object)| *object == want).map(|(name, _)| name.clone()),
    };
    wants.iter().map(branch_at).collect()
}

/// Begins to compute what build servers will ask now that the references are these. Returns at once.
pub(crate) fn prewarm(served: &ServedRepository, refs: &RefSnapshot) {
    let Some(responses) = served.engine().responses() else { return };
    let id = served.repository.id();
    for request in served.engine().prewarm().requests(id, refs) {
        // These are clones: they name nothing of their own.
        let Some(digest) = request.cache_key(refs, &BTreeSet::new()) else { continue };
        let key = CacheKey { group: id, digest };
        let (served, request) = (served.clone(), Arc::new(request));
        responses.prepare(key, move |interest| {
            async move {
                let (served, permit) = background_permit(&served, interest).await;
                let response = compute(&served, &request).await.map_err(Arc::new)?;
                Ok::<ResponseStream, _>(response.with_permit(permit))
            }
            .boxed()
        });
    }
}

/// Stands back behind all clients that wait, until one waits for this. Without a core it holds no process.
async fn background_permit(served: &ServedRepository, interest: Interest) -> (ServedRepository, Permit) {
    tokio::select! {
        ready = async {
            let permit = served.engine().queue().background_permit().await;
            let place = served.repository.git().place_in_background().await;
            (served.at_place(place, ClientKey::server()), permit)
        } => ready,
        ready = async {
            interest.wanted().await;
            served.with_permit(ClientKey::server()).await
        } => ready,
    }
}
