//! A Git server of a test, which shows its one repository to whom the test says, and a mirror of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use heliostat_foreign::{
    Credentials, FetchFailure, KeptBy, Listing, Refusal, RepositoryPath, Source, WantedObjects,
};
use heliostat_git::fixture::Workshop;
use heliostat_git::fixture_http::{Answers, HttpServer};
use heliostat_git::{
    ByteStream, ClientKey, Connection, FetchError, FetchPlan, GitError, GitProtocol, GitService, Given,
    ObjectId, RefSnapshot, Repository, SearchFor, fetch_objects, fetch_wanted,
};
use heliostat_git_wire::{Advertised, LsRefs};
use heliostat_origin::{NotOpened, OpenedRepository, Origin, OriginOptions, RepositoryView, Visit, permit};
use heliostat_peer::Clock;
use heliostat_storage::{Database, Flush, OriginStore, Role};
use parking_lot::Mutex;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;
use url::Url;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_mins(4);

/// Whom the origin shows what: by name, the beginnings of the references that they see.
type Readers = BTreeMap<&'static str, Vec<&'static str>>;

/// The server that is mirrored.
pub struct PretendOrigin {
    base_url: Url,
    http: HttpServer,
    pub repository: Mutex<Repository>,
    readers: Mutex<Readers>,
    away: Mutex<Option<Refusal>>,
    /// It answers no question for its list while a test holds this.
    pub answering: RwLock<()>,
    /// Where it never ends a fetch: below this path.
    pub endless_below: Mutex<Option<&'static str>>,
    /// How often it was asked for its list.
    pub asked: AtomicUsize,
    /// How often for a part of it.
    pub asked_for_part: AtomicUsize,
    /// How often objects were fetched from it.
    pub fetched: AtomicUsize,
}

/// The origin, a mirror of it, and those who read.
pub struct World {
    pub workshop: Workshop,
    pub source: Arc<PretendOrigin>,
    pub origin: Arc<Origin>,
    stop: CancellationToken,
    /// What the mirror's clock shows beyond the real one, in milliseconds.
    pub later_ms: Arc<AtomicI64>,
    options: fn(&mut OriginOptions),
}

/// Waits until this is so.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// The credentials of the reader of this name.
pub fn credentials(name: &str) -> Credentials {
    match name {
        "anonymous" => Credentials::anonymous(),
        name => Credentials::basic(name, "secret").expect("valid"),
    }
}

pub fn path() -> RepositoryPath {
    RepositoryPath::parse("/acme/tool.git").expect("a path")
}

pub fn object(name: &str) -> ObjectId {
    ObjectId::parse(name.trim()).expect("the name of an object")
}

impl PretendOrigin {
    /// Lets a reader see the references that begin so; other readers see neither more nor less.
    pub fn show(&self, name: &'static str, prefixes: &[&'static str]) {
        self.readers.lock().insert(name, prefixes.to_vec());
    }

    /// Shows a reader nothing any more.
    pub fn revoke(&self, name: &'static str) {
        self.readers.lock().remove(name);
    }

    /// Answers so from now on, to all readers.
    pub fn fail(&self, refusal: Option<Refusal>) {
        *self.away.lock() = refusal;
    }

    /// What these credentials see.
    async fn seen_by(&self, credentials: &Credentials) -> Result<RefSnapshot, Refusal> {
        if let Some(refusal) = self.away.lock().clone() {
            return Err(refusal);
        }
        let key = [7; 32];
        let readers = self.readers.lock().clone();
        let found = readers
            .into_iter()
            .find(|(name, _)| self::credentials(name).fingerprint(&key) == credentials.fingerprint(&key));
        let Some((_, prefixes)) = found else {
            return Err(match credentials.is_anonymous() {
                true => Refusal::NeedsCredentials { www_authenticate: vec!["Basic".to_owned()], said: None },
                false => Refusal::NotFound { said: None },
            });
        };
        let repository = self.repository.lock().clone();
        let all = repository.refs().await.expect("readable");
        let is_seen = |name: &[u8]| prefixes.iter().any(|prefix| name.starts_with(prefix.as_bytes()));
        let seen = all.refs().filter(|found| is_seen(found.name())).cloned().collect();
        let (head, format) = (all.head().cloned(), all.object_format());
        Ok(RefSnapshot::new(seen, Advertised { head, format, ..Advertised::default() }))
    }

    /// One of these objects that the references of this reader do not lead to.
    async fn first_hidden(
        &self,
        credentials: &Credentials,
        objects: &BTreeSet<ObjectId>,
    ) -> Result<Option<ObjectId>, Refusal> {
        let seen = self.seen_by(credentials).await?;
        let tips = seen.iter().map(|(_, object)| object.clone()).collect();
        let repository = self.repository.lock().clone();
        let unreached = repository.first_unreached(objects, &tips, SearchFor::Client).await;
        Ok(unreached.expect("git runs").map(|unreached| unreached.object))
    }
}

