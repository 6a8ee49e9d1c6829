//! Pages of other sites in the browser of a user who is signed in here: what they can make the browser send, and show.
//!
//! `every_operation::cross_site` asks each operation of the contract; here are the other ways in, and what browsers are
//! told of pages.

use reqwest::Method;
use serde_json::json;
use url::Url;

use crate::harness::{
    Answer, Client, FakeMirror, Identity, Pair, Server, ServerOptions, clone_url, eventually,
    good_descriptor, request_of, shared_pair,
};

const EVIL: &str = "http://evil.example";
const REQUESTS: &str = "/rest/mirroring/latest/requests";

fn header(answer: &Answer, name: &str) -> String {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_page_cannot_accept_a_mirror_or_create_a_user_in_the_name_of_an_administrator() {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = FakeMirror::start(good_descriptor).await;
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &mirror.base);
    let request = upstream.anonymous().post(REQUESTS, &body).await.promised(200);
    let page = upstream.admin().with_header("origin", EVIL).with_header("sec-fetch-site", "cross-site");
    for path in [
        format!("{REQUESTS}/{}/accept", request["id"]),
        format!("{REQUESTS}/{}/reject", request["id"]),
        "/rest/api/latest/admin/users?name=planted&password=Evil-Passw0rd".to_owned(),
    ] {
        page.post_nothing(&path).await.refused(403);
        let form = Some((&b""[..], "application/x-www-form-urlencoded"));
        page.send_raw(Method::POST, &path, form).await.refused(403);
    }
    let admin = upstream.admin();
    assert_eq!(admin.get(&format!("{REQUESTS}/{}", request["id"])).await.promised(200)["state"], "PENDING");
    assert_eq!(admin.get("/rest/api/latest/users?filter=planted").await.promised(200)["size"], 0);
    assert!(mirror.requests().is_empty());
}

