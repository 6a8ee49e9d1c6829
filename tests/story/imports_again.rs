//! `heliostat repository import` from another server: with a password that no list of processes shows, fetching only what is
//! new, and leaving nothing half-made.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::harness::{
    ADMIN_PASSWORD, Checkout, GitOrigin, Readers, Server, binary, eventually, git, make_script, shared_pair,
};

const PATH: &str = "/acme/tool.git";

/// Another server with a repository that `ann` may read.
fn origin() -> (GitOrigin, Checkout) {
    let origin = GitOrigin::start();
    origin.add_user("ann", "secret of ann");
    origin.add_repository(PATH, Readers::only("ann"));
    let checkout = Checkout::new();
    push(&origin, &checkout, &["HEAD:refs/heads/main"]);
    (origin, checkout)
}

/// Pushes past the server.
fn push(origin: &GitOrigin, checkout: &Checkout, refspecs: &[&str]) {
    let folder = origin.folder(PATH);
    let mut arguments = vec!["push", "--quiet", "--force", folder.to_str().expect("plain names")];
    arguments.extend(refspecs);
    git(checkout.path(), &arguments);
}

/// Imports it; `home` is where git's own configuration of the user lies.
fn import(upstream: &Server, project: &Value, source: &str, home: &Path, further: &[&str]) -> Output {
    let key = project["key"].as_str().expect("has a key");
    let mut command = Command::new(binary());
    command.args(["repository", "import", source, "--project", key, "--url", upstream.base_url().as_str()]);
    command.args(further).env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD).env("HOME", home);
    command.env_remove("XDG_CONFIG_HOME").output().expect("the binary can be started")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn size_of(upstream: &Server, project: &Value) -> Value {
    let key = project["key"].as_str().expect("has a key");
    upstream.admin().get(&format!("/rest/api/latest/projects/{key}/repos")).await.promised(200)["size"]
        .clone()
}

#[tokio::test]
async fn passwords_come_from_files_and_credential_helpers() {
    let (upstream, (origin, _checkout)) = (&shared_pair().await.upstream, origin());
    let project = upstream.new_project(false).await;
    let home = tempfile::tempdir().expect("a folder can be made");
    let password = home.path().join("password");
    std::fs::write(&password, "secret of ann\n").expect("a file can be written");
    let url = origin.url().join(PATH).expect("is a path");
    let import = |source: &str, further: &[&str]| import(upstream, &project, source, home.path(), further);

    let refused = import(url.as_str(), &[]);
    assert!(
        !refused.status.success()
            && said(&refused).contains("the source cannot be fetched")
            && said(&refused).contains("give --source-user and --source-password-file"),
        "{}",
        said(&refused)
    );
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    let wrong = home.path().join("wrong");
    std::fs::write(&wrong, "another\n").expect("a file can be written");
    let wrong = ["--source-user", "ann", "--source-password-file", wrong.to_str().expect("plain names")];
    let refused = import(url.as_str(), &wrong);
    assert!(said(&refused).contains("does not take ann with this password"), "{}", said(&refused));
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    let mut with_password = url.clone();
    with_password.set_username("ann").expect("has a host");
    with_password.set_password(Some("secret of ann")).expect("has a host");
    let refused = import(with_password.as_str(), &[]);
    assert!(
        !refused.status.success() && said(&refused).contains("--source-password-file"),
        "{}",
        said(&refused)
    );
    assert_eq!(size_of(upstream, &project).await, 0);

    let file = password.to_str().expect("plain names");
    let imported =
        import(url.as_str(), &["--name", "by-file", "--source-user", "ann", "--source-password-file", file]);
    assert!(imported.status.success(), "{}", said(&imported));

    let host = url.host_str().expect("has a host");
    let stored = format!("http://ann:secret%20of%20ann@{host}:{}\n", url.port().expect("has a port"));
    let store = home.path().join("store");
    std::fs::write(&store, stored).expect("a file can be written");
    let config = format!("[credential]\n\thelper = store --file={}\n", store.display());
    std::fs::write(home.path().join(".gitconfig"), config).expect("a file can be written");
    let imported = import(url.as_str(), &["--name", "by-helper"]);
    assert!(imported.status.success(), "{}", said(&imported));
    assert_eq!(size_of(upstream, &project).await, 2);
}

