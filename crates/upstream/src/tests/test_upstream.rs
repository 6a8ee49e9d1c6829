//! An upstream in a temporary folder, and the things tests do with it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use heliostat_auth::{Caller, Credentials, Secret};
use heliostat_downstream::Registration;
use heliostat_git as git;
use heliostat_git_serve::{ServedRepositories, ServingOptions};
use heliostat_peer::{AddressRules, Clock, OutgoingNetworks};
use heliostat_refusal::Refusal;
use heliostat_storage::{Database, Flush, PageRequest, Project, Repository, Role, UpstreamStore};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    AdminAccount, ProjectCreation, RepositoryChange, RepositoryCreation, RequestFacts, Upstream,
    UpstreamOptions, UserCreation, permit,
};

/// The password of `admin`.
pub(crate) const ADMIN_PASSWORD: &str = "correct horse battery staple";
/// That of the users that tests make.
pub(crate) const USER_PASSWORD: &str = "a good password";
/// The first page of anything.
pub(crate) const FIRST: PageRequest = PageRequest { start: 0, limit: 25 };
/// A request that no signature covers.
pub(crate) const ANY_REQUEST: RequestFacts<'_> =
    RequestFacts { method: "GET", path: "/", raw_query: None, peer: None };

pub(crate) struct TestUpstream {
    pub(crate) upstream: Upstream,
    pub(crate) admin_account: Option<AdminAccount>,
    pub(crate) folder: Arc<TempDir>,
    /// Added to the machine's clock, in milliseconds.
    pub(crate) clock_offset: Arc<AtomicI64>,
    stop: CancellationToken,
    running: Option<tokio::task::JoinHandle<()>>,
}

