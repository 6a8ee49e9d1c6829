//! Answers that are given again from memory as long as nothing has changed that they show.
//!
//! A handler whose answer follows from its request and the database alone says so: [`begin`] before its first look,
//! [`holds_until`] when it knows how long the credentials are right by themselves, and [`shows`] when it knows which
//! repository the answer is about. Such an answer is kept under a digest of all that it may depend on in the request, the
//! credentials included, and given again while the database says that neither the repository nor any user's permissions
//! have changed (`heliostat_storage::Moment`). Only what was found is kept, so what is hidden takes the same way each
//! time.
//!
//! It stands inside of the request's line in the log and outside of everything else. A request with a header that is not
//! known to change nothing takes the long way.

use std::sync::Arc;

use bytes::Bytes;
use heliostat_peer::Clock;
use heliostat_storage::{Database, Moment, RepositoryId};
use parking_lot::Mutex;
use poem::http::{HeaderMap, Method, StatusCode};
use poem::{Endpoint, Middleware, Request, Response, Result};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::request_record::{self, CacheResult, LoggedCaller};

/// Most memory of all answers together.
const MAX_MEMORY_BYTES: u64 = 32 * 1024 * 1024;
/// Longest body that is kept.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// What an answer takes besides its body.
const OVERHEAD_BYTES: u64 = 1024;
/// About how many answers there will be.
const EXPECTED_ANSWERS: usize = 8_192;

/// Below this path are the operations, behind a context path if there is one.
const REST: &str = "/rest/";

/// Headers that an answer may depend on; they are part of what it is kept under.
const DECISIVE: [&str; 3] = ["accept", "accept-encoding", "authorization"];

/// Headers that no answer depends on: they say whose share of the server a request takes, for which name it has come, or
/// what logs call it.
const WITHOUT_INFLUENCE: [&str; 14] = [
    "accept-language",
    "connection",
    "forwarded",
    "host",
    "traceparent",
    "tracestate",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

/// Stands for all that an answer may depend on in its request.
type AnswerKey = [u8; 32];

tokio::task_local! {
    /// What is known of the answer that is being made.
    static NOTE: Note;
}

/// The middleware.
#[derive(Clone)]
pub struct RememberedAnswers(Option<Arc<Memory>>);

/// An endpoint in front of which answers are remembered.
pub struct RememberedAnswersEndpoint<E> {
    endpoint: E,
    memory: Option<Arc<Memory>>,
}

struct Memory {
    database: Database,
    clock: Clock,
    /// Makes digests of credentials worth nothing elsewhere.
    salt: [u8; 16],
    answers: Cache<AnswerKey, Arc<RememberedAnswer>, ByMemory>,
}

struct RememberedAnswer {
    /// From before the first look at what it was made of.
    since: Moment,
    repository: RepositoryId,
    /// Until when its caller's credentials are right by themselves, in epoch milliseconds.
    until_ms: i64,
    /// For the log.
    caller: Option<LoggedCaller>,
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Clone)]
struct ByMemory;

impl Weighter<AnswerKey, Arc<RememberedAnswer>> for ByMemory {
    fn weight(&self, _: &AnswerKey, answer: &Arc<RememberedAnswer>) -> u64 {
        OVERHEAD_BYTES + answer.body.len() as u64
    }
}

struct Note {
    memory: Arc<Memory>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    since: Option<Moment>,
    repository: Option<RepositoryId>,
    until_ms: Option<i64>,
}

/// The answer that follows may be remembered: from here on it depends on nothing but its request and the database.
pub async fn begin() {
    let memory = NOTE.try_with(|note| note.known.lock().since.is_none().then(|| Arc::clone(&note.memory)));
    let Ok(Some(memory)) = memory else { return };
    let moment = memory.database.moment().await;
    note(|known| known.since = moment);
}

/// The credentials are right until then unless something changes.
pub fn holds_until(until_ms: i64) {
    note(|known| known.until_ms = Some(until_ms));
}

