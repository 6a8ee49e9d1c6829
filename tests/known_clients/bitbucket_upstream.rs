//! Bitbucket as the upstream of our mirror, by what is known of Atlassian Connect in it: it reads the descriptor of an add-on,
//! tells of an installation before its own side of it is in force, knows the add-on by its key, and names the user in the
//! query of its callbacks.

use std::sync::Arc;

use heliostat_auth::{Secret, UnverifiedToken, query_string_hash};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reading::read;
use crate::harness::{
    Client, Identity, Received, Reply, Server, ServerOptions, TinyHttp, eventually, now_seconds,
};

const CLIENT_KEY: &str = "BHQC-5HPQ-OD6D-2M3V";
const USER: &str = "?user_key=4028e4e58a1b";
/// The column that keeps it is so long.
const MAX_KEY_LENGTH: usize = 64;

/// The descriptor of an add-on, as Connect reads it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Addon {
    key: String,
    base_url: String,
    authentication: Value,
    lifecycle: Lifecycle,
    scopes: Vec<String>,
    modules: Modules,
}

#[derive(Deserialize)]
struct Lifecycle {
    installed: String,
    uninstalled: String,
}

#[derive(Deserialize)]
struct Modules {
    webhooks: Vec<Webhook>,
}

#[derive(Deserialize)]
struct Webhook {
    event: String,
    url: String,
}

#[derive(Default)]
struct State {
    /// The application link: who signs, and with which secret.
    link: Option<(String, String)>,
    /// Whether a call was signed as the link says.
    was_called: bool,
}

/// Bitbucket.
struct Host {
    server: TinyHttp,
    state: Arc<Mutex<State>>,
}

impl Host {
    fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let shown = state.clone();
        let server = TinyHttp::start(|_| move |request: &Received| answer(request, &mut shown.lock()));
        Host { server, state }
    }

    /// What it tells an add-on when it installs it.
    fn installed(&self, addon: &Addon, secret: &str) -> Value {
        let base = self.server.base.as_str().trim_end_matches('/');
        json!({
            "key": addon.key, "clientKey": CLIENT_KEY, "sharedSecret": secret, "baseUrl": base,
            "publicKey": "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC", "serverVersion": "9004015",
            "pluginsVersion": "1.1.0", "productType": "bitbucket", "description": "Bitbucket at example.com",
            "serviceEntitlementNumber": "SEN-500", "eventType": "installed", "links": {"self": []},
        })
    }

    /// The installation is in force from now on.
    fn commit(&self, addon: &Addon, secret: &str) {
        *self.state.lock() = State { link: Some((addon.key.clone(), secret.to_owned())), was_called: false };
    }

    /// There is no such add-on any more.
    fn remove(&self) {
        self.state.lock().link = None;
    }

    async fn is_called(&self) {
        eventually("a call in the name of the add-on", || async {
            self.state.lock().was_called.then_some(())
        })
        .await;
    }
}

fn answer(request: &Received, state: &mut State) -> Reply {
    let (path, query) = match request.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.path.as_str(), None),
    };
    if path == "/rest/mirroring/latest/requests" {
        let mut request = request.body.clone();
        request["id"] = json!(1);
        request["state"] = json!("PENDING");
        request["links"] = json!({"self": [null]});
        return (200, request);
    }
    let token = request.authorization.strip_prefix("JWT ").map(UnverifiedToken::parse);
    let is_signed = state.link.as_ref().is_some_and(|(key, secret)| {
        let hash = query_string_hash(&request.method, path, query);
        matches!(&token, Some(Ok(token)) if token.issuer() == key
            && token.verify(&Secret::new(secret.as_str()), &hash, now_seconds()).is_ok())
    });
    if !is_signed {
        let name = "com.atlassian.bitbucket.auth.IncorrectJwtAuthenticationException";
        let error = json!({"context": null, "message": "You are not permitted.", "exceptionName": name});
        return (401, json!({"errors": [error]}));
    }
    state.was_called = true;
    match path.trim_start_matches("/rest/mirroring/latest") {
        "/analyticsSettings" => {
            (200, json!({"serverTime": now_seconds() * 1000, "supportEntitlementNumber": "SEN-500"}))
        }
        "/repos" => (200, json!({"values": [], "size": 0, "limit": 1000, "isLastPage": true})),
        _ => (204, Value::Null),
    }
}

/// Reads the descriptor as strictly as Connect does.
fn addon_of(descriptor: &Value) -> Addon {
    let addon: Addon = read(descriptor).expect("Connect reads it");
    let plain = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
    assert!(addon.key.len() <= MAX_KEY_LENGTH && addon.key.chars().all(plain), "{}", addon.key);
    assert_eq!(addon.authentication["type"], "jwt");
    assert!(!addon.base_url.ends_with('/'), "{}", addon.base_url);
    let hooks = addon.modules.webhooks.iter().map(|hook| &hook.url);
    for address in hooks.chain([&addon.lifecycle.installed, &addon.lifecycle.uninstalled]) {
        assert!(address.starts_with('/'), "{address} is not relative to the base URL");
    }
    assert!(addon.scopes.contains(&"READ".to_owned()), "webhooks need it: {:?}", addon.scopes);
    addon
}