impl TestUpstream {
    pub(crate) async fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        Self::in_folder(folder, Some(Secret::new(ADMIN_PASSWORD))).await
    }

    /// Opens what another one has left in its folder.
    pub(crate) async fn in_folder(folder: Arc<TempDir>, admin_password: Option<Secret>) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let url = format!("sqlite:{}", folder.path().join("upstream.db").display());
        let database = Database::open(&url, Role::Upstream, Flush::NowAndThen).await.expect("a database");
        let executable = git::Git::discover(Path::new("git")).await.expect("git is installed");
        let repositories = ServedRepositories::new(
            executable,
            folder.path().join("repositories"),
            &ServingOptions::default(),
        )
        .expect("a folder");
        let clock_offset = Arc::new(AtomicI64::new(0));
        let (offset, system) = (Arc::clone(&clock_offset), Clock::system());
        let base_url = Url::parse("http://127.0.0.1:7990/git").expect("a URL");
        let listen = std::net::Ipv4Addr::LOCALHOST.into();
        let options = UpstreamOptions {
            outgoing: AddressRules::for_server(&base_url, listen, &OutgoingNetworks::default()),
            base_url,
            data: folder.path().to_owned(),
            admin_password,
            trash_time: heliostat_git::DEFAULT_TRASH_TIME,
            request_lifetime: Duration::from_hours(30 * 24),
            small_push_bytes: heliostat_downstream::DEFAULT_SMALL_PUSH_BYTES,
            mirror_lease: Duration::ZERO,
            clock: Clock::reading(move || system.now_ms() + offset.load(Ordering::Relaxed)),
        };
        let (upstream, admin_account) =
            Upstream::open(UpstreamStore::new(database), repositories, options).await.expect("it opens");
        Self { upstream, admin_account, folder, clock_offset, stop: CancellationToken::new(), running: None }
    }

    /// Starts the background work.
    pub(crate) fn run(&mut self) {
        let (upstream, stop) = (self.upstream.clone(), self.stop.clone());
        self.running = Some(tokio::spawn(async move { upstream.run(stop).await }));
    }

    /// Stops the background work and waits for its end.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            running.await.expect("it does not panic");
        }
    }

    pub(crate) async fn log_in(&self, name: &str, password: &str) -> Result<Caller, Refusal> {
        let credentials = Credentials::Basic { username: name.to_owned(), password: Secret::new(password) };
        self.identify(credentials).await
    }

    pub(crate) async fn identify(&self, credentials: Credentials) -> Result<Caller, Refusal> {
        self.upstream.accounts().identify(credentials, ANY_REQUEST).await
    }

    pub(crate) async fn admin(&self) -> Caller {
        self.log_in("admin", ADMIN_PASSWORD).await.expect("the administrator")
    }

    pub(crate) async fn user(&self, name: &str) -> Caller {
        let creation = UserCreation {
            name: name.to_owned(),
            password: Secret::new(USER_PASSWORD),
            display_name: None,
            email: None,
        };
        async { self.upstream.accounts().create_user(permit::admin(&self.admin().await)?, creation).await }
            .await
            .expect("a new user");
        self.log_in(name, USER_PASSWORD).await.expect("the new user")
    }

    pub(crate) async fn project(&self, key: &str) -> Project {
        let creation = ProjectCreation {
            key: key.to_owned(),
            name: format!("Project {key}"),
            description: None,
            public: false,
        };
        async {
            self.upstream
                .repositories()
                .create_project(permit::create_project(&self.admin().await)?, creation)
                .await
        }
        .await
        .expect("a new project")
    }

    pub(crate) async fn repository(&self, key: &str, name: &str) -> Repository {
        let admin = self.admin().await;
        async {
            self.upstream
                .repositories()
                .create_repository(
                    &self.upstream.repositories().project_administrator(&admin, key).await?,
                    repository_named(name),
                )
                .await
        }
        .await
        .expect("a new repository")
    }

    /// Changes a repository as its administrator would.
    pub(crate) async fn update(
        &self,
        caller: &Caller,
        key: &str,
        slug: &str,
        change: RepositoryChange,
    ) -> Result<Repository, Refusal> {
        let repositories = self.upstream.repositories();
        let administrator = repositories.administrator(caller, key, slug).await?;
        repositories.update_repository(&administrator, change).await
    }

    /// Whether the caller may push to the repository with git.
    pub(crate) async fn may_push(&self, caller: &Caller, key: &str, slug: &str) -> Result<(), Refusal> {
        let repositories = self.upstream.repositories();
        let writer = repositories.writer(caller, key, slug).await?;
        repositories.push_with_git(&writer).await.map(drop)
    }

    /// Changes refs on disk as a push would, and nothing else. Each target is made from its text.
    pub(crate) async fn change_on_disk(&self, repository: &Repository, changes: &[(&str, Option<&str>)]) {
        let on_disk = self.upstream.0.changes.open_git(repository.id).await.expect("it is on disk");
        for (name, target) in changes {
            match target {
                Some(text) => {
                    let commit = run_git(on_disk.path(), &["commit-tree", "-m", text, EMPTY_TREE]);
                    run_git(on_disk.path(), &["update-ref", name, commit.trim()]);
                }
                None => drop(run_git(on_disk.path(), &["update-ref", "-d", name])),
            }
        }
    }

    /// Changes refs and announces it.
    pub(crate) async fn push(&self, repository: &Repository, changes: &[(&str, Option<&str>)]) -> Repository {
        self.upstream.0.changes.refs(repository).await.expect("readable refs");
        self.change_on_disk(repository, changes).await;
        let admin = self.admin().await;
        self.upstream.0.changes.announce_change(&admin, repository.id).await.expect("announced").repository
    }
}

/// The object that git itself knows in every repository.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

#[expect(clippy::disallowed_methods, reason = "git is the referee here, called as an operator would")]
pub(crate) fn run_git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@example.com")])
        .envs([("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@example.com")])
        .envs([("GIT_AUTHOR_DATE", "1764000000 +0000"), ("GIT_COMMITTER_DATE", "1764000000 +0000")])
        .args(["-c", "safe.directory=*"])
        .args(arguments)
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

pub(crate) fn repository_named(name: &str) -> RepositoryCreation {
    RepositoryCreation {
        name: name.to_owned(),
        description: None,
        public: false,
        forkable: true,
        default_branch: None,
        object_format: git::ObjectFormat::Sha1,
    }
}

pub(crate) fn registration(mirror_id: &str, name: &str, base_url: &str) -> Registration {
    Registration {
        mirror_id: mirror_id.to_owned(),
        name: name.to_owned(),
        base_url: base_url.to_owned(),
        descriptor_uri: format!("{base_url}/rest/mirroring/latest/upstreamServers/1/addon/descriptor"),
        mirror_type: None,
        product_type: Some("Heliostat".to_owned()),
        product_version: Some("0.1.0".to_owned()),
        key: None,
    }
}
