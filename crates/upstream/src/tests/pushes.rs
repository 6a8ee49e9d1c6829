//! What changes on disk gets a generation, and reaches the mirrors.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use heliostat_auth::Caller;
use heliostat_downstream::{EventContext, fixture, metadata_hash};
use heliostat_git::{ObjectId, RefChange, RefChangeKind, RefName};
use heliostat_storage::{Generation, Repository, RepositoryId, RepositoryState, RepositoryUpdate};
use serde_json::{Value, json};

use super::fake_mirror::{FakeMirror, MIRROR_ID};
use super::test_upstream::{FIRST, TestUpstream, run_git};
use crate::BranchQuery;
use crate::permit;

const EVENTS: &str = "/addon/events";

fn changes(body: &Value) -> Vec<String> {
    let changes = body["changes"].as_array().expect("a list");
    changes.iter().map(|change| format!("{} {}", change["type"], change["refId"]).replace('"', "")).collect()
}

#[tokio::test]
async fn a_change_is_recorded_once_with_its_refs() {
    let server = TestUpstream::new().await;
    server.project("APP").await;
    let repository = server.repository("APP", "Engine").await;
    let pushed =
        server.push(&repository, &[("refs/heads/main", Some("1")), ("refs/tags/v1", Some("1"))]).await;
    assert_eq!(pushed.generation, Generation(1));
    let on_disk = server.upstream.0.changes.open_git(repository.id).await.expect("it is on disk");
    let listing = run_git(on_disk.path(), &["for-each-ref", "--format=%(objectname) %(refname)"]);
    let expected = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(listing.as_bytes()));
    assert_eq!(pushed.content_hash, expected, "one shell line recomputes it");

    let admin = server.admin().await;
    let nothing =
        server.upstream.0.changes.announce_change(&admin, repository.id).await.expect("nothing new");
    assert_eq!((nothing.repository.generation, nothing.changes.len()), (Generation(1), 0));
    server.change_on_disk(&repository, &[("refs/heads/main", Some("2")), ("refs/tags/v1", None)]).await;
    let announced =
        server.upstream.0.changes.announce_change(&admin, repository.id).await.expect("announced");
    let kinds: Vec<_> = announced.changes.iter().map(|change| change.kind()).collect();
    assert_eq!(kinds, [RefChangeKind::Update, RefChangeKind::Delete]);
    let branches = async {
        server
            .upstream
            .repositories()
            .branches(
                &server.upstream.repositories().reader(&admin, "APP", "engine").await?,
                BranchQuery::default(),
                FIRST,
            )
            .await
    }
    .await
    .expect("a page")
    .values;
    assert_eq!((branches.len(), branches[0].is_default), (1, true));
}

#[tokio::test]
async fn a_mirror_sees_a_repository_that_was_announced_and_none_that_is_being_created() {
    let server = TestUpstream::new().await;
    server.project("APP").await;
    let repository = server.repository("APP", "Engine").await;
    let (mirror, id) = (Caller::Mirror { id: MIRROR_ID.to_owned() }, repository.id.to_string());
    let repositories = server.upstream.repositories();
    for (state, seen) in [(RepositoryState::Initialising, 0), (RepositoryState::Available, 1)] {
        let update = RepositoryUpdate { state: Some(state), ..RepositoryUpdate::default() };
        let store = &server.upstream.0.store;
        store
            .repositories
            .update_repository(repository.id, update, 0, metadata_hash, |_| Vec::new())
            .await
            .expect("recorded");
        let listed = repositories.repositories(&mirror, None, None, FIRST).await.expect("listed");
        let signed = permit::authenticated(&mirror).expect("it has signed");
        let hashes = repositories.repository_hashes(signed, None, 10).await.expect("listed");
        let found = repositories.repository_by_id(&mirror, &id).await;
        assert_eq!((listed.values.len(), hashes.len()), (seen, seen), "{state}");
        assert_eq!(found.is_ok(), seen == 1, "{state}");
    }
}

