//! Objects come from another repository, with real `git` on both sides.

use std::path::Path;

use heliostat_git_wire::{ObjectFormat, RefName};

use super::*;
use crate::fixture::Workshop;
use crate::fixture_http::HttpServer;
use crate::process::Fault;

const TIMEOUT: Duration = Duration::from_secs(60);

fn plan(url: &str, objects: impl IntoIterator<Item = ObjectId>) -> FetchPlan {
    FetchPlan {
        url: url.to_owned(),
        authorization: None,
        objects: objects.into_iter().collect(),
        timeout: TIMEOUT,
        connection: Connection::default(),
        progress: FetchProgress::default(),
    }
}

/// An upstream's repository, and a mirror's that has nothing yet.
struct Pair {
    workshop: Workshop,
    upstream: Repository,
    mirror: Repository,
}

impl Pair {
    async fn new() -> Self {
        let workshop = Workshop::new().await;
        let upstream = workshop.bare_with_commits("upstream", &["main"]).await;
        let main = RefName::branch("main").expect("valid");
        let mirror = workshop.store().create(1, &main).await.expect("created");
        Self { workshop, upstream, mirror }
    }

    fn url(&self) -> &str {
        self.upstream.path().to_str().expect("text")
    }

    async fn main(&self) -> ObjectId {
        self.upstream.refs().await.expect("readable").get("refs/heads/main").expect("a branch").clone()
    }

    async fn failure_of(&self, url: &str) -> FetchError {
        let mut plan = plan(url, [self.main().await]);
        plan.authorization = Some(SecretHeader::new("JWT x").expect("valid"));
        fetch_objects(&self.mirror, &plan).await.expect_err("it does not work")
    }
}

#[tokio::test]
async fn objects_arrive_without_references() {
    let pair = Pair::new().await;
    let wanted = ObjectId::parse(pair.workshop.commit(&pair.upstream, "hidden")).expect("an object");
    let server = HttpServer::serve(pair.upstream.clone()).await;
    fetch_objects(&pair.mirror, &plan(&server.url, [wanted.clone()])).await.expect("fetched");
    assert!(pair.mirror.has_object(&wanted).await.expect("readable"));
    assert!(pair.mirror.refs().await.expect("readable").is_empty());
    assert!(!pair.mirror.path().join("FETCH_HEAD").exists());
    let requests = server.seen().len();
    assert_eq!(requests, 2, "one to greet, one for the objects");
    fetch_objects(&pair.mirror, &plan(&server.url, [])).await.expect("nothing to do");
    fetch_objects(&pair.mirror, &plan(&server.url, [wanted])).await.expect("nothing to do");
    assert_eq!(server.seen().len(), requests, "what is here is not asked for");

    let absent = ObjectId::parse("12".repeat(20)).expect("hex");
    let error =
        fetch_objects(&pair.mirror, &plan(&server.url, [absent])).await.expect_err("the server lacks it");
    assert!(matches!(error, FetchError::RemoteObjectMissing { .. }), "{error:?}");
}

#[tokio::test]
async fn what_the_other_one_shows_arrives_without_references_and_is_looked_over() {
    let pair = Pair::new().await;
    pair.workshop.run(pair.upstream.path(), &["update-ref", "refs/heliostat/hidden", "main"]);
    let main = pair.main().await;
    let server = HttpServer::serve(pair.upstream.clone()).await;
    let remote = Remote::parse(&server.url, None).expect("an address");
    assert!(are_whole(&pair.mirror, &BTreeSet::from([main.clone()])).await.is_err(), "nothing is here yet");
    fetch_shown(&pair.mirror, &remote, &plan(&server.url, [])).await.expect("fetched");
    are_whole(&pair.mirror, &BTreeSet::from([main.clone()])).await.expect("it is here");
    assert!(pair.workshop.run(pair.mirror.path(), &["for-each-ref"]).is_empty());
    assert!(!pair.mirror.path().join("FETCH_HEAD").exists());

    // A commit without what is below it, as a fetch that was cut off may leave it.
    let newer = pair.workshop.commit(&pair.upstream, "main");
    let (folder, file) = newer.trim().split_at(2);
    let place = pair.mirror.path().join("objects").join(folder);
    std::fs::create_dir_all(&place).expect("can be made");
    std::fs::copy(pair.upstream.path().join("objects").join(folder).join(file), place.join(file))
        .expect("a loose object");
    let newer = ObjectId::parse(newer.trim()).expect("an object");
    assert!(are_whole(&pair.mirror, &BTreeSet::from([main, newer])).await.is_err());
}

