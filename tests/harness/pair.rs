//! An upstream and a mirror that has joined it, with a project and a repository in place.

use std::sync::OnceLock;

use serde_json::Value;
use url::Url;

use super::client::{Answer, Client, Identity};
use super::git::{Checkout, git, git_output};
use super::server::{Server, ServerOptions};
use super::wait::eventually;

/// An upstream with one mirror.
#[derive(Debug)]
pub struct Pair {
    /// The primary.
    pub upstream: Server,
    /// The replica.
    pub mirror: Server,
}

impl Pair {
    /// Starts both; the mirror has asked, been accepted, is installed and takes traffic.
    pub async fn start() -> Self {
        let pair = Self::start_with(ServerOptions::default(), ServerOptions::default()).await;
        let anonymous = pair.mirror.anonymous();
        eventually("the mirror to take traffic", || async {
            (anonymous.get("/status").await.status == 200).then_some(())
        })
        .await;
        pair
    }

    /// Starts both with options of their own.
    pub async fn start_with(upstream: ServerOptions, mirror: ServerOptions) -> Self {
        let upstream = Server::upstream(upstream);
        let mirror = Server::mirror(upstream.base_url(), "Saigon", mirror);
        let pair = Pair { upstream, mirror };
        pair.join("Saigon").await;
        pair
    }

    /// Accepts the pending request of a mirror by its name and waits until it is installed.
    pub async fn join(&self, name: &str) -> Value {
        let admin = self.admin();
        let request = eventually("the mirror's request", || async {
            let page = admin.get("/rest/mirroring/latest/requests?state=PENDING").await.expect(200).json();
            page["values"].as_array()?.iter().find(|request| request["mirrorName"] == name).cloned()
        });
        let id = request.await["id"].clone();
        admin.post_nothing(&format!("/rest/mirroring/latest/requests/{id}/accept")).await.expect(200).json()
    }

    /// The upstream's administrator.
    pub fn admin(&self) -> Client {
        self.upstream.admin()
    }

    /// The upstream's administrator at the mirror.
    pub fn mirror_admin(&self) -> Client {
        self.mirror.admin()
    }

    /// The upstream without credentials.
    pub fn anonymous(&self) -> Client {
        self.admin().as_(Identity::Anonymous)
    }

    /// A new user without any permission; returns who it is.
    pub async fn new_user(&self) -> Identity {
        self.upstream.new_user().await
    }

    /// A new project; returns its wire form.
    pub async fn new_project(&self, public: bool) -> Value {
        self.upstream.new_project(public).await
    }

    /// A new, empty repository; returns its wire form.
    pub async fn new_repository(&self, project: &Value) -> Value {
        self.upstream.new_repository(project).await
    }

    /// A repository in a new project with one commit pushed; returns it with its checkout.
    pub async fn pushed_repository(&self, public: bool) -> (Value, Checkout) {
        self.upstream.pushed_repository(public).await
    }

    /// The upstream's clone URL of a repository, with the administrator's credentials.
    pub fn upstream_url(&self, repository: &Value) -> Url {
        self.upstream.admin_url(repository)
    }

    /// The mirror's clone URL of a repository, with the administrator's credentials.
    pub fn mirror_url(&self, repository: &Value) -> Url {
        self.mirror.admin_url(repository)
    }

    /// A path at the mirror below its view of the upstream.
    pub async fn mirror_path(&self, end: &str) -> String {
        format!("/rest/mirroring/latest/upstreamServers/{}{end}", self.upstream_id().await)
    }

    /// The id under which the mirror knows its upstream.
    pub async fn upstream_id(&self) -> String {
        let admin = self.mirror_admin();
        // A busy upstream may take longer to say who asks than the mirror waits.
        let answer = eventually("the mirror to know who asks", || async {
            Some(admin.get("/rest/mirroring/latest/upstreamServers").await)
                .filter(|answer| answer.status != 503)
        });
        let page = answer.await.expect(200).json();
        page["values"][0]["id"].as_str().expect("an upstream has an id").to_owned()
    }

    /// The mirror's server id at the upstream.
    pub async fn mirror_id(&self) -> String {
        let page = self.admin().get("/rest/mirroring/latest/mirrorServers").await.expect(200).json();
        page["values"][0]["id"].as_str().expect("a mirror has an id").to_owned()
    }

    /// What the mirror says of a repository, once it has there what the upstream has now.
    pub async fn mirrored(&self, repository: &Value) -> Value {
        let path = format!("/rest/mirroring/latest/repos/{}", repository["id"]);
        let newest = self.admin().get(&path).await.expect(200).json()["properties"]["generation"].as_u64();
        eventually("the repository on the mirror", || async {
            let found = self.available(repository).await;
            found.filter(|found| found["generation"].as_u64() >= newest)
        })
        .await
    }

    /// Waits until the mirror shows a repository exactly as the upstream does.
    pub async fn shows_the_same(&self, repository: &Value, checkout: &Checkout) {
        let (upstream, mirror) = (self.upstream_url(repository), self.mirror_url(repository));
        let expected = git(checkout.path(), &["ls-remote", upstream.as_str()]);
        eventually("the mirror to show what the upstream has", || async {
            // It may not have heard of the repository yet.
            let output = git_output(checkout.path(), &["ls-remote", mirror.as_str()]);
            let shown = String::from_utf8_lossy(&output.stdout);
            (output.status.success() && shown.trim() == expected).then_some(())
        })
        .await;
    }

    /// What the mirror says of a repository, if it can be cloned there now.
    pub async fn available(&self, repository: &Value) -> Option<Value> {
        let path = self.mirror_path(&format!("/repos/{}", repository["id"])).await;
        let answer: Answer = self.mirror_admin().get(&path).await;
        (answer.status == 200).then(|| answer.json()).filter(|found| found["available"] == true)
    }
}

/// The clone URL of a repository at a server.
pub fn clone_url(base: &Url, repository: &Value, user: Option<(&str, &str)>) -> Url {
    let key = repository["project"]["key"].as_str().expect("a repository has a project").to_lowercase();
    let slug = repository["slug"].as_str().expect("a repository has a slug");
    let mut url = Url::parse(&format!("{}/scm/{key}/{slug}.git", base.as_str().trim_end_matches('/')))
        .expect("is a URL");
    if let Some((name, password)) = user {
        url.set_username(name).expect("http URLs have users");
        url.set_password(Some(password)).expect("http URLs have passwords");
    }
    url
}

/// One pair for all tests that change nothing another test could see.
pub async fn shared_pair() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _guard = STARTING.lock().await;
    if let Some(pair) = PAIR.get() {
        return pair;
    }
    let pair = Pair::start().await;
    PAIR.get_or_init(|| pair)
}
