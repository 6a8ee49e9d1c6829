//! A mirror's repository follows another one, with real `git` on both sides.

use std::fs::File;
use std::time::SystemTime;

use heliostat_git_wire::ObjectFormat;

use super::*;
use crate::fixture::Workshop;
use crate::fixture_http::HttpServer;
use crate::process::Fault;

const TIMEOUT: Duration = Duration::from_secs(60);

fn branch(name: &str) -> RefName {
    RefName::branch(name).expect("valid")
}

fn plan(url: &str, scope: FetchScope) -> FetchPlan {
    FetchPlan { url: url.to_owned(), authorization: None, scope, timeout: TIMEOUT }
}

fn refs(update: &[&str], delete: &[&str]) -> FetchScope {
    let names = |names: &[&str]| names.iter().map(|name| branch(name)).collect();
    FetchScope::Refs { update: names(update), delete: names(delete) }
}

/// An upstream's repository and a mirror's copy of it.
struct Pair {
    workshop: Workshop,
    upstream: Repository,
    mirror: Repository,
}

impl Pair {
    async fn new(branches: &[&str]) -> Self {
        let workshop = Workshop::new().await;
        let upstream = workshop.bare_with_commits("upstream", branches).await;
        let mirror = workshop.store().create(1, &branch("main")).await.expect("created");
        Self { workshop, upstream, mirror }
    }

    async fn synced(branches: &[&str]) -> Self {
        let pair = Self::new(branches).await;
        pair.fetch(FetchScope::Snapshot).await.expect("fetched");
        pair
    }

    async fn fetch(&self, scope: FetchScope) -> Result<(), FetchError> {
        let url = self.upstream.path().to_str().expect("text");
        fetch(&self.mirror, &plan(url, scope), |_| {}).await
    }

    fn upstream_git(&self, args: &[&str]) {
        self.workshop.run(self.upstream.path(), args);
    }

    async fn assert_equal(&self) {
        let (there, here) = (self.upstream.refs().await, self.mirror.refs().await);
        let (there, here) = (there.expect("readable"), here.expect("readable"));
        assert_eq!(RefSnapshot::diff(&there, &here), []);
        assert_eq!(there.content_hash(), here.content_hash());
        self.mirror.verify().await.expect("whole");
        let left = self.workshop.run(self.mirror.path(), &["for-each-ref", "refs/heliostat/incoming"]);
        assert_eq!(left, "", "nothing is left in the staging folder");
    }
}

#[tokio::test]
async fn a_snapshot_takes_over_everything() {
    let pair = Pair::new(&["main", "a/b", "gone"]).await;
    pair.upstream_git(&["tag", "-a", "-m", "annotated", "v1", "main"]);
    pair.upstream_git(&["update-ref", "refs/notes/x", "main"]);
    pair.upstream_git(&["update-ref", "refs/heliostat/secret", "main"]);
    pair.fetch(FetchScope::Snapshot).await.expect("fetched");
    pair.assert_equal().await;

    // Ours stay, whatever the other side has.
    pair.workshop.run(pair.mirror.path(), &["update-ref", "refs/heliostat/keep/1", "main"]);
    pair.upstream_git(&["update-ref", "-d", "refs/heads/gone"]);
    pair.upstream_git(&["update-ref", "refs/heads/main", "a/b"]);
    pair.upstream_git(&["tag", "--force", "v1", "a/b"]);
    pair.workshop.commit(&pair.upstream, "new");
    pair.fetch(FetchScope::Snapshot).await.expect("fetched");
    pair.assert_equal().await;
    assert!(
        pair.workshop
            .try_run(pair.mirror.path(), &["rev-parse", "--verify", "refs/heliostat/keep/1"])
            .is_some()
    );
    assert!(
        pair.workshop
            .try_run(pair.mirror.path(), &["rev-parse", "--verify", "refs/heliostat/secret"])
            .is_none()
    );
    pair.fetch(FetchScope::Snapshot).await.expect("nothing to do");
    pair.assert_equal().await;
}

#[tokio::test]
async fn a_snapshot_of_an_emptied_repository_is_empty() {
    let pair = Pair::synced(&["main", "a/b"]).await;
    for name in ["main", "a/b"] {
        pair.upstream_git(&["update-ref", "-d", &format!("refs/heads/{name}")]);
    }
    pair.fetch(FetchScope::Snapshot).await.expect("fetched");
    assert!(pair.mirror.is_empty().await.expect("readable"));
}

