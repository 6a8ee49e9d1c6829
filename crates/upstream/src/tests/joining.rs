//! A mirror asks, is let in, moves and leaves.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use heliostat_auth::{Caller, Secret};
use heliostat_downstream::{Acceptance, LinkAuthorization, MirrorUpgrade, Registration, SyncReport};
use heliostat_refusal::Refusal;
use heliostat_storage::{MirrorOutcome, RequestState};

use super::fake_mirror::{FakeMirror, MIRROR_ID};
use super::test_upstream::{ADMIN_PASSWORD, FIRST, TestUpstream, registration};
use crate::UserCredentials;
use crate::permit;

const AUTHENTICATE: &str = "/rest/mirroring/latest/authenticate";

/// A key that a mirror could have made.
const KEY: &str = "3Qx7nCk2dV9sB4wLhT8eYr6uJm1pZa5fGi0oEvXtKbM";

#[tokio::test]
async fn asking_again_is_the_same_request() {
    let server = TestUpstream::new().await;
    let ask = async |id: &str, name: &str, url: &str| {
        let registration = registration(id, name, url.trim_end_matches('/'));
        let with_key = Registration { key: Some(Secret::new(KEY)), base_url: url.to_owned(), ..registration };
        server.upstream.downstream().joining.register(None, with_key).await
    };
    let first = ask("AAAA-AAAA-AAAA-AAAA", "One", "http://10.0.0.1:7991").await.expect("a request");
    let again = ask("AAAA-AAAA-AAAA-AAAA", "Uno", "http://10.0.0.1:7991/").await.expect("the same request");
    assert_eq!((first.id, again.name.as_str()), (again.id, "Uno"));
    assert_eq!(again.base_url, "http://10.0.0.1:7991");

    for (name, url, field) in
        [("UNO", "http://10.0.0.2", "mirrorName"), ("Two", "http://10.0.0.1:7991", "mirrorBaseUrl")]
    {
        let refused = ask("BBBB-BBBB-BBBB-BBBB", name, url).await;
        assert!(
            matches!(&refused, Err(Refusal::Conflict { context: Some(at), .. }) if at == field),
            "{refused:?}"
        );
    }
    let special = ask("CCCC-CCCC-CCCC-CCCC", "Three", "http://169.254.169.254").await;
    assert!(matches!(special, Err(Refusal::Invalid { .. })));

    let admin = server.admin().await;
    let id = first.id.to_string();
    async { server.upstream.downstream().joining.reject(permit::sys_admin(&admin)?, &id).await }
        .await
        .expect("rejected");
    let rejected = ask("AAAA-AAAA-AAAA-AAAA", "Uno", "http://10.0.0.1:7991").await;
    assert!(matches!(rejected, Err(Refusal::Conflict { .. })));
    async { server.upstream.downstream().joining.delete_request(permit::sys_admin(&admin)?, &id).await }
        .await
        .expect("forgotten");
    assert!(ask("AAAA-AAAA-AAAA-AAAA", "Uno", "http://10.0.0.1:7991").await.is_ok());
    assert!(
        async {
            server
                .upstream
                .downstream()
                .joining
                .requests(permit::sys_admin(&Caller::Anonymous)?, None, FIRST)
                .await
        }
        .await
        .is_err()
    );
    let unknown =
        async { server.upstream.downstream().joining.request(permit::sys_admin(&admin)?, "no-number").await }
            .await;
    assert!(matches!(unknown, Err(Refusal::Conflict { .. })));
}

