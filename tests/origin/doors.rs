//! What a mirror of another Git server answers besides Git's readers: pushes, build servers, operators, and git-setup.

use std::path::Path;
use std::process::{Command, Output};

use reqwest::Method;
use serde_json::{Value, json};

use super::reading::Operation;
use super::scene::{Person, Place, Scene};
use crate::harness::{
    Checkout, Client, Identity, Manner, Server, ServerOptions, binary, eventually, git, git_command,
    git_fails,
};

const ENSURE: &str = "/rest/mirroring/latest/servedRepos/ensure";
const LIST: &str = "/rest/mirroring/latest/servedRepos";

fn client(scene: &Scene, person: Person) -> Client {
    let identity =
        person.name().map_or(Identity::Anonymous, |name| Identity::User(name.to_owned(), person.password()));
    scene.mirror.client(&identity)
}

fn heliostat(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    for variable in ["HELIOSTAT_UPSTREAM", "HELIOSTAT_ORIGIN", "HELIOSTAT_PASSWORD"] {
        command.env_remove(variable);
    }
    command.args(arguments).output().expect("the binary can be run")
}

#[tokio::test]
async fn pushes_are_refused_with_the_address_of_the_origin_and_only_to_readers() {
    let scene = Scene::start();
    let checkout = Checkout::new();
    let url = scene.url(Person::Reader, Place::Private);
    let said = git_fails(checkout.path(), &["push", url.as_str(), "HEAD:refs/heads/other"]);
    assert!(said.contains("403"), "{said}");
    let receive = format!("{}/info/refs?service=git-receive-pack", Place::Private.path());
    let refused = client(&scene, Person::Reader).get(&receive).await.expect(403);
    let there = scene.origin.url().join(Place::Private.path()).expect("a path");
    assert!(refused.text.contains(there.as_str()), "{}", refused.text);
    for (person, status) in [(Person::Anonymous, 401), (Person::Outsider, 403)] {
        let answer = client(&scene, person).get(&receive).await.expect(status);
        assert!(!answer.text.contains(there.as_str()), "{}", answer.text);
    }
    let asked = client(&scene, Person::Anonymous).get(&receive).await.expect(401);
    let challenges: Vec<_> = asked.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges, ["Basic realm=\"origin\""], "the origin's own challenge and no other");
}

#[tokio::test]
async fn a_build_server_has_brought_here_what_it_will_want() {
    let scene = Scene::start();
    let tip = git(&scene.origin.folder(Place::Private.path()), &["rev-parse", "refs/heads/main"]);
    let reader = client(&scene, Person::Reader);
    let wanted = json!({"repository": Place::Private.path(), "commits": [tip], "refs": ["refs/heads/main"]});
    let here = reader.post(ENSURE, &wanted).await.promised(200);
    assert_eq!(here["path"], Place::Private.path());
    assert_eq!(here["cloneUrl"], format!("{}{}", scene.mirror.base(), Place::Private.path()));
    // The URL at the origin is as good, and nothing named is whatever is there.
    let there = scene.origin.url().join(Place::Private.path()).expect("a path");
    assert_eq!(here["pushUrl"], there.as_str());
    reader.post(ENSURE, &json!({"repository": there.as_str()})).await.promised(200);

    let nowhere = "1".repeat(40);
    let wanted = json!({
        "repository": Place::Private.path(), "commits": [tip, nowhere], "refs": ["refs/heads/none"], "wait": 0
    });
    let missing = reader.post(ENSURE, &wanted).await.refused(409);
    let said = missing["message"].as_str().expect("a message");
    assert!(said.contains(&nowhere) && said.contains("refs/heads/none") && !said.contains(&tip), "{said}");
    for (wrong, field) in [
        (json!({"repository": "/../etc"}), "repository"),
        (json!({"repository": "https://elsewhere.example.com/a/b.git"}), "repository"),
        (json!({"repository": Place::Private.path(), "refs": ["a..b"]}), "refs"),
    ] {
        assert_eq!(reader.post(ENSURE, &wrong).await.refused(400)["context"], field);
    }
    let elsewhere = json!({"repository": "https://elsewhere.example.com/a/b.git"});
    let said = reader.post(ENSURE, &elsewhere).await.refused(400)["message"].to_string();
    assert!(said.contains("neither at the origin") && said.contains(scene.mirror.base()), "{said}");

    let wanted = json!({"repository": Place::Private.path()});
    let asked = client(&scene, Person::Anonymous).post(ENSURE, &wanted).await;
    assert_eq!(asked.headers["www-authenticate"], "Basic realm=\"origin\"");
    let said = asked.refused(401)["message"].to_string();
    assert!(said.contains("wants credentials"), "{said}");
    let mistaken = scene.mirror.client(&Identity::User("reader".to_owned(), "wrong".to_owned()));
    let said = mistaken.post(ENSURE, &wanted).await.refused(401)["message"].to_string();
    assert!(said.contains("does not take these credentials"), "{said}");
    client(&scene, Person::Outsider).post(ENSURE, &wanted).await.refused(403);
    reader.post(ENSURE, &json!({"repository": "/acme/none.git"})).await.refused(404);
    let public = json!({"repository": Place::Public.path()});
    client(&scene, Person::Anonymous).post(ENSURE, &public).await.promised(200);
    scene.origin_is(Manner::Gone);
    // Nothing is known of these credentials here, but what was shown without any.
    client(&scene, Person::Outsider).post(ENSURE, &public).await.promised(200);
    let unknown = scene.mirror.client(&Identity::User("unknown".to_owned(), "unknown".to_owned()));
    unknown.post(ENSURE, &wanted).await.refused(503);
    // No client has cloned yet: it was fetched because one asked for everything.
    let url = scene.url(Person::Anonymous, Place::Public);
    let cloned = Operation::Clone.at(&url, &scene.origin.folder(Place::Public.path()));
    assert_eq!(cloned, Ok(()));
    scene.origin_is(Manner::Limits);
    // An origin that was away has less time for an answer, so that one on a busy machine may still be taken for away.
    let limited = eventually("the origin to be found again", || async {
        let answer = client(&scene, Person::Revoked).post(ENSURE, &wanted).await;
        (answer.status != 503).then_some(answer)
    });
    limited.await.refused_for_now();
}

