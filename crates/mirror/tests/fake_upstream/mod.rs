//! An upstream that does what the test says: real HTTP, real Git, no rules of its own but that it answers as the contract
//! promises.

mod bodies;
mod git_commands;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use heliostat_api::models::{
    EnrichedRepository, MirroringRequestState, RefChangeType, RefType, RestErrorMessage, RestErrors,
    RestMinimalRef, RestRefChange, RestRefsChangedEvent, RestUnknownEntity,
};
use heliostat_api::{AddonEventKey, ErrorName};
use heliostat_auth::{Secret, UnverifiedToken, git_query_hash, query_string_hash};
use heliostat_contract::exchange;
use heliostat_git::{DEFAULT_REF_MEMORY_BYTES, Git, RepositoryStore};
use heliostat_peer::Clock;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use self::bodies::{mirror_server, page, repeat_nonce, request, settings, user, wire};
use self::git_commands::{git_command, run};

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub const CLIENT_KEY: &str = "fake-upstream";

pub const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const RESULT: &str = "application/x-git-upload-pack-result";

/// The object that a ref points to which is not there.
pub const NOWHERE: &str = "0000000000000000000000000000000000000000";

/// What something between the two answers in the place of the upstream's git.
#[derive(Debug, Clone)]
pub enum Disturbance {
    /// This, for the first request of a conversation.
    Greeting { content_type: &'static str, body: Vec<u8> },
    /// A list of references that ends after half of its bytes.
    HalfAList,
    /// This list of references.
    List(Vec<u8>),
    /// That there are no such objects.
    NoObjects,
}

/// A repository of the fake upstream, as the test wants it to be seen.
#[derive(Clone)]
pub struct FakeRepository {
    pub slug: String,
    pub generation: i64,
    pub content_hash: String,
    pub public: bool,
    /// Where the ref of the latest push was before, and where it is now; all zeros stand for nowhere.
    pub moved: (String, String),
}

pub struct State {
    pub repositories: BTreeMap<i32, FakeRepository>,
    pub request_state: MirroringRequestState,
    pub reports: Vec<Value>,
    pub authentications: usize,
    pub disturbance: Option<Disturbance>,
    /// How often git's part of the upstream was asked.
    pub git_requests: usize,
    /// How many fetches the mirror's git has begun.
    pub fetches: usize,
    /// How often it was asked for one repository.
    pub questions: usize,
    /// Whether the mirror's signature is accepted.
    pub accepts_secret: bool,
    /// Whether Ada's password opens git's part of the upstream.
    pub lets_ada_in: bool,
    /// What a cache has kept of a repository and answers in the place of the upstream.
    pub kept: Option<EnrichedRepository>,
    /// What it answers to those who ask for repositories as a whole; without it, it does not know the question.
    pub contents: Option<Value>,
    /// What it has answered and no upstream would.
    pub faults: Vec<String>,
}

pub struct FakeUpstream {
    pub url: String,
    pub folder: PathBuf,
    git: Git,
    state: Mutex<State>,
    /// Who has the only permit keeps it from telling what it has.
    pub telling: Semaphore,
    /// Who has the only permit keeps it from answering the mirror's git.
    pub giving: Semaphore,
    /// Who has the only permit keeps it from saying who may do what.
    pub deciding: Semaphore,
}

impl FakeUpstream {
    pub async fn start(folder: &Path, git: Git) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = State {
            repositories: BTreeMap::new(),
            request_state: MirroringRequestState::Pending,
            reports: Vec::new(),
            authentications: 0,
            disturbance: None,
            git_requests: 0,
            fetches: 0,
            questions: 0,
            accepts_secret: true,
            lets_ada_in: true,
            kept: None,
            contents: None,
            faults: Vec::new(),
        };
        let upstream = Arc::new(Self {
            url: format!("http://{address}"),
            folder: folder.to_owned(),
            git,
            state: Mutex::new(state),
            telling: Semaphore::new(1),
            giving: Semaphore::new(1),
            deciding: Semaphore::new(1),
        });
        let serving = Arc::clone(&upstream);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let upstream = Arc::clone(&serving);
                let service = hyper::service::service_fn(move |request| {
                    let upstream = Arc::clone(&upstream);
                    async move { Ok::<_, Infallible>(upstream.answer(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        upstream
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Creates a repository with one commit on `main`.
    pub async fn create(&self, id: i32, slug: &str) {
        let path = self.path(slug);
        run(git_command().args(["init", "-q", "--bare", "-b", "main"]).arg(&path));
        let repository = FakeRepository {
            slug: slug.to_owned(),
            generation: 0,
            content_hash: String::new(),
            public: false,
            moved: (NOWHERE.to_owned(), NOWHERE.to_owned()),
        };
        self.state().repositories.insert(id, repository);
        self.push(id, "refs/heads/main", "first").await;
    }

    /// Commits to a ref and counts a new generation.
    pub async fn push(&self, id: i32, name: &str, message: &str) {
        let path = self.path(&self.repository(id).slug);
        let git = |arguments: &[&str]| {
            let mut command = git_command();
            command.arg("-C").arg(&path).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]);
            run(command.args(arguments))
        };
        let tree = git(&["hash-object", "-t", "tree", "-w", "/dev/null"]);
        let commit = git(&["commit-tree", tree.trim(), "-m", message]).trim().to_owned();
        let found = git(&["for-each-ref", "--format=%(objectname)", name]).trim().to_owned();
        git(&["update-ref", name, &commit]);
        self.count(id, found, commit).await;
    }

    /// Makes a commit that no ref leads to.
    pub fn commit_unseen(&self, id: i32, message: &str) -> String {
        let path = self.path(&self.repository(id).slug);
        let mut command = git_command();
        command.arg("-C").arg(&path).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]);
        run(command.args(["commit-tree", "main^{tree}", "-m", message])).trim().to_owned()
    }

    /// Deletes a ref and counts a new generation.
    pub async fn delete(&self, id: i32, name: &str) {
        let path = self.path(&self.repository(id).slug);
        let git = |arguments: &[&str]| run(git_command().arg("-C").arg(&path).args(arguments));
        let found = git(&["for-each-ref", "--format=%(objectname)", name]).trim().to_owned();
        git(&["update-ref", "-d", name]);
        self.count(id, found, NOWHERE.to_owned()).await;
    }

    async fn count(&self, id: i32, from: String, to: String) {
        let refs = self.refs_hash(&self.path(&self.repository(id).slug)).await;
        let mut state = self.state();
        let repository = state.repositories.get_mut(&id).expect("the test has created it");
        repository.generation += 1;
        repository.content_hash = refs;
        let from = if from.is_empty() { NOWHERE.to_owned() } else { from };
        repository.moved = (from, to);
    }

    pub fn repository(&self, id: i32) -> FakeRepository {
        self.state().repositories.get(&id).expect("the test has created it").clone()
    }

    /// What the upstream answers now about a repository to those who do not ask for a nonce.
    pub fn kept_answer(&self, id: i32) -> EnrichedRepository {
        wire(id, &self.repository(id))
    }

    /// The record of a repository is what it was when this was answered, and nothing is between the two any more. Gives an
    /// event from that time.
    pub fn go_back_to(&self, id: i32, answer: &EnrichedRepository) -> RestUnknownEntity {
        {
            let mut state = self.state();
            state.kept = None;
            let repository = state.repositories.get_mut(&id).expect("the test has created it");
            repository.generation = answer.properties.generation;
            repository.content_hash.clone_from(&answer.properties.content_hash);
        }
        self.refs_changed(id, "refs/heads/main")
    }

    /// The event of the latest push.
    pub fn refs_changed(&self, id: i32, name: &str) -> RestUnknownEntity {
        let repository = self.repository(id);
        let change = RestRefChange {
            reference: RestMinimalRef {
                id: name.to_owned(),
                display_id: name.to_owned(),
                kind: RefType::Branch,
            },
            ref_id: name.to_owned(),
            kind: match (repository.moved.0.as_str(), repository.moved.1.as_str()) {
                (NOWHERE, _) => RefChangeType::Add,
                (_, NOWHERE) => RefChangeType::Delete,
                _ => RefChangeType::Update,
            },
            from_hash: repository.moved.0.clone(),
            to_hash: repository.moved.1.clone(),
        };
        let event = RestRefsChangedEvent {
            event_key: AddonEventKey::RepoRefsChanged.as_str().to_owned(),
            date: None,
            actor: None,
            generation: Some(repository.generation),
            content_hash: Some(repository.content_hash.clone()),
            metadata_hash: None,
            repository: wire(id, &repository),
            from_generation: Some(repository.generation - 1),
            changes: Some(vec![change]),
            ref_limit_exceeded: None,
            packs: None,
        };
        let event = serde_json::to_value(event).expect("models of the contract always serialise");
        serde_json::from_value(event).expect("an event is an object")
    }

    fn path(&self, slug: &str) -> PathBuf {
        self.folder.join(format!("{slug}.git"))
    }

    /// The hash as an operator computes it.
    async fn refs_hash(&self, path: &Path) -> String {
        let store =
            RepositoryStore::new(self.git.clone(), self.folder.join("store"), DEFAULT_REF_MEMORY_BYTES)
                .expect("a writable folder");
        let place = store.root().join("01/1.git");
        std::fs::create_dir_all(place.parent().expect("it has a parent")).expect("a writable folder");
        let _ = std::fs::remove_file(&place);
        std::os::unix::fs::symlink(path, &place).expect("a writable folder");
        let repository = store.open(1).await.expect("the repository is whole");
        repository.refs().await.expect("its refs can be read").content_hash().to_string()
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let path = parts.uri.path().to_owned();
        if let Some(rest) = path.strip_prefix("/scm/app/") {
            if is_of_git(&parts) {
                self.state().fetches += usize::from(rest.ends_with("/info/refs"));
                drop(self.giving.acquire().await.expect("it is never closed"));
            }
            return self.answer_git(rest, &parts, &body);
        }
        let path = path.strip_prefix("/rest/mirroring/latest").unwrap_or(&path);
        let reply = self.reply(path, &parts, &body).await;
        // Tests have it say of whole repositories what no upstream would.
        if path != "/repo-contents" {
            self.hold_to_the_contract(&parts, &reply);
        }
        response(reply)
    }

    fn hold_to_the_contract(&self, parts: &hyper::http::request::Parts, (status, body): &Reply) {
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        let body = String::from_utf8_lossy(body);
        if let Err(fault) = exchange::judge(method, path, *status, "application/json", &body) {
            let fault = format!("{method} {path} was answered with {status}: {fault}\n{body}");
            self.state().faults.push(fault);
        }
    }

    async fn reply(&self, path: &str, parts: &hyper::http::request::Parts, body: &[u8]) -> Reply {
        let is_signed =
            is_signed(parts, &query_string_hash(parts.method.as_str(), parts.uri.path(), parts.uri.query()));
        if path != "/requests" && !(is_signed && self.state().accepts_secret) {
            return error(401, ErrorName::ServerToken, "The JWT was not accepted.");
        }
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        if path.starts_with("/repos/") {
            self.state().questions += 1;
        }
        if path == "/authenticate" {
            self.state().authentications += 1;
            drop(self.deciding.acquire().await.expect("it is never closed"));
        }
        if path.starts_with("/repos") {
            drop(self.telling.acquire().await.expect("it is never closed"));
        }
        let mut state = self.state();
        match path {
            "/requests" => json_answer(&request(state.request_state)),
            "/analyticsSettings" => json_answer(&settings()),
            "/repos" => {
                json_answer(&page(state.repositories.iter().map(|(id, one)| wire(*id, one)).collect()))
            }
            "/authenticate" => {
                match (sent["credentials"]["username"].as_str(), sent["credentials"]["password"].as_str()) {
                    (Some("ada"), Some("right")) => {
                        json_answer(&user("ada", &["LICENSED_USER", "REPO_READ"]))
                    }
                    (Some("bob"), Some("right")) => json_answer(&user("bob", &["LICENSED_USER"])),
                    _ => error(
                        401,
                        ErrorName::Authentication,
                        "The user name, password or token is not valid.",
                    ),
                }
            }
            "/repo-contents" if state.contents.is_some() => json_answer(&state.contents),
            path if path.ends_with("/standing") => empty(204),
            // As one of an earlier version.
            "/repo-contents" | "/repo-hashes/differences" => unknown_operation(),
            path if path.ends_with("/lease") => unknown_operation(),
            path if path.starts_with("/mirrorServers/") && parts.method == hyper::Method::PUT => {
                json_answer(&mirror_server())
            }
            path if path.starts_with("/mirrorServers/") => {
                match sent["events"].as_array() {
                    Some(several) => state.reports.extend(several.iter().cloned()),
                    None => state.reports.push(sent),
                }
                empty(204)
            }
            path => {
                let id = path.strip_prefix("/repos/").and_then(|id| id.parse().ok());
                let found = id.and_then(|id| state.repositories.get(&id).map(|one| wire(id, one)));
                match found.map(|repository| {
                    state.kept.clone().unwrap_or_else(|| repeat_nonce(repository, &parts.uri))
                }) {
                    Some(repository) => json_answer(&repository),
                    None => error(404, ErrorName::NoSuchRepository, "There is no such repository."),
                }
            }
        }
    }

    fn answer_git(
        &self,
        rest: &str,
        parts: &hyper::http::request::Parts,
        body: &[u8],
    ) -> Response<Full<Bytes>> {
        let (name, service) = rest.split_once('/').unwrap_or((rest, ""));
        let is_ada = shows_adas_password(parts) && self.state().lets_ada_in;
        if !is_ada && !is_signed(parts, &git_query_hash(&format!("/scm/app/{name}"))) {
            return response(error(401, ErrorName::ServerToken, "The JWT was not accepted."));
        }
        let disturbance = {
            let mut state = self.state();
            state.git_requests += 1;
            state.disturbance.clone()
        };
        let (advertise, lists) = (service == "info/refs", body.starts_with(b"0014command=ls-refs"));
        match &disturbance {
            Some(Disturbance::Greeting { content_type, body }) if advertise => {
                return git_answer(content_type, body.clone());
            }
            Some(Disturbance::List(list)) if lists => return git_answer(RESULT, list.clone()),
            Some(Disturbance::NoObjects) if !advertise && !lists => {
                return git_answer(RESULT, b"0031ERR upload-pack: not our ref 1234567890123456".to_vec());
            }
            _ => {}
        }
        let mut command = git_command();
        command.args(["-c", "uploadpack.allowAnySHA1InWant=true", "-c", "transfer.advertiseObjectInfo=true"]);
        command.args(["upload-pack", "--stateless-rpc"]);
        if let Some(protocol) = parts.headers.get("Git-Protocol").and_then(|value| value.to_str().ok()) {
            command.env("GIT_PROTOCOL", protocol);
        }
        if advertise {
            command.arg("--http-backend-info-refs");
        }
        command.arg(self.folder.join(name)).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("git is installed");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        std::io::Write::write_all(&mut stdin, body).expect("git reads its input");
        drop(stdin);
        let mut answer = if advertise { b"001e# service=git-upload-pack\n0000".to_vec() } else { Vec::new() };
        answer.extend(child.wait_with_output().expect("git ends").stdout);
        if lists && matches!(disturbance, Some(Disturbance::HalfAList)) {
            answer.truncate(answer.len() / 2);
        }
        git_answer(if advertise { ADVERTISEMENT } else { RESULT }, answer)
    }
}

fn git_answer(content_type: &str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let answer = Response::builder().header("Content-Type", content_type);
    answer.body(Full::from(body)).expect("a valid response")
}

/// Whether it comes from a `git`, and not from the mirror's own client.
fn is_of_git(parts: &hyper::http::request::Parts) -> bool {
    let agent = parts.headers.get("User-Agent").and_then(|value| value.to_str().ok());
    agent.is_some_and(|agent| agent.starts_with("git/"))
}

fn shows_adas_password(parts: &hyper::http::request::Parts) -> bool {
    parts.headers.get("Authorization").is_some_and(|value| value == "Basic YWRhOnJpZ2h0")
}

fn is_signed(parts: &hyper::http::request::Parts, query_hash: &str) -> bool {
    let header = parts.headers.get("Authorization").and_then(|value| value.to_str().ok());
    let token = header.and_then(|header| header.strip_prefix("JWT ")).map(UnverifiedToken::parse);
    let now = Clock::system().now_seconds();
    matches!(token, Some(Ok(token)) if token.verify(&Secret::new(SECRET), query_hash, now).is_ok())
}

/// A status, and a body in JSON, or none.
type Reply = (u16, Vec<u8>);

fn response((status, body): Reply) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status);
    let answer = if body.is_empty() { answer } else { answer.header("Content-Type", "application/json") };
    answer.body(Full::from(body)).expect("a valid response")
}

fn json_answer(body: &impl Serialize) -> Reply {
    (200, serde_json::to_vec(body).expect("models of the contract always serialise"))
}

fn error(status: u16, name: ErrorName, message: &str) -> Reply {
    let exception_name = Some(name.as_str().to_owned());
    let error = RestErrorMessage { context: None, message: message.to_owned(), exception_name };
    (status, json_answer(&RestErrors { errors: vec![error] }).1)
}

fn unknown_operation() -> Reply {
    error(405, ErrorName::MethodNotAllowed, "There is no such operation.")
}

fn empty(status: u16) -> Reply {
    (status, Vec::new())
}