#[tokio::test]
async fn what_git_shows_by_itself_is_shown_here_too() {
    let (upstream, (origin, _checkout)) = (&shared_pair().await.upstream, origin());
    let project = upstream.new_project(false).await;
    // One word: older versions of curl know no quotes in `.netrc`.
    origin.add_user("ann", "secret-of-ann");
    let home = tempfile::tempdir().expect("a folder can be made");
    let url = origin.url().join(PATH).expect("is a path");
    let host = url.host_str().expect("has a host");
    let write = |name: &str, text: &str| {
        std::fs::write(home.path().join(name), text).expect("a file can be written");
    };
    let netrc = |password: &str| write(".netrc", &format!("machine {host} login ann password {password}\n"));
    let header =
        |password: &str| format!("Authorization: Basic {}", STANDARD.encode(format!("ann:{password}")));
    let mut with_name = url.clone();
    with_name.set_username("ann").expect("has a host");
    let import_from =
        |source: &str, further: &[&str]| import(upstream, &project, source, home.path(), further);
    let import = |further: &[&str]| import_from(url.as_str(), further);

    netrc("secret-of-ann");
    let cache = home.path().join("cache.git");
    let cache = ["--name", "by-netrc", "--overwrite", "--cache", cache.to_str().expect("plain names")];
    // The second time is a fetch.
    for _ in 0..2 {
        let imported = import(&cache);
        assert!(imported.status.success(), "{}", said(&imported));
    }
    let of_bob = format!("machine {host} login bob password another\n");
    write(".netrc", &format!("{of_bob}machine {host} login ann password secret-of-ann\n"));
    let imported = import_from(with_name.as_str(), &["--name", "by-netrc", "--overwrite"]);
    assert!(imported.status.success(), "the password of this name: {}", said(&imported));
    write(".netrc", &of_bob);
    let refused = import_from(with_name.as_str(), &["--name", "refused"]);
    assert_eq!(refused.status.code(), Some(4), "there is none of this name: {}", said(&refused));
    netrc("another");
    let refused = import(&["--name", "refused"]);
    assert!(said(&refused).contains("give --source-user and --source-password-file"), "{}", said(&refused));
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));

    // The one for every server comes last, and git takes the closer one.
    let config = format!(
        "[http \"{}\"]\n\textraHeader = {}\n[http]\n\textraHeader = {}\n",
        origin.url(),
        header("secret-of-ann"),
        header("another")
    );
    write(".gitconfig", &config);
    let imported = import(&["--name", "by-header"]);
    assert!(imported.status.success(), "{}", said(&imported));
    let imported = import_from(with_name.as_str(), &["--name", "by-header", "--overwrite"]);
    assert!(imported.status.success(), "a name alone is not the last word: {}", said(&imported));
    let config = format!("[http \"http://{host}:1/\"]\n\textraHeader = {}\n", header("secret-of-ann"));
    write(".gitconfig", &config);
    let refused = import(&["--name", "refused"]);
    assert_eq!(refused.status.code(), Some(4), "it is for another server: {}", said(&refused));

    // Who is named wins, rightly or wrongly.
    let set = |password: &str| {
        write(".gitconfig", &format!("[http \"{}\"]\n\textraHeader = {}\n", origin.url(), header(password)));
        netrc(password);
    };
    write("right", "secret-of-ann\n");
    write("wrong", "another\n");
    for (shown, given, wins) in [("another", "right", true), ("secret-of-ann", "wrong", false)] {
        set(shown);
        let file = home.path().join(given);
        let file = file.to_str().expect("plain names");
        let ended = import(&["--name", given, "--source-user", "ann", "--source-password-file", file]);
        assert_eq!(ended.status.success(), wins, "{}", said(&ended));
    }
    assert_eq!(size_of(upstream, &project).await, 3);
}

#[tokio::test]
async fn exit_codes_tell_scripts_why_nothing_was_imported() {
    let (upstream, (origin, _checkout)) = (&shared_pair().await.upstream, origin());
    let project = upstream.new_project(false).await;
    origin.set_readers(PATH, Readers::Everybody);
    let home = tempfile::tempdir().expect("a folder can be made");
    let url = origin.url().join(PATH).expect("is a path");
    let missing = format!("file://{}", home.path().join("none.git").display());
    let import = |source: &str| {
        import(upstream, &project, source, home.path(), &["--name", "tool", "--output", "json"])
    };
    let imported = import(url.as_str());
    assert!(imported.status.success() && imported.stderr.is_empty(), "{}", said(&imported));
    for (source, code) in [
        (url.as_str(), 6),
        (missing.as_str(), 5),
        ("/nowhere/at/all", 5),
        ("http://127.0.0.1:9/acme/tool.git", 7),
    ] {
        let refused = import(source);
        assert_eq!(refused.status.code(), Some(code), "{source}: {}", said(&refused));
        let error: Value = serde_json::from_slice(&refused.stderr).expect("nothing but one line of JSON");
        assert_eq!(error["error"]["exitCode"], code, "{error}");
    }
}

