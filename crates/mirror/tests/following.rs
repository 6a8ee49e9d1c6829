//! A mirror follows an upstream over real HTTP and real Git: it joins, keeps up, heals, and lets go.

mod exact;
mod fake_upstream;
mod proof;
mod together;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fake_upstream::{CLIENT_KEY, FakeRepository, FakeUpstream, SECRET};
use heliostat_api::models::RestUnknownEntity;
use heliostat_auth::{Caller, Credentials, Secret};
use heliostat_git::Git;
use heliostat_mirror::permit::{self, Administrator, UpstreamItself};
use heliostat_mirror::{
    InstalledEvent, Mirror, MirrorOptions, RequestFacts, ServedRepository, UpstreamMake, UpstreamUrl,
};
use heliostat_refusal::Refusal;
use heliostat_storage::{Database, Flush, MirrorStore, MirroredRepository, PageRequest, Role, UpstreamState};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// A test that has not seen what it waits for by then has failed.
const PATIENCE: Duration = Duration::from_mins(4);

const MAIN: &str = "refs/heads/main";

struct World {
    upstream: Arc<FakeUpstream>,
    folder: tempfile::TempDir,
    mirror: Arc<Mirror>,
    stop: CancellationToken,
}

impl World {
    /// An upstream with one repository, and a mirror that has asked to be accepted.
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a writable folder");
        let git = Git::discover(Path::new("git")).await.expect("git is installed");
        let upstream = FakeUpstream::start(&folder.path().join("upstream"), git).await;
        std::fs::create_dir_all(&upstream.folder).expect("a writable folder");
        upstream.create(42, "engine").await;
        let (mirror, stop) = start_mirror(&upstream, folder.path()).await;
        Self { upstream, folder, mirror, stop }
    }

    /// The same after the upstream has accepted the mirror and the first synchronisation is over.
    async fn joined() -> Self {
        let world = Self::new().await;
        world.install().await.expect("the upstream accepts the secret");
        eventually("the mirror is ready", || world.mirror.status.now().ready).await;
        eventually("the repository is here", || world.mirror.status.now().progress.synced == 1).await;
        world
    }

    async fn install(&self) -> Result<(), Refusal> {
        let event = InstalledEvent {
            client_key: CLIENT_KEY.to_owned(),
            shared_secret: Secret::new(SECRET),
            base_url: Some(self.upstream.url.clone()),
            settings: None,
            make: UpstreamMake::Heliostat,
        };
        let request = RequestFacts { method: "POST", path: "/", raw_query: None, peer: None };
        self.mirror.events.installed(self.id(), event, &Credentials::None, request).await
    }

    fn administrator(&self) -> Administrator {
        permit::administer(&self.caller()).expect("the upstream administers its mirrors")
    }

    fn upstream_itself(&self) -> UpstreamItself {
        permit::speak_for_upstream(&self.caller()).expect("it is the upstream")
    }

    fn caller(&self) -> Caller {
        Caller::Upstream { id: self.id().to_owned() }
    }

    fn records(&self) -> Vec<Arc<MirroredRepository>> {
        self.mirror.support_info.records(&self.administrator(), PageRequest { start: 0, limit: 10 }).values
    }

    fn id(&self) -> &str {
        self.mirror.link.id().as_str()
    }

    async fn restart(&mut self) {
        self.stop.cancel();
        self.mirror.stopped().await;
        (self.mirror, self.stop) = start_mirror(&self.upstream, self.folder.path()).await;
    }

    /// The hash of the refs that a client gets to see.
    async fn seen(&self) -> String {
        let served = self.mirror.serving.open("APP", "engine", &ada(), None).await.expect("ada may read");
        assert!(served.freshness.is_current());
        hash_of(served).await
    }

    fn upstream_hash(&self) -> String {
        self.upstream.repository(42).content_hash
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let faults = self.upstream.state().faults.join("\n");
            assert!(faults.is_empty(), "the fake upstream has answered what no upstream would:\n{faults}");
        }
    }
}

/// The hash of the refs of this one.
async fn hash_of(served: ServedRepository) -> String {
    let repository = served.repository.expect("it is here").repository;
    repository.refs().await.expect("its refs can be read").content_hash().to_string()
}

async fn start_mirror(upstream: &FakeUpstream, folder: &Path) -> (Arc<Mirror>, CancellationToken) {
    let url = UpstreamUrl::parse(&upstream.url).expect("a valid URL");
    let data = folder.join("mirror");
    std::fs::create_dir_all(&data).expect("a writable folder");
    let options = MirrorOptions {
        freshness_cap: PATIENCE,
        sweep_interval: PATIENCE,
        ..MirrorOptions::new("near", url, "http://mirror.example.com", &data)
    };
    let database = format!("sqlite:{}", data.join("mirror.db").display());
    let database =
        Database::open(&database, Role::Mirror, Flush::NowAndThen).await.expect("a writable folder");
    let git = Git::discover(Path::new("git")).await.expect("git is installed");
    let mirror = Mirror::open(options, git, MirrorStore::new(database)).await.expect("the mirror starts");
    let stop = CancellationToken::new();
    mirror.run(&stop);
    (mirror, stop)
}

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "waited in vain until {what}");
}