#[tokio::test]
async fn no_way_in_is_open_to_pages_that_would_change_something() {
    let pair = shared_pair().await;
    let (repository, _checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    for server in [&pair.upstream, &pair.mirror] {
        let base = server.base_url();
        let git =
            clone_url(base, &repository, None).path()[base.path().trim_end_matches('/').len()..].to_owned();
        for (origin, site) in
            [(EVIL, "cross-site"), ("null", "cross-site"), ("http://127.0.0.1:9", "same-site")]
        {
            let page = server.client(&Identity::admin()).with_header("origin", origin).unjudged();
            let marked = server.client(&Identity::admin()).with_header("sec-fetch-site", site).unjudged();
            for path in [
                format!("{git}/git-upload-pack"),
                format!("{git}/git-receive-pack"),
                "/".to_owned(),
                "/status".to_owned(),
                "/metrics".to_owned(),
                "/swagger-ui/".to_owned(),
                "/rest/nothing".to_owned(),
            ] {
                for client in [&page, &marked] {
                    client.post_nothing(&path).await.expect_error(403);
                }
            }
            // What changes nothing is answered as ever.
            page.get(&format!("{git}/info/refs?service=git-upload-pack")).await.expect(200);
            marked.get("/status").await.expect(200);
        }
    }
}

#[tokio::test]
async fn behind_a_proxy_the_pages_of_the_base_url_are_the_servers_own_and_no_others() {
    // A loopback address of its own, where its port is free.
    let process = std::process::id().to_be_bytes();
    let listen = format!("127.{}.{}.9:7990", 1 + process[2] % 63, process[3]);
    let arguments = vec!["--base-url".to_owned(), "https://git.example.com/bitbucket".to_owned()];
    let options = ServerOptions { arguments, listen: Some(listen.clone()), ..ServerOptions::default() };
    let _upstream = Server::upstream(options);
    let reached = Url::parse(&format!("http://{listen}/bitbucket")).expect("is a URL");
    let admin = Client::new(&reached, Identity::admin());
    let create = async |key: &str, origin: &str| {
        let project = json!({ "key": key, "name": key });
        admin.clone().with_header("origin", origin).post("/rest/api/latest/projects", &project).await
    };
    create("AA", "https://git.example.com").await.promised(201);
    create("BB", "http://git.example.com").await.refused(403);
    create("CC", "https://git.example.com:8443").await.refused(403);
    create("DD", "https://git.example.com.evil.example").await.refused(403);
    // Who opens the pages by the bare address of the server is at home, too.
    create("EE", &format!("http://{listen}")).await.promised(201);
}

#[tokio::test]
async fn pages_of_the_upstream_change_settings_of_a_mirror_by_signed_calls_and_nothing_else() {
    let pair = Pair::start().await;
    let panel = format!("/rest/mirroring/latest/mirrorServers/{}/webPanels/config", pair.mirror_id().await);
    let (settings, signature) = eventually("the upstream to sign calls for its page", || async {
        let page = pair.admin().get(&panel).await.expect(200).text;
        let settings = Url::parse(&attribute(&page, "data-settings-url")?).ok()?.path().to_owned();
        Some((settings, Identity::Raw(format!("JWT {}", attribute(&page, "data-write-token")?))))
    })
    .await;
    let all = json!({"mode": "ALL_PROJECTS", "projectIds": []});
    let home = pair.upstream.base_url().origin().ascii_serialization();
    let page = |caller: &Identity, origin: &str| {
        pair.mirror.client(caller).with_header("origin", origin).with_header("sec-fetch-site", "same-site")
    };
    page(&signature, &home).put(&settings, &all).await.promised(200);
    for (caller, origin) in [
        (&signature, EVIL),
        // What a browser adds by itself, or nothing.
        (&Identity::admin(), home.as_str()),
        (&Identity::Anonymous, home.as_str()),
    ] {
        page(caller, origin).put(&settings, &all).await.refused(403);
    }
    page(&signature, &home).with_header("origin", EVIL).put(&settings, &all).await.refused(403);
    for path in ["/", "/console/session", "/scm/prj/repo.git/git-receive-pack"] {
        page(&signature, &home).unjudged().post_nothing(path).await.expect_error(403);
    }
}

/// The value of an attribute in a page, if it has one.
fn attribute(page: &str, name: &str) -> Option<String> {
    let (_, value) = page.split_once(&format!("{name}=\""))?;
    value.split('"').next().filter(|value| !value.is_empty()).map(str::to_owned)
}

#[tokio::test]
async fn pages_are_neither_kept_nor_framed_and_name_this_server_to_no_other() {
    let pair = shared_pair().await;
    let panel = format!("/rest/mirroring/latest/mirrorServers/{}/webPanels/config", pair.mirror_id().await);
    for (server, paths) in [
        (
            &pair.upstream,
            vec![
                "/",
                "/projects",
                "/account",
                "/swagger-ui/",
                "/swagger-ui/index.html",
                "/openapi/",
                panel.as_str(),
            ],
        ),
        (&pair.mirror, vec!["/", "/repositories", "/swagger-ui/", "/openapi/"]),
    ] {
        for path in paths {
            let answer = server.client(&Identity::admin()).get(path).await.expect(200);
            let policy = header(&answer, "content-security-policy");
            assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy:?}");
            assert_eq!(header(&answer, "x-frame-options"), "DENY", "{path}");
            assert_eq!(header(&answer, "cache-control"), "no-store", "{path}");
            assert_eq!(header(&answer, "referrer-policy"), "no-referrer", "{path}");
        }
        for path in ["/", "/status", "/rest/nothing", "/swagger-ui/swagger-ui.css", "/openapi/heliostat.json"]
        {
            let answer = server.client(&Identity::admin()).get(path).await;
            assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
        }
    }
}

#[tokio::test]
async fn swagger_ui_writes_no_password_down() {
    for server in [&shared_pair().await.upstream, &shared_pair().await.mirror] {
        let set_up = server.anonymous().get("/swagger-ui/swagger-initializer.js").await.expect(200).text;
        let set_up: String = set_up.split_whitespace().collect();
        assert!(!set_up.contains("persistAuthorization\":true"), "{set_up}");
        assert!(set_up.contains("localStorage.removeItem(\"authorized\")"), "{set_up}");
    }
}

