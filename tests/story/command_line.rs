//! The command line as scripts use it: exit codes, errors in JSON, tokens, questions before what deletes, and what builds need.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{
    ADMIN_PASSWORD, Checkout, Pair, Receiver, Server, binary, eventually, git, shared_pair, webhooks_path,
};

/// A command without a terminal to ask at, and without credentials.
fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).stdin(Stdio::null());
    for name in ["HELIOSTAT_TOKEN", "HELIOSTAT_TOKEN_FILE", "HELIOSTAT_PASSWORD", "HELIOSTAT_PASSWORD_FILE"] {
        command.env_remove(name);
    }
    command
}

/// The same as the administrator of a pair.
fn run(pair: &Pair, arguments: &[&str]) -> Output {
    let mut command = bare(arguments);
    command.env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD);
    command.env("HELIOSTAT_URL", pair.upstream.base()).env("HELIOSTAT_MIRROR_URL", pair.mirror.base());
    command.output().expect("the binary can be run")
}

/// What a command that must succeed has printed as JSON.
#[track_caller]
fn json_of(pair: &Pair, arguments: &[&str]) -> Value {
    let output = run(pair, &[arguments, &["--output", "json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).expect("is JSON")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn name_of(repository: &Value) -> String {
    let text = |place: &str| repository.pointer(place).and_then(Value::as_str).expect("is text").to_owned();
    format!("{}/{}", text("/project/key"), text("/slug"))
}

#[test]
fn a_wrong_value_from_a_variable_is_told_with_the_name_of_the_variable() {
    for (variable, value) in [("HELIOSTAT_LISTEN", "abc"), ("HELIOSTAT_TRUSTED_PROXIES", "10.0.0.0/8,abc")] {
        let failed = bare(&["upstream"]).env(variable, value).output().expect("the binary can be run");
        assert_eq!(failed.status.code(), Some(2), "{failed:?}");
        let origin = format!("the value comes from the variable {variable}");
        assert!(told(&failed).contains(&origin), "{}", told(&failed));
    }
}

#[tokio::test]
async fn exit_codes_and_json_errors_tell_what_is_wrong() {
    let pair = shared_pair().await;
    for (arguments, code) in [
        (vec!["repository", "show", "NONE/none"], 5),
        (vec!["mirror", "show", "none"], 5),
        (vec!["mirror", "status", "--mirror-url", pair.upstream.base()], 5),
        (vec!["request", "accept", "999999"], 5),
        (vec!["request", "reject", "999999"], 5),
        (vec!["request", "delete", "none"], 5),
        (vec!["project", "show"], 2),
        (vec!["project", "list", "--url", "http://127.0.0.1:9"], 7),
        (vec!["project", "list", "--user", "nobody"], 4),
        (vec!["permission", "grant", "admin", "reed"], 2),
        (vec!["wait", "PRJ/site"], 2),
        (vec!["project", "delete", "PRJ", "--unknown"], 2),
    ] {
        let arguments = [arguments.as_slice(), &["--output", "json"]].concat();
        let failed = run(pair, &arguments);
        assert_eq!(failed.status.code(), Some(code), "{arguments:?}: {failed:?}");
        let error: Value = serde_json::from_slice(&failed.stderr).expect("one line of JSON");
        assert_eq!(error["error"]["exitCode"], code);
        assert!(error["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    }
    let astray = run(pair, &["mirror", "status", "--mirror-url", pair.upstream.base()]);
    assert!(told(&astray).contains("is in the upstream role") && astray.stdout.is_empty(), "{astray:?}");
    let project = pair.new_project(false).await;
    let key = project["key"].as_str().expect("is text");
    assert_eq!(run(pair, &["project", "create", key]).status.code(), Some(6), "the key is taken");

    let mut anonymous = bare(&["project", "list"]);
    let anonymous =
        anonymous.env("HELIOSTAT_URL", pair.upstream.base()).output().expect("the binary can be run");
    assert_eq!(anonymous.status.code(), Some(4), "{anonymous:?}");
    assert!(told(&anonymous).contains("HELIOSTAT_TOKEN"), "{anonymous:?}");
}

#[tokio::test]
async fn a_token_in_a_variable_stands_in_for_user_and_password() {
    let pair = shared_pair().await;
    let user = pair.new_user().await;
    let token = pair.upstream.new_token(&user, &[]).await;
    let list = |token: &str| {
        let mut command = bare(&["repository", "list", "--output", "json"]);
        command.env("HELIOSTAT_URL", pair.upstream.base()).env("HELIOSTAT_TOKEN", token);
        command.output().expect("the binary can be run")
    };
    let wrong = list("none");
    assert_eq!(wrong.status.code(), Some(4), "{wrong:?}");
    // A password that is kept for other commands does not take its place, one that is named in this one does.
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let file = folder.path().join("password");
    std::fs::write(&file, ADMIN_PASSWORD).expect("the temporary directory is writable");
    let mut beside = bare(&["repository", "list"]);
    beside.env("HELIOSTAT_URL", pair.upstream.base()).env("HELIOSTAT_TOKEN", "none");
    let beside = beside.env("HELIOSTAT_PASSWORD_FILE", &file).output().expect("the binary can be run");
    assert_eq!(beside.status.code(), Some(4), "{beside:?}");
    let mut nearer = bare(&["repository", "list", "--password-file"]);
    nearer.arg(&file).env("HELIOSTAT_URL", pair.upstream.base()).env("HELIOSTAT_TOKEN", "none");
    // It holds no token.
    let nearer = nearer.env("HELIOSTAT_TOKEN_FILE", &file).output().expect("the binary can be run");
    assert!(nearer.status.success(), "{nearer:?}");
    let listed = list(token["token"].as_str().expect("is text"));
    assert!(listed.status.success() && listed.stdout.starts_with(b"["), "{listed:?}");
}

#[tokio::test]
async fn a_token_is_made_only_where_it_can_be_kept() {
    let pair = shared_pair().await;
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let file = folder.path().join("ci.token");
    let file = file.to_str().expect("is text");
    let names = || {
        let tokens = json_of(pair, &["token", "list"]);
        let names = tokens.as_array().expect("a list").iter().map(|token| token["name"].clone());
        names.filter_map(|name| Some(name.as_str()?.to_owned())).collect::<Vec<_>>()
    };
    json_of(pair, &["token", "create", "first-in-the-file", "--save-file", file]);
    let refused = run(pair, &["token", "create", "second-in-the-file", "--save-file", file]);
    assert!(!refused.status.success() && told(&refused).contains("is there already"), "{refused:?}");
    let names = names();
    assert!(names.contains(&"first-in-the-file".to_owned()), "{names:?}");
    assert!(!names.contains(&"second-in-the-file".to_owned()), "{names:?}");

    // Refused by the server, so that there is nothing to keep.
    let other = folder.path().join("other.token");
    let output = run(
        pair,
        &["token", "create", "none", "--permission", "reed", "--save-file", other.to_str().expect("is text")],
    );
    assert!(!output.status.success() && !other.exists(), "{output:?}");
}

#[tokio::test]
async fn what_deletes_says_what_is_lost_and_waits_for_a_yes() {
    // Its own: where others have selected a project, the mirror would really follow less.
    let pair = &Pair::start().await;
    let (repository, _checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let name = name_of(&repository);
    let user = pair.new_user().await;
    for (arguments, word) in [
        (vec!["repository", "delete", name.as_str()], name.as_str()),
        (vec!["user", "delete", user.name()], "access tokens"),
        (vec!["mirror", "remove", "Saigon"], "stops serving"),
        (vec!["mirror", "settings", "mode", "selected"], "No project would be selected"),
    ] {
        let asked = run(pair, &arguments);
        assert!(!asked.status.success(), "{arguments:?}");
        let told = told(&asked);
        assert!(told.contains(word) && told.contains("--yes"), "{told}");
    }
    assert_eq!(json_of(pair, &["repository", "show", &name])["slug"], repository["slug"]);
    assert_eq!(json_of(pair, &["mirror", "settings", "show"])["mode"], "ALL_PROJECTS");
    for arguments in [vec!["repository", "delete", name.as_str()], vec!["user", "delete", user.name()]] {
        let arguments = [arguments.as_slice(), &["--yes"]].concat();
        let done = run(pair, &arguments);
        assert!(done.status.success(), "{done:?}");
    }
    assert_eq!(run(pair, &["repository", "show", &name]).status.code(), Some(5));
}

#[tokio::test]
async fn a_webhook_is_tested_its_log_read_and_a_call_repeated() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    let name = name_of(&repository);
    let receiver = Receiver::start();
    let created = pair.upstream.new_webhook(&repository, &receiver.url(), &["repo:refs_changed"]).await;
    let id = created["id"].to_string();
    let tested = json_of(pair, &["webhook", "test", &name, &id]);
    assert_eq!(tested["result"]["outcome"], "SUCCESS");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/next"]);
    let call = eventually("the call in the log", || async {
        json_of(pair, &["webhook", "log", &name, &id]).as_array()?.first().cloned()
    })
    .await;
    assert_eq!(call["event"], "repo:refs_changed");
    let again = json_of(pair, &["webhook", "redeliver", &name, &id, &call["id"].to_string()]);
    assert_eq!((&again["attempt"], &again["requestId"]), (&json!(2), &call["requestId"]));
    let shown = json_of(pair, &["webhook", "show", &name, &id]);
    assert_eq!(shown["statistics"]["counts"]["successes"], 2);

    let never = run(pair, &["webhook", "create", &name, &receiver.url(), "--event", "pr:opened"]);
    assert!(never.status.code() == Some(2) && told(&never).contains("repo:modified"), "{never:?}");

    let silent = json!({"name": "x", "url": "http://127.0.0.1:9/", "events": ["repo:refs_changed"]});
    let silent = pair.admin().post(&webhooks_path(&repository), &silent).await.promised(200);
    let failed = run(pair, &["webhook", "test", &name, &silent["id"].to_string()]);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(told(&failed).contains("did not take it"), "{failed:?}");
}

#[tokio::test]
async fn builds_learn_where_to_clone_from_and_warm_a_mirror() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let name = name_of(&repository);
    let printed = |arguments: &[&str]| {
        let output = run(pair, arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("is text").trim().to_owned()
    };
    let begins_at = |url: &str, server: &Server| {
        let base = server.base().trim_end_matches('/');
        assert!(url.starts_with(&format!("{base}/scm/")) && url.ends_with(".git"), "{url}");
    };
    begins_at(&printed(&["clone-url", &name]), &pair.upstream);
    begins_at(&printed(&["clone-url", &name, "--mirror", "Saigon"]), &pair.mirror);
    let near = json_of(pair, &["clone-url", &name, "--near"]);
    begins_at(near["url"].as_str().expect("is text"), &pair.mirror);
    assert_eq!((&near["from"], &near["mirror"]), (&json!("mirror"), &json!("Saigon")));
    let unknown = run(pair, &["clone-url", &name, "--mirror", "none"]);
    assert_eq!(unknown.status.code(), Some(5), "{unknown:?}");

    let warmed = json_of(pair, &["repository", "warm", &name, "--depth", "1", "--depth", "2"]);
    let depths: Vec<_> = warmed.as_array().expect("a list").iter().map(|one| one["depth"].clone()).collect();
    assert_eq!(depths, ["1", "2"]);
    let never = run(pair, &["repository", "warm", "NONE/such"]);
    assert_eq!(never.status.code(), Some(5), "{never:?}");
    let mut wrong = bare(&["repository", "warm", &name, "--mirror-url", pair.mirror.base()]);
    let refused = wrong.env("HELIOSTAT_PASSWORD", "wrong").output().expect("the binary can be run");
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    let away = run(pair, &["repository", "warm", &name, "--mirror-url", "http://127.0.0.1:9"]);
    assert_eq!(away.status.code(), Some(7), "{away:?}");
    git(checkout.path(), &["ls-remote", pair.mirror_url(&repository).as_str()]);
}

#[test]
fn a_demonstration_in_the_background_is_ready_by_one_line_and_says_that_it_stops() {
    let checkout = Checkout::new();
    checkout.commit("shown.txt", "shown\n");
    let folder = checkout.path().display().to_string();
    let mut demo = bare(&["demo", "--json", "--repository", &folder]);
    let mut demo = demo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary can be run");
    let mut line = String::new();
    let printed = demo.stdout.as_mut().expect("it is a pipe");
    BufReader::new(printed).read_line(&mut line).expect("it can be read");
    let process = demo.id().to_string();
    Command::new("kill").args(["-TERM", &process]).status().expect("kill can be run");
    let ended = demo.wait_with_output().expect("it ends");
    let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}: {}", told(&ended)));
    assert!(ready["mirror"]["cloneUrl"].is_string(), "{ready}");
    assert!(ended.status.success() && told(&ended).contains("Stopping"), "{}", told(&ended));
}
