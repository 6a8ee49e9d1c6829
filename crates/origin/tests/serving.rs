//! What readers of a mirror of another Git server are given, and what they are not.

mod pretend_origin;
mod restarts;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use heliostat_foreign::{Refusal, RepositoryPath};
use heliostat_git::{ClientKey, RefName};
use heliostat_origin::{Awaited, NotOpened, OpenedRepository, Visit};
use pretend_origin::{World, credentials, object, path, until};

fn away() -> Refusal {
    Refusal::Away("it is gone".to_owned())
}

/// How the origin's refusal reaches a reader.
fn refusal(opened: Result<OpenedRepository, NotOpened>) -> Refusal {
    match opened {
        Err(NotOpened::ByOrigin(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_clone_what_the_origin_shows_and_its_objects_come_once() {
    let world = World::new().await;
    world.source.show("bob", &["refs/"]);
    for (name, folder) in [("ann", "one"), ("bob", "two"), ("ann", "three")] {
        let clone = world.clone_as(name, folder, &[]).await.expect("it clones");
        assert_eq!(world.workshop.run(&clone, &["rev-parse", "origin/main"]).trim(), world.at_origin("main"));
        assert_eq!(
            world.workshop.run(&clone, &["rev-parse", "origin/topic"]).trim(),
            world.at_origin("topic")
        );
        world.workshop.run(&clone, &["fsck", "--strict"]);
    }
    assert_eq!(world.source.fetched.load(Ordering::SeqCst), 1);
    let views = world.repositories();
    assert_eq!(views.iter().map(|view| view.path.as_str()).collect::<Vec<_>>(), ["/acme/tool.git"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_to_the_origin_is_seen_by_the_next_command() {
    let world = World::new().await;
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    for turn in 0..3 {
        let repository = world.source.repository.lock().clone();
        let pushed = world.workshop.commit(&repository, "main");
        let clone = world.clone_as("ann", &format!("after-{turn}"), &["--depth=1"]).await.expect("it clones");
        assert_eq!(world.workshop.run(&clone, &["rev-parse", "HEAD"]).trim(), pushed);
    }
}

/// Makes the list of the origin a long one.
fn create_pull_requests(world: &World) {
    let place = world.source.repository.lock().path().to_owned();
    let script = "tip=$(git rev-parse main) && seq 6000 | sed \"s,.*,create refs/pull/&/head $tip,\" \
        | git update-ref --stdin && git pack-refs --all";
    world.workshop.shell(&place, script);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_list_the_origin_is_asked_for_what_is_wanted() {
    let world = World::with(|options| options.verdict_lifetime = Duration::from_hours(1)).await;
    create_pull_requests(&world);
    let asked =
        || [&world.source.asked, &world.source.asked_for_part].map(|count| count.load(Ordering::SeqCst));
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    assert_eq!(asked(), [1, 0], "nothing was known of it");
    let topic = ["--depth=1", "--branch=topic"];
    world.clone_as("ann", "same", &topic).await.expect("it clones");
    assert_eq!(asked(), [1, 2], "for HEAD, and for what the client lists");

    // What is new is seen by the next command.
    let repository = world.source.repository.lock().clone();
    let pushed = world.workshop.commit(&repository, "topic");
    let clone = world.clone_as("ann", "after", &topic).await.expect("it clones");
    assert_eq!(world.workshop.run(&clone, &["rev-parse", "HEAD"]).trim(), pushed);
    assert_eq!(asked(), [2, 4], "the part has changed, so all is asked for");
    world.clone_as("ann", "again", &topic).await.expect("it clones");
    assert_eq!(asked(), [2, 6]);

    world.source.fail(Some(away()));
    let clone = world.clone_as("ann", "during", &topic).await.expect("ann is known");
    assert_eq!(world.workshop.run(&clone, &["rev-parse", "HEAD"]).trim(), pushed);
    world.source.fail(None);
    world.source.revoke("ann");
    assert_eq!(world.clone_as("ann", "revoked", &topic).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_long_list_has_named_and_the_origin_hides_now_is_not_given() {
    let world = World::with(|options| options.verdict_lifetime = Duration::ZERO).await;
    create_pull_requests(&world);
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    let (hidden, shown) = (object(&world.at_origin("topic")), object(&world.at_origin("main")));
    world.source.show("ann", &["refs/heads/main", "refs/pull/"]);
    let (asked, client) = (world.source.asked.load(Ordering::SeqCst), ClientKey::verified("ann"));
    let opened = world.origin.open_repository(&path(), &credentials("ann"), Visit::Greeting, client).await;
    let opened = opened.expect("it is shown");
    assert_eq!(world.source.asked.load(Ordering::SeqCst), asked, "for HEAD alone");
    let reader = opened.reader(client, Vec::new());
    for (object, unavailable) in [(&hidden, Some(&hidden)), (&shown, None)] {
        let found = opened.repository.make_ready(&BTreeSet::from([object.clone()]), &reader).await;
        assert_eq!(found.expect("the origin says").as_ref(), unavailable);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_are_served_to_whom_the_origin_shows_it_now() {
    let world = World::new().await;
    world.clone_as("ann", "clone", &[]).await.expect("it clones");
    assert_eq!(refusal(world.open("bob").await), Refusal::NotFound { said: None });
    assert!(matches!(refusal(world.open("anonymous").await), Refusal::NeedsCredentials { .. }));
    world.source.revoke("ann");
    assert_eq!(refusal(world.open("ann").await), Refusal::NotFound { said: None });
    // Once refused, an outage brings nothing back.
    world.source.fail(Some(away()));
    assert_eq!(refusal(world.open("ann").await), away());
    // Git shows credentials only where it is asked for them.
    let asked = world.open("anonymous").await;
    assert!(
        matches!(asked, Err(NotOpened::ByMirror(heliostat_refusal::Refusal::Challenged { .. }))),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_is_here_an_origin_that_is_away_is_told_and_no_credentials_are_asked_for() {
    let world = World::new().await;
    world.source.fail(Some(away()));
    assert_eq!(refusal(world.open("anonymous").await), away());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_origin_is_away_known_readers_are_served_what_they_were_shown() {
    let world = World::new().await;
    world.source.show("bob", &["refs/"]);
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    for refusal_of_origin in [
        away(),
        Refusal::Nonsense("<html>".to_owned()),
        Refusal::Certificate("expired".to_owned()),
        Refusal::TooMany { retry_after: None },
    ] {
        world.source.fail(Some(refusal_of_origin.clone()));
        let opened = world.open("ann").await.expect("ann is known");
        assert!(opened.freshness.outage.is_some(), "it is told");
        assert_eq!(refusal(world.open("bob").await), refusal_of_origin);
    }
    let clone = world.clone_as("ann", "during", &[]).await.expect("it clones");
    assert_eq!(world.workshop.run(&clone, &["rev-parse", "origin/main"]).trim(), world.at_origin("main"));
    world.source.fail(Some(Refusal::ElsewhereOnly { location_host: "other.example.com".to_owned() }));
    assert!(matches!(refusal(world.open("ann").await), Refusal::ElsewhereOnly { .. }));
    world.source.fail(None);
    assert!(world.open("ann").await.expect("it answers again").freshness.outage.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_is_known_for_longer_than_was_decided() {
    let world = World::with(|options| options.serve_stale = Duration::ZERO).await;
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    world.source.fail(Some(away()));
    assert_eq!(refusal(world.open("ann").await), away());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_reader_is_shown_is_not_given_to_another() {
    let world = World::new().await;
    world.source.show("bob", &["refs/heads/main"]);
    world.clone_as("ann", "everything", &[]).await.expect("it clones");
    let (secret, shown) = (object(&world.at_origin("topic")), object(&world.at_origin("main~1")));
    assert!(world.gives("ann", &secret).await);
    assert!(!world.gives("bob", &secret).await, "it is here, and not for bob");
    assert!(world.gives("bob", &shown).await);
    let clone = world.clone_as("bob", "some", &[]).await.expect("it clones");
    assert_eq!(world.workshop.try_run(&clone, &["rev-parse", "--verify", "origin/topic"]), None);
    assert_eq!(world.workshop.try_run(&clone, &["cat-file", "-e", secret.as_str()]), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_origin_does_not_lead_to_any_more_is_its_to_give() {
    let world = World::new().await;
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    let (old, parent) = (object(&world.at_origin("main")), world.at_origin("main~1"));
    let place = world.source.repository.lock().path().to_owned();
    world.workshop.run(&place, &["update-ref", "refs/heads/main", &parent]);
    assert!(!world.gives("ann", &old).await, "it is here, and the origin has it no more");
    world.workshop.run(&place, &["update-ref", "refs/pull/1/head", old.as_str()]);
    assert!(world.gives("ann", &old).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_made_anew_has_nothing_of_the_old_one() {
    let world = World::new().await;
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    let old = object(&world.at_origin("main"));
    let place = world.source.repository.lock().path().to_owned();
    let script = "git checkout --orphan x 2>/dev/null; git for-each-ref --format='delete %(refname)' | git update-ref --stdin";
    world.workshop.shell(&place, script);
    let repository = world.source.repository.lock().clone();
    let new = world.workshop.commit(&repository, "fresh");
    let clone = world.clone_as("ann", "after", &["--branch=fresh"]).await.expect("it clones");
    assert_eq!(world.workshop.run(&clone, &["rev-parse", "HEAD"]).trim(), new);
    assert!(!world.gives("ann", &old).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_ask_at_the_same_moment_share_a_question_and_a_fetch() {
    let world = World::new().await;
    let main = object(&world.at_origin("main"));
    // An answer that is there before the next one has come is not for both.
    let held = world.source.answering.write().await;
    let asking = futures_util::future::join_all((0..20).map(|_| world.gives("ann", &main)));
    let (given, ()) = futures_util::future::join(asking, async { drop(held) }).await;
    assert!(given.into_iter().all(|given| given));
    // One of what is wanted, and perhaps one already of the rest.
    let fetched = world.source.fetched.load(Ordering::SeqCst);
    assert!(fetched <= 2, "fetched {fetched} times");
    let asked = world.source.asked.load(Ordering::SeqCst);
    assert!(asked <= 2, "asked {asked} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_does_not_end_the_question_that_others_wait_for() {
    let world = World::with(|options| options.verdict_lifetime = Duration::from_hours(1)).await;
    let held = world.source.answering.write().await;
    let (origin, ann) = (Arc::clone(&world.origin), ClientKey::verified("ann"));
    let opening = tokio::spawn(async move {
        origin.open_repository(&path(), &credentials("ann"), Visit::First, ann).await.map(drop)
    });
    until("the origin is asked", || world.source.asked.load(Ordering::SeqCst) > 0).await;
    opening.abort();
    assert!(opening.await.is_err_and(|error| error.is_cancelled()), "there was no answer yet");
    drop(held);
    // What was said to the one holds for the other.
    let opened = world.origin.open_repository(&path(), &credentials("ann"), Visit::Following, ann).await;
    opened.expect("it is shown");
    assert_eq!(world.source.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_place_holds_no_repository_up() {
    let world = World::new().await;
    *world.source.endless_below.lock() = Some("/large/");
    let main = object(&world.at_origin("main"));
    let greedy = ClientKey::unverified("192.0.2.0");
    let paths: Vec<_> = (0..4)
        .map(|number| RepositoryPath::parse(&format!("/large/{number}")).expect("a path"))
        .chain([path()])
        .collect();
    // As many large ones as one network may fetch at once, and one more.
    let (large, small) = paths.split_at(4);
    let mut fetching: Vec<_> =
        large.iter().map(|path| world.gives_to(greedy, path, "ann", &main).boxed_local()).collect();
    while world.source.fetched.load(Ordering::SeqCst) < 4 {
        let any = futures_util::future::select_all(&mut fetching);
        assert!(tokio::time::timeout(Duration::from_millis(20), any).await.is_err(), "they never end");
    }
    let waiting = world.gives_to(greedy, &small[0], "ann", &main);
    let mut waiting = std::pin::pin!(waiting);
    tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.expect_err("it has its share already");
    let other = world.gives_to(ClientKey::unverified("198.51.100.0"), &small[0], "ann", &main);
    tokio::select! {
        biased;
        given = tokio::time::timeout(Duration::from_mins(4), other) => assert!(given.expect("no other is in its way")),
        _ = &mut waiting => panic!("it has its share already"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_make_room_for_others_unless_they_are_in_use() {
    let world = World::with(|options| options.max_repositories = 2).await;
    let main = object(&world.at_origin("main"));
    let [one, two, three, four] =
        ["/acme/1", "/acme/2", "/acme/3", "/acme/4"].map(|path| RepositoryPath::parse(path).expect("a path"));
    let here = || world.repositories().into_iter().map(|view| view.path).collect::<Vec<_>>();
    let in_use = world.open_at(&one, "ann").await.expect("there is room");
    let also_in_use = world.open_at(&two, "ann").await.expect("there is room");
    assert!(matches!(world.open_at(&three, "ann").await, Err(NotOpened::ByMirror(_))), "all are in use");
    drop(also_in_use);
    // Nothing is lost with one of which nothing is here.
    world.gives_in_time(&three, "ann", &main).await;
    assert_eq!(here(), [one.clone(), three]);
    assert!(
        matches!(world.open_at(&four, "ann").await, Err(NotOpened::ByMirror(_))),
        "all were used just now"
    );
    world.later_ms.store(60 * 60 * 1_000, Ordering::SeqCst);
    world.gives_in_time(&four, "ann", &main).await;
    assert_eq!(here(), [one, four]);
    drop(in_use);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_keeps_no_repository_from_making_room() {
    let world = World::with(|options| options.max_repositories = 1).await;
    let main = object(&world.at_origin("main"));
    let [one, two] = ["/acme/one", "/acme/two"].map(|path| RepositoryPath::parse(path).expect("a path"));
    world.later_ms.store(60 * 60 * 1_000, Ordering::SeqCst);
    assert!(world.gives_at(&one, "ann", &main).await);
    world.later_ms.store(0, Ordering::SeqCst);
    world.gives_in_time(&two, "ann", &main).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_make_room_on_the_disk() {
    let world = World::with(|options| options.max_disk_bytes = Some(1)).await;
    let main = object(&world.at_origin("main"));
    let [one, two] = ["/acme/one", "/acme/two"].map(|path| RepositoryPath::parse(path).expect("a path"));
    assert!(world.gives_at(&one, "ann", &main).await);
    until("it is measured", || world.origin.status().size_bytes > 1).await;
    assert_eq!(world.repositories().len(), 1, "it was used just now");
    world.later_ms.store(60 * 60 * 1_000, Ordering::SeqCst);
    world.gives_in_time(&two, "ann", &main).await;
    until("one makes room", || world.repositories().iter().all(|view| view.path == two)).await;
    // It is fetched again when a client wants it.
    world.gives_in_time(&one, "ann", &main).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_can_make_room_on_the_disk_nothing_new_is_fetched() {
    let world = World::with(|options| options.max_disk_bytes = Some(1)).await;
    let main = object(&world.at_origin("main"));
    let [one, two] = ["/acme/one", "/acme/two"].map(|path| RepositoryPath::parse(path).expect("a path"));
    assert!(world.gives_at(&one, "ann", &main).await);
    let in_use = world.open_at(&one, "ann").await.expect("it is shown");
    until("it is measured", || world.origin.status().size_bytes > 1).await;
    assert!(!world.gives_at(&two, "ann", &main).await);
    let repository = world.source.repository.lock().clone();
    let new = object(&world.workshop.commit(&repository, "main"));
    assert!(world.gives_at(&one, "ann", &new).await, "what is here goes on to be served");
    drop(in_use);
    // One makes room, however lately it was used.
    world.gives_in_time(&two, "ann", &main).await;
    assert!(world.repositories().iter().all(|view| view.path == two));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_repository_is_fetched_anew() {
    let world = World::new().await;
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    let place = world.workshop.path("mirror/repositories/01/1.git");
    world.workshop.shell(&place, "find objects -type f -delete");
    assert_eq!(world.clone_as("ann", "during", &[]).await, None);
    until("the damage is proven", || world.origin.status().damaged == 1).await;
    world.clone_as("ann", "after", &[]).await.expect("it was fetched again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_power_failure_has_broken_is_found_after_the_start_though_no_client_asks_for_it() {
    let mut world = World::new().await;
    drop(world.open("ann").await.expect("it is shown"));
    let config = world.workshop.path("mirror/repositories/01/1.git").join("config");
    let length = std::fs::read(&config).expect("readable").len();
    std::fs::write(&config, vec![0; length]).expect("written");
    world.restart().await;
    until("the damage is proven", || world.origin.status().damaged == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_named_is_served() {
    let world = World::with(|options| options.only = vec!["acme/*".parse().expect("a pattern")]).await;
    world.open("ann").await.expect("it is among them");
    let other = RepositoryPath::parse("/other/tool.git").expect("a path");
    assert!(matches!(world.open_at(&other, "ann").await, Err(NotOpened::NotServed(_))));
    assert_eq!(world.source.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_build_begins_with_is_here_before() {
    let world = World::new().await;
    let main = RefName::parse("refs/heads/main").expect("a name");
    let later = RefName::parse("refs/heads/later").expect("a name");
    let absent = object(&"12".repeat(20));
    let awaited = Awaited {
        commits: BTreeSet::from([object(&world.at_origin("topic")), absent.clone()]),
        references: BTreeSet::from([main.clone(), later.clone()]),
    };
    let (ann, client) = (credentials("ann"), ClientKey::verified("ann"));
    let ensured = world.origin.ensure(&path(), &ann, &awaited, Duration::ZERO, client).await.expect("shown");
    assert!(!ensured.is_complete());
    assert_eq!(ensured.missing_commits, BTreeSet::from([absent]));
    assert_eq!(ensured.references[&main], Some(object(&world.at_origin("main"))));
    assert_eq!(ensured.references[&later], None);

    let awaited = Awaited { references: BTreeSet::from([later.clone()]), ..Awaited::default() };
    let wait = Duration::from_mins(4);
    let place = path();
    let ensuring = world.origin.ensure(&place, &ann, &awaited, wait, client);
    let pushing = async {
        let place = world.source.repository.lock().path().to_owned();
        world.workshop.run(&place, &["branch", "later", "main"]);
    };
    let (ensured, ()) = tokio::join!(ensuring, pushing);
    assert!(ensured.expect("shown").is_complete());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_commit_asks_again_when_the_origin_shows_something_else() {
    let world = World::new().await;
    let awaited = Awaited { commits: BTreeSet::from([object(&"12".repeat(20))]), ..Awaited::default() };
    let (ann, client) = (credentials("ann"), ClientKey::verified("ann"));
    let counts = || [&world.source.asked, &world.source.fetched].map(|count| count.load(Ordering::SeqCst));
    // The first answer alone may take all the time that there is, if that is short.
    let mut waits = [3, 6, 12, 24].map(Duration::from_secs).into_iter();
    loop {
        let wait = waits.next().expect("it asks again");
        let [asked, fetched] = counts();
        let ensured = world.origin.ensure(&path(), &ann, &awaited, wait, client).await.expect("shown");
        assert_eq!(ensured.missing_commits, awaited.commits);
        let [now_asked, now_fetched] = counts();
        assert_eq!(now_fetched - fetched, 1);
        if now_asked - asked > 1 {
            break;
        }
    }

    let place = world.source.repository.lock().path().to_owned();
    let tree = world.at_origin("main^{tree}");
    let commit = world.workshop.run(&place, &["commit-tree", "-m", "later", &tree]);
    let awaited = Awaited { commits: BTreeSet::from([object(&commit)]), ..Awaited::default() };
    let at = path();
    let [_, before] = counts();
    let ensuring = world.origin.ensure(&at, &ann, &awaited, Duration::from_mins(4), client);
    let pushing = async {
        until("it was not given", || counts()[1] > before).await;
        world.workshop.run(&place, &["branch", "later", commit.trim()]);
    };
    let (ensured, ()) = tokio::join!(ensuring, pushing);
    assert!(ensured.expect("shown").is_complete());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_brings_what_is_new_before_it_is_asked_for() {
    let world = World::new().await;
    world.source.show("anonymous", &["refs/"]);
    assert!(!world.origin.look(&path()).await, "no client has asked for it");
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    let repository = world.source.repository.lock().clone();
    world.workshop.commit(&repository, "main");
    let before = world.origin.status().fetches.objects;
    assert!(world.origin.look(&RepositoryPath::parse("/acme/tool").expect("a path")).await);
    until("what is new is fetched", || world.origin.status().fetches.objects > before).await;
    world.source.fail(Some(away()));
    assert!(world.gives("ann", &object(&world.at_origin("main~1"))).await);
}