impl Source for PretendOrigin {
    fn base_url(&self) -> &Url {
        &self.base_url
    }

    fn url_of(&self, path: &RepositoryPath) -> Url {
        path.below(&self.base_url)
    }

    fn list<'a>(
        &'a self,
        _path: &'a RepositoryPath,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<Listing, Refusal>> {
        async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let _answering = self.answering.read().await;
            let seen = self.seen_by(credentials).await?;
            let repository = self.repository.lock().clone();
            Ok(Listing::new(seen, repository.object_format().await.expect("readable"), None))
        }
        .boxed()
    }

    fn list_part<'a>(
        &'a self,
        _path: &'a RepositoryPath,
        credentials: &'a Credentials,
        part: &'a LsRefs,
    ) -> BoxFuture<'a, Result<Option<Listing>, Refusal>> {
        async move {
            self.asked_for_part.fetch_add(1, Ordering::SeqCst);
            let seen = match self.seen_by(credentials).await {
                Ok(seen) => seen,
                Err(refusal) if refusal.is_verdict() => return Ok(None),
                Err(refusal) => return Err(refusal),
            };
            let repository = self.repository.lock().clone();
            let format = repository.object_format().await.expect("readable");
            Ok(Some(Listing::new(seen.only(part), format, None)))
        }
        .boxed()
    }

    fn fetch<'a>(
        &'a self,
        path: &'a RepositoryPath,
        credentials: &'a Credentials,
        into: &'a Repository,
        wanted: WantedObjects<'a>,
    ) -> BoxFuture<'a, Result<(), FetchFailure>> {
        async move {
            self.fetched.fetch_add(1, Ordering::SeqCst);
            let endless_below = *self.endless_below.lock();
            if endless_below.is_some_and(|folder| path.as_str().starts_with(folder)) {
                return std::future::pending().await;
            }
            if let Some(hidden) = self.first_hidden(credentials, wanted.objects).await? {
                let said = hidden.to_string();
                return Err(FetchFailure::NotGiven { object: Some(hidden), said });
            }
            let plan = FetchPlan {
                url: self.http.url.clone(),
                authorization: None,
                objects: wanted.objects.clone(),
                timeout: PATIENCE,
                connection: Connection::default(),
                progress: wanted.progress.cloned().unwrap_or_default(),
            };
            let fetched: Result<(), FetchError> = match wanted.kept_by {
                KeptBy::OurRefs => fetch_wanted(into, &plan).await,
                KeptBy::Caller => fetch_objects(into, &plan).await,
            };
            fetched.map_err(FetchFailure::Here)
        }
        .boxed()
    }

    fn gives<'a>(
        &'a self,
        _path: &'a RepositoryPath,
        credentials: &'a Credentials,
        objects: &'a BTreeSet<ObjectId>,
    ) -> BoxFuture<'a, Result<Given, Refusal>> {
        async move {
            let hidden = self.first_hidden(credentials, objects).await?;
            Ok(hidden.map_or(Given::All, |hidden| Given::NotAll(Some(hidden))))
        }
        .boxed()
    }
}

impl World {
    /// What those who run the mirror see of its repositories.
    pub fn repositories(&self) -> Vec<RepositoryView> {
        let operator = permit::operate(|| Ok(())).expect("who tests it runs it");
        self.origin.repositories(&operator)
    }

