//! An upstream has an address for people and another one for servers: mirrors follow it at the one and name the other. So it
//! is with a mirror that its upstream calls.

use std::process::Command;

use serde_json::json;
use url::Url;

use crate::harness::{
    ADMIN_PASSWORD, Client, Identity, Pair, Server, ServerOptions, binary, clone_url, eventually, git,
    git_fails, kept_address, request_of, said,
};

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
    let ready = eventually("the mirror to be ready", || async {
        let answer = pair.mirror.anonymous().get("/status").await;
        (answer.status == 200).then(|| answer.json())
    });
    let status = ready.await;
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
    eventually("the log to say it, too", || async {
        mirror.log().contains("has not joined the upstream").then_some(())
    })
    .await;

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

#[tokio::test]
async fn an_upstream_calls_a_mirror_at_one_address_and_shows_people_the_other() {
    let upstream = Server::upstream(ServerOptions::default());
    let listen = kept_address();
    let for_servers = Url::parse(&format!("http://{listen}")).expect("is a URL");
    let called = for_servers.as_str().trim_end_matches('/');
    // Nothing has this name, so what is called there fails.
    let for_people = format!("http://mirror.invalid:{}", listen.port());
    let arguments = ["--base-url", for_people.as_str(), "--internal-url", called];
    let options = ServerOptions {
        arguments: arguments.map(str::to_owned).to_vec(),
        listen: Some(listen.to_string()),
        ..ServerOptions::default()
    };
    let _mirror = Server::mirror(upstream.base_url(), "Saigon", options);

    let requests = "/rest/mirroring/latest/requests";
    let request = eventually("the mirror's request", || async {
        let page = upstream.admin().get(&format!("{requests}?state=PENDING")).await.promised(200);
        page["values"].get(0).cloned()
    })
    .await;
    assert_eq!(request["mirrorBaseUrl"], for_people.as_str());
    assert_eq!(request["mirrorInternalUrl"], called);
    let accept = format!("{requests}/{}/accept", request["id"]);
    for unseen in [
        json!({}),
        json!({"mirrorBaseUrl": for_people}),
        json!({"mirrorBaseUrl": for_people, "mirrorInternalUrl": "http://127.0.0.1:9"}),
    ] {
        let refused = upstream.admin().post(&accept, &unseen).await.refused(409);
        assert_eq!(refused["context"], "mirrorInternalUrl", "{refused}");
        assert!(refused["message"].as_str().is_some_and(|message| message.contains(called)), "{refused}");
    }
    let heliostat = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.args(arguments).args(["--url", upstream.base()]).env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD);
        let output = command.output().expect("the binary can be run");
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        said(&output)
    };
    let listed = heliostat(&["request", "list"]);
    assert!(listed.contains(called) && listed.contains(&for_people), "{listed}");
    let seen = ["--seen-url", for_people.as_str(), "--seen-internal-url", called];
    let accepted = heliostat(&[&["request", "accept", "Saigon"][..], &seen].concat());
    assert!(accepted.contains(&for_people), "{accepted}");

    let (repository, checkout) = upstream.pushed_repository(true).await;
    let inside = Client::new(&for_servers, Identity::admin());
    let found = eventually("the repository on the mirror", || async {
        let page = inside.get("/rest/mirroring/latest/upstreamServers").await.expect(200).json();
        let resource =
            format!("/rest/mirroring/latest/upstreamServers/{}", page["values"][0]["id"].as_str()?);
        let found = inside.get(&format!("{resource}/repos/{}", repository["id"])).await;
        (found.status == 200).then(|| found.json()).filter(|found| found["available"] == true)
    })
    .await;
    let clone = found["cloneUrls"][0]["href"].as_str().expect("is text");
    assert!(clone.starts_with(&for_people), "{clone}");
    let mirrors = format!("/rest/mirroring/latest/repos/{}/mirrors", repository["id"]);
    let shown = upstream.admin().get(&mirrors).await.promised(200);
    let link = shown["values"][0]["links"]["self"][0]["href"].as_str().expect("is text");
    assert!(link.starts_with(&for_people), "{link}");

    // Told by an event; all is compared every three minutes only.
    checkout.commit("more", "more");
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main"]);
    let here = git(checkout.path(), &["ls-remote", upstream.admin_url(&repository).as_str()]);
    let there = clone_url(&for_servers, &repository, Some(("admin", ADMIN_PASSWORD)));
    eventually("the push", || async {
        (git(checkout.path(), &["ls-remote", there.as_str()]) == here).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_request_that_was_exchanged_under_its_name_is_not_accepted_unseen() {
    let upstream = Server::upstream(ServerOptions::default());
    let requests = "/rest/mirroring/latest/requests";
    let (id, key) = (heliostat_auth::server_id(), heliostat_auth::shared_secret());
    let called = "http://127.0.0.1:10003";
    // The mirror's own key puts another request in the place of the first.
    let asks = |base: &str, descriptor: &str| {
        let mut body = request_of(&id, "Saigon", &Url::parse(base).expect("is a URL"));
        body["addonDescriptorUri"] = json!(descriptor);
        body["registrationKey"] = json!(key.expose());
        body
    };
    let (seen, exchanged) = ("http://127.0.0.1:10001", "http://127.0.0.1:10002");
    let listed = asks(seen, &format!("{seen}/rest/mirroring/latest/addon/descriptor"));
    let listed = upstream.anonymous().post(requests, &listed).await.promised(200);
    let now = asks(exchanged, &format!("{called}/rest/mirroring/latest/addon/descriptor"));
    let now = upstream.anonymous().post(requests, &now).await.promised(200);
    assert_ne!(listed["id"], now["id"]);
    assert_eq!(now["mirrorInternalUrl"], called);

    let accept = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.args(["request", "accept"]).args(arguments).args(["--url", upstream.base()]);
        let output = command.env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD).output();
        let output = output.expect("the binary can be run");
        (output.status.code(), said(&output))
    };
    let (code, refused) = accept(&["Saigon"]);
    assert_eq!(code, Some(1), "{refused}");
    for word in [exchanged, called, "--seen-url", "--seen-internal-url", "Nothing was changed"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    let (code, refused) = accept(&["Saigon", "--seen-url", seen]);
    assert_eq!(code, Some(6), "it was listed with another base URL: {refused}");
    let (code, refused) = accept(&["Saigon", "--seen-url", exchanged]);
    assert!(code == Some(6) && refused.contains(called), "where it is called was not seen: {refused}");
    let (code, refused) = accept(&[&listed["id"].to_string()]);
    assert_eq!(code, Some(5), "the id is not that of the other request: {refused}");
    let kept = upstream.admin().get(&format!("{requests}/{}", now["id"])).await.promised(200);
    assert_eq!(kept["state"], "PENDING");
}

#[tokio::test]
async fn the_doctor_looks_at_the_address_at_which_a_mirror_is_called() {
    let upstream = Server::upstream(ServerOptions::default());
    let kept = kept_address();
    let listen = kept.to_string();
    let (internal, other_path) = (format!("http://{listen}"), format!("http://{listen}/elsewhere"));
    let doctor = |internal: &str| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut command = Command::new(binary());
        command.arg("doctor").arg("--data").arg(folder.path()).args(["--upstream", upstream.base()]);
        command.args(["--listen", listen.as_str(), "--base-url", "http://mirror.invalid:7991"]);
        said(&command.args(["--internal-url", internal]).output().expect("the binary can be run"))
    };
    let told = doctor(&internal);
    assert!(told.contains(&format!("leads to {listen}, asked from here")), "{told}");
    let told = doctor(&other_path);
    assert!(told.contains("has another path than the base URL http://mirror.invalid:7991"), "{told}");
}

#[test]
fn a_mirror_is_not_started_with_another_path_for_its_upstream() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut command = Command::new(binary());
    command.args([
        "mirror",
        "--upstream",
        "http://127.0.0.1:9",
        "--name",
        "Saigon",
        "--listen",
        "127.0.0.1:0",
    ]);
    command.args(["--base-url", "http://127.0.0.1:7991/eu", "--internal-url", "http://127.0.0.1:7991"]);
    let output = command.arg("--data").arg(folder.path().join("data")).output();
    let output = output.expect("the binary can be run");
    assert!(!output.status.success() && said(&output).contains("--internal-url"), "{}", said(&output));
}