#[tokio::test]
async fn the_two_hashes_do_not_mix() {
    let workshop = Workshop::new().await;
    let upstream = workshop.bare_with_format("upstream", ObjectFormat::Sha256).await;
    let tips: Vec<_> = upstream.refs().await.expect("readable").iter().map(|(_, tip)| tip.clone()).collect();
    let url = upstream.path().to_str().expect("text");
    let same = workshop.bare("same", ObjectFormat::Sha256);
    fetch_objects(&same, &plan(url, tips.clone())).await.expect("fetched");
    assert!(same.has_object(&tips[0]).await.expect("readable"));
    let other = workshop.bare("other", ObjectFormat::Sha1);
    let short = ObjectId::parse(&tips[0].as_str()[..40]).expect("hex");
    let error = fetch_objects(&other, &plan(url, [short])).await.expect_err("another hash");
    assert!(matches!(error, FetchError::ObjectFormatMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_not_whole_there_is_not_taken() {
    let pair = Pair::new().await;
    let tree = pair.workshop.run(pair.upstream.path(), &["rev-parse", "main^{tree}"]);
    let (folder, file) = tree.trim().split_at(2);
    let tip = pair.main().await;
    std::fs::remove_file(pair.upstream.path().join("objects").join(folder).join(file))
        .expect("a loose object");
    let error = fetch_objects(&pair.mirror, &plan(pair.url(), [tip])).await.expect_err("damaged");
    assert!(!matches!(error, FetchError::Corrupt { .. }), "ours is whole: {error:?}");
}

#[tokio::test]
async fn the_secret_goes_in_a_header() {
    let pair = Pair::new().await;
    let server = HttpServer::serve(pair.upstream.clone()).await;
    let mut with_header = plan(&server.url, [pair.main().await]);
    with_header.authorization = Some(SecretHeader::new("JWT top.secret").expect("valid"));
    assert!(!format!("{with_header:?}").contains("secret"));
    fetch_objects(&pair.mirror, &with_header).await.expect("fetched");
    let seen = server.seen();
    assert!(seen.iter().all(|request| request.header("authorization") == Some("JWT top.secret")));

    let newer = ObjectId::parse(pair.workshop.commit(&pair.upstream, "main")).expect("an object");
    let in_url = plan(&server.url.replace("http://", "http://ann:secret@"), [newer]);
    assert!(!format!("{in_url:?}").contains("secret"));
    fetch_objects(&pair.mirror, &in_url).await.expect("fetched");
    let basic = "Basic YW5uOnNlY3JldA==";
    assert_eq!(server.seen().last().expect("a request").header("authorization"), Some(basic));
}

#[tokio::test]
async fn failures_of_the_other_server_are_told_apart() {
    let pair = Pair::new().await;
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let error = pair.failure_of(&HttpServer::refuse(status).await.url).await;
        assert!(matches!(error, FetchError::Unauthorized { .. }), "{error:?}");
    }
    let error = pair.failure_of(&HttpServer::refuse("404 Not Found").await.url).await;
    assert!(matches!(error, FetchError::NotFound { .. }), "{error:?}");
    let gone = HttpServer::refuse("503 Service Unavailable").await;
    let error = pair.failure_of(&gone.url).await;
    assert!(matches!(error, FetchError::RemoteUnreachable { .. }), "{error:?}");
    let error = pair.failure_of("http://127.0.0.1:1/x.git").await;
    assert!(matches!(error, FetchError::RemoteUnreachable { .. }), "{error:?}");
    let error = pair.failure_of("/nonexistent.git").await;
    assert!(matches!(error, FetchError::NotFound { .. }), "{error:?}");
    let error = pair.failure_of("ext::sh -c true").await;
    assert!(matches!(error, FetchError::Other { .. }), "{error:?}");
    let error = pair.failure_of("--upload-pack=true").await;
    assert!(matches!(error, FetchError::InvalidAddress(_)), "{error:?}");
    std::fs::remove_dir_all(pair.mirror.path().join("objects")).expect("removed");
    let error = pair.failure_of(pair.url()).await;
    // Git says that ours is no repository, as it does when it may not read it; opening it tells that it is damaged.
    assert!(matches!(error.fault(), Some(Fault::CannotReadNow(_))), "{error:?}");
}

#[tokio::test]
async fn with_very_many_references_git_sees_some_of_them_and_fetches_the_same() {
    let pair = Pair::new().await;
    // A commit of this test alone: others at this moment, and those that were killed, have windows beside its own.
    let folder = pair.upstream.path().parent().and_then(Path::file_name).expect("a folder");
    let own = pair.workshop.commit(&pair.upstream, &format!("of{}", folder.to_string_lossy()));
    pair.workshop.run(pair.upstream.path(), &["update-ref", "refs/heads/main", &own]);
    let before = pair.main().await;
    fetch_objects(&pair.mirror, &plan(pair.url(), [before.clone()])).await.expect("fetched");
    let filler = (0..=MANY_REFS).map(|number| RefName::branch(&format!("filler/{number}")).expect("valid"));
    let names = filler.chain([RefName::branch("main").expect("valid")]);
    let state = RefSnapshot::from_entries(names.map(|name| (name, before.clone())));
    let empty = pair.mirror.refs().await.expect("readable");
    let main = RefName::branch("main").expect("valid");
    let shown = pair.mirror.swap_refs(&empty, &state, &main).await.expect("shown");

    let newer = ObjectId::parse(pair.workshop.commit(&pair.upstream, "main").trim()).expect("an object");
    let server = HttpServer::serve(pair.upstream.clone()).await;
    let replaced = BTreeSet::from([before]);
    let fetch = async |object: &ObjectId| {
        let plan = plan(&server.url, [object.clone()]);
        fetch_objects_after(&pair.mirror, &plan, &shown, &replaced).await
    };
    fetch(&newer).await.expect("fetched");
    assert!(pair.mirror.has_object(&newer).await.expect("readable"));
    assert_eq!(pair.mirror.refs().await.expect("readable"), shown);
    let left = std::fs::read_dir(std::env::temp_dir()).expect("listable").filter_map(Result::ok);
    let is_window = |entry: &std::fs::DirEntry| {
        let seen = std::fs::read_to_string(entry.path().join("packed-refs")).unwrap_or_default();
        entry.file_name().to_string_lossy().starts_with("heliostat-refs-")
            && seen.contains(shown.get("refs/heads/main").expect("there").as_str())
    };
    assert_eq!(left.filter(is_window).count(), 0, "nothing is left of it");

    // What is not whole there is found out here as well.
    let newest = pair.workshop.commit(&pair.upstream, "main");
    let tree = pair.workshop.run(pair.upstream.path(), &["rev-parse", "main^{tree}"]);
    let blob = pair.workshop.run(pair.upstream.path(), &["rev-parse", "main:file"]);
    for object in [tree.trim(), blob.trim()] {
        let (folder, file) = object.split_at(2);
        std::fs::remove_file(pair.upstream.path().join("objects").join(folder).join(file)).ok();
    }
    let newest = ObjectId::parse(newest.trim()).expect("an object");
    fetch(&newest).await.expect_err("it is not whole");
}
