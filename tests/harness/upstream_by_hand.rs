//! A mirror whose upstream is played by the test: it can sign as the upstream, and lists what the test wants.
//!
//! What the two say to each other is held to the contract like everything else: a test fails when the mirror sends
//! what no upstream takes, and when the played upstream answers what a real one would not.

use std::sync::{Arc, OnceLock};

use heliostat_api::ErrorName;
use heliostat_auth::{Secret, UnverifiedToken, query_string_hash, shared_secret};
use heliostat_contract::exchange as contract;
use parking_lot::{Condvar, Mutex};
use serde_json::{Value, json};

use super::client::{Answer, Client, Identity, now_seconds};
use super::repository_by_hand::{HASH_OF_NOTHING, project_of};
use super::server::{Server, ServerOptions};
use super::tiny_http::{Received, Reply, TinyHttp};
use super::wait::eventually;

/// How the hand-made upstream calls itself.
const CLIENT_KEY: &str = "hand-made-upstream";
/// A user whom it knows, an administrator.
const USER: (&str, &str) = ("ann", "ann's password");
/// Another one whom it knows, without any permission but to sign in.
const PLAIN_USER: &str = "bob";
/// A user of this name is told that too many passwords are being checked.
const UNLUCKY_USER: &str = "carl";
/// Projects have ids below this one; every one of them exists.
const FIRST_UNKNOWN_PROJECT: u32 = 100_000;
const REST: &str = "/rest/mirroring/latest";
const GIT: &str = "/scm/";

/// A mirror and its hand-made upstream.
pub struct UpstreamByHand {
    /// The mirror, a process.
    pub mirror: Server,
    /// The id under which the mirror lists the upstream.
    pub upstream_id: String,
    /// The secret that the mirror gets by [`UpstreamByHand::install`].
    pub secret: String,
    server: TinyHttp,
    state: Arc<Mutex<State>>,
    git_gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct State {
    secrets: Vec<String>,
    repositories: Vec<Value>,
    /// Whether signed calls are refused because of their time.
    clock_is_wrong: bool,
    /// How many more signatures are refused.
    refusals_left: u32,
    /// Whether the signature of the next report of a synchronisation is refused.
    refuses_report: bool,
    /// Whether signatures of questions for its time are refused.
    refuses_time: bool,
    /// Whether a proxy answers in its place.
    is_away: bool,
    /// Whether it tells which parts differ; else it can only list what it has, as an earlier version.
    compares_parts: bool,
    /// The process that it says it is.
    instance: Option<String>,
    /// What was said that is not in the contract.
    faults: Vec<String>,
}

/// Lets git's requests wait for their answer.
#[derive(Debug, Default)]
struct Gate {
    is_closed: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn set(&self, is_closed: bool) {
        *self.is_closed.lock() = is_closed;
        self.opened.notify_all();
    }

    fn wait(&self) {
        let mut is_closed = self.is_closed.lock();
        self.opened.wait_while(&mut is_closed, |is_closed| *is_closed);
    }
}

impl UpstreamByHand {
    /// Starts both; the mirror has asked to join.
    pub async fn start() -> Self {
        Self::start_with(ServerOptions::default()).await
    }

    /// Starts both, the mirror with options of its own; it has asked to join.
    pub async fn start_with(options: ServerOptions) -> Self {
        let secret = shared_secret().expose().to_owned();
        let state = Arc::new(Mutex::new(State { secrets: vec![secret.clone()], ..State::default() }));
        let git_gate = Arc::<Gate>::default();
        let (shown, gate) = (state.clone(), git_gate.clone());
        let server = TinyHttp::start(|_| {
            move |request: &Received| {
                if request.path.starts_with(GIT) {
                    let reply = answer(request, &shown.lock());
                    gate.wait();
                    return reply;
                }
                let mut state = shown.lock();
                if state.is_away {
                    return (503, Value::Null);
                }
                let answered = answer(request, &state);
                let is_refused = answered.1["errors"][0]["exceptionName"] == ErrorName::ServerToken.as_str();
                state.refusals_left = state.refusals_left.saturating_sub(u32::from(is_refused));
                state.refuses_report &= !is_report(&request.path);
                state.faults.extend(faults(request, &answered));
                answered
            }
        });
        let mirror = Server::mirror(&server.base, "Saigon", options);
        let request = eventually("the mirror's request", || async {
            server.received().into_iter().find(|request| request.path == format!("{REST}/requests"))
        });
        let descriptor = request.await.body["addonDescriptorUri"].as_str().expect("is text").to_owned();
        let upstream_id = descriptor.rsplit('/').nth(2).expect("the usual address").to_owned();
        UpstreamByHand { mirror, upstream_id, secret, server, state, git_gate }
    }

