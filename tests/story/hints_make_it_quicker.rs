//! A mirror of another Git server learns of changes before a client asks: by webhooks, and by lists of what is there.
//! It believes only that it should look.

use std::io::Write;
use std::path::PathBuf;

use heliostat_auth::{Secret, body_signature};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::{
    ADMIN_PASSWORD, Answer, Checkout, Received, Server, ServerOptions, TinyHttp, bare_repositories,
    clone_url, eventually, git, git_output, webhooks_path,
};

const SECRET: &str = "a secret of a webhook";
const NEXT_SECRET: &str = "the secret that replaces it";

fn file_with(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file can be made");
    file.write_all(text.as_bytes()).expect("a file can be written");
    file
}

fn arguments(arguments: &[&str]) -> ServerOptions {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    ServerOptions { arguments, ..ServerOptions::default() }
}

async fn deliver(mirror: &Server, provider: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let client = mirror.anonymous();
    let client = headers.iter().fold(client, |client, (name, value)| client.with_header(name, value));
    let body = Some((body.as_bytes(), "application/json"));
    client.send_raw(Method::POST, &format!("/hooks/{provider}"), body).await
}

#[tokio::test]
async fn a_delivery_is_answered_by_what_becomes_of_it() {
    let secrets = file_with(&format!("{SECRET}\n{NEXT_SECRET}\n"));
    let file = |provider: &str| format!("{provider}={}", secrets.path().display());
    let files = ["github", "gitlab", "forgejo", "generic"].map(file).join(",");
    // No server is there, and none is needed to take a hint.
    let origin = "http://127.0.0.1:1/".parse().expect("is a URL");
    let mirror = Server::mirror_of_origin(&origin, arguments(&["--hook-secret-file", &files]));

    let push = json!({"ref": "refs/heads/main", "repository": {"full_name": "acme/tool"}}).to_string();
    for secret in [SECRET, NEXT_SECRET] {
        let signature = body_signature(&Secret::new(secret), push.as_bytes());
        let signed = [
            ("x-github-event", "push"),
            ("x-github-delivery", if secret == SECRET { "1" } else { "2" }),
            ("x-hub-signature-256", signature.as_str()),
        ];
        let taken = deliver(&mirror, "github", &signed, &push).await.expect(202).json();
        assert_eq!(taken, json!({"received": "noted", "repositories": 1}));
        let again = deliver(&mirror, "github", &signed, &push).await.expect(200).json();
        assert_eq!(again, json!({"received": "repeated"}));
        let changed = deliver(&mirror, "github", &signed, &push.replace("tool", "toys")).await;
        let error = changed.expect_error(403);
        assert!(
            error["message"].as_str().is_some_and(|told| told.contains("X-Hub-Signature-256")),
            "{error}"
        );
    }
    let shown = [("x-gitlab-event", "Push Hook"), ("x-gitlab-token", SECRET)];
    let body =
        json!({"object_kind": "push", "project": {"path_with_namespace": "acme/deep/tool"}}).to_string();
    deliver(&mirror, "gitlab", &shown, &body).await.expect(202);
    deliver(&mirror, "gitlab", &shown, "{}").await.expect_error(400);
    deliver(&mirror, "gitlab", &[("x-gitlab-event", "Note Hook"), shown[1]], "{}").await.expect(200);
    deliver(&mirror, "gitlab", &shown[..1], &body).await.expect_error(403);

    let forgejo = body_signature(&Secret::new(SECRET), push.as_bytes()).replace("sha256=", "");
    let signed = [("x-forgejo-event", "push"), ("x-forgejo-signature", forgejo.as_str())];
    deliver(&mirror, "forgejo", &signed, &push).await.expect(202);

    let two = json!({"repositories": ["acme/tool", "acme/other.git"]}).to_string();
    let signature = body_signature(&Secret::new(SECRET), two.as_bytes());
    let taken = deliver(&mirror, "generic", &[("x-hub-signature-256", &signature)], &two).await.expect(202);
    assert_eq!(taken.json()["repositories"], 2);

    // A long one is taken as well: a push of many commits is told with all of them.
    let many = json!({"repository": {"full_name": "acme/tool"}, "commits": vec!["c".repeat(1000); 2000]});
    let many = many.to_string();
    let signature = body_signature(&Secret::new(SECRET), many.as_bytes());
    let signed = [("x-github-event", "push"), ("x-hub-signature-256", signature.as_str())];
    deliver(&mirror, "github", &signed, &many).await.expect(202);

    let unset = deliver(&mirror, "bitbucket", &[("x-event-key", "repo:push")], "{}").await.expect_error(404);
    assert!(unset["message"].as_str().is_some_and(|told| told.contains("--hook-secret-file")), "{unset}");
    deliver(&mirror, "sourceforge", &[], "{}").await.expect_error(404);
    let read = mirror.anonymous().get("/hooks/github").await.expect(405);
    assert_eq!(read.headers["allow"], "POST");
    let log = mirror.log();
    assert!(!log.contains(SECRET) && !log.contains(NEXT_SECRET), "{log}");
}

