//! A repository of the upstream follows one of another Git server: mirrors get what is pushed there, and its status
//! says who is at fault when it is late.

use std::process::{Command, Output};

use serde_json::{Value, json};
use url::Url;

use crate::harness::{
    ADMIN_PASSWORD, Checkout, GitOrigin, Manner, Readers, Server, ServerOptions, binary, eventually, git,
    git_fails, repository_path, said, shared_pair,
};

const PATH: &str = "/acme/tool.git";

/// A repository of another server, which its user `ann` may read.
struct Source {
    origin: GitOrigin,
    checkout: Checkout,
    url: Url,
}

impl Source {
    fn start() -> Self {
        let origin = GitOrigin::start();
        origin.add_user("ann", "secret of ann");
        origin.add_repository(PATH, Readers::only("ann"));
        let url = origin.url().join(PATH).expect("is a path");
        let source = Self { origin, checkout: Checkout::new(), url };
        source.push(&["HEAD:refs/heads/main"]);
        source
    }

    /// Pushes past the server.
    fn push(&self, refspecs: &[&str]) {
        let folder = self.origin.folder(PATH);
        let mut arguments = vec!["push", "--quiet", "--force", folder.to_str().expect("plain names")];
        arguments.extend(refspecs);
        git(self.checkout.path(), &arguments);
    }

    /// What the server lists for its user.
    fn listed(&self) -> String {
        let mut url = self.url.clone();
        url.set_username("ann").expect("has a host");
        url.set_password(Some("secret of ann")).expect("has a host");
        git(self.checkout.path(), &["ls-remote", url.as_str()])
    }

    fn request(&self) -> Value {
        json!({"url": self.url.as_str(), "intervalSeconds": 604_800, "username": "ann", "password": "secret of ann"})
    }
}

pub(super) fn path_of(repository: &Value) -> String {
    format!("{}/following", repository_path(repository))
}

/// Has the source looked at, and gives how it stands then.
pub(super) async fn look(upstream: &Server, repository: &Value) -> Value {
    let (admin, path) = (upstream.admin(), path_of(repository));
    let before = admin.get(&path).await.promised(200);
    admin.post_nothing(&format!("{path}/now")).await.promised(202);
    eventually("the look to have ended", || async {
        let now = admin.get(&path).await.promised(200);
        let is_later = now["lastAttemptAt"].as_i64() > before["lastAttemptAt"].as_i64();
        (is_later && now["inProgress"] == false).then_some(now)
    })
    .await
}

/// Sets what a repository follows, and gives how it stands after the first look.
pub(super) async fn follow(upstream: &Server, repository: &Value, request: &Value) -> Value {
    upstream.admin().put(&path_of(repository), request).await.promised(200);
    look(upstream, repository).await
}