    /// Starts both; the mirror is installed and has looked through the empty upstream once.
    pub async fn start_installed() -> Self {
        Self::start_installed_with(ServerOptions::default()).await
    }

    /// The same, the mirror with options of its own.
    pub async fn start_installed_with(options: ServerOptions) -> Self {
        let started = Self::start_with(options).await;
        started.install().await;
        started.first_look().await;
        started
    }

    /// Tells the mirror its secret.
    pub async fn install(&self) {
        let event = self.installed_event(&self.secret);
        self.mirror.anonymous().post(&self.path("/addon/installed"), &event).await.promised(204);
    }

    /// Waits until the mirror is ready for traffic.
    pub async fn first_look(&self) {
        let anonymous = self.mirror.anonymous();
        eventually("the mirror to be ready", || async {
            (anonymous.get("/status").await.status == 200).then_some(())
        })
        .await;
    }

    /// The event that tells a secret.
    pub fn installed_event(&self, secret: &str) -> Value {
        let base = self.server.base.as_str().trim_end_matches('/');
        json!({"clientKey": CLIENT_KEY, "sharedSecret": secret, "baseUrl": base, "apiBaseUrl": base})
    }

    /// Fails when either side has said anything that is not in the contract.
    #[track_caller]
    fn keeps_to_the_contract(&self) {
        let faults = self.state.lock().faults.join("\n");
        assert!(faults.is_empty(), "not in the contract:\n{faults}");
    }

    /// A path at the mirror below its view of this upstream.
    #[track_caller]
    pub fn path(&self, end: &str) -> String {
        self.keeps_to_the_contract();
        format!("{REST}/upstreamServers/{}{end}", self.upstream_id)
    }

    /// The upstream, as the mirror knows it.
    pub fn identity(&self) -> Identity {
        self.identity_with(&self.secret)
    }

    /// The upstream with another secret.
    pub fn identity_with(&self, secret: &str) -> Identity {
        Identity::Server(CLIENT_KEY.to_owned(), secret.to_owned())
    }

    /// A user whom the upstream knows, an administrator.
    pub fn user(&self) -> Identity {
        Identity::User(USER.0.to_owned(), USER.1.to_owned())
    }

    /// A user whom the upstream knows, and who may sign in and nothing else.
    pub fn plain_user(&self) -> Identity {
        Identity::User(PLAIN_USER.to_owned(), USER.1.to_owned())
    }

    /// A user for whose password the upstream has no time.
    pub fn unlucky_user(&self) -> Identity {
        Identity::User(UNLUCKY_USER.to_owned(), USER.1.to_owned())
    }

    /// The upstream at the mirror.
    pub fn client(&self) -> Client {
        self.mirror.client(&self.identity())
    }

    /// GET at the mirror as the upstream.
    pub async fn get(&self, end: &str) -> Answer {
        self.client().get(&self.path(end)).await
    }

    /// How often the mirror has asked about credentials.
    pub fn questions(&self) -> usize {
        self.times_asked("/authenticate")
    }

    /// How the mirror shows this upstream, without the moments that move by themselves.
    pub async fn shown_without_moments(&self) -> Value {
        let mut shown = self.get("").await.promised(200);
        let fields = shown.as_object_mut().expect("an upstream is an object");
        fields.retain(|name, _| !name.ends_with("Date"));
        shown
    }

    /// From now on signatures with this secret are accepted, too.
    pub fn accept_secret(&self, secret: &str) {
        self.state.lock().secrets.push(secret.to_owned());
    }

    /// Whether the clock of the upstream is another one than the mirror's from now on.
    pub fn set_clock_wrong(&self, is_wrong: bool) {
        self.state.lock().clock_is_wrong = is_wrong;
    }

    /// From now on no signature is accepted any more.
    pub fn refuse_secret(&self) {
        self.state.lock().secrets.clear();
    }

    /// From now on the signature of a question for its time is refused: it is what a mirror asks to know whether it was removed.
    pub fn refuse_time(&self) {
        self.state.lock().refuses_time = true;
    }

    /// The next signature is refused, and those after it are not.
    pub fn refuse_once(&self) {
        self.state.lock().refusals_left = 1;
    }

    /// The signature of the next report of a synchronisation is refused, and those after it are not.
    pub fn refuse_report_once(&self) {
        self.state.lock().refuses_report = true;
    }

    /// The reports of synchronisations so far.
    #[track_caller]
    pub fn reports(&self) -> Vec<Value> {
        let received = self.received().into_iter().filter(|request| is_report(&request.path));
        received.map(|request| request.body).collect()
    }

    /// From now on it says that it is this process.
    pub fn set_instance(&self, instance: &str) {
        self.state.lock().instance = Some(instance.to_owned());
    }