#[tokio::test]
async fn what_was_shown_of_an_open_request_is_changed_by_its_mirror_only_and_other_addresses_need_another_request()
 {
    let server = TestUpstream::new().await;
    let joining = &server.upstream.downstream().joining;
    let own = || Registration {
        key: Some(Secret::new(KEY)),
        ..registration("AAAA-AAAA-AAAA-AAAA", "One", "http://10.0.0.1")
    };
    let first = joining.register(None, own()).await.expect("a request");
    let another_key = Some(Secret::new("0".repeat(32)));
    let elsewhere = "http://10.0.0.66/rest/mirroring/latest/upstreamServers/1/addon/descriptor".to_owned();
    let below = "http://10.0.0.1/another/descriptor".to_owned();
    let moved = |key| Registration {
        key,
        base_url: "http://10.0.0.66".to_owned(),
        descriptor_uri: elsewhere.clone(),
        ..own()
    };
    for (field, request) in [
        ("mirrorBaseUrl", moved(None)),
        ("mirrorBaseUrl", moved(another_key.clone())),
        ("addonDescriptorUri", Registration { key: None, descriptor_uri: below, ..own() }),
        ("registrationKey", Registration { key: None, name: "Two".to_owned(), ..own() }),
        ("registrationKey", Registration { key: another_key, name: "Two".to_owned(), ..own() }),
        ("registrationKey", Registration { key: None, product_version: Some("9".to_owned()), ..own() }),
    ] {
        let refused = joining.register(None, request.clone()).await;
        assert!(
            matches!(&refused, Err(Refusal::Conflict { context: Some(at), .. }) if at == field),
            "{request:?}: {refused:?}"
        );
    }
    // Who only repeats what is known anyway needs no key to hear what has become of it.
    let asked = joining.register(None, Registration { key: None, ..own() }).await.expect("its fate");
    assert_eq!(asked, first);
    let admin = server.admin().await;
    let id = first.id.to_string();
    let acceptance =
        Acceptance { seen_base_url: Some("http://10.0.0.66".to_owned()), ..Acceptance::default() };
    let refused = async { joining.accept(permit::sys_admin(&admin)?, &id, acceptance).await }.await;
    assert!(
        matches!(&refused, Err(Refusal::Conflict { context: Some(at), .. }) if at == "mirrorBaseUrl"),
        "{refused:?}"
    );

    // The mirror itself has moved. Who has seen the old address cannot accept the new one by it.
    let second = joining.register(None, moved(own().key)).await.expect("another request");
    assert!(second.id != first.id && second.base_url == "http://10.0.0.66", "{second:?}");
    let unseen = async { joining.accept(permit::sys_admin(&admin)?, &id, Acceptance::default()).await }.await;
    assert!(matches!(&unseen, Err(Refusal::Conflict { .. })), "{unseen:?}");
}

#[tokio::test]
async fn open_requests_are_bounded_for_each_network_and_forgotten_in_time() {
    let server = TestUpstream::new().await;
    let joining = &server.upstream.downstream().joining;
    let ask = async |network: u8, number: u8| {
        let from = IpAddr::from([10, 1, network, number]);
        let base_url = format!("http://10.1.{network}.{number}");
        let name = format!("M{network}-{number}");
        // A request waits until the rate of its network allows it.
        server.clock_offset.fetch_add(3_000, Ordering::Relaxed);
        joining.register(Some(from), registration(&name, &name, &base_url)).await
    };
    for number in 0..20 {
        ask(1, number).await.expect("a request");
    }
    let refused = ask(1, 20).await;
    assert!(matches!(refused, Err(Refusal::TooMany { .. })), "{refused:?}");
    ask(2, 0).await.expect("another network has places of its own");
    ask(1, 0).await.expect("what is known needs no place");

    let month_ms = 31 * 24 * 3_600_000;
    server.clock_offset.fetch_add(month_ms, Ordering::Relaxed);
    ask(1, 20).await.expect("the others were forgotten");
    let admin = server.admin().await;
    let open = async { joining.requests(permit::sys_admin(&admin)?, None, FIRST).await }.await;
    let names: Vec<String> = open.expect("a list").values.into_iter().map(|request| request.name).collect();
    assert_eq!(names, ["M1-20"]);

    async { joining.delete_open_requests(permit::sys_admin(&admin)?).await }.await.expect("deleted");
    let open = async { joining.requests(permit::sys_admin(&admin)?, None, FIRST).await }.await;
    assert!(open.expect("a list").values.is_empty());
}

#[tokio::test]
async fn unauthenticated_clients_can_ask_but_not_without_end() {
    let server = TestUpstream::new().await;
    let (began, mut refused) = (Instant::now(), 0);
    for number in 0..40 {
        let request =
            registration(&format!("M{number}"), &format!("M{number}"), &format!("http://10.0.1.{number}"));
        refused += u64::from(matches!(
            server.upstream.downstream().joining.register(None, request).await,
            Err(Refusal::TooMany { .. })
        ));
    }
    // Meanwhile one more is let in every two seconds.
    let more = began.elapsed().as_secs() / 2 + 1;
    assert!(refused <= 20 && refused + more >= 20, "{refused} were refused, {more} more may be let in");
}