/// What of all repositories the answer shows.
pub fn shows(repository: RepositoryId) {
    note(|known| known.repository = Some(repository));
}

/// What runs outside of a request, or at a role that remembers nothing, has nothing to note it in.
fn note(change: impl FnOnce(&mut Known)) {
    NOTE.try_with(|note| change(&mut note.known.lock())).ok();
}

impl RememberedAnswers {
    /// For a role whose answers follow from this database.
    pub fn following(database: Database, clock: Clock) -> Self {
        let salt = *uuid::Uuid::new_v4().as_bytes();
        let answers = Cache::with_weighter(EXPECTED_ANSWERS, MAX_MEMORY_BYTES, ByMemory);
        Self(Some(Arc::new(Memory { database, clock, salt, answers })))
    }

    /// For a role that remembers none.
    pub fn none() -> Self {
        Self(None)
    }
}

impl<E: Endpoint<Output = Response>> Middleware<E> for RememberedAnswers {
    type Output = RememberedAnswersEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        RememberedAnswersEndpoint { endpoint, memory: self.0.clone() }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for RememberedAnswersEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let Some((memory, key)) =
            self.memory.as_ref().and_then(|memory| Some((memory, memory.key(&request)?)))
        else {
            return self.endpoint.call(request).await;
        };
        let mut known = Known::default();
        if let Some(answer) = memory.answers.get(&key) {
            known.since = memory.database.moment().await;
            if known.since.as_ref().is_some_and(|now| memory.is_right(&answer, now)) {
                if let Some(caller) = answer.caller.clone() {
                    request_record::called_as(caller);
                }
                request_record::cached(CacheResult::Hit);
                return Ok(answer.response());
            }
        }
        let note = Note { memory: Arc::clone(memory), known: Mutex::new(known) };
        NOTE.scope(note, async {
            let response = self.endpoint.call(request).await?;
            let known = NOTE.with(|note| std::mem::take(&mut *note.known.lock()));
            memory.remember(key, response, known).await
        })
        .await
    }
}

impl Memory {
    /// Under what the answer to this request is kept; `None` if it is not.
    fn key(&self, request: &Request) -> Option<AnswerKey> {
        let uri = request.uri();
        if request.method() != Method::GET || !uri.path().contains(REST) {
            return None;
        }
        let mut digest = Sha256::new();
        digest.update(self.salt);
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        };
        add(uri.path().as_bytes());
        add(uri.query().unwrap_or_default().as_bytes());
        for (name, value) in request.headers() {
            let name = name.as_str();
            if DECISIVE.contains(&name) {
                add(name.as_bytes());
                add(value.as_bytes());
            } else if !WITHOUT_INFLUENCE.contains(&name) {
                return None;
            }
        }
        Some(digest.finalize().into())
    }

    fn is_right(&self, answer: &RememberedAnswer, now: &Moment) -> bool {
        self.clock.now_ms() < answer.until_ms
            && self.database.is_unchanged(answer.repository, &answer.since, now)
    }

    /// Keeps an answer of which enough is known.
    async fn remember(&self, key: AnswerKey, response: Response, known: Known) -> Result<Response> {
        let Known { since: Some(since), repository: Some(repository), until_ms: Some(until_ms) } = known
        else {
            return Ok(response);
        };
        if response.status() != StatusCode::OK || self.clock.now_ms() >= until_ms {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = body.into_bytes().await?;
        if body.len() <= MAX_BODY_BYTES {
            let (headers, body) = (parts.headers.clone(), body.clone());
            let caller = request_record::caller();
            let answer = RememberedAnswer { since, repository, until_ms, caller, headers, body };
            self.answers.insert(key, Arc::new(answer));
        }
        Ok(Response::from_parts(parts, body.into()))
    }
}