fn basic(username: &str, password: &str) -> Credentials {
    Credentials::Basic { username: username.to_owned(), password: Secret::new(password) }
}

fn ada() -> Credentials {
    basic("ada", "right")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_joins_and_serves_whom_the_upstream_knows() {
    let world = World::new().await;
    eventually("the request has arrived", || world.mirror.link.state() == UpstreamState::Pending).await;
    let early = world.mirror.serving.open("APP", "engine", &ada(), None).await;
    assert!(early.is_err(), "nothing is served before the installation");

    world.install().await.expect("the upstream accepts the secret");
    eventually("the repository is here", || world.mirror.status.now().progress.synced == 1).await;
    assert_eq!(world.seen().await, world.upstream_hash());
    assert_eq!(world.seen().await, world.upstream_hash());
    assert_eq!(world.upstream.state().authentications, 1, "the second time the decision is remembered");
    eventually("the success was reported", || {
        world.upstream.state().reports.iter().any(|report| report["type"] == "SYNCHRONIZED")
    })
    .await;

    let open = async |credentials: Credentials| {
        world.mirror.serving.open("APP", "engine", &credentials, None).await.map(drop)
    };
    assert!(matches!(open(Credentials::None).await, Err(Refusal::Unauthenticated { .. })));
    assert!(matches!(open(basic("ada", "wrong")).await, Err(Refusal::Unauthenticated { .. })));
    assert!(matches!(open(basic("bob", "right")).await, Err(Refusal::NotFound { .. })));
    let unknown = world.mirror.serving.open("APP", "other", &ada(), None).await;
    assert!(matches!(unknown, Err(Refusal::NotFound { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_does_not_end_the_question_that_others_wait_for() {
    let world = World::joined().await;
    let silence = world.upstream.deciding.acquire().await.expect("it is never closed");
    let before = world.upstream.state().authentications;
    let mirror = Arc::clone(&world.mirror);
    let opening =
        tokio::spawn(async move { mirror.serving.open("APP", "engine", &ada(), None).await.map(drop) });
    eventually("the upstream is asked", || world.upstream.state().authentications > before).await;
    opening.abort();
    assert!(opening.await.is_err_and(|error| error.is_cancelled()), "there was no answer yet");
    drop(silence);
    world.seen().await;
    assert_eq!(world.upstream.state().authentications, before + 1, "the next one waits for the same answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_that_the_upstream_does_not_confirm_is_not_believed() {
    let world = World::new().await;
    let event = InstalledEvent {
        client_key: "a client".to_owned(),
        shared_secret: Secret::new("an invented secret of some length"),
        base_url: Some(world.upstream.url.clone()),
        settings: None,
        make: UpstreamMake::Heliostat,
    };
    let request = RequestFacts { method: "POST", path: "/", raw_query: None, peer: None };
    let refused = world.mirror.events.installed(world.id(), event.clone(), &Credentials::None, request).await;
    assert!(matches!(refused, Err(Refusal::Unauthenticated { .. })));
    let elsewhere = InstalledEvent { base_url: Some("http://evil.example.com".to_owned()), ..event };
    let refused = world.mirror.events.installed(world.id(), elsewhere, &Credentials::None, request).await;
    assert!(matches!(refused, Err(Refusal::Invalid { .. })));

    world.install().await.expect("the upstream accepts the secret");
    assert!(world.install().await.is_err(), "a second installation must be signed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_seen_by_the_first_request_after_its_event() {
    let world = World::joined().await;
    for number in 0..3 {
        world.upstream.push(42, MAIN, &format!("change {number}")).await;
        let event = world.upstream.refs_changed(42, MAIN);
        world
            .mirror
            .events
            .handle(&world.upstream_itself(), world.id(), event)
            .await
            .expect("a well-formed event");
        assert_eq!(world.seen().await, world.upstream_hash());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_event_told_is_found_by_the_sweep() {
    let world = World::joined().await;
    world.upstream.push(42, "refs/heads/silent", "no event tells").await;
    world.upstream.create(43, "motor").await;
    world.mirror.sweep_signal.wake();
    eventually("both are synchronised", || world.mirror.status.now().progress.synced == 2).await;
    assert_eq!(world.seen().await, world.upstream_hash());

    world.upstream.state().repositories.remove(&43);
    world.mirror.sweep_signal.wake();
    // An upstream announces what it deletes; what it does not know any more without a word is kept.
    eventually("the second is held back", || world.mirror.status.now().held == 1).await;
    let (administrator, held_back) = (world.administrator(), &world.mirror.held_back);
    let seen = held_back.list(&administrator, world.id()).expect("its upstream");
    assert_eq!((seen.repositories.len(), world.records().len()), (1, 2));
    let confirmed = held_back.confirm_removal(&administrator, world.id(), &seen.token).await;
    assert!(confirmed.expect("the list has not changed").repositories.is_empty());
    eventually("the second is gone", || world.records().len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_came_to_nothing_is_not_held() {
    let world = World::joined().await;
    let listed = FakeRepository { slug: "nothing".to_owned(), ..world.upstream.repository(42) };
    world.upstream.state().repositories.insert(44, listed);
    world.mirror.sweep_signal.wake();
    eventually("it is asked for in vain", || {
        world.records().iter().any(|record| record.external_id == "44" && record.failed_count > 0)
    })
    .await;
    world.upstream.state().repositories.remove(&44);
    world.mirror.sweep_signal.wake();
    eventually("it is forgotten", || world.records().len() == 1).await;
    assert_eq!(world.mirror.status.now().held, 0, "of nothing, nothing can be lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_makes_good_what_was_missed_and_damaged() {
    let mut world = World::joined().await;
    world.stop.cancel();
    world.mirror.stopped().await;
    world.upstream.push(42, MAIN, "while the mirror was down").await;
    let local_id = world.records()[0].local_id.0;
    let place = format!("mirror/repositories/{:02x}/{local_id}.git/HEAD", local_id % 256);
    std::fs::remove_file(world.folder.path().join(place)).expect("the repository is there");

    world.restart().await;
    world.mirror.sweep_signal.wake();
    eventually("the mirror has caught up", || {
        let records = world.records();
        records.iter().any(|record| record.content_hash.as_deref() == Some(world.upstream_hash().as_str()))
    })
    .await;
    assert_eq!(world.seen().await, world.upstream_hash());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deselected_or_removed_is_no_longer_served() {
    let world = World::joined().await;
    let open = async || world.mirror.serving.open("APP", "engine", &ada(), None).await.map(drop);
    world
        .mirror
        .selection
        .set_mode(&world.administrator(), world.id(), "SELECTED_PROJECTS")
        .await
        .expect("a valid mode");
    assert!(open().await.is_err(), "no project is selected");
    world
        .mirror
        .selection
        .set_mode(&world.administrator(), world.id(), "ALL_PROJECTS")
        .await
        .expect("a valid mode");
    eventually("it is here again", || world.mirror.status.now().progress.synced == 1).await;
    open().await.expect("all projects are mirrored");

    let end = async || world.mirror.events.uninstalled(&world.upstream_itself(), world.id()).await;
    assert!(matches!(end().await, Err(Refusal::Conflict { .. })), "the upstream still accepts the secret");
    assert_eq!(world.mirror.link.state(), UpstreamState::Installed);
    world.upstream.state().accepts_secret = false;
    end().await.expect("the upstream refuses the secret");
    assert_eq!(world.mirror.link.state(), UpstreamState::Removed);
    assert!(open().await.is_err(), "the upstream has removed the mirror");
}

impl World {
    async fn take_in(&self, event: RestUnknownEntity) {
        let taken_in = self.mirror.events.handle(&self.upstream_itself(), self.id(), event).await;
        taken_in.expect("a well-formed event");
    }

    /// An event that tells of a repository that all may see, or not.
    fn event_of(&self, public: bool) -> RestUnknownEntity {
        self.upstream.state().repositories.get_mut(&42).expect("it was created").public = public;
        self.upstream.refs_changed(42, MAIN)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_event_closes_is_closed_while_the_upstream_is_asked_whether_it_is_late() {
    let world = World::joined().await;
    let is_public = || world.records()[0].public;
    let closing = world.event_of(false);
    world.take_in(world.event_of(true)).await;
    assert!(is_public());

    let silence = world.upstream.telling.acquire().await.expect("it is never closed");
    let before = world.upstream.state().questions;
    tokio::join!(world.take_in(closing), async {
        eventually("the upstream is asked", || world.upstream.state().questions > before).await;
        assert!(!is_public(), "it may have been closed");
        drop(silence);
    });
    eventually("it is open again: the event was late", is_public).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_tells_of_nothing_that_is_shown_is_no_reason_for_a_question() {
    let world = World::joined().await;
    let hash = "cd".repeat(32);
    world.upstream.push(42, MAIN, "a change").await;
    let mut event = world.upstream.refs_changed(42, MAIN);
    event.insert("metadataHash".to_owned(), Value::from(hash.as_str()));
    let _silence = world.upstream.telling.acquire().await.expect("it is never closed");
    let before = world.upstream.state().questions;
    world.take_in(event).await;
    assert_eq!(world.upstream.state().questions, before);
    assert_eq!(world.records()[0].metadata_hash, hash);
}
