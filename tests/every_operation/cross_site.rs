//! Pages of other sites: each request that may change something is 403 to them, before credentials are looked at.

use reqwest::Method;

use super::scene::scenes;
use crate::harness::{Client, Identity, Promised};

/// What browsers send when a page makes a request that is not its own server's.
const PAGES: [&[(&str, &str)]; 3] = [
    &[("origin", "http://evil.example"), ("sec-fetch-site", "same-site")],
    // Another server on the same machine.
    &[("origin", "http://127.0.0.1:9")],
    &[("sec-fetch-site", "cross-site")],
];

fn from(page: &[(&str, &str)], client: Client) -> Client {
    page.iter().fold(client, |client, (name, value)| client.with_header(name, value))
}

#[tokio::test]
async fn what_changes_something_is_403_to_pages_of_other_sites() {
    for scene in scenes().await {
        for operation in scene.operations().filter(|operation| operation.method() != Method::GET) {
            let (address, body) = (scene.address(&operation), scene.body(&operation));
            let mut send = Vec::new();
            for page in PAGES {
                send.push((page, scene.entitled(&operation), body.as_ref()));
            }
            // Without a body, and without credentials or with wrong ones, it is the same.
            send.push((PAGES[0], scene.entitled(&operation), None));
            send.push((PAGES[0], &Identity::Anonymous, body.as_ref()));
            send.push((PAGES[0], &scene.forger, body.as_ref()));
            for (page, caller, body) in send {
                let client = from(page, scene.client(caller));
                let error = client.send(operation.method(), &address, body).await.refused(403);
                assert_eq!(error["exceptionName"], "CrossOriginException", "{}: {error}", operation.id());
            }
        }
    }
}

#[tokio::test]
async fn pages_of_the_server_itself_are_answered_like_other_clients() {
    for scene in scenes().await {
        let own = scene.origin();
        let own_page = [("origin", own.as_str()), ("sec-fetch-site", "same-origin")];
        let asked = |operation: &Promised| {
            operation.method() != Method::GET && operation.promises(401) && !operation.is_open()
        };
        for operation in scene.operations().filter(asked) {
            let client = from(&own_page, scene.client(&Identity::Anonymous));
            let (address, body) = (scene.address(&operation), scene.body(&operation));
            client.send(operation.method(), &address, body.as_ref()).await.refused(401);
        }
    }
}