#[tokio::test]
async fn named_references_are_updated_and_deleted_and_no_others() {
    let pair = Pair::synced(&["main", "forced", "gone", "untouched"]).await;
    let before = pair.mirror.refs().await.expect("readable");
    pair.workshop.commit(&pair.upstream, "main");
    pair.workshop.commit(&pair.upstream, "untouched");
    pair.workshop.commit(&pair.upstream, "new");
    pair.upstream_git(&["update-ref", "refs/heads/forced", "untouched"]);
    pair.upstream_git(&["update-ref", "-d", "refs/heads/gone"]);
    pair.fetch(refs(&["main", "forced", "new"], &["gone", "never/was"])).await.expect("fetched");
    let after = pair.mirror.refs().await.expect("readable");
    assert_eq!(after.get("refs/heads/untouched"), before.get("refs/heads/untouched"));
    assert_eq!(after.get("refs/heads/gone"), None);
    pair.fetch(refs(&["untouched"], &[])).await.expect("fetched");
    pair.assert_equal().await;
    pair.upstream_git(&["update-ref", "-d", "refs/heads/new"]);
    pair.fetch(refs(&[], &["new"])).await.expect("deleted");
    pair.assert_equal().await;
    pair.fetch(refs(&[], &[])).await.expect("nothing to do");
}

