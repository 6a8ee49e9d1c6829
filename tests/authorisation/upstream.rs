//! An upstream with everyone who might call it.

use serde_json::{Value, json};
use url::Url;

use super::callers::{Caller, impostors_of};
use super::scene::{Furnished, Samples, Scene, furnish, metrics_token, text};
use crate::harness::{
    ADMIN_PASSWORD, FakeMirror, Identity, Server, ServerOptions, good_descriptor, project_path,
    repository_path, request_of, unique,
};

/// An upstream, and what makes a request that can be made only once.
pub struct UpstreamScene {
    /// What is asked, and by whom.
    pub scene: Scene,
    server: Server,
    furnished: Furnished,
    _mirrors: [FakeMirror; 3],
}

impl UpstreamScene {
    /// Starts it.
    pub async fn start() -> Self {
        let server =
            Server::upstream(ServerOptions { environment: metrics_token(), ..ServerOptions::default() });
        let furnished = furnish(&server).await;
        let mut callers = furnished.users.callers.clone();
        let mut samples = furnished.samples.clone();

        let (mirror, other) = (new_mirror().await, new_mirror().await);
        let (mirror_id, secret) = mirror.join(&server, "Joined").await;
        let (other_id, other_secret) = other.join(&server, "Other").await;
        let removed = new_mirror().await;
        let (removed_id, removed_secret) = removed.join(&server, "Removed").await;
        let path = format!("/rest/mirroring/latest/mirrorServers/{removed_id}");
        server.admin().delete(&path).await.promised(204);
        callers.extend(impostors_of(&mirror_id, &secret));
        callers.extend(
            [
                ("this mirror", Caller::server(&mirror_id, &secret)),
                ("another mirror", Caller::server(&other_id, &other_secret)),
                ("a JWT of a removed mirror", Caller::server(&removed_id, &removed_secret)),
                ("a signed link", Caller::link(&mirror_id, &secret, None)),
            ]
            .map(|(name, caller)| (name.to_owned(), caller)),
        );

        let waiting = heliostat_auth::server_id();
        let elsewhere = Url::parse("http://127.0.0.1:10001").expect("is a URL");
        let request = request_of(&waiting, "Waiting", &elsewhere);
        server.anonymous().post("/rest/mirroring/latest/requests", &request).await.promised(200);
        let decided = server.admin().get("/rest/mirroring/latest/requests?state=ACCEPTED").await;
        let decided = decided.promised(200)["values"][0]["id"].clone();
        let owner = &furnished.users.owner;
        let token = server.new_token(owner, &[]).await;
        let webhook = new_webhook(&server, &furnished.repository).await;
        let more = [
            ("adminPassword", ADMIN_PASSWORD.to_owned()),
            ("grantee", server.new_user().await.name().to_owned()),
            ("mirrorBase", mirror.base.as_str().trim_end_matches('/').to_owned()),
            ("mirrorId", mirror_id),
            ("mirroringRequestId", text(&decided)),
            ("name", "admin".to_owned()),
            ("tokenId", text(&token["id"])),
            ("userSlug", owner.name().to_owned()),
            ("waitingMirror", waiting),
            ("webhookId", text(&webhook["id"])),
        ];
        samples.extend(more.map(|(name, value)| (name.to_owned(), value)));
        let private_names = furnished.private_names.clone();
        let scene = Scene { address: server.base_url().clone(), callers, samples, private_names };
        UpstreamScene { scene, server, furnished, _mirrors: [mirror, other, removed] }
    }

    /// Something of this kind that only the next request uses up, by the names of the parameters that lead to it.
    pub async fn fresh(&self, kind: &str) -> Samples {
        let (server, repository) = (&self.server, &self.furnished.repository);
        let found = match kind {
            "repository" => {
                let fresh = server.new_repository(&repository["project"]).await;
                let administrator = &self.furnished.users.repository_administrator;
                server.grant(&permissions_of(repository_path(&fresh)), administrator, "REPO_ADMIN").await;
                vec![("repositorySlug", text(&fresh["slug"]))]
            }
            "webhook" => vec![("webhookId", text(&new_webhook(server, repository).await["id"]))],
            "permission" => {
                let grantee = Identity::User(self.scene.samples["grantee"].clone(), String::new());
                let project = project_path(&repository["project"]);
                server.grant(&permissions_of(project), &grantee, "PROJECT_READ").await;
                server.grant(&permissions_of(repository_path(repository)), &grantee, "REPO_READ").await;
                Vec::new()
            }
            other => {
                panic!("the matrix wants a fresh {other:?}, and tests/authorisation/upstream.rs makes none")
            }
        };
        found.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn permissions_of(place: String) -> String {
    place + "/permissions/users"
}

async fn new_mirror() -> FakeMirror {
    FakeMirror::start(good_descriptor).await
}

async fn new_webhook(server: &Server, repository: &Value) -> Value {
    let body = json!({"name": "Build server", "url": format!("https://ci.example.com/{}", unique()),
        "events": ["repo:refs_changed"]});
    server.admin().post(&format!("{}/webhooks", repository_path(repository)), &body).await.promised(200)
}
