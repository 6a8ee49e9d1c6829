//! A mirror that knows of a push and cannot show it shows nothing older: its upstream answers in its place, until it does not
//! answer any more. So it does for a repository that is not here yet, or is being made anew.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use url::Url;

use crate::harness::{
    Identity, Pair, ServerOptions, bare_repositories, clone_url, eventually, git, git_output,
    replace_folder_by_file, repository_path,
};

const FRESHNESS: &str = "heliostat-freshness";

/// From now on the mirror can make no repository, nor make one anew; until there is a folder at this place.
fn makes_nothing_new(pair: &Pair) -> PathBuf {
    let drafts = pair.mirror.data().join("repositories/incoming");
    replace_folder_by_file(&drafts);
    drafts
}

fn makes_new_ones_again(drafts: &Path) {
    fs::remove_file(drafts).expect("it is a file");
    fs::create_dir(drafts).expect("a folder can be made");
}

/// The path at which a repository is asked what it has.
fn advertisement(pair: &Pair, repository: &Value) -> String {
    let address = clone_url(pair.mirror.base_url(), repository, None);
    format!("{}/info/refs?service=git-upload-pack", address.path())
}

/// What a clone has, if there is one.
fn cloned(url: &Url, version: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let version = format!("protocol.version={version}");
    let output =
        git_output(folder.path(), &["-c", &version, "clone", "--quiet", "--mirror", url.as_str(), "copy"]);
    let copy = folder.path().join("copy");
    output.status.success().then(|| {
        git(&copy, &["fsck"]);
        git(&copy, &["rev-parse", "HEAD"])
    })
}