#[tokio::test]
async fn a_name_may_become_a_folder_and_back() {
    for packed in [false, true] {
        let pair = Pair::synced(&["main", "a"]).await;
        if packed {
            pair.workshop.run(pair.mirror.path(), &["pack-refs", "--all"]);
            pair.workshop.run(pair.mirror.path(), &["repack", "-a", "-d", "-q"]);
        }
        pair.upstream_git(&["update-ref", "-d", "refs/heads/a"]);
        pair.workshop.commit(&pair.upstream, "a/b");
        pair.fetch(FetchScope::Snapshot).await.expect("fetched");
        pair.assert_equal().await;
        pair.upstream_git(&["update-ref", "-d", "refs/heads/a/b"]);
        pair.workshop.commit(&pair.upstream, "a");
        pair.fetch(refs(&["a"], &["a/b"])).await.expect("fetched");
        pair.assert_equal().await;
        pair.upstream_git(&["update-ref", "-d", "refs/heads/a"]);
        pair.workshop.commit(&pair.upstream, "a/b");
        let error = pair.fetch(refs(&["a/b"], &[])).await.expect_err("no event said that a is gone");
        assert!(matches!(error, FetchError::NameConflict { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_reference_that_is_gone_changes_nothing() {
    let pair = Pair::synced(&["main", "other"]).await;
    let before = pair.mirror.refs().await.expect("readable");
    pair.workshop.commit(&pair.upstream, "main");
    for scope in [refs(&["main", "gone"], &[]), refs(&["main", "gone"], &["other"])] {
        let error = pair.fetch(scope).await.expect_err("it is gone");
        assert!(
            matches!(&error, FetchError::RemoteRefMissing(name) if name == "refs/heads/gone"),
            "{error:?}"
        );
        assert_eq!(pair.mirror.refs().await.expect("readable"), before);
    }
}

#[tokio::test]
async fn objects_arrive_without_references() {
    let pair = Pair::synced(&["main"]).await;
    let wanted = pair.workshop.commit(&pair.upstream, "hidden");
    let wanted = ObjectId::parse(wanted).expect("an object");
    assert!(!pair.mirror.has_object(&wanted).await.expect("readable"));
    let server = HttpServer::serve(pair.upstream.clone()).await;
    let scope = FetchScope::Objects(vec![wanted.clone()]);
    fetch(&pair.mirror, &plan(&server.url, scope), |_| {}).await.expect("fetched");
    assert!(pair.mirror.has_object(&wanted).await.expect("readable"));
    assert_eq!(pair.mirror.refs().await.expect("readable").len(), 1);
    let absent = FetchScope::Objects(vec![ObjectId::parse("12".repeat(20)).expect("hex")]);
    let error = fetch(&pair.mirror, &plan(&server.url, absent), |_| {}).await.expect_err("no server has it");
    assert!(matches!(error, FetchError::RemoteObjectMissing { .. }), "{error:?}");
}

#[tokio::test]
async fn repositories_with_the_other_hash_are_followed_too() {
    let workshop = Workshop::new().await;
    let upstream = workshop.bare_with_format("upstream", ObjectFormat::Sha256).await;
    let url = upstream.path().to_str().expect("text");
    let store = workshop.store();
    let mirror = store.create_with_format(1, &branch("main"), ObjectFormat::Sha256).await.expect("created");
    let there = remote_refs(&workshop.git, url, None, TIMEOUT).await.expect("listed");
    assert_eq!(there.object_format(), Some(ObjectFormat::Sha256));
    fetch(&mirror, &plan(url, FetchScope::Snapshot), |_| {}).await.expect("fetched");
    assert_eq!(mirror.refs().await.expect("readable"), there);
    let other = store.create(2, &branch("main")).await.expect("created");
    let error = fetch(&other, &plan(url, FetchScope::Snapshot), |_| {}).await.expect_err("another hash");
    assert!(matches!(error, FetchError::ObjectFormatMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn a_damaged_upstream_changes_nothing_here() {
    let pair = Pair::synced(&["main"]).await;
    let before = pair.mirror.refs().await.expect("readable");
    pair.workshop.commit(&pair.upstream, "main");
    let tree = pair.workshop.run(pair.upstream.path(), &["rev-parse", "main^{tree}"]);
    let (folder, file) = tree.trim().split_at(2);
    std::fs::remove_file(pair.upstream.path().join("objects").join(folder).join(file))
        .expect("a loose object");
    let error = pair.fetch(FetchScope::Snapshot).await.expect_err("damaged");
    assert!(!matches!(error, FetchError::Corrupt { .. }), "ours is whole: {error:?}");
    assert_eq!(pair.mirror.refs().await.expect("readable"), before);
    pair.mirror.check_connectivity().await.expect("whole");
}

#[tokio::test]
async fn a_lock_of_a_killed_process_does_not_stop_us_for_ever() {
    let pair = Pair::synced(&["main"]).await;
    pair.workshop.commit(&pair.upstream, "main");
    let lock = File::create(pair.mirror.path().join("refs/heads/main.lock")).expect("a file");
    let error = pair.fetch(FetchScope::Snapshot).await.expect_err("another process may be at work");
    assert!(matches!(error, FetchError::Locked { .. }), "{error:?}");
    lock.set_modified(SystemTime::now() - 2 * STALE_LOCK_AGE).expect("a time");
    pair.fetch(FetchScope::Snapshot).await.expect("fetched");
    pair.assert_equal().await;
}

#[tokio::test]
async fn the_secret_goes_in_a_header() {
    let pair = Pair::new(&["main"]).await;
    let server = HttpServer::serve(pair.upstream.clone()).await;
    let mut with_header = plan(&server.url, FetchScope::Snapshot);
    with_header.authorization = Some(SecretHeader::new("JWT top.secret").expect("valid"));
    assert!(!format!("{with_header:?}").contains("secret"));
    let mut progress = Vec::new();
    fetch(&pair.mirror, &with_header, |line| progress.push(line.to_owned())).await.expect("fetched");
    pair.assert_equal().await;
    assert!(progress.iter().any(|line| line.contains("main")), "{progress:?}");
    let seen = server.seen();
    assert!(
        seen.len() >= 2
            && seen.iter().all(|request| request.header("authorization") == Some("JWT top.secret"))
    );

    let in_url = plan(&server.url.replace("http://", "http://ann:secret@"), FetchScope::Snapshot);
    assert!(!format!("{in_url:?}").contains("secret"));
    fetch(&pair.mirror, &in_url, |_| {}).await.expect("fetched");
    let basic = "Basic YW5uOnNlY3JldA==";
    assert_eq!(server.seen().last().expect("a request").header("authorization"), Some(basic));
}

#[tokio::test]
async fn failures_of_the_other_server_are_told_apart() {
    let pair = Pair::new(&["main"]).await;
    let failure_of = async |url: &str| {
        let mut plan = plan(url, FetchScope::Snapshot);
        plan.authorization = Some(SecretHeader::new("JWT x").expect("valid"));
        fetch(&pair.mirror, &plan, |_| {}).await.expect_err("it does not work")
    };
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let error = failure_of(&HttpServer::refuse(status).await.url).await;
        assert!(matches!(error, FetchError::Unauthorized { .. }), "{error:?}");
    }
    let error = failure_of(&HttpServer::refuse("404 Not Found").await.url).await;
    assert!(matches!(error, FetchError::NotFound { .. }), "{error:?}");
    let gone = HttpServer::refuse("503 Service Unavailable").await;
    let error = failure_of(&gone.url).await;
    assert!(matches!(error, FetchError::RemoteUnreachable { .. }), "{error:?}");
    let error = failure_of("http://127.0.0.1:1/x.git").await;
    assert!(matches!(error, FetchError::RemoteUnreachable { .. }), "{error:?}");
    let error = failure_of("/nonexistent.git").await;
    assert!(matches!(error, FetchError::NotFound { .. }), "{error:?}");
    let error = failure_of("ext::sh -c true").await;
    assert!(matches!(error, FetchError::Other { .. }), "{error:?}");
    let error = failure_of("--upload-pack=true").await;
    assert!(matches!(error, FetchError::InvalidAddress(_)), "{error:?}");
    std::fs::remove_dir_all(pair.mirror.path().join("objects")).expect("removed");
    let error = failure_of(pair.upstream.path().to_str().expect("text")).await;
    // Git says that ours is no repository, as it does when it may not read it; opening it tells that it is damaged.
    assert!(matches!(error.fault(), Some(Fault::CannotReadNow(_))), "{error:?}");
}