#[tokio::test]
async fn the_first_push_chooses_the_default_branch() {
    let server = TestUpstream::new().await;
    let admin = server.admin().await;
    server.project("APP").await;
    let repository = server.repository("APP", "Engine").await;
    let pushed = server.push(&repository, &[("refs/heads/master", Some("1"))]).await;
    assert_eq!(pushed.default_branch, "refs/heads/master");
    let stored =
        server.upstream.repositories().repository(&admin, "APP", "engine").await.expect("it is there");
    assert_eq!(stored, pushed);
    assert_eq!(stored.metadata_hash, metadata_hash(&stored));
    let on_disk = server.upstream.0.changes.open_git(repository.id).await.expect("it is on disk");
    assert_eq!(run_git(on_disk.path(), &["symbolic-ref", "HEAD"]).trim(), "refs/heads/master");

    let repositories = server.upstream.repositories();
    let choose_next = async || {
        let administrator = repositories.administrator(&admin, "APP", "engine").await?;
        repositories.set_default_branch(&administrator, "next").await
    };
    assert!(choose_next().await.is_err(), "no such branch");
    server.push(&repository, &[("refs/heads/next", Some("2"))]).await;
    choose_next().await.expect("changed");
    assert_eq!(run_git(on_disk.path(), &["symbolic-ref", "HEAD"]).trim(), "refs/heads/next");
    let branch = async {
        server
            .upstream
            .repositories()
            .default_branch(&server.upstream.repositories().reader(&admin, "APP", "engine").await?)
    }
    .await
    .expect("a branch");
    assert_eq!(branch.short(), "next");
}

#[tokio::test]
async fn a_push_reaches_the_mirror_signed_and_in_order() {
    let mut server = TestUpstream::new().await;
    server.run();
    let mirror = FakeMirror::joined(&server).await;
    server.project("APP").await;
    let repository = server.repository("APP", "Engine").await;
    let mut deliveries = Vec::new();
    for number in 1..=5 {
        let text = number.to_string();
        let pushed = server.push(&repository, &[("refs/heads/main", Some(text.as_str()))]).await;
        let start = std::time::Instant::now();
        let is_push =
            |body: &Value| body["generation"] == json!(number) && body["eventKey"] == "repo:refs_changed";
        let mut seen = mirror.wait_for(EVENTS, 1).await;
        let mut count = seen.len();
        while !seen.iter().any(|received| is_push(&received.body)) {
            count += 1;
            seen = mirror.wait_for(EVENTS, count).await;
        }
        deliveries.push(start.elapsed());
        let received = seen.iter().find(|received| is_push(&received.body)).expect("just found");
        mirror.verify(received);
        assert_eq!(received.body["contentHash"], pushed.content_hash);
        assert_eq!(received.body["fromGeneration"], json!(number - 1));
        assert_eq!(received.body["actor"]["name"], "admin");
        assert_eq!(changes(&received.body).len(), 1);
        assert_eq!(received.event_key.as_deref(), Some("repo:refs_changed"));
        assert!(received.query.as_deref().is_some_and(|query| query.starts_with("instance=")));
    }
    deliveries.sort_unstable();
    println!("delivery after the record: {deliveries:?}");
    let keys: Vec<String> = mirror
        .wait_for(EVENTS, 8)
        .await
        .iter()
        .map(|received| received.body["eventKey"].as_str().expect("a key").to_owned())
        .collect();
    let position = |key: &str| keys.iter().position(|other| other == key).expect("it was sent");
    assert!(position("repo:created") < position("repo:refs_changed"), "{keys:?}");
    assert!(keys.contains(&"project:created".to_owned()), "{keys:?}");
    server.stop().await;
}

#[tokio::test]
async fn an_event_whose_changes_are_refused_comes_again_without_them() {
    let mut server = TestUpstream::new().await;
    server.run();
    let mirror = FakeMirror::joined(&server).await;
    mirror.refuse_changes();
    server.project("APP").await;
    let repository = server.repository("APP", "Engine").await;
    server.push(&repository, &[("refs/heads/main", Some("1"))]).await;
    let pushes = async |count: usize| {
        let mut seen = mirror.wait_for(EVENTS, count).await;
        loop {
            let pushes = seen.iter().filter(|received| received.body["eventKey"] == "repo:refs_changed");
            let pushes: Vec<Value> = pushes.map(|received| received.body.clone()).collect();
            if pushes.len() >= count {
                break pushes;
            }
            seen = mirror.wait_for(EVENTS, seen.len() + 1).await;
        }
    };
    let sent = pushes(2).await;
    assert_eq!(changes(&sent[0]), ["ADD refs/heads/main"]);
    assert_eq!((&sent[1]["changes"], &sent[1]["refLimitExceeded"]), (&json!([]), &json!(true)));
    assert_eq!(sent[1]["generation"], sent[0]["generation"]);
    server.stop().await;
}