    /// How often the mirror has asked it for something with this in its path or query.
    pub fn times_asked(&self, part: &str) -> usize {
        self.received().iter().filter(|request| request.path.contains(part)).count()
    }

    /// From now on a proxy answers in its place, or itself again.
    pub fn set_away(&self, is_away: bool) {
        self.state.lock().is_away = is_away;
    }

    /// From now on this repository is listed.
    pub fn list_repository(&self, repository: Value) {
        self.state.lock().repositories.push(repository);
    }

    /// From now on this repository is listed instead of the one that had its id.
    pub fn replace_repository(&self, repository: Value) {
        let mut state = self.state.lock();
        state.repositories.retain(|other| other["id"] != repository["id"]);
        state.repositories.push(repository);
    }

    /// From now on it knows no repository with this id.
    pub fn lose_repository(&self, id: u32) {
        self.state.lock().repositories.retain(|repository| !has_id(repository, &id.to_string()));
    }

    /// From now on it answers comparisons: everything differs.
    pub fn compare_parts(&self) {
        self.state.lock().compares_parts = true;
    }

    /// From now on git gets no answer, until [`UpstreamByHand::answer_git`].
    pub fn hold_git(&self) {
        self.git_gate.set(true);
    }

    /// Git gets its answers again: whatever it asks for is not there.
    pub fn answer_git(&self) {
        self.git_gate.set(false);
    }

    /// Lists a repository and tells the mirror of it.
    pub async fn announce(&self, repository: &Value) {
        self.list_repository(repository.clone());
        let event = json!({"eventKey": "repo:created", "repository": repository});
        self.client().post(&self.path("/addon/events"), &event).await.promised(204);
    }

    /// What the mirror has asked so far.
    #[track_caller]
    pub fn received(&self) -> Vec<Received> {
        self.keeps_to_the_contract();
        self.server.received()
    }
}

impl Drop for UpstreamByHand {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.keeps_to_the_contract();
        }
    }
}

/// Whether a mirror tells there how a synchronisation went.
fn is_report(path: &str) -> bool {
    path.starts_with(&format!("{REST}/mirrorServers/")) && path.ends_with("/events")
}

fn has_id(value: &Value, id: &str) -> bool {
    value["id"].as_u64().is_some_and(|number| id.parse() == Ok(number))
}

fn not_found() -> Reply {
    error(404, ErrorName::NoSuchEntity, "There is no such thing.")
}

/// What is not in the contract of a request and of the answer to it.
fn faults(request: &Received, (status, body): &Reply) -> Vec<String> {
    let Received { method, path, .. } = request;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let asked = contract::judge_request(method, path, request.header("content-type"), &request.bytes);
    let answered = contract::judge(method, path, *status, "application/json", &body);
    let asked = asked.err().map(|fault| format!("{method} {path} was sent by the mirror: {fault}"));
    let answered = answered
        .err()
        .map(|fault| format!("{method} {path} was answered by hand with {status}: {fault}\n{body}"));
    asked.into_iter().chain(answered).collect()
}

fn answer(request: &Received, state: &State) -> Reply {
    let path = request.path.split('?').next().unwrap_or_default();
    if path == format!("{REST}/requests") {
        let mut request = request.body.clone();
        request["id"] = json!(1);
        request["state"] = json!("PENDING");
        request.as_object_mut().expect("a request is an object").remove("registrationKey");
        return (200, request);
    }
    if let Some(place) = path.strip_prefix(GIT)
        && let Some(reply) = list_of_nothing(place, &state.repositories)
    {
        return reply;
    }
    let is_refused = state.refusals_left > 0
        || (state.refuses_report && is_report(path))
        || (state.refuses_time && path.ends_with("/analyticsSettings"));
    if is_refused || !state.secrets.iter().any(|secret| is_signed(request, secret)) {
        return error(401, ErrorName::ServerToken, "The JWT was not accepted.");
    }
    if state.clock_is_wrong {
        return error(401, ErrorName::ServerClock, "The JWT was not accepted: the clocks differ by 300 s.");
    }
    let segments: Vec<&str> = path.trim_start_matches(REST).trim_matches('/').split('/').collect();
    match segments.as_slice() {
        ["analyticsSettings"] => {
            let mut answer = json!({"canCollectAnalytics": false, "serverTime": now_seconds() * 1000});
            if let Some(instance) = &state.instance {
                answer["instance"] = json!(instance);
            }
            (200, answer)
        }
        ["repos"] => (200, page(&state.repositories, |_| true)),
        ["repo-hashes", "differences"] if state.compares_parts => (200, parts(&state.repositories)),
        // As an earlier version, it is asked for one repository at a time, and told of one.
        ["repo-hashes", "differences"] | ["repo-contents"] | ["mirrorServers", _, "reports"] => {
            error(405, ErrorName::MethodNotAllowed, "There is no such operation.")
        }
        ["projects", project, "repos"] => {
            (200, page(&state.repositories, |repository| has_id(&repository["project"], project)))
        }
        ["projects", id] if id.parse().is_ok_and(|id: u32| id < FIRST_UNKNOWN_PROJECT) => {
            (200, project_of(id))
        }
        ["repos", id] => {
            let found = state.repositories.iter().find(|repository| has_id(repository, id));
            found.map_or_else(not_found, |repository| (200, with_nonce(request, repository.clone())))
        }
        ["authenticate"] if request.body["credentials"]["username"] == UNLUCKY_USER => {
            error(429, ErrorName::TooManyRequests, "Too many passwords are being checked.")
        }
        ["authenticate"] if is_of(USER.0, &request.body["credentials"]) => (200, user(USER.0, "ADMIN")),
        ["authenticate"] if is_of(PLAIN_USER, &request.body["credentials"]) => {
            (200, user(PLAIN_USER, "LICENSED_USER"))
        }
        ["authenticate"] => error(401, ErrorName::Authentication, "The user name or the password is wrong."),
        ["mirrorServers", id] if request.method == "PUT" => (200, mirror_server(id, &request.body)),
        ["mirrorServers", _, "lease"] => (200, json!({"granted": false, "durationMillis": 0})),
        ["mirrorServers", ..] => (204, Value::Null),
        _ => not_found(),
    }
}