/// A private repository of an origin that a reader has read through a mirror, and the origin and the mirror.
struct Read {
    origin: Server,
    mirror: Server,
    repository: Value,
    checkout: Checkout,
    /// The mirror reads it again each time.
    token: NamedTempFile,
}

impl Read {
    /// The mirror has a credential of its own, and these arguments.
    async fn with(more: impl FnOnce(&Value) -> Vec<String>) -> Self {
        let origin = Server::upstream(ServerOptions::default());
        let (repository, checkout) = origin.pushed_repository(false).await;
        let token = file_with(&format!("admin:{ADMIN_PASSWORD}\n"));
        let mut options = arguments(&["--origin-token-file", &token.path().display().to_string()]);
        options.arguments.extend(more(&repository));
        let mirror = Server::mirror_of_origin(origin.base_url(), options);
        let url = clone_url(mirror.base_url(), &repository, Some(("admin", ADMIN_PASSWORD)));
        let folder = tempfile::tempdir().expect("a folder can be made");
        git(folder.path(), &["clone", "--quiet", url.as_str(), "copy"]);
        Read { origin, mirror, repository, checkout, token }
    }

    /// The credential of the mirror is another one from now on.
    fn write_token(&self, password: &str) {
        std::fs::write(self.token.path(), format!("admin:{password}\n")).expect("a file can be written");
    }

    /// A webhook says that the repository has changed.
    async fn tell_mirror(&self) {
        let url = clone_url(self.mirror.base_url(), &self.repository, None);
        let body = json!({"repository": url.path().trim_start_matches('/')}).to_string();
        let signature = body_signature(&Secret::new(SECRET), body.as_bytes());
        deliver(&self.mirror, "generic", &[("x-hub-signature-256", &signature)], &body).await.expect(202);
    }

    /// What `/status` says once it has this colour.
    async fn status_becomes(&self, health: &str) -> Value {
        eventually("the colour of the mirror", || async {
            let status = self.mirror.anonymous().get("/status").await.expect(200).json();
            (status["health"] == health).then_some(status)
        })
        .await
    }