#[tokio::test]
async fn a_mirror_that_was_away_gets_one_event_for_many_pushes() {
    let mut server = TestUpstream::new().await;
    let mirror = FakeMirror::joined(&server).await;
    server.project("APP").await;
    let repository = server.repository("APP", "Engine").await;
    mirror.answer(EVENTS, 503);
    server.run();
    mirror.wait_for(EVENTS, 1).await;
    for number in 1..=20_usize {
        let text = number.to_string();
        let name = ["refs/heads/b1", "refs/heads/main", "refs/heads/b2"][number % 3];
        server.push(&repository, &[(name, Some(text.as_str()))]).await;
    }
    server.stop().await;
    drop(server.upstream.clone());

    // The upstream restarts: what was not taken in is still there.
    let folder = Arc::clone(&server.folder);
    drop(server);
    let mut server = TestUpstream::in_folder(folder, None).await;
    mirror.answer(EVENTS, 204);
    server.run();
    let mut count = 1;
    let last = loop {
        let all = mirror.wait_for(EVENTS, count).await;
        count = all.len() + 1;
        if let Some(last) = all.into_iter().find(|received| received.body["generation"] == json!(20)) {
            break last;
        }
    };
    assert_eq!(last.body["fromGeneration"], json!(0));
    assert_eq!(changes(&last.body), ["ADD refs/heads/b1", "ADD refs/heads/b2", "ADD refs/heads/main"]);
    server.stop().await;
    let mirrors = server.upstream.0.store.mirrors.all_mirrors().await.expect("the mirrors");
    assert_eq!(mirrors.len(), 1);
}

#[tokio::test]
async fn however_many_pushes_a_mirror_has_missed_it_gets_one_event_for_each_repository() {
    let mut server = TestUpstream::new().await;
    let mirror = FakeMirror::joined(&server).await;
    let ids = [RepositoryId(1001), RepositoryId(1002)];
    let context = EventContext { base: "https://git.example.com", now_ms: 1, actor: None };
    let object = |digit: &str| ObjectId::parse(digit.repeat(40)).expect("hex digits");
    let pushes = (1..=2_500).flat_map(|generation| {
        ids.map(|id| {
            let pushed_to = Repository { id, generation: Generation(generation), ..fixture::repository() };
            let name = RefName::parse(format!("refs/heads/b{}", generation % 7)).expect("a valid name");
            let change = RefChange { name, from: object("1"), to: object("2") };
            context.refs_changed(&pushed_to, Generation(generation - 1), &[change])
        })
    });
    server.upstream.0.store.outbox.announce(pushes.collect()).await.expect("stored");
    server.run();
    let mirrors = server.upstream.0.store.mirrors.all_mirrors().await.expect("the mirrors");
    while server.upstream.0.store.outbox.count_pending(&mirrors[0].id).await.expect("counted") > 0 {
        tokio::task::yield_now().await;
    }
    let mut told = mirror.wait_for(EVENTS, 2).await;
    told.retain(|event| event.body["eventKey"] == "repo:refs_changed");
    assert_eq!(told.len(), 2);
    for event in &told {
        assert_eq!((&event.body["fromGeneration"], &event.body["generation"]), (&json!(0), &json!(2_500)));
        assert_eq!(changes(&event.body).len(), 7);
    }
    server.stop().await;
}