async fn state_of(mirror: &Server) -> Value {
    mirror.anonymous().get("/status").await.json()["upstream"]["state"].clone()
}

async fn becomes(mirror: &Server, state: &str) {
    eventually(state, || async { (state_of(mirror).await == state).then_some(()) }).await;
}

fn signed_by_host(mirror: &Server, secret: &str) -> Client {
    mirror.client(&Identity::Server(CLIENT_KEY.to_owned(), secret.to_owned()))
}

#[tokio::test]
async fn installs_the_mirror_as_an_add_on_and_removes_it() {
    let host = Host::start();
    let mirror = Server::mirror(&host.server.base, "Saigon", ServerOptions::default());
    becomes(&mirror, "PENDING").await;
    let descriptor = mirror.anonymous().get("/rest/mirroring/1.0/descriptor").await.promised(200);
    let addon = addon_of(&descriptor);
    let (installed, uninstalled) =
        (format!("{}{USER}", addon.lifecycle.installed), format!("{}{USER}", addon.lifecycle.uninstalled));
    let refs_changed = addon.modules.webhooks.iter().find(|hook| hook.event == "repo:refs_changed");
    let events = format!("{}{USER}", refs_changed.expect("the mirror wants to be told").url);
    let secrets =
        ["5e3b2f4c-0d0e-4f6b-9a57-7f3e0d9a1b2c", "a-second-secret-of-the-host", "and-a-third-one-of-it"];

    // The first installation is not signed. Its transaction ends after the mirror has answered.
    mirror.anonymous().post(&installed, &host.installed(&addon, secrets[0])).await.promised(204);
    host.commit(&addon, secrets[0]);
    becomes(&mirror, "INSTALLED").await;
    host.is_called().await;
    let event =
        json!({"eventKey": "repo:forked", "date": "2026-11-22T10:15:00+0000", "repository": {"id": 7}});
    signed_by_host(&mirror, secrets[0]).post(&events, &event).await.promised(204);
    mirror.anonymous().post(&events, &event).await.refused(401);

    // A further one is signed with the secret before.
    let again = host.installed(&addon, secrets[1]);
    signed_by_host(&mirror, secrets[0]).post(&installed, &again).await.promised(204);
    host.commit(&addon, secrets[1]);
    host.is_called().await;
    let second = signed_by_host(&mirror, secrets[1]).unjudged();
    eventually("the second secret", || async {
        (second.post(&events, &event).await.status == 204).then_some(())
    })
    .await;

    // It tells of the end before it ends the link, and does not care for the answer.
    second.post_nothing(&uninstalled).await;
    assert_eq!(state_of(&mirror).await, "INSTALLED");
    host.remove();
    becomes(&mirror, "REMOVED").await;
    let anew = host.installed(&addon, secrets[2]);
    signed_by_host(&mirror, secrets[1]).post(&installed, &anew).await.promised(204);
    host.commit(&addon, secrets[2]);
    becomes(&mirror, "INSTALLED").await;
    host.is_called().await;
}

#[tokio::test]
async fn no_other_client_can_install_the_mirror_in_its_name() {
    let host = Host::start();
    let mirror = Server::mirror(&host.server.base, "Saigon", ServerOptions::default());
    becomes(&mirror, "PENDING").await;
    let anonymous = mirror.anonymous();
    let addon = addon_of(&anonymous.get("/rest/mirroring/latest/descriptor").await.promised(200));
    let installed = &addon.lifecycle.installed;
    let mut elsewhere = host.installed(&addon, "a secret of another host");
    elsewhere["baseUrl"] = json!("http://127.0.0.1:9");
    anonymous.post(installed, &elsewhere).await.refused(400);

    // It is answered before it can be known to be false, and never believed; a few of these wait at a time.
    let invented = host.installed(&addon, "a secret of another host");
    let asked =
        || host.server.received().iter().filter(|call| call.path.ends_with("/analyticsSettings")).count();
    for _ in 0..4 {
        anonymous.post(installed, &invented).await.promised(204);
    }
    anonymous.post(installed, &invented).await.refused(503);
    eventually("the mirror to ask", || async { (asked() >= 8).then_some(()) }).await;
    assert_eq!(state_of(&mirror).await, "PENDING");
    let forger = signed_by_host(&mirror, "a secret of another host");
    forger.post_nothing(&addon.lifecycle.uninstalled).await.refused(401);
}