/// What git is answered of a repository that is said to be empty.
fn list_of_nothing(place: &str, repositories: &[Value]) -> Option<Reply> {
    let (_, rest) = place.split_once('/')?;
    let (slug, asked) = rest.split_once(".git/")?;
    let is_empty = |repository: &&Value| {
        repository["slug"] == slug && repository["properties"]["contentHash"] == HASH_OF_NOTHING
    };
    repositories.iter().find(is_empty)?;
    let offer = "000eversion 2\n0013ls-refs=unborn\n000afetch\n0000";
    Some((200, json!(if asked == "info/refs" { offer } else { "0000" })))
}

fn error(status: u16, name: ErrorName, message: &str) -> Reply {
    (status, json!({"errors": [{"context": null, "message": message, "exceptionName": name.as_str()}]}))
}

/// An answer that can only be one to this question.
fn with_nonce(request: &Received, mut repository: Value) -> Value {
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    if let Some(nonce) = query.split('&').find_map(|pair| pair.strip_prefix("nonce=")) {
        repository["properties"]["nonce"] = json!(nonce);
    }
    repository
}

fn is_signed(request: &Received, secret: &str) -> bool {
    let (path, query) =
        request.path.split_once('?').map_or((request.path.as_str(), None), |(p, q)| (p, Some(q)));
    let hash = query_string_hash(&request.method, path, query);
    let token = request.authorization.strip_prefix("JWT ").map(UnverifiedToken::parse);
    matches!(token, Some(Ok(token)) if token.verify(&Secret::new(secret), &hash, now_seconds()).is_ok())
}

fn page(repositories: &[Value], wanted: impl Fn(&Value) -> bool) -> Value {
    let values: Vec<&Value> = repositories.iter().filter(|repository| wanted(repository)).collect();
    json!({"values": values, "size": values.len(), "start": 0, "limit": 1000, "isLastPage": true})
}

/// The first part of all repositories; tests have no more.
fn parts(repositories: &[Value]) -> Value {
    json!({"parts": [{"part": 0, "repositories": repositories}]})
}

fn is_of(name: &str, credentials: &Value) -> bool {
    credentials["username"] == name && credentials["password"] == USER.1
}

/// The mirror after a report of its version or address.
fn mirror_server(id: &str, report: &Value) -> Value {
    let address = report["baseUrl"].as_str().unwrap_or("http://127.0.0.1:1");
    json!({
        "id": id, "name": "Saigon", "baseUrl": address, "enabled": true, "mirrorType": "SINGLE",
        "lastSeenDate": now_seconds() * 1000, "links": {"self": []},
    })
}

fn user(name: &str, permission: &str) -> Value {
    json!({
        "id": name.len(), "name": name, "slug": name, "displayName": name, "active": true, "type": "NORMAL",
        "effectivePermissions": {"global": permission}, "links": {"self": []},
    })
}

/// One of these, installed, for all tests that leave its settings as they are.
pub async fn shared_upstream_by_hand() -> &'static UpstreamByHand {
    static STARTED: OnceLock<UpstreamByHand> = OnceLock::new();
    static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _guard = STARTING.lock().await;
    if let Some(started) = STARTED.get() {
        started.keeps_to_the_contract();
        return started;
    }
    let started = UpstreamByHand::start_installed().await;
    STARTED.get_or_init(|| started)
}
