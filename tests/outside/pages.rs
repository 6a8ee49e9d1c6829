//! The pages of both roles in a real browser: what they show is so, and what is clicked takes effect.

use heliostat_auth::{Secret, body_signature};
use serde_json::{Value, json};
use url::Url;

use super::browser::visit;
use crate::harness::{
    Checkout, DatabaseBackup, Pair, Receiver, Server, ServerOptions, USER_PASSWORD, UpstreamByHand,
    clone_url, eventually, kept_address, lay_on_disk, place_of, repository_path, request_of, take_off_disk,
    unreachable_repository,
};

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn an_administrator_accepts_a_mirror_on_the_first_page() {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = Server::mirror(upstream.base_url(), "Hanoi", ServerOptions::default());
    let facts = [("HELIOSTAT_MIRROR_NAME", "Hanoi"), ("HELIOSTAT_MIRROR_URL", mirror.base())];
    visit("console-upstream", "pages/console_upstream.mjs", &upstream, &facts);
    let pair = Pair { upstream, mirror };
    let page = pair.admin().get("/rest/mirroring/latest/mirrorServers").await.promised(200);
    assert_eq!(page["values"][0]["name"], "Hanoi");
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn who_accepts_a_mirror_is_shown_where_it_will_be_called() {
    let upstream = Server::upstream(ServerOptions::default());
    let (shown, internal) = ("http://mirror.example.com:7991", "http://127.0.0.1:10001");
    let base = Url::parse(shown).expect("is a URL");
    let mut body = request_of(&heliostat_auth::server_id(), "Hue", &base);
    body["addonDescriptorUri"] = json!(format!("{internal}/addon/descriptor"));
    upstream.anonymous().post("/rest/mirroring/latest/requests", &body).await.promised(200);
    let facts = [("HELIOSTAT_INTERNAL_URL", internal), ("HELIOSTAT_PUBLIC_URL", shown)];
    visit("console-two-addresses", "pages/console_two_addresses.mjs", &upstream, &facts);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn a_source_that_is_away_is_no_alarm_on_the_first_page() {
    let upstream = Server::upstream(ServerOptions::default());
    let repository = upstream.empty_repository(false).await;
    let nowhere = kept_address();
    let source = format!("http://{nowhere}/acme/tool.git");
    let following = format!("{}/following", repository_path(&repository));
    upstream.admin().put(&following, &json!({ "url": source })).await.promised(200);
    visit("failing-source", "pages/failing_source.mjs", &upstream, &[]);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn an_administrator_deletes_all_open_requests_on_the_first_page() {
    let upstream = Server::upstream(ServerOptions::default());
    let requests = "/rest/mirroring/latest/requests";
    for port in [10_001, 10_002] {
        let base = Url::parse(&format!("http://127.0.0.1:{port}")).expect("is a URL");
        let body = request_of(&heliostat_auth::server_id(), &format!("Unknown {port}"), &base);
        upstream.anonymous().post(requests, &body).await.promised(200);
    }
    visit("console-requests", "pages/console_requests.mjs", &upstream, &[]);
    assert_eq!(upstream.admin().get(requests).await.promised(200)["size"], 0);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn the_first_page_of_a_mirror_follows_what_happens() {
    let pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let facts = [
        ("HELIOSTAT_UPSTREAM_URL", pair.upstream.base()),
        ("HELIOSTAT_PROJECT_KEY", repository["project"]["key"].as_str().expect("a project has a key")),
    ];
    visit("console-mirror", "pages/console_mirror.mjs", &pair.mirror, &facts);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn what_is_held_back_is_let_go_on_the_first_page_of_a_mirror() {
    let often =
        ServerOptions { arguments: vec!["--sweep-interval".into(), "1s".into()], ..Default::default() };
    let mut pair = Pair::start_with(ServerOptions::default(), often).await;
    let project = pair.new_project(true).await;
    pair.upstream.kill();
    let backup = DatabaseBackup::of(&pair.upstream);
    pair.upstream.restart();
    let repository = pair.upstream.new_repository(&project).await;
    Checkout::new().push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    pair.mirrored(&repository).await;
    pair.upstream.kill();
    backup.put_back(&pair.upstream);
    pair.upstream.restart();
    let slug = repository["slug"].as_str().expect("a repository has a slug");
    visit("held-back", "pages/held_back.mjs", &pair.mirror, &[("HELIOSTAT_REPOSITORY", slug)]);
    assert!(pair.available(&repository).await.is_none(), "it was let go");

    // What the upstream has on its disk and does not know, and that a mirror does not answer, stands on its page.
    let known = pair.upstream.new_repository(&project).await;
    pair.mirrored(&known).await;
    pair.mirror.kill();
    Checkout::new().push(&pair.upstream_url(&known), &["HEAD:refs/heads/main"]);
    let facts = [("HELIOSTAT_MIRROR_NAME", "Saigon")];
    visit("alone-upstream", "pages/alone_upstream.mjs", &pair.upstream, &facts);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn the_first_page_of_a_mirror_says_what_is_behind() {
    let by_hand = UpstreamByHand::start_installed().await;
    by_hand.announce(&unreachable_repository(24, 7)).await;
    let facts = [
        ("HELIOSTAT_USER", "ann"),
        ("HELIOSTAT_USER_PASSWORD", "ann's password"),
        ("HELIOSTAT_REPOSITORY", "P7/repo-24"),
    ];
    visit("behind", "pages/behind.mjs", &by_hand.mirror, &facts);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn the_first_page_of_a_mirror_says_what_is_not_known() {
    let mut pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    pair.upstream.terminate();
    visit("alone-mirror", "pages/alone_mirror.mjs", &pair.mirror, &[]);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn the_settings_panel_changes_what_is_mirrored() {
    let pair = Pair::start().await;
    let (inside, _) = pair.pushed_repository(false).await;
    let (outside, _) = pair.pushed_repository(false).await;
    pair.mirrored(&inside).await;
    pair.mirrored(&outside).await;
    let (id, mirror_id) = (inside["project"]["id"].to_string(), pair.mirror_id().await);
    let facts = [
        ("HELIOSTAT_MIRROR_URL", pair.mirror.base()),
        ("HELIOSTAT_MIRROR_ID", &mirror_id),
        ("HELIOSTAT_PROJECT_KEY", inside["project"]["key"].as_str().expect("a project has a key")),
        ("HELIOSTAT_PROJECT_ID", &id),
    ];
    visit("settings-panel", "pages/settings_panel.mjs", &pair.upstream, &facts);
    // The visit ends with all projects, so what it had taken away comes back.
    pair.mirrored(&inside).await;
    pair.mirrored(&outside).await;
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn what_people_look_for_has_a_page_on_every_screen() {
    let pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let mirrors = format!("/rest/mirroring/latest/repos/{}/mirrors", repository["id"]);
    eventually("the mirror's report of its copy", || async {
        let page = pair.admin().get(&mirrors).await.promised(200);
        (page["values"][0]["copy"]["standing"] == "UP_TO_DATE").then_some(())
    })
    .await;
    let clone = clone_url(pair.upstream.base_url(), &repository, None);
    let at_mirror = clone_url(pair.mirror.base_url(), &repository, None);
    let facts = [
        ("HELIOSTAT_MIRROR_URL", pair.mirror.base()),
        ("HELIOSTAT_CLONE_URL", clone.as_str()),
        ("HELIOSTAT_MIRROR_CLONE_URL", at_mirror.as_str()),
        ("HELIOSTAT_PROJECT_KEY", repository["project"]["key"].as_str().expect("a project has a key")),
        ("HELIOSTAT_REPOSITORY", repository["slug"].as_str().expect("a repository has a slug")),
        ("HELIOSTAT_SELF_LINK", repository["links"]["self"][0]["href"].as_str().expect("it has a link")),
    ];
    visit("console-pages", "pages/console_pages.mjs", &pair.upstream, &facts);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn what_is_hidden_and_what_does_not_exist_look_the_same() {
    let upstream = Server::upstream(ServerOptions::default());
    let repository = upstream.empty_repository(false).await;
    let user = upstream.new_user().await;
    let facts = [
        ("HELIOSTAT_USER", user.name()),
        ("HELIOSTAT_USER_PASSWORD", USER_PASSWORD),
        ("HELIOSTAT_PROJECT_KEY", repository["project"]["key"].as_str().expect("a project has a key")),
        ("HELIOSTAT_REPOSITORY", repository["slug"].as_str().expect("a repository has a slug")),
    ];
    visit("console-missing", "pages/console_missing.mjs", &upstream, &facts);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn a_user_makes_and_deletes_a_token_and_an_administrator_a_user() {
    let upstream = Server::upstream(ServerOptions::default());
    visit("console-accounts", "pages/console_accounts.mjs", &upstream, &[]);
    let users = upstream.admin().get("/rest/api/latest/users?filter=grace").await.promised(200);
    assert_eq!(users["size"], 0, "the page has deleted whom it made");
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn users_change_their_password_and_administrators_set_one() {
    let upstream = Server::upstream(ServerOptions::default());
    let user = upstream.new_user().await;
    let facts = [("HELIOSTAT_USER", user.name()), ("HELIOSTAT_USER_PASSWORD", USER_PASSWORD)];
    visit("console-passwords", "pages/console_passwords.mjs", &upstream, &facts);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn an_administrator_makes_what_is_needed_on_the_pages() {
    let upstream = Server::upstream(ServerOptions::default());
    let user = upstream.new_user().await;
    let receiver = Receiver::start();
    let url = receiver.url();
    let facts = [("HELIOSTAT_USER", user.name()), ("HELIOSTAT_RECEIVER", url.as_str())];
    visit("console-creates", "pages/console_creates.mjs", &upstream, &facts);
    let admin = upstream.admin();
    for key in ["WIDE", "PHONE"] {
        let path = format!("/rest/api/latest/projects/{key}/repos/first-light");
        assert_eq!(admin.get(&path).await.promised(200)["description"], "A first one.");
        assert_eq!(admin.get(&format!("{path}/webhooks")).await.promised(200)["size"], 0, "it was deleted");
        let permitted = admin.get(&format!("{path}/permissions/users")).await.promised(200);
        let of_user = permitted["values"].as_array().expect("a list").iter();
        let mut of_user = of_user.filter(|permitted| permitted["user"]["name"] == user.name());
        assert_eq!(of_user.next().expect("it was granted")["permission"], "REPO_WRITE");
        let in_project = admin.get(&format!("/rest/api/latest/projects/{key}/permissions/users")).await;
        let in_project = in_project.promised(200).to_string();
        assert!(!in_project.contains(user.name()), "it was revoked: {in_project}");
    }
    let pings = receiver.received();
    assert_eq!(pings.len(), 2);
    for ping in &pings {
        let signature = body_signature(&Secret::new("known to both"), &ping.bytes);
        assert_eq!(ping.header("x-hub-signature"), signature);
    }
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn an_administrator_adopts_and_restores_repositories_on_a_page() {
    let mut pair = Pair::start().await;
    let (lost, _lost_checkout) = pair.pushed_repository(true).await;
    let (damaged, checkout) = pair.pushed_repository(true).await;
    for repository in [&lost, &damaged] {
        pair.mirrored(repository).await;
    }
    // The mirror is down while the damaged one gets its last push, so it has an older state.
    pair.mirror.kill();
    checkout.commit("newest.txt", "only at the upstream\n");
    checkout.push(&pair.upstream_url(&damaged), &["HEAD:refs/heads/main"]);
    pair.upstream.kill();
    lay_on_disk(&pair.upstream, &lost, 4711);
    take_off_disk(&pair.upstream, &lost);
    let place = place_of(&pair.upstream, damaged["id"].as_i64().expect("a repository has an id"));
    std::fs::write(place.join("refs/heads/main"), "").expect("a reference can be emptied");
    pair.upstream.restart();
    eventually("all of them to be found", || async {
        let status = pair.anonymous().get("/status").await.expect(200).json();
        (status["unservedRepos"] == 2 && status["unrecordedRepos"] == 1).then_some(())
    })
    .await;
    pair.mirror.restart();
    eventually("the mirror to serve", || pair.available(&lost)).await;

    let text = |repository: &Value, place: &str| {
        repository.pointer(place).and_then(Value::as_str).expect("is text").to_owned()
    };
    let name = |repository| format!("{}/{}", text(repository, "/project/key"), text(repository, "/slug"));
    let (lost_name, damaged_name, key) = (name(&lost), name(&damaged), text(&lost, "/project/key"));
    let facts = [
        ("HELIOSTAT_LOST", lost_name.as_str()),
        ("HELIOSTAT_DAMAGED", damaged_name.as_str()),
        ("HELIOSTAT_PROJECT_KEY", key.as_str()),
    ];
    visit("console-faults", "pages/console_faults.mjs", &pair.upstream, &facts);
    let status = pair.anonymous().get("/status").await.expect(200).json();
    assert_eq!((&status["unservedRepos"], &status["unrecordedRepos"]), (&Value::Null, &Value::Null));
    let adopted = format!("/rest/api/latest/projects/{key}/repos/found-again/branches");
    assert_eq!(pair.admin().get(&adopted).await.promised(200)["values"][0]["displayId"], "main");
}