impl RememberedAnswer {
    fn response(&self) -> Response {
        let mut response = Response::builder().body(self.body.clone());
        *response.headers_mut() = self.headers.clone();
        response
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    use heliostat_storage::{Flush, NewUser, Role, UpstreamStore};
    use poem::EndpointExt;
    use poem::endpoint::{BoxEndpoint, make};

    use super::*;

    const UNTIL_MS: i64 = 1_000;

    /// An endpoint that counts how often it was asked, and answers with that.
    struct Counted {
        store: UpstreamStore,
        now_ms: Arc<AtomicI64>,
        endpoint: BoxEndpoint<'static, Response>,
        _folder: tempfile::TempDir,
    }

    impl Counted {
        async fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let url = format!("sqlite:{}", folder.path().join("store.db").display());
            let database = Database::open(&url, Role::Upstream, Flush::NowAndThen).await.expect("opened");
            let now_ms = Arc::new(AtomicI64::new(0));
            let read = Arc::clone(&now_ms);
            let clock = Clock::reading(move || read.load(Ordering::Relaxed));
            let asked = Arc::new(AtomicU64::new(0));
            let endpoint = make(move |request: Request| {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                async move {
                    if request.uri().path().ends_with("/repos") {
                        begin().await;
                    }
                    holds_until(UNTIL_MS);
                    shows(RepositoryId(1));
                    Ok::<_, poem::Error>(
                        Response::builder().header("x-made", "once").body(number.to_string()),
                    )
                }
            });
            let remembered = RememberedAnswers::following(database.clone(), clock);
            let endpoint = endpoint.with(remembered).boxed();
            Self { store: UpstreamStore::new(database), now_ms, endpoint, _folder: folder }
        }

        async fn ask(&self, path: &'static str, headers: &[(&str, &str)]) -> String {
            let mut request = Request::builder().uri(poem::http::Uri::from_static(path));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let response = self.endpoint.call(request.finish()).await.expect("answered");
            assert_eq!(response.header("x-made"), Some("once"));
            response.into_body().into_string().await.expect("is text")
        }
    }

    #[tokio::test]
    async fn an_answer_is_given_again_to_the_same_caller_until_something_changes() {
        const PATH: &str = "/rest/api/latest/repos";
        let counted = Counted::new().await;
        let ada = ("authorization", "Bearer ada");
        assert_eq!(counted.ask(PATH, &[ada]).await, "0");
        assert_eq!(counted.ask(PATH, &[ada, ("host", "elsewhere")]).await, "0");
        assert_eq!(counted.ask(PATH, &[("authorization", "Bearer bob")]).await, "1");
        assert_eq!(counted.ask(PATH, &[]).await, "2");
        assert_eq!(counted.ask("/rest/api/latest/repos?x", &[ada]).await, "3");
        assert_eq!(counted.ask(PATH, &[ada, ("range", "bytes=0-1")]).await, "4");
        assert_eq!(counted.ask(PATH, &[ada]).await, "0");

        let text = || "carol".to_owned();
        let user = NewUser {
            name: text(),
            slug: text(),
            display_name: text(),
            email: None,
            password_hash: None,
            active: true,
            kind: heliostat_storage::UserKind::Normal,
            created_at: 0,
        };
        counted.store.accounts.create_user(user).await.expect("created");
        assert_eq!(counted.ask(PATH, &[ada]).await, "5");
        assert_eq!(counted.ask(PATH, &[ada]).await, "5");

        counted.now_ms.store(UNTIL_MS, Ordering::Relaxed);
        assert_eq!(counted.ask(PATH, &[ada]).await, "6");
        assert_eq!(counted.ask(PATH, &[ada]).await, "7");
    }

    #[tokio::test]
    async fn what_no_handler_allows_is_not_remembered() {
        let counted = Counted::new().await;
        for path in ["/rest/api/latest/other", "/status/repos"] {
            let (first, second) = (counted.ask(path, &[]).await, counted.ask(path, &[]).await);
            assert_ne!(first, second, "{path}");
        }
    }
}