#[tokio::test]
async fn what_a_mirror_cannot_show_comes_from_the_upstream_and_what_it_has_only_without_that() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let folder = bare_repositories(&pair.mirror.data()).pop().expect("the mirror has it");
    let lock = folder.join("packed-refs.lock");
    fs::write(&lock, "").expect("can be written");

    let shown = git(checkout.path(), &["rev-parse", "HEAD"]);
    let pushed = checkout.commit("news.txt", "which the mirror cannot show\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    let path = pair.mirror_path(&format!("/repos/{}", repository["id"])).await;
    eventually("the mirror to hear of the push", || async {
        let told = pair.mirror_admin().get(&path).await.promised(200);
        (told["upstreamGeneration"].as_i64()? > 1).then_some(())
    })
    .await;

    let url = pair.mirror_url(&repository);
    let list = |version: &str| {
        let version = format!("protocol.version={version}");
        git(checkout.path(), &["-c", &version, "ls-remote", url.as_str(), "refs/heads/main"])
    };
    for version in ["0", "2"] {
        assert!(list(version).starts_with(&pushed), "in version {version}");
    }
    let copy = tempfile::tempdir().expect("a folder can be made");
    git(copy.path(), &["clone", "--quiet", url.as_str(), "copy"]);
    assert_eq!(git(&copy.path().join("copy"), &["rev-parse", "HEAD"]), pushed);
    let advertised = advertisement(&pair, &repository);
    let answer = pair.mirror_admin().get(&advertised).await;
    assert!(answer.status == 200 && answer.text.contains(&pushed), "{answer:?}");
    // Some time later the lock is taken for that of a process that is gone.
    if lock.exists() {
        assert_eq!(answer.headers.get(FRESHNESS).expect("says how fresh it is"), "through;known=2");
    }

    let user = pair.new_user().await;
    let hidden = pair.mirror.client(&user).get(&advertised).await;
    assert_eq!(hidden.status, 404, "the upstream's word counts for {}", repository_path(&repository));
    fs::write(&lock, "").expect("can be written");
    pair.upstream.kill();
    let listed = list("2");
    let answer = pair.mirror_admin().get(&advertised).await;
    let bare = tempfile::tempdir().expect("a folder can be made");
    git(bare.path(), &["init", "--quiet", "--bare"]);
    let refused = git_output(bare.path(), &["fetch", "--quiet", url.as_str(), &pushed]);
    // As long as the lock counts, the mirror cannot bring its references forward.
    if lock.exists() && listed.starts_with(&shown) {
        let fresh = answer.headers.get(FRESHNESS).expect("says how fresh it is");
        assert!(fresh.to_str().is_ok_and(|fresh| fresh.starts_with("behind;")), "{fresh:?}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("cannot be given now") && !said.contains("not our ref"), "{said}");
    }
    pair.upstream.restart();
    fs::remove_file(&lock).ok();
    pair.mirrored(&repository).await;
    assert!(list("2").starts_with(&pushed));
}

#[tokio::test]
async fn what_a_mirror_does_not_have_yet_comes_from_the_upstream() {
    let arguments = ["--log-level", "info,heliostat_server=debug"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let mut pair = Pair::start_with(ServerOptions::default(), options).await;
    let drafts = makes_nothing_new(&pair);
    let (repository, checkout) = pair.pushed_repository(false).await;
    let (url, pushed) = (pair.mirror_url(&repository), git(checkout.path(), &["rev-parse", "HEAD"]));
    eventually("the mirror to hear of it", || async { cloned(&url, "2") }).await;
    assert!(pair.available(&repository).await.is_none(), "it is not here");
    for version in ["0", "2"] {
        assert_eq!(cloned(&url, version).as_ref(), Some(&pushed), "in version {version}");
    }
    let advertised = advertisement(&pair, &repository);
    let answer = pair.mirror_admin().get(&advertised).await.expect(200);
    let fresh = answer.headers.get(FRESHNESS).expect("says how fresh it is");
    assert!(fresh.to_str().is_ok_and(|fresh| fresh.starts_with("through;")), "{fresh:?}");
    let counted = pair.mirror.metric("heliostat_mirror_git_requests_total{freshness=\"through\"}").await;
    assert!(counted > Some(0.0), "{counted:?}");
    eventually("a line in the log that says the same", || async {
        let log = pair.mirror.log();
        let told = |line: &str| line.contains("led a Git reader") && line.contains("freshness=\"through\"");
        log.lines().any(told).then_some(())
    })
    .await;
    for (caller, status) in [(Identity::Anonymous, 401), (pair.new_user().await, 404)] {
        let refused = pair.mirror.client(&caller).get(&advertised).await;
        assert_eq!(refused.status, status, "{refused:?}");
    }

    pair.upstream.kill();
    let refused = pair.mirror_admin().get(&advertised).await;
    let told = format!("Until then it is at {}", pair.upstream.base_url());
    assert!(refused.status == 503 && refused.text.contains(&told), "{refused:?}");
    makes_new_ones_again(&drafts);
    pair.upstream.restart();
    pair.mirrored(&repository).await;
    assert_eq!(cloned(&url, "2"), Some(pushed));
}

#[tokio::test]
async fn what_is_being_made_anew_comes_from_the_upstream_meanwhile() {
    let arguments = ["--sweep-interval", "1s"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let pair = Pair::start_with(ServerOptions::default(), options).await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let drafts = makes_nothing_new(&pair);
    let copy = bare_repositories(&pair.mirror.data()).pop().expect("the mirror has it");
    git(&copy, &["repack", "-adq"]);
    for file in fs::read_dir(copy.join("objects/pack")).expect("listable").flatten() {
        if file.path().extension().is_some_and(|end| end == "pack") {
            // Git makes packs read-only.
            fs::remove_file(file.path()).expect("it is there");
            fs::write(file.path(), "").expect("can be written");
        }
    }
    let in_repair = async |count: usize| {
        eventually("a status that tells of it", || async {
            let status = pair.mirror.anonymous().get("/status").await.json();
            (status["repositoriesInRepair"] == count).then_some(())
        })
        .await;
    };
    in_repair(1).await;
    let (url, pushed) = (pair.mirror_url(&repository), git(checkout.path(), &["rev-parse", "HEAD"]));
    for version in ["0", "2"] {
        assert_eq!(cloned(&url, version).as_ref(), Some(&pushed), "in version {version}");
    }
    makes_new_ones_again(&drafts);
    in_repair(0).await;
    assert_eq!(cloned(&url, "2"), Some(pushed));
}