#[tokio::test]
async fn a_session_of_the_pages_counts_for_pages_of_this_server_only() {
    let pair = shared_pair().await;
    let private = "/rest/api/latest/admin/users";
    let SignedIn { cookie, attributes } = sign_in(&pair.upstream).await;
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(attributes.contains(attribute), "{attributes}");
    }
    let browser = pair.upstream.anonymous().unjudged().with_header("cookie", &cookie);
    let page = browser.clone().with_header("x-heliostat-page", "1");
    page.get(private).await.expect(200);
    browser.clone().with_header("sec-fetch-site", "same-origin").get(private).await.expect(200);
    // The cookie alone, as another site could make a browser send it, authenticates no user.
    browser.get(private).await.expect_error(401);
    browser.clone().with_header("sec-fetch-site", "same-site").get(private).await.expect_error(401);
    let planted = format!("{private}?name=planted&password=Evil-Passw0rd");
    page.clone().with_header("origin", EVIL).post_nothing(&planted).await.expect_error(403);

    page.delete(SESSION).await.expect(200);
    let refused = page.get(private).await.expect(401);
    // With this header, browsers would open a dialog of their own.
    assert_eq!(header(&refused, "www-authenticate"), "");
}

#[tokio::test]
async fn a_session_begins_with_right_credentials_only_and_not_from_another_site() {
    let pair = shared_pair().await;
    for server in [&pair.upstream, &pair.mirror] {
        let wrong = server.client(&Identity::impostor()).unjudged().post_nothing(SESSION).await.expect(401);
        assert_eq!(header(&wrong, "set-cookie"), "");
        server.anonymous().unjudged().post_nothing(SESSION).await.expect_error(401);
        let elsewhere = server.client(&Identity::admin()).unjudged().with_header("origin", EVIL);
        elsewhere.post_nothing(SESSION).await.expect_error(403);
        let SignedIn { cookie, .. } = sign_in(server).await;
        let told =
            server.anonymous().unjudged().with_header("cookie", &cookie).get(SESSION).await.expect(200);
        assert_eq!(told.json(), json!({ "username": "admin" }));
        assert_eq!(server.anonymous().unjudged().get(SESSION).await.expect(200).json(), json!({}));
    }
}

#[tokio::test]
async fn a_changed_password_ends_the_session() {
    let upstream = Server::upstream(ServerOptions::default());
    let users = "/rest/api/latest/admin/users";
    let user = json!({ "name": "ada", "password": "Engine-No-1" });
    upstream.admin().post(users, &user).await.expect(204);
    let ada = upstream.client(&Identity::User("ada".to_owned(), "Engine-No-1".to_owned()));
    let SignedIn { cookie, .. } = signed_in(&ada.unjudged().post_nothing(SESSION).await.expect(200));
    let page =
        upstream.anonymous().unjudged().with_header("cookie", &cookie).with_header("x-heliostat-page", "1");
    page.get("/rest/api/latest/users").await.expect(200);
    let changed = json!({ "name": "ada", "password": "Engine-No-2", "passwordConfirm": "Engine-No-2" });
    upstream.admin().put(&format!("{users}/credentials"), &changed).await.expect(204);
    let refused = page.get("/rest/api/latest/users").await.expect(401);
    // A challenge would have the browser ask for a password before the page can.
    assert!(!refused.headers.contains_key("www-authenticate"), "{:?}", refused.headers);
}

const SESSION: &str = "/console/session";

/// What a browser keeps of a session.
struct SignedIn {
    cookie: String,
    attributes: String,
}

async fn sign_in(server: &Server) -> SignedIn {
    signed_in(&server.client(&Identity::admin()).unjudged().post_nothing(SESSION).await.expect(200))
}

fn signed_in(answer: &Answer) -> SignedIn {
    let set = header(answer, "set-cookie");
    let (cookie, attributes) = set.split_once(';').expect("a cookie has attributes");
    SignedIn { cookie: cookie.to_owned(), attributes: attributes.to_owned() }
}