#[tokio::test]
async fn only_what_is_new_is_fetched_again() {
    let (upstream, (origin, checkout)) = (&shared_pair().await.upstream, origin());
    let project = upstream.new_project(false).await;
    origin.set_readers(PATH, Readers::Everybody);
    let home = tempfile::tempdir().expect("a folder can be made");
    let cache = home.path().join("cache.git");
    let cache = ["--overwrite", "--cache", cache.to_str().expect("plain names")];
    let url = origin.url().join(PATH).expect("is a path");
    let fetched = || {
        let received = origin.received();
        let posts = received.iter().filter(|request| request.method == "POST");
        posts.filter(|request| request.is_fetch()).map(|request| request.bytes.clone()).collect::<Vec<_>>()
    };
    let imported = import(upstream, &project, url.as_str(), home.path(), &cache);
    assert!(imported.status.success(), "{}", said(&imported));
    let had = git(checkout.path(), &["rev-parse", "HEAD"]);
    let tip = checkout.commit("new.txt", "new\n");
    push(&origin, &checkout, &["HEAD:refs/heads/main"]);
    let before = fetched().len();
    let imported = import(upstream, &project, url.as_str(), home.path(), &cache);
    assert!(imported.status.success(), "{}", said(&imported));
    let asked = fetched();
    assert!(asked.len() > before);
    let have = format!("have {had}");
    let offers = |request: &Vec<u8>| request.windows(have.len()).any(|window| window == have.as_bytes());
    assert!(asked[before..].iter().any(offers), "the second import offers what it has");
    let key = project["key"].as_str().expect("has a key");
    let path = format!("/rest/api/latest/projects/{key}/repos/tool");
    let repository = upstream.admin().get(&path).await.promised(200);
    let listed = git(checkout.path(), &["ls-remote", upstream.admin_url(&repository).as_str()]);
    assert!(listed.contains(&tip), "{listed}");
}

#[tokio::test]
async fn what_was_created_goes_again_when_not_all_can_be_copied() {
    let (upstream, (origin, checkout)) = (&shared_pair().await.upstream, origin());
    let project = upstream.new_project(false).await;
    let home = tempfile::tempdir().expect("a folder can be made");
    push(&origin, &checkout, &["HEAD:refs/heliostat/own"]);
    let folder = origin.folder(PATH);
    let refused = import(upstream, &project, folder.to_str().expect("plain names"), home.path(), &[]);
    let text = said(&refused);
    assert!(!refused.status.success() && text.contains("refs/heliostat/own"), "{text}");
    assert!(text.contains("cannot copy it to the upstream"), "{text}");
    assert_eq!(size_of(upstream, &project).await, 0);
}

#[tokio::test]
async fn what_was_created_goes_again_when_a_build_server_ends_the_import() {
    let upstream = &shared_pair().await.upstream;
    let project = upstream.new_project(false).await;
    let (home, source) = (tempfile::tempdir().expect("a folder can be made"), Checkout::new());
    let (pushing, slow_git) = (home.path().join("pushing"), home.path().join("git"));
    let never_ends = format!(
        "#!/bin/sh\ncase \" $* \" in *' remote-http '*) : > '{}'; exec tail -f /dev/null;; esac\nexec git \"$@\"\n",
        pushing.display()
    );
    make_script(&slow_git, &never_ends);
    let key = project["key"].as_str().expect("has a key");
    let mut command = Command::new(binary());
    command.args(["repository", "import", "--name", "half", "--project", key, "--git"]).arg(&slow_git);
    command.arg(source.path()).args(["--url", upstream.base_url().as_str()]);
    let command = command.env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD).stderr(Stdio::piped());
    let importing = command.spawn().expect("the binary can be started");
    eventually("the push to begin", || async { pushing.exists().then_some(()) }).await;
    assert_eq!(size_of(upstream, &project).await, 1, "it was created");

    let told = Command::new("kill").args(["-TERM", &importing.id().to_string()]).status();
    assert!(told.expect("kill can be run").success());
    let ended = importing.wait_with_output().expect("it ends");
    assert!(!ended.status.success() && said(&ended).contains("stopped"), "{}", said(&ended));
    assert_eq!(size_of(upstream, &project).await, 0);
}
