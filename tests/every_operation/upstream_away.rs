//! A mirror whose upstream is away cannot tell who a user is whom it has not met, and says so with 503.

use heliostat_api::Role;
use serde_json::json;

use super::scene::scenes;
use crate::harness::{Identity, Pair, Promised, Server, ServerOptions, eventually};

#[tokio::test]
async fn users_whom_the_mirror_does_not_remember_get_503() {
    let mut pair = Pair::start().await;
    let upstream_id = pair.upstream_id().await;
    let unknown_user = pair.new_user().await;
    pair.upstream.kill();
    let [_, mirror] = scenes().await;
    let asked = Promised::of_role(Role::Mirror)
        .filter(|operation| operation.promises(503) && operation.accepts("basic"));
    for operation in asked {
        let address = operation
            .address(|name| if name == "upstreamId" { upstream_id.clone() } else { mirror.sample(name) });
        let client = pair.mirror.client(&unknown_user);
        client.send(operation.method(), &address, mirror.body(&operation).as_ref()).await.refused(503);
    }
}

#[tokio::test]
async fn a_secret_that_the_upstream_cannot_confirm_is_refused_with_503_and_not_believed() {
    let mut upstream = Server::upstream(ServerOptions::default());
    let mirror = Server::mirror(upstream.base_url(), "Saigon", ServerOptions::default());
    let request = eventually("the mirror's request", || async {
        let page = upstream.admin().get("/rest/mirroring/latest/requests").await.promised(200);
        page["values"].as_array()?.first().cloned()
    });
    let descriptor = request.await["addonDescriptorUri"].as_str().expect("is text").to_owned();
    let upstream_id = descriptor.rsplit('/').nth(2).expect("the usual address").to_owned();
    let event = json!({"clientKey": "upstream", "sharedSecret": "s".repeat(64), "baseUrl": upstream.base()});
    upstream.kill();

    let path = format!("/rest/mirroring/latest/upstreamServers/{upstream_id}/addon/installed");
    mirror.anonymous().post(&path, &event).await.refused(503);
    let installed = Identity::Server("upstream".to_owned(), "s".repeat(64));
    mirror.client(&installed).get("/rest/mirroring/latest/upstreamServers").await.refused(401);
}