#[tokio::test]
async fn what_is_pushed_there_reaches_mirrors_and_nothing_is_pushed_here() {
    let (pair, source) = (shared_pair().await, Source::start());
    let repository = pair.upstream.empty_repository(true).await;
    source.push(&["HEAD:refs/heads/folder", "HEAD:refs/notes/x", "HEAD:refs/tags/v1"]);
    let followed = follow(&pair.upstream, &repository, &source.request()).await;
    assert_eq!(followed["state"], "IN_STEP", "{followed}");
    let mirror_url = pair.mirror_url(&repository);
    let at_mirror = || git(source.checkout.path(), &["ls-remote", mirror_url.as_str()]);
    pair.mirrored(&repository).await;
    let is_same = || async { (at_mirror() == source.listed()).then_some(()) };
    eventually("the mirror to show what the source has", is_same).await;

    // A rewritten branch, one that takes the place of another one's folder, and another default branch.
    source.checkout.commit("later.txt", "later\n");
    let folder = source.origin.folder(PATH);
    source.push(&["HEAD:refs/heads/trunk", ":refs/heads/folder"]);
    git(source.checkout.path(), &["commit", "--quiet", "--amend", "--message", "otherwise"]);
    source.push(&["HEAD:refs/heads/main", "HEAD:refs/heads/folder/x", "HEAD:refs/heads/folder/y"]);
    git(&folder, &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    let followed = look(&pair.upstream, &repository).await;
    assert_eq!(followed["state"], "IN_STEP", "{followed}");
    eventually("the mirror to show what the source has now", is_same).await;
    let default = format!("{}/default-branch", repository_path(&repository));
    assert_eq!(pair.admin().get(&default).await.promised(200)["id"], "refs/heads/trunk");
    let changed = followed["lastChangeAt"].clone();
    assert_eq!(look(&pair.upstream, &repository).await["lastChangeAt"], changed);

    let url = pair.upstream_url(&repository);
    let refused = git_fails(source.checkout.path(), &["push", url.as_str(), "HEAD:refs/heads/own"]);
    assert!(refused.contains(source.url.as_str()), "{refused}");
    let branch = json!({"name": "own", "startPoint": "main"});
    let branches = format!("{}/branches", repository_path(&repository));
    pair.admin().post(&branches, &branch).await.refused(403);

    // What is there is never given up because the source suddenly shows nothing.
    let before = at_mirror();
    for name in git(&folder, &["for-each-ref", "--format=%(refname)"]).lines() {
        git(&folder, &["update-ref", "-d", name]);
    }
    let followed = look(&pair.upstream, &repository).await;
    assert_eq!(followed["error"]["fault"], "EMPTIED", "{followed}");
    assert_eq!(at_mirror(), before);
}

#[tokio::test]
async fn it_says_who_is_at_fault_and_goes_on_when_that_is_over() {
    let (mut upstream, source) = (Server::upstream(ServerOptions::default()), Source::start());
    let repository = upstream.empty_repository(false).await;
    let fault_of = async |request: &Value| {
        let followed = follow(&upstream, &repository, request).await;
        let text = followed.to_string();
        assert!(followed["state"] == "FAILING" && !text.contains("secret of ann"), "{text}");
        assert!(followed["error"]["message"].as_str().is_some_and(|said| said.contains("http://")), "{text}");
        followed["error"]["fault"].clone()
    };
    let with = |field: &str, value: &str| {
        let mut request = source.request();
        request[field] = value.into();
        request
    };
    assert_eq!(fault_of(&json!({"url": source.url.as_str()})).await, "CREDENTIALS");
    assert_eq!(fault_of(&with("password", "wrong")).await, "CREDENTIALS");
    let missing = source.origin.url().join("/acme/none.git").expect("is a path");
    assert_eq!(fault_of(&with("url", missing.as_str())).await, "NOT_FOUND");
    source.origin.set_readers(PATH, Readers::only("ben"));
    assert_eq!(fault_of(&source.request()).await, "FORBIDDEN");
    source.origin.set_readers(PATH, Readers::only("ann"));
    source.origin.be(Manner::Nonsense);
    assert_eq!(fault_of(&source.request()).await, "NO_REPOSITORY");
    source.origin.be(Manner::SendsTo(Url::parse("http://other.example.com/").expect("is a URL")));
    assert_eq!(fault_of(&source.request()).await, "ELSEWHERE");
    source.origin.be(Manner::Limits);
    assert_eq!(fault_of(&source.request()).await, "TOO_MANY");
    source.origin.be(Manner::Up);

    let followed = look(&upstream, &repository).await;
    assert_eq!((&followed["state"], &followed["failures"]), (&"IN_STEP".into(), &0.into()), "{followed}");
    let listed = |upstream: &Server| {
        git(source.checkout.path(), &["ls-remote", upstream.admin_url(&repository).as_str()])
    };
    assert_eq!(listed(&upstream), source.listed());
    let status = upstream.anonymous().get("/status").await.expect(200).json();
    assert!(status.get("failingFollowings").is_none() && status.get("reason").is_none(), "{status}");
    assert_eq!(status["health"], "GREEN");

    source.origin.be(Manner::Failing);
    let before = listed(&upstream);
    let tip = source.checkout.commit("later.txt", "later\n");
    source.push(&["HEAD:refs/heads/main"]);
    let followed = look(&upstream, &repository).await;
    assert_eq!(followed["error"]["fault"], "AWAY", "{followed}");
    assert!(followed["lastSuccessAt"].as_i64() < followed["lastAttemptAt"].as_i64(), "{followed}");
    assert_eq!(listed(&upstream), before);
    let status = upstream.anonymous().get("/status").await.expect(200).json();
    assert_eq!(status["failingFollowings"], 1, "{status}");
    assert_eq!((&status["state"], &status["health"]), (&json!("RUNNING"), &json!("YELLOW")), "{status}");
    assert!(status["reason"].as_str().is_some_and(|reason| reason.contains("could not be brought in step")));
    is_told_in_metrics(&upstream, &repository, &followed).await;

    // What is followed, and with which credentials, outlives the process.
    source.origin.be(Manner::Up);
    upstream.restart();
    let followed = look(&upstream, &repository).await;
    assert_eq!((&followed["state"], &followed["username"]), (&"IN_STEP".into(), &"ann".into()), "{followed}");
    assert!(listed(&upstream).contains(&tip));

    // What is deleted follows nothing any more, and `/status` says so at once.
    source.origin.be(Manner::Failing);
    assert_eq!(look(&upstream, &repository).await["error"]["fault"], "AWAY");
    let failing = async || {
        let status = upstream.anonymous().get("/status").await.expect(200).json();
        status["failingFollowings"].clone()
    };
    assert_eq!(failing().await, 1);
    upstream.admin().delete(&repository_path(&repository)).await.promised(202);
    assert_eq!(failing().await, Value::Null);
    assert!(!upstream.log().contains("secret of ann"));
}

/// The metrics tell of a repository that could not be asked for what the REST API tells.
async fn is_told_in_metrics(upstream: &Server, repository: &Value, followed: &Value) {
    let metrics = upstream.anonymous().get("/metrics").await.expect(200).text;
    let labels = format!(r#"repository_id="{}""#, repository["id"]);
    let value_of = |name: &str, labels: &str| {
        let sample = format!("heliostat_upstream_following_repository_{name}{{{labels}}} ");
        let value = metrics.lines().find_map(|line| line.strip_prefix(&sample)?.parse::<i64>().ok());
        value.unwrap_or_else(|| panic!("no {sample}\n{metrics}"))
    };
    let seconds = |field: &str| followed[field].as_i64().expect("is a time") / 1_000;
    assert_eq!(value_of("last_attempt_timestamp_seconds", &labels), seconds("lastAttemptAt"), "{metrics}");
    assert_eq!(value_of("last_success_timestamp_seconds", &labels), seconds("lastSuccessAt"), "{metrics}");
    assert!(value_of("lag_seconds", &labels) >= seconds("lag"), "{metrics}");
    assert_eq!(value_of("failing", &format!(r#"{labels},fault="away""#)), 1, "{metrics}");
}

/// Runs `heliostat repository` with these arguments at an upstream.
pub(super) fn run(upstream: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("repository").args(arguments).args(["--url", upstream.base_url().as_str()]);
    command.env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD).env("HELIOSTAT_SOURCE_PASSWORD", "secret of ann");
    command.output().expect("the binary can be started")
}

#[tokio::test]
async fn one_command_lets_a_new_repository_follow_and_leaves_nothing_when_it_fails() {
    let (upstream, source) = (&shared_pair().await.upstream, Source::start());
    let project = upstream.new_project(false).await;
    let key = project["key"].as_str().expect("has a key");
    let repositories = format!("/rest/api/latest/projects/{key}/repos");
    let url = source.url.as_str();

    let refused = run(upstream, &["follow", url, "--project", key]);
    assert!(
        !refused.status.success() && said(&refused).contains("nothing was created"),
        "{}",
        said(&refused)
    );
    assert!(said(&refused).contains("asks who wants to read"), "{}", said(&refused));
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    let missing = source.origin.url().join("/acme/none.git").expect("is a path");
    for (source, code) in [(missing.as_str(), 5), ("http://127.0.0.1:9/acme/tool.git", 7)] {
        let arguments = ["follow", source, "--project", key, "--source-user", "ann", "--output", "json"];
        let refused = run(upstream, &arguments);
        assert_eq!(refused.status.code(), Some(code), "{source}: {}", said(&refused));
        let error: Value = serde_json::from_slice(&refused.stderr).expect("nothing but one line of JSON");
        assert_eq!(error["error"]["exitCode"], code, "{error}");
    }
    assert_eq!(upstream.admin().get(&repositories).await.promised(200)["size"], 0);

    let folder = source.origin.add_repository("/acme/hashed.git", Readers::Everybody);
    std::fs::remove_dir_all(&folder).expect("it is there");
    std::fs::create_dir(&folder).expect("it can be made");
    git(&folder, &["init", "--quiet", "--bare", "--object-format=sha256"]);
    let tree = git(&folder, &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let commit = git(&folder, &["commit-tree", "-m", "hashed otherwise", &tree]);
    git(&folder, &["update-ref", "refs/heads/main", &commit]);
    let hashed = source.origin.url().join("/acme/hashed.git").expect("is a path");
    for (url, name) in [(url, "tool"), (hashed.as_str(), "hashed")] {
        let followed =
            run(upstream, &["follow", url, "--project", key, "--source-user", "ann", "--interval", "7d"]);
        assert!(followed.status.success() && said(&followed).contains("IN_STEP"), "{}", said(&followed));
        assert!(!said(&followed).contains("secret of ann"), "{}", said(&followed));
        let found = upstream.admin().get(&format!("{repositories}/{name}")).await.promised(200);
        assert_eq!(found["objectFormat"], if name == "hashed" { "sha256" } else { "sha1" });
    }

    let tip = source.checkout.commit("new.txt", "new\n");
    source.push(&["HEAD:refs/heads/main"]);
    let name = format!("{key}/tool");
    let looked = run(upstream, &["follow-now", &name]);
    assert!(looked.status.success(), "{}", said(&looked));
    let repository = upstream.admin().get(&format!("{repositories}/tool")).await.promised(200);
    let at_upstream = upstream.admin_url(&repository);
    assert!(git(source.checkout.path(), &["ls-remote", at_upstream.as_str()]).contains(&tip));
    let listed = run(upstream, &["following"]);
    assert!(said(&listed).contains(url) && said(&listed).contains("IN_STEP"), "{}", said(&listed));
    for column in ["LAST ATTEMPT", "IN STEP AT", "LAG (MS)", "ERROR"] {
        assert!(said(&listed).contains(column), "{}", said(&listed));
    }
    // Metrics name repositories by id.
    let (id, list) = (repository["id"].to_string(), said(&listed));
    let line = list.lines().find(|line| line.contains(url)).expect("it is listed");
    assert!(line.split_whitespace().any(|word| word == id), "{id}: {line}");
    let shown = run(upstream, &["following", &name]);
    assert!(said(&shown).contains("IN_STEP"), "{}", said(&shown));
    let stopped = run(upstream, &["unfollow", &name]);
    assert!(stopped.status.success(), "{}", said(&stopped));
    source.checkout.push(&at_upstream, &["HEAD:refs/heads/own"]);
}