#[tokio::test]
async fn what_happened_behind_our_back_is_found_at_start() {
    let mut server = TestUpstream::new().await;
    server.project("APP").await;
    let repository = server.repository("APP", "Engine").await;
    let mirror = FakeMirror::joined(&server).await;
    server.push(&repository, &[("refs/heads/main", Some("1"))]).await;
    server.change_on_disk(&repository, &[("refs/heads/main", Some("2"))]).await;
    let on_disk = server.upstream.0.changes.open_git(repository.id).await.expect("it is on disk");
    run_git(on_disk.path(), &["symbolic-ref", "HEAD", "refs/heads/elsewhere"]);
    let folder = Arc::clone(&server.folder);
    server.stop().await;
    drop(server);

    let mut server = TestUpstream::in_folder(folder, None).await;
    server.run();
    let mut count = 1;
    loop {
        let all = mirror.wait_for(EVENTS, count).await;
        count = all.len() + 1;
        if all.iter().any(|received| received.body["generation"] == json!(2)) {
            break;
        }
    }
    // The mirror is told before the rest is brought in order.
    while !server.upstream.status().await.expect("a status").reconciliation.complete {
        tokio::task::yield_now().await;
    }
    let refs = server.upstream.0.changes.refs(&repository).await.expect("readable");
    let found = server
        .upstream
        .0
        .changes
        .announce_change(&Caller::Anonymous, repository.id)
        .await
        .expect("nothing new");
    assert_eq!(found.repository.content_hash, refs.content_hash().as_str());
    server.stop().await;
    assert_eq!(run_git(on_disk.path(), &["symbolic-ref", "HEAD"]).trim(), "refs/heads/main");
}

#[tokio::test]
async fn a_creation_that_was_interrupted_is_given_up_at_the_next_start_also_if_it_began_ahead_of_time() {
    let server = TestUpstream::new().await;
    server.project("APP").await;
    server.clock_offset.store(3_600_000, Ordering::Relaxed);
    let repository = server.repository("APP", "Engine").await;
    let unfinished =
        RepositoryUpdate { state: Some(RepositoryState::Initialising), ..RepositoryUpdate::default() };
    let store = &server.upstream.0.store;
    let update =
        store.repositories.update_repository(repository.id, unfinished, 0, metadata_hash, |_| Vec::new());
    update.await.expect("recorded");
    let folder = Arc::clone(&server.folder);
    drop(server);

    let mut server = TestUpstream::in_folder(folder, None).await;
    server.run();
    while !server.upstream.status().await.expect("a status").reconciliation.complete {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        server.upstream.0.store.repositories.find_repository(repository.id).await.expect("readable"),
        None
    );
    server.stop().await;
}

#[tokio::test]
async fn a_creation_that_cannot_be_given_up_is_given_up_later() {
    let server = TestUpstream::new().await;
    server.project("APP").await;
    let repository = server.repository("APP", "Engine").await;
    let unfinished =
        RepositoryUpdate { state: Some(RepositoryState::Initialising), ..RepositoryUpdate::default() };
    let store = &server.upstream.0.store;
    let update =
        store.repositories.update_repository(repository.id, unfinished, 0, metadata_hash, |_| Vec::new());
    let draft = update.await.expect("recorded");
    // Where a file is in the place of the trash, nothing goes there.
    let trash = server.folder.path().join("repositories/trash");
    std::fs::remove_dir(&trash).expect("it is empty");
    std::fs::write(&trash, "").expect("a file");
    let changes = &server.upstream.0.changes;
    changes.abandon(&draft).await;
    changes.abandon_again().await;
    assert!(store.repositories.find_repository(draft.id).await.expect("readable").is_some());
    std::fs::remove_file(&trash).expect("it is there");
    std::fs::create_dir(&trash).expect("a folder");
    changes.abandon_again().await;
    assert_eq!(store.repositories.find_repository(draft.id).await.expect("readable"), None);
    assert!(server.repository("APP", "Engine").await.id != draft.id, "the name is free again");
}

#[tokio::test]
async fn all_that_ask_for_a_repository_after_a_start_wait_for_one_look_at_it() {
    let server = TestUpstream::new().await;
    server.project("APP").await;
    let repository = server.repository("APP", "Engine").await;
    let pushed = server.push(&repository, &[("refs/heads/main", Some("1"))]).await;
    // Not recorded, as after a crash.
    server.change_on_disk(&repository, &[("refs/heads/main", Some("2"))]).await;
    let folder = Arc::clone(&server.folder);
    drop(server);

    // Nothing runs in the background: who asks has it looked at.
    let server = TestUpstream::in_folder(folder, None).await;
    let changes = &server.upstream.0.changes;
    let (one, other) = tokio::join!(changes.refs(&pushed), changes.refs(&pushed));
    let (one, other) = (one.expect("readable"), other.expect("readable"));
    assert_eq!(one.content_hash(), other.content_hash());
    let recorded = changes.repository_record(repository.id).await.expect("it is recorded");
    assert_eq!((recorded.generation, &*recorded.content_hash), (Generation(2), one.content_hash().as_str()));
    assert_eq!(changes.status().checked, 1);
}