#[tokio::test]
async fn a_mirror_joins_works_and_leaves() {
    let server = TestUpstream::new().await;
    let (admin, mirror) = (server.admin().await, FakeMirror::start().await);
    let project = server.project("APP").await;
    let repository = server.repository("APP", "Engine").await;
    let ask = async || {
        server
            .upstream
            .downstream()
            .joining
            .register(None, registration(MIRROR_ID, "Mirror", &mirror.base_url))
            .await
    };
    let request = ask().await.expect("a request");

    let acceptance = Acceptance {
        projects: Some(vec![project.id.to_string()]),
        seen_base_url: Some(format!("{}/", mirror.base_url)),
        seen_internal_url: None,
    };
    let accepted = async {
        server
            .upstream
            .downstream()
            .joining
            .accept(permit::sys_admin(&admin)?, &request.id.to_string(), acceptance)
            .await
    }
    .await
    .expect("accepted");
    assert_eq!(ask().await.expect("its fate").state, RequestState::Accepted);
    let installed = mirror.wait_for("/addon/installed", 1).await.remove(0);
    mirror.verify(&installed);
    assert_eq!(installed.body["baseUrl"], "http://127.0.0.1:7990/git");
    assert_eq!(installed.body["sharedSecret"].as_str().map(str::len), Some(64));
    let settings = &installed.body["settings"];
    assert_eq!(settings["mode"], "SELECTED_PROJECTS");
    assert_eq!(settings["projectIds"], serde_json::json!([project.id.to_string()]));

    let caller = mirror.call(&server, "POST", AUTHENTICATE).await.expect("a good signature");
    assert_eq!(caller.mirror_id(), Some(MIRROR_ID));
    let credentials =
        UserCredentials::Password { username: "admin".into(), password: Secret::new(ADMIN_PASSWORD) };
    let user = async {
        server
            .upstream
            .accounts()
            .authenticate_user(permit::mirror(&caller)?, &credentials, Some(repository.id.0))
            .await
    }
    .await
    .expect("known");
    assert_eq!(user.repository.map(|permission| permission.as_str()), Some("REPO_ADMIN"));
    let not_a_mirror = async {
        server.upstream.accounts().authenticate_user(permit::mirror(&admin)?, &credentials, None).await
    }
    .await;
    assert!(matches!(not_a_mirror, Err(Refusal::Unauthenticated { .. })));
    let access = server.may_push(&caller, "APP", "engine").await;
    assert!(matches!(access, Err(Refusal::Forbidden { .. })), "mirrors only read");

    let report = |id: &str| SyncReport {
        outcome: MirrorOutcome::Synchronized,
        upstream_repository_id: id.to_owned(),
        mirror_repository_id: Some(5),
        generation: Some(0),
        sync_type: None,
        purge: None,
    };
    let reports = async |caller: &Caller, report: SyncReport| {
        let mirror = permit::this_mirror(caller, MIRROR_ID)?;
        server.upstream.downstream().repositories.report(&mirror, &report).await
    };
    reports(&caller, report("1")).await.expect("taken");
    let unknown = reports(&caller, report("99")).await;
    assert!(matches!(unknown, Err(Refusal::NotFound { .. })));
    let other = reports(&admin, report("1")).await;
    assert!(matches!(other, Err(Refusal::Forbidden { .. })));

    let links = async {
        server
            .upstream
            .downstream()
            .repositories
            .mirrors_of(permit::authenticated(&admin)?, "1", LinkAuthorization::Signed, FIRST)
            .await
    }
    .await
    .expect("a page")
    .values;
    assert!(links[0].link.starts_with(&format!("{}/rest/", mirror.base_url)), "{}", links[0].link);
    async {
        server.upstream.downstream().members.set_preferred_mirror(permit::user(&admin)?, MIRROR_ID).await
    }
    .await
    .expect("chosen");
    assert_eq!(
        async { server.upstream.downstream().members.preferred_mirror(permit::user(&admin)?).await }
            .await
            .expect("a choice")
            .id,
        accepted.id
    );

    let upgrade = MirrorUpgrade { base_url: Some("http://10.1.2.3/eu/".into()), ..MirrorUpgrade::default() };
    let moved = async {
        server
            .upstream
            .downstream()
            .members
            .upgrade(&permit::this_mirror_or_sys_admin(&caller, MIRROR_ID)?, upgrade)
            .await
    }
    .await
    .expect("moved");
    assert!(moved.events_url.starts_with("http://10.1.2.3/eu/rest/"), "{}", moved.events_url);
    let back = MirrorUpgrade { base_url: Some(mirror.base_url.clone()), ..MirrorUpgrade::default() };
    async {
        server
            .upstream
            .downstream()
            .members
            .upgrade(&permit::this_mirror_or_sys_admin(&admin, MIRROR_ID)?, back)
            .await
    }
    .await
    .expect("moved back");

    // It is called elsewhere than people reach it, and again at the same address.
    let elsewhere = accepted.descriptor_uri.replace(&mirror.base_url, "http://10.9.8.7:7991/eu");
    for (descriptor, called) in
        [(elsewhere, "http://10.9.8.7:7991/eu"), (accepted.descriptor_uri.clone(), mirror.base_url.as_str())]
    {
        let upgrade = MirrorUpgrade { descriptor_uri: Some(descriptor), ..MirrorUpgrade::default() };
        let told = async {
            let keeper = permit::this_mirror_or_sys_admin(&admin, MIRROR_ID)?;
            server.upstream.downstream().members.upgrade(&keeper, upgrade).await
        }
        .await
        .expect("told");
        assert!(told.events_url.starts_with(&format!("{called}/rest/")), "{}", told.events_url);
        assert_eq!(told.base_url, mirror.base_url);
    }

    async { server.upstream.downstream().members.remove_mirror(permit::sys_admin(&admin)?, MIRROR_ID).await }
        .await
        .expect("removed");
    let revoked = mirror.call(&server, "POST", AUTHENTICATE).await;
    assert!(matches!(revoked, Err(Refusal::Unauthenticated { .. })), "its secret is worthless at once");
    let uninstalled = mirror.wait_for("/addon/uninstalled", 1).await.remove(0);
    mirror.verify(&uninstalled);
    let (first, last) = (&installed.body, &uninstalled.body);
    assert_eq!((&last["clientKey"], &last["baseUrl"]), (&first["clientKey"], &first["baseUrl"]));
    assert!(
        async { server.upstream.downstream().members.preferred_mirror(permit::user(&admin)?).await }
            .await
            .is_err()
    );
}