    /// The origin has two commits on `main` and one on `topic`; ann sees everything.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(options: fn(&mut OriginOptions)) -> Self {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("tool", &["main", "topic"]).await;
        workshop.commit(&repository, "main");
        let source = Arc::new(PretendOrigin {
            base_url: Url::parse("https://git.example.com/").expect("a URL"),
            http: HttpServer::serve(repository.clone()).await,
            repository: Mutex::new(repository),
            readers: Mutex::default(),
            away: Mutex::default(),
            answering: RwLock::default(),
            endless_below: Mutex::default(),
            asked: AtomicUsize::new(0),
            asked_for_part: AtomicUsize::new(0),
            fetched: AtomicUsize::new(0),
        });
        source.show("ann", &["refs/"]);
        workshop.folder("mirror");
        let later_ms = Arc::new(AtomicI64::new(0));
        let (origin, stop) = start(&workshop, &source, &later_ms, options).await;
        Self { workshop, source, origin, stop, later_ms, options }
    }

    /// Stops the mirror and starts it again.
    pub async fn restart(&mut self) {
        self.stop.cancel();
        self.origin.stopped().await;
        (self.origin, self.stop) = start(&self.workshop, &self.source, &self.later_ms, self.options).await;
    }

    /// Someone begins a git command.
    pub async fn open(&self, name: &str) -> Result<OpenedRepository, NotOpened> {
        self.open_at(&path(), name).await
    }

    /// The same at another path: there is the same repository at each.
    pub async fn open_at(&self, path: &RepositoryPath, name: &str) -> Result<OpenedRepository, NotOpened> {
        self.origin.open_repository(path, &credentials(name), Visit::First, ClientKey::verified(name)).await
    }

    /// Whether someone can have an object.
    pub async fn gives(&self, name: &str, object: &ObjectId) -> bool {
        self.gives_at(&path(), name, object).await
    }

    /// The same at another path.
    pub async fn gives_at(&self, path: &RepositoryPath, name: &str, object: &ObjectId) -> bool {
        self.gives_to(ClientKey::verified(name), path, name, object).await
    }

    /// The same once something here has made room, which it does not while something is fetched into it in the background.
    pub async fn gives_in_time(&self, path: &RepositoryPath, name: &str, object: &ObjectId) {
        let trying = async {
            while self.open_at(path, name).await.is_err() || !self.gives_at(path, name, object).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let given = tokio::time::timeout(PATIENCE, trying).await;
        given.unwrap_or_else(|_| panic!("{path} makes no room for {object}"));
    }

    /// The same to a client that counts as this one.
    pub async fn gives_to(
        &self,
        client: ClientKey,
        path: &RepositoryPath,
        name: &str,
        object: &ObjectId,
    ) -> bool {
        let opened = self.origin.open_repository(path, &credentials(name), Visit::First, client).await;
        let opened = opened.expect("it is shown");
        let reader = opened.reader(client, Vec::new());
        let wanted = BTreeSet::from([object.clone()]);
        match opened.repository.make_ready(&wanted, &reader).await {
            Ok(unavailable) => unavailable.is_none(),
            Err(GitError::Refused { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Clones as someone with a real client; `None` if that fails.
    pub async fn clone_as(&self, name: &'static str, folder: &str, options: &[&str]) -> Option<PathBuf> {
        let door =
            Door { origin: Arc::clone(&self.origin), name, unused: self.source.repository.lock().clone() };
        let server = HttpServer::serve(door).await;
        let clone = self.workshop.path(folder);
        let place = clone.to_str().expect("text").to_owned();
        let args = [&["clone", "--quiet"], options, &[&server.url, &place]].concat();
        let ran = tokio::task::block_in_place(|| self.workshop.try_run(&self.workshop.path(""), &args));
        ran.map(|_| clone)
    }

    /// What a reference names at the origin.
    pub fn at_origin(&self, name: &str) -> String {
        let place = self.source.repository.lock().path().to_owned();
        self.workshop.run(&place, &["rev-parse", name]).trim().to_owned()
    }
}

async fn start(
    workshop: &Workshop,
    source: &Arc<PretendOrigin>,
    later_ms: &Arc<AtomicI64>,
    change: fn(&mut OriginOptions),
) -> (Arc<Origin>, CancellationToken) {
    let data = workshop.path("mirror");
    let database = format!("sqlite:{}", data.join("mirror.db").display());
    let database =
        Database::open(&database, Role::Mirror, Flush::NowAndThen).await.expect("a writable folder");
    let mut options = OriginOptions::new(&data);
    let (real, later) = (Clock::system(), Arc::clone(later_ms));
    options.clock = Clock::reading(move || real.now_ms() + later.load(Ordering::SeqCst));
    change(&mut options);
    let (git, store, stop) = (workshop.git.clone(), OriginStore::new(database), CancellationToken::new());
    let source: Arc<dyn Source> = source.clone();
    let origin = Origin::open(options, git, store, source, None, stop.clone()).await;
    let origin = origin.expect("the mirror starts");
    origin.run();
    (origin, stop)
}

/// The mirror as a client sees it who has shown these credentials.
#[derive(Clone)]
struct Door {
    origin: Arc<Origin>,
    name: &'static str,
    unused: Repository,
}

impl Door {
    async fn open(&self, visit: Visit) -> Result<OpenedRepository, GitError> {
        let client = ClientKey::verified(self.name);
        let opened = self.origin.open_repository(&path(), &credentials(self.name), visit, client).await;
        opened.map_err(|error| GitError::Refused { operation: "open", message: error.to_string() })
    }
}

impl Answers for Door {
    async fn advertise(&self, service: GitService, protocol: GitProtocol) -> Result<ByteStream, GitError> {
        let visit = if protocol.version() == 2 { Visit::Greeting } else { Visit::First };
        let opened = self.open(visit).await?;
        Ok(opened.repository.advertise(service, &protocol).await?.into_stream())
    }

    async fn upload_pack(&self, request: ByteStream, protocol: GitProtocol) -> Result<ByteStream, GitError> {
        let opened = self.open(Visit::Following).await?;
        let reader = opened.reader(ClientKey::verified(self.name), Vec::new());
        Ok(opened.repository.upload_pack(request.boxed(), &protocol, reader).await?.into_stream())
    }

    fn target(&self) -> &Repository {
        &self.unused
    }
}
