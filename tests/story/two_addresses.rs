//! An upstream has an address for people and another one for servers: mirrors follow it at the one and name the other.

use std::process::Command;

use url::Url;

use crate::harness::{Pair, Server, ServerOptions, binary, eventually, git, git_fails};

/// An upstream that calls itself `localhost`, and its other address.
fn upstream_with_two_addresses() -> (Server, Url) {
    let mut upstream = Server::upstream(ServerOptions::default());
    let for_servers = upstream.base_url().clone();
    let for_people = format!("http://localhost:{}", for_servers.port().expect("has a port"));
    upstream.restart_with(&["--base-url", &for_people]);
    (upstream, for_servers)
}

#[tokio::test]
async fn a_mirror_follows_one_address_and_shows_people_the_other() {
    let (upstream, for_servers) = upstream_with_two_addresses();
    let for_people = upstream.base_url().as_str().trim_end_matches('/').to_owned();
    let arguments = ["--upstream-public-url", for_people.as_str()].map(str::to_owned).to_vec();
    let mirror =
        Server::mirror(&for_servers, "Saigon", ServerOptions { arguments, ..ServerOptions::default() });
    let pair = Pair { upstream, mirror };
    pair.join("Saigon").await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    let there = pair.mirrored(&repository).await;
    let push_url = there["pushUrls"][0]["href"].as_str().expect("is text");
    assert!(push_url.starts_with(&for_people), "{push_url}");
    let status = pair.mirror.anonymous().get("/status").await.expect(200).json();
    assert_eq!(status["upstream"]["baseUrl"], for_people.as_str());
    assert_eq!(status["reason"].as_str().filter(|reason| reason.contains("base URL")), None, "{status}");

    checkout.commit("more", "more");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    pair.shows_the_same(&repository, &checkout).await;
    let refused =
        git_fails(checkout.path(), &["push", pair.mirror_url(&repository).as_str(), "HEAD:refs/heads/x"]);
    assert!(refused.contains(&for_people), "{refused}");
    git(checkout.path(), &["ls-remote", pair.mirror_url(&repository).as_str()]);
}

#[tokio::test]
async fn a_refusal_and_the_doctor_name_both_addresses_and_the_options_to_change() {
    let (upstream, for_servers) = upstream_with_two_addresses();
    let for_people = upstream.base_url().as_str().trim_end_matches('/').to_owned();
    let mirror = Server::mirror(&for_servers, "Saigon", ServerOptions::default());
    let requests = "/rest/mirroring/latest/requests?state=PENDING";
    let request = eventually("the mirror's request", || async {
        let page = upstream.admin().get(requests).await.promised(200);
        page["values"].get(0).cloned()
    })
    .await;
    let accept = format!("/rest/mirroring/latest/requests/{}/accept", request["id"]);
    let refused = upstream.admin().post_nothing(&accept).await.refused(409).to_string();
    let for_servers = for_servers.as_str().trim_end_matches('/');
    for word in [for_servers, &for_people, "--upstream", "--base-url", "--upstream-public-url"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }

    eventually("the mirror to say it as well", || async {
        let status = mirror.anonymous().get("/status").await.json();
        let reason = status["reason"].as_str()?;
        (reason.contains(&for_people) && reason.contains("--upstream-public-url")).then_some(())
    })
    .await;
    assert!(mirror.log().contains("has not joined the upstream"), "{}", mirror.log());

    let doctor = |arguments: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut command = Command::new(binary());
        command.arg("doctor").arg("--data").arg(folder.path()).args(arguments);
        let output = command.output().expect("the binary can be run");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (is_well, said) = doctor(&["--upstream", for_servers]);
    assert!(!is_well && said.contains(&for_people) && said.contains("--upstream-public-url"), "{said}");
    let (is_well, said) = doctor(&["--upstream", for_servers, "--upstream-public-url", &for_people]);
    assert!(is_well, "{said}");

    let (is_well, said) = doctor(&["--upstream", mirror.base()]);
    assert!(!is_well && said.contains("is no upstream, but a mirror of"), "{said}");
}