#[tokio::test]
async fn waiting_on_the_command_line_goes_by_path_or_url() {
    let scene = Scene::start();
    let folder = scene.origin.folder(Place::Public.path());
    let tip = git(&folder, &["rev-parse", "refs/heads/main"]);
    let mirror = scene.mirror.base();
    let there = scene.origin.url().join(Place::Public.path()).expect("a path");
    for repository in [Place::Public.path(), there.as_str()] {
        let arguments = ["wait", repository, "--mirror-url", mirror, "--commit", &tip, "--output", "json"];
        let output = heliostat(&arguments);
        assert!(output.status.success(), "{output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).expect("is JSON");
        assert_eq!(told["pushUrl"], there.as_str());
    }
    let late = heliostat(&[
        "wait",
        Place::Public.path(),
        "--mirror-url",
        mirror,
        "--ref",
        "refs/heads/none",
        "--timeout",
        "0s",
    ]);
    assert_eq!(late.status.code(), Some(3), "{late:?}");
    let refused = heliostat(&["wait", Place::Private.path(), "--mirror-url", mirror, "--timeout", "0s"]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
}

#[tokio::test]
async fn operators_see_what_is_here_and_how_it_stands_with_the_origin() {
    let scene = Scene::start();
    let operator = client(&scene, Person::Anonymous);
    let status = operator.get("/status").await.expect(200).json();
    assert_eq!((&status["state"], &status["health"]), (&json!("RUNNING"), &json!("GREEN")));
    assert_eq!(operator.get(LIST).await.promised(200)["values"], json!([]));
    let wanted = json!({"repository": Place::Private.path(), "refs": ["refs/heads/main"]});
    client(&scene, Person::Reader).post(ENSURE, &wanted).await.promised(200);
    let listed = operator.get(LIST).await.promised(200);
    assert_eq!(listed["values"][0]["path"], Place::Private.path());
    // A proxy on this machine asks for others.
    operator.with_header("x-forwarded-for", "192.0.2.1").get(LIST).await.refused(403);

    // Our own addresses win, and what other servers answer is said to be theirs.
    let theirs =
        client(&scene, Person::Reader).get("/rest/mirroring/latest/upstreamServers").await.expect(404);
    assert!(
        theirs.text.contains("in the mirror role; this one is in the origin-mirror role"),
        "{}",
        theirs.text
    );
    client(&scene, Person::Reader).send(Method::DELETE, LIST, None).await.refused(405);
    let page = client(&scene, Person::Anonymous).get("/").await.expect(200).text;
    assert!(
        page.contains("git-setup --origin") && page.contains(scene.origin.url().host_str().expect("a host"))
    );

    scene.origin_is(Manner::Gone);
    client(&scene, Person::Outsider).post(ENSURE, &wanted).await.refused(503);
    let away = eventually("the origin is known to be away", || async {
        let status = client(&scene, Person::Anonymous).get("/status").await.expect(200).json();
        (status["state"] == "ORIGIN_AWAY").then_some(status)
    });
    let away = away.await;
    assert_eq!((&away["health"], &away["origin"]["reachable"]), (&json!("YELLOW"), &json!(false)));
    let shown = heliostat(&["mirror", "status", "--mirror-url", scene.mirror.base()]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("ORIGIN_AWAY") && shown.contains(scene.origin.url().as_str()), "{shown}");
    let metrics = client(&scene, Person::Anonymous).get("/metrics").await.expect(200).text;
    assert!(metrics.lines().any(|line| line == "heliostat_origin_reachable 0"), "{metrics}");
    assert!(metrics.lines().any(|line| line == "heliostat_origin_repositories 1"), "{metrics}");
}

#[tokio::test]
async fn requests_for_large_files_are_sent_to_the_origin() {
    let scene = Scene::start();
    let asked = format!("{}/info/lfs/objects/batch", Place::Private.path());
    let sent = client(&scene, Person::Anonymous).post(&asked, &json!({"operation": "download"})).await;
    let there = scene.origin.url().join(&asked).expect("a path");
    assert_eq!(sent.headers["location"], there.as_str());
    sent.expect(307);
    client(&scene, Person::Anonymous).get("/info/lfs/locks").await.expect(404);
}

#[tokio::test]
async fn with_git_setup_the_addresses_of_the_origin_are_read_from_the_mirror() {
    let scene = Scene::start();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let config = folder.path().join("gitconfig");
    let origin = scene.origin.url().as_str().trim_end_matches('/');
    let mut setup = Command::new(binary());
    setup.args(["git-setup", "--origin", origin, "--mirror-url", scene.mirror.base(), "--global"]);
    let done = setup.env("GIT_CONFIG_GLOBAL", &config).output().expect("the binary can be run");
    assert!(done.status.success(), "{done:?}");

    let there = scene.origin.url().join(Place::Public.path()).expect("a path");
    let mut clone = git_command("git".as_ref(), folder.path());
    clone.env("GIT_CONFIG_GLOBAL", &config).args(["clone", "--quiet", there.as_str(), "copy"]);
    // Of the origin itself, git would not trust the certificate.
    let cloned = clone.output().expect("git can be run");
    assert!(cloned.status.success(), "{cloned:?}");
    let copy = folder.path().join("copy");
    assert_eq!(
        git(&copy, &["rev-parse", "HEAD"]),
        git(&scene.origin.folder(Place::Public.path()), &["rev-parse", "refs/heads/main"])
    );
    assert_eq!(git(&copy, &["config", "remote.origin.url"]), there.as_str(), "the clone names the origin");
}

/// Starts a mirror on a data folder, which must be refused; gives what it says.
fn refused_start(data: &Path, arguments: &[&str]) -> String {
    let data = data.to_str().expect("is UTF-8");
    let start = [&["mirror", "--data", data, "--listen", "127.0.0.1:0"], arguments].concat();
    let output = heliostat(&start);
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_data_folder_belongs_to_the_mirror_of_one_server() {
    let mut scene = Scene::start();
    scene.mirror.terminate();
    let (data, database) = (scene.mirror.data(), scene.mirror.database().to_owned());
    let other = ["--origin", "http://127.0.0.1:9/", "--database", &database];
    let said = refused_start(&data, &other);
    assert!(said.contains(scene.origin.url().as_str()) && said.contains("--data"), "{said}");
    let upstream = ["--upstream", "http://127.0.0.1:9/", "--name", "Saigon", "--database", &database];
    let said = refused_start(&data, &upstream);
    assert!(said.contains("of the upstream http://127.0.0.1:9/"), "{said}");

    let both = ["--origin", "http://127.0.0.1:9/", "--upstream", "http://127.0.0.1:9/", "--name", "Saigon"];
    assert!(refused_start(&data, &both).contains("one source"));
    assert!(refused_start(&data, &[]).contains("--origin URL for any other"));
    // It was touched by none of them.
    scene.mirror.restart();
    let public = json!({"repository": Place::Public.path()});
    client(&scene, Person::Anonymous).post(ENSURE, &public).await.promised(200);
}

#[tokio::test]
async fn clear_text_beyond_loopback_is_told_unless_something_in_front_encrypts() {
    let scene = Scene::start();
    let started = |more: &[&str]| {
        let arguments = ["--base-url", "http://mirror.example.com:7991"].iter().chain(more);
        let options = ServerOptions {
            arguments: arguments.map(|argument| (*argument).to_owned()).collect(),
            ..ServerOptions::default()
        };
        Server::mirror_of_origin(scene.origin.url(), options)
    };
    let is_warned = |mirror: &Server| mirror.log().contains("travel unencrypted");
    let warned = started(&[]);
    eventually("the warning", || async { is_warned(&warned).then_some(()) }).await;
    assert!(!is_warned(&started(&["--tls-in-front"])));
    let doctor = |more: &[&str]| {
        let arguments = ["doctor", "--base-url", "http://mirror.example.com:7991", "--data", "/tmp"];
        String::from_utf8_lossy(&heliostat(&[&arguments[..], more].concat()).stdout).into_owned()
    };
    let authority = scene.origin.authority_file();
    let origin = ["--origin", scene.origin.url().as_str()];
    let trusted = ["--origin-ca-file", authority.to_str().expect("is UTF-8")];
    let said = doctor(&[&origin[..], &trusted].concat());
    assert!(said.contains("passwords and tokens travel unencrypted"), "{said}");
    assert!(said.lines().any(|line| line.starts_with("ok       origin")), "{said}");
    let said = doctor(&[&origin[..], &["--tls-in-front"]].concat());
    assert!(said.lines().any(|line| line.starts_with("ok       TLS")), "{said}");
    assert!(
        said.lines().any(|line| line.starts_with("failed   origin")),
        "its authority is not known: {said}"
    );
}