    fn here(&self) -> PathBuf {
        let mut all = bare_repositories(&self.mirror.data());
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// A user pushes at the origin, and no client asks the mirror.
    fn push_at_origin(&self) -> String {
        let commit = self.checkout.commit("news.txt", "news\n");
        self.checkout.push(&self.origin.admin_url(&self.repository), &["HEAD:refs/heads/main"]);
        commit
    }

    async fn comes_here(&self, commit: &str) {
        let here = self.here();
        eventually("what was pushed is here", || async {
            git_output(&here, &["cat-file", "-e", commit]).status.success().then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_webhook_of_a_real_server_brings_a_push_here_before_it_is_read() {
    let secret = file_with(SECRET);
    let file = format!("bitbucket={}", secret.path().display());
    let read = Read::with(|_| vec!["--hook-secret-file".to_owned(), file]).await;
    // The origin sends what Bitbucket sends.
    let hook = read.mirror.base_url().join("/hooks/bitbucket").expect("is a path");
    let webhook = json!({"name": "The mirror", "url": hook.as_str(), "events": ["repo:refs_changed"],
        "configuration": {"secret": SECRET}});
    read.origin.admin().post(&webhooks_path(&read.repository), &webhook).await.promised(200);
    let commit = read.push_at_origin();
    read.comes_here(&commit).await;
}

#[tokio::test]
async fn a_credential_that_the_origin_refuses_is_told_to_operators_until_it_is_replaced() {
    const WARNING: &str = "the origin does not take the mirror's own credential";
    let secret = file_with(SECRET);
    let file = format!("generic={}", secret.path().display());
    let read = Read::with(|_| vec!["--hook-secret-file".to_owned(), file]).await;
    read.status_becomes("GREEN").await;

    read.write_token("revoked");
    read.tell_mirror().await;
    let status = read.status_becomes("YELLOW").await;
    let reason = status["reason"].as_str().expect("there is one");
    assert!(reason.contains("does not take the mirror's own credential"), "{reason}");
    read.tell_mirror().await;

    read.write_token(ADMIN_PASSWORD);
    let commit = read.push_at_origin();
    // What comes while the repository is being looked at is looked at afterwards.
    read.tell_mirror().await;
    read.comes_here(&commit).await;
    read.status_becomes("GREEN").await;
    let log = read.mirror.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains(WARNING)).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("--origin-token-file"), "{warnings:?}");

    std::fs::remove_file(read.token.path()).expect("it is there");
    read.tell_mirror().await;
    let status = read.status_becomes("YELLOW").await;
    assert!(status["reason"].as_str().is_some_and(|reason| reason.contains("cannot be used")), "{status}");
}

#[tokio::test]
async fn a_list_of_the_provider_finds_what_no_webhook_has_told() {
    let provider = TinyHttp::start(|_| {
        // The test says what it lists by the name of the group.
        |request: &Received| {
            let group = request.path.split('/').nth(2).unwrap_or_default().replace("%2F", "/");
            (200, json!([{"id": 1, "path_with_namespace": group}]))
        }
    });
    let interface = provider.base.to_string();
    let read = Read::with(|repository| {
        let url = clone_url(&"http://origin/".parse().expect("is a URL"), repository, None);
        let name = url.path().trim_start_matches('/').trim_end_matches(".git");
        let discover = format!("gitlab:{name}");
        ["--discover", &discover, "--discovery-url", &interface, "--discovery-interval", "500ms"]
            .map(str::to_owned)
            .to_vec()
    })
    .await;
    let commit = read.push_at_origin();
    read.comes_here(&commit).await;
    let asked = provider.received();
    let basic = asked.iter().all(|request| request.authorization.starts_with("Basic "));
    assert!(basic && asked[0].path.contains("per_page=100"), "{asked:?}");
}

#[tokio::test]
async fn a_list_that_cannot_be_had_is_told_to_operators() {
    let origin = "http://127.0.0.1:1/".parse().expect("is a URL");
    let provider = TinyHttp::start(|_| |_: &Received| (401, json!({"message": "Bad credentials"})));
    let interface = provider.base.to_string();
    let discover = ["--discover", "github:hidden-organisation", "--discovery-url", &interface];
    let mirror = Server::mirror_of_origin(&origin, arguments(&discover));
    let status = eventually("the list has failed", || async {
        let status = mirror.anonymous().get("/status").await.expect(200).json();
        status["reason"].is_string().then_some(status)
    })
    .await;
    assert_eq!(status["health"], "YELLOW", "{status}");
    let reason = status["reason"].as_str().expect("there is one");
    assert!(reason.contains("can be listed") && !reason.contains("hidden"), "{reason}");
    eventually("the reason in the log", || async {
        let told = "github:hidden-organisation: 127.0.0.1 does not accept the credential";
        mirror.log().contains(told).then_some(())
    })
    .await;
}
