//! Servers below a context path, as behind a proxy that serves them at `/bitbucket`: every link leads below it, and
//! clients that follow links never leave it.

use serde_json::Value;
use url::Url;

use super::jenkins_plugin;
use super::reading::{every_href, with_credentials};
use crate::harness::{Client, Identity, Pair, ServerOptions, git, project_path, repository_path};

/// A server at a loopback address of its own, where its port is free and its base URL is known before it starts.
fn below(context: &str, server: u8) -> ServerOptions {
    let process = std::process::id().to_be_bytes();
    // 127.0.0.0/8 is this machine; 127.1 to 127.63 is left alone by everything that listens at the usual address.
    let listen = format!("127.{}.{}.{server}:7990", 1 + process[2] % 63, process[3]);
    let arguments = vec!["--base-url".to_owned(), format!("http://{listen}{context}")];
    ServerOptions { arguments, listen: Some(listen), ..ServerOptions::default() }
}

fn all_below(base: &str, body: &Value) {
    let links = every_href(body);
    assert!(!links.is_empty(), "no link in {body}");
    for link in links {
        assert!(link.starts_with(&format!("{base}/")), "{link} is not below {base}");
    }
}

#[tokio::test]
async fn every_link_leads_below_it() {
    let pair = Pair::start_with(below("/bitbucket", 1), below("/mirrors/saigon", 2)).await;
    assert!(pair.upstream.base().ends_with(":7990/bitbucket"), "{}", pair.upstream.base());
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;

    let (upstream, admin) = (pair.upstream.base(), pair.admin());
    all_below(upstream, &repository);
    for path in [
        "/rest/api/1.0/users".to_owned(),
        "/rest/api/1.0/projects".to_owned(),
        project_path(&repository["project"]),
        repository_path(&repository),
        "/rest/mirroring/latest/mirrorServers".to_owned(),
        format!("/rest/mirroring/latest/repos/{}", repository["id"]),
    ] {
        all_below(upstream, &admin.get(&path).await.expect(200).json());
    }
    let page = admin.get(&format!("/rest/mirroring/1.0/repos/{}/mirrors", repository["id"])).await;
    all_below(pair.mirror.base(), &page.promised(200)["values"][0]["links"]);

    let mirrored = pair.mirrored(&repository).await;
    all_below(pair.mirror.base(), &mirrored["links"]["clone"]);
    all_below(pair.mirror.base(), &mirrored["links"]["self"]);
    all_below(upstream, &mirrored["links"]["push"]);

    let offered = jenkins_plugin::offered(&admin, &repository).await;
    let url = offered[0].http_clone_url();
    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["clone", "--quiet", with_credentials(url).as_str(), "copy"]);
    let there = git(&folder.path().join("copy"), &["rev-parse", "HEAD"]);
    assert_eq!(there, git(checkout.path(), &["rev-parse", "HEAD"]));
}

#[tokio::test]
async fn outside_it_nothing_is_served() {
    let pair = Pair::start_with(below("/bitbucket", 3), below("/mirrors/saigon", 4)).await;
    for server in [&pair.upstream, &pair.mirror] {
        let mut root = server.base_url().clone();
        root.set_path("");
        let outside = Client::new(&Url::parse(root.as_str()).expect("is a URL"), Identity::admin());
        let below = format!("{}/", server.base_url().path().trim_end_matches('/'));
        for path in
            ["/", "/rest/api/1.0/application-properties", "/rest/mirroring/1.0/upstreamServers", "/status"]
        {
            let answer = outside.get(path).await.expect_error(404);
            let message = answer["message"].as_str().expect("a message").to_owned();
            assert!(message.ends_with(&format!("this server answers below {below}.")), "{message}");
        }
    }
}
