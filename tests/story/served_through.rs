//! A mirror that knows of a push and cannot show it shows nothing older: its upstream answers in its place, until it does not
//! answer any more.

use crate::harness::{Pair, bare_repositories, clone_url, eventually, git, git_output, repository_path};

const FRESHNESS: &str = "heliostat-freshness";

#[tokio::test]
async fn what_a_mirror_cannot_show_comes_from_the_upstream_and_what_it_has_only_without_that() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let folder = bare_repositories(&pair.mirror.data()).pop().expect("the mirror has it");
    let lock = folder.join("packed-refs.lock");
    std::fs::write(&lock, "").expect("can be written");

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
    let address = clone_url(pair.mirror.base_url(), &repository, None);
    let advertised = format!("{}/info/refs?service=git-upload-pack", address.path());
    let answer = pair.mirror_admin().get(&advertised).await;
    assert!(answer.status == 200 && answer.text.contains(&pushed), "{answer:?}");
    // Some time later the lock is taken for that of a process that is gone.
    if lock.exists() {
        assert_eq!(answer.headers.get(FRESHNESS).expect("says how fresh it is"), "through;known=2");
    }

    let user = pair.new_user().await;
    let hidden = pair.mirror.client(&user).get(&advertised).await;
    assert_eq!(hidden.status, 404, "the upstream's word counts for {}", repository_path(&repository));
    std::fs::write(&lock, "").expect("can be written");
    pair.upstream.kill();
    if list("2").starts_with(&shown) {
        let answer = pair.mirror_admin().get(&advertised).await;
        let fresh = answer.headers.get(FRESHNESS).expect("says how fresh it is");
        assert!(fresh.to_str().is_ok_and(|fresh| fresh.starts_with("behind;")), "{fresh:?}");
        let bare = tempfile::tempdir().expect("a folder can be made");
        git(bare.path(), &["init", "--quiet", "--bare"]);
        let refused = git_output(bare.path(), &["fetch", "--quiet", url.as_str(), &pushed]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("cannot be given now") && !said.contains("not our ref"), "{said}");
    }
    pair.upstream.restart();
    std::fs::remove_file(&lock).ok();
    pair.mirrored(&repository).await;
    assert!(list("2").starts_with(&pushed));
}