#[tokio::test]
async fn what_goes_wrong_leaves_the_request_open() {
    let server = TestUpstream::new().await;
    let (admin, mirror) = (server.admin().await, FakeMirror::start().await);
    let id = mirror.ask_to_join(&server).await;
    let accept = async |id: &str| {
        let admin = permit::sys_admin(&admin)?;
        server.upstream.downstream().joining.accept(admin, id, Acceptance::default()).await
    };
    let fails_with = async |id: &str, expected: &str| {
        let refused = accept(id).await.expect_err(expected);
        assert!(matches!(refused, Refusal::Conflict { .. }), "{refused:?}");
        assert!(refused.to_string().contains(expected), "{refused} should mention {expected}");
        let state =
            async { server.upstream.downstream().joining.request(permit::sys_admin(&admin)?, id).await }
                .await
                .expect("it is there")
                .state;
        assert_eq!(state, RequestState::Pending);
        assert!(
            async {
                server.upstream.downstream().members.mirrors(permit::authenticated(&admin)?, FIRST).await
            }
            .await
            .expect("a page")
            .values
            .is_empty()
        );
    };
    mirror.answer("/descriptor", 302);
    fails_with(&id, "answered 302").await;
    mirror.answer("/descriptor", 204);
    mirror.describe_as("x".repeat(70_000));
    fails_with(&id, "more than 65536 bytes").await;
    mirror.describe_as(r#"{"key":"k"}"#.to_owned());
    fails_with(&id, "cannot be read").await;

    // Another one has its id, and shows no key: an administrator has to let go of the request.
    let joining = &server.upstream.downstream().joining;
    async { joining.delete_request(permit::sys_admin(&admin)?, &id).await }.await.expect("forgotten");
    let mirror = FakeMirror::start().await;
    let id = mirror.ask_to_join(&server).await;
    mirror.answer("/installed", 401);
    fails_with(&id, "401 Unauthorized: not today").await;
    mirror.answer("/installed", 204);
    accept(&id).await.expect("accepted at last");
    assert!(matches!(accept(&id).await, Err(Refusal::Conflict { .. })));
}

#[tokio::test]
async fn a_wrong_clock_is_named() {
    let server = TestUpstream::new().await;
    let mirror = FakeMirror::joined(&server).await;
    mirror.call(&server, "GET", "/rest/x").await.expect("a good signature");
    let hash = heliostat_auth::query_string_hash("GET", "/rest/x", None);
    let claims = heliostat_auth::Claims::new(MIRROR_ID, hash, server.upstream.now_ms() / 1_000 + 120, 180);
    let token = Secret::new(heliostat_auth::sign(&mirror.secret(), &claims));
    let facts = crate::RequestFacts { method: "GET", path: "/git/rest/x", raw_query: None, peer: None };
    let refused = server
        .upstream
        .accounts()
        .identify(heliostat_auth::Credentials::Jwt(token), facts)
        .await
        .expect_err("skew");
    assert!(refused.to_string().contains("differ by about 1"), "{refused}");
}
