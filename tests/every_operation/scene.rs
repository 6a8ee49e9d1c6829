//! A server of each role, who calls it, and sample values for the parameters of its operations.

use std::collections::BTreeMap;

use heliostat_api::Role;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use crate::harness::{
    Answer, Client, Identity, JoinedByHand, Promised, Server, UpstreamByHand, request_of,
    start_joined_by_hand,
};

/// A value that no parameter has: no project, repository, user or server is called so.
const UNKNOWN: &str = "99999999";

/// A server of one role, and everything that its operations are called with.
pub struct Scene {
    /// Which operations it serves.
    pub role: Role,
    server: &'static Server,
    /// A user who may do everything.
    pub administrator: Identity,
    /// A user who may sign in and nothing else.
    pub plain_user: Identity,
    /// The server that it is joined with.
    pub partner: Identity,
    /// The same server's name, with a secret that is not its.
    pub forger: Identity,
    samples: BTreeMap<&'static str, String>,
    bodies: BTreeMap<&'static str, Value>,
}

/// Both roles, started once for all tests here; they are refused whatever they ask, so nothing changes.
pub async fn scenes() -> &'static [Scene; 2] {
    static SCENES: OnceCell<[Scene; 2]> = OnceCell::const_new();
    SCENES.get_or_init(|| async { [upstream().await, mirror().await] }).await
}

async fn upstream() -> Scene {
    let joined: &'static JoinedByHand = Box::leak(Box::new(start_joined_by_hand().await));
    let server = &joined.upstream;
    let (repository, _checkout) = server.pushed_repository(true).await;
    let token = server.new_token(&Identity::admin(), &[]).await;
    let elsewhere = Url::parse("http://127.0.0.1:10001").expect("is a URL");
    let request = request_of(&heliostat_auth::server_id(), "Waiting", &elsewhere);
    let request = server.anonymous().post("/rest/mirroring/latest/requests", &request).await.promised(200);
    let samples = [
        ("invocationId", json!(1)),
        ("mirrorId", json!(joined.mirror_id)),
        ("mirroringRequestId", request["id"].clone()),
        ("name", json!("admin")),
        ("projectId", repository["project"]["id"].clone()),
        ("projectKey", repository["project"]["key"].clone()),
        ("repoId", repository["id"].clone()),
        ("repositorySlug", repository["slug"].clone()),
        ("tokenId", token["id"].clone()),
        ("userSlug", json!("admin")),
        ("webhookId", json!(1)),
    ];
    Scene {
        role: Role::Upstream,
        server,
        administrator: Identity::admin(),
        plain_user: server.new_user().await,
        partner: joined.identity(),
        forger: joined.forger(),
        samples: samples.map(|(name, value)| (name, plain(&value))).into(),
        bodies: BTreeMap::new(),
    }
}

async fn mirror() -> Scene {
    let by_hand: &'static UpstreamByHand = Box::leak(Box::new(UpstreamByHand::start_installed().await));
    let samples = [
        ("externalRepositoryId", "24"),
        ("projectId", "7"),
        ("projectKey", "P7"),
        ("repoId", "24"),
        ("repositorySlug", "repo-24"),
        ("upstreamId", by_hand.upstream_id.as_str()),
        ("upstreamRepoId", "24"),
    ];
    Scene {
        role: Role::Mirror,
        server: &by_hand.mirror,
        administrator: by_hand.user(),
        plain_user: by_hand.plain_user(),
        partner: by_hand.identity(),
        forger: by_hand.identity_with(&"0".repeat(64)),
        samples: samples.map(|(name, value)| (name, value.to_owned())).into(),
        bodies: [("onAddonInstalled", by_hand.installed_event(&by_hand.secret))].into(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Scene {
    /// The operations that are served here.
    pub fn operations(&self) -> impl Iterator<Item = Promised> + use<> {
        Promised::of_role(self.role)
    }

    /// What browsers name the server's own pages by.
    pub fn origin(&self) -> String {
        self.server.base_url().origin().ascii_serialization()
    }

    /// The server as this caller.
    pub fn client(&self, caller: &Identity) -> Client {
        self.server.client(caller)
    }

    /// Who may call an operation.
    pub fn entitled(&self, operation: &Promised) -> &Identity {
        let prefers_server = self.role == Role::Mirror || !operation.accepts("basic");
        if operation.accepts("serverJwt") && prefers_server {
            &self.partner
        } else if operation.accepts("basic") {
            &self.administrator
        } else {
            &Identity::Anonymous
        }
    }

    /// The address of an operation on what is there.
    pub fn address(&self, operation: &Promised) -> String {
        operation.address(|name| self.sample(name))
    }

    /// The address of an operation on what is not there.
    pub fn address_of_nothing(&self, operation: &Promised) -> String {
        operation.address(|_| UNKNOWN.to_owned())
    }

    /// A project and a repository that none but administrators may see, by the parameters that name them.
    pub async fn hidden_things(&self) -> BTreeMap<&'static str, String> {
        let repository = self.server.empty_repository(false).await;
        let named = [
            ("projectId", &repository["project"]["id"]),
            ("projectKey", &repository["project"]["key"]),
            ("repoId", &repository["id"]),
            ("repositorySlug", &repository["slug"]),
        ];
        named.map(|(name, value)| (name, plain(value))).into()
    }

    /// A value of a parameter for something that is there.
    pub fn sample(&self, parameter: &str) -> String {
        let sample = self.samples.get(parameter);
        sample
            .unwrap_or_else(|| {
                panic!("tests/every_operation/scene.rs has no sample for {parameter}: add one")
            })
            .clone()
    }

    /// A body that is well-formed.
    pub fn body(&self, operation: &Promised) -> Option<Value> {
        self.bodies.get(operation.id()).cloned().or_else(|| operation.example_body())
    }

    /// Calls an operation at an address, with a body if it takes one.
    pub async fn call(&self, operation: &Promised, address: &str, caller: &Identity) -> Answer {
        self.client(caller).send(operation.method(), address, self.body(operation).as_ref()).await
    }
}
