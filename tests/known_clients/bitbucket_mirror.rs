//! A mirror of Bitbucket at our upstream, by what is known of add-ons of Atlassian Connect: its webhooks stand in `modules`,
//! its addresses are relative, and it signs in the name of its add-on.

use serde_json::{Value, json};

use crate::harness::{FakeMirror, Identity, Server, ServerOptions};

const KEY: &str = "com.atlassian.bitbucket.server.mirror_1";
const ADDON: &str = "/rest/mirroring/latest/upstreamServers/148728f5-df0f-3f3e-af11-b0f5cs2145c2/addon";
const SIGNED: &str = "/rest/mirroring/latest/analyticsSettings";

fn descriptor(base: &str) -> Value {
    json!({
        "key": KEY, "name": "Mirror", "baseUrl": base, "apiVersion": 1, "enableLicensing": false,
        "authentication": {"type": "jwt"}, "vendor": {"name": "Atlassian"},
        "lifecycle": {
            "installed": format!("{ADDON}/installed"), "uninstalled": format!("{ADDON}/uninstalled"),
            "enabled": format!("{ADDON}/enabled"), "disabled": format!("{ADDON}/disabled"),
        },
        "scopes": ["READ", "ADMIN"],
        "modules": {
            "webhooks": [{"event": "repo:refs_changed", "url": format!("{ADDON}/events")}],
            "webPanels": [{"key": "config"}],
        },
    })
}

#[tokio::test]
async fn is_installed_as_an_add_on_and_signs_in_its_name() {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = FakeMirror::start(descriptor).await;
    let (id, secret) = mirror.join(&upstream, "Mirror").await;
    let installed = mirror.posted_to("/addon/installed").expect("the event was sent").body;
    assert_eq!((&installed["key"], &installed["eventType"]), (&json!(KEY), &json!("installed")));
    assert_eq!(installed["baseUrl"], upstream.base());

    let addon = upstream.client(&Identity::Server(KEY.to_owned(), secret.clone()));
    addon.get(SIGNED).await.promised(200);
    addon.get("/rest/mirroring/latest/repos").await.promised(200);
    upstream.client(&Identity::Server(id.clone(), secret)).get(SIGNED).await.promised(200);
    let forger = Identity::Server(KEY.to_owned(), "0".repeat(36));
    upstream.client(&forger).get(SIGNED).await.refused(401);

    // All mirrors of a make may have the same key; the signature tells which one it is.
    let other = FakeMirror::start(descriptor).await;
    let (other_id, other_secret) = other.join(&upstream, "Other").await;
    let other = upstream.client(&Identity::Server(KEY.to_owned(), other_secret));
    let version = json!({"productVersion": "9.4.0"});
    let path = |id: &str| format!("/rest/mirroring/latest/mirrorServers/{id}");
    other.put(&path(&other_id), &version).await.promised(200);
    other.put(&path(&id), &version).await.refused(403);
    addon.put(&path(&id), &version).await.promised(200);
}
