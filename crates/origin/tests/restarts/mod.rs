//! What a mirror that was started again while the origin is away gives to whom.

use std::sync::atomic::Ordering;
use std::time::Duration;

use heliostat_foreign::Refusal;
use heliostat_git::ObjectFormat;

use super::pretend_origin::{World, object};
use super::{away, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_restarts_while_the_origin_is_away_knows_its_readers() {
    let mut world = World::new().await;
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    world.source.fail(Some(away()));
    world.restart().await;
    world.clone_as("ann", "during", &[]).await.expect("ann is known");
    assert_eq!(refusal(world.open("bob").await), away());
    world.source.fail(None);
    world.source.revoke("ann");
    assert_eq!(refusal(world.open("ann").await), Refusal::NotFound { said: None });
    world.source.fail(Some(away()));
    world.restart().await;
    assert_eq!(refusal(world.open("ann").await), away());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_too_many_readers_those_are_known_after_a_restart_who_were_shown_something_last() {
    let mut world = World::with(|options| options.max_kept_readers = 1).await;
    world.source.show("bob", &["refs/"]);
    world.clone_as("bob", "one", &[]).await.expect("it clones");
    world.later_ms.store(1_000, Ordering::SeqCst);
    world.clone_as("ann", "two", &[]).await.expect("it clones");
    world.restart().await;
    world.source.fail(Some(away()));
    world.open("ann").await.expect("ann is known");
    assert_eq!(refusal(world.open("bob").await), away());
    // Who was refused after being one too many is not there either when there is room again.
    world.source.fail(None);
    world.source.revoke("bob");
    assert_eq!(refusal(world.open("bob").await), Refusal::NotFound { said: None });
    world.source.revoke("ann");
    assert_eq!(refusal(world.open("ann").await), Refusal::NotFound { said: None });
    world.restart().await;
    world.source.fail(Some(away()));
    assert_eq!(refusal(world.open("bob").await), away());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_makes_no_reader_known_for_longer() {
    let mut world = World::new().await;
    world.later_ms.store(60 * 60 * 1_000, Ordering::SeqCst);
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    world.source.fail(Some(away()));
    world.later_ms.store(0, Ordering::SeqCst);
    world.restart().await;
    assert_eq!(refusal(world.open("ann").await), away());
}

/// What a reader's clone has of a branch, if it has it.
async fn cloned(world: &World, name: &'static str, folder: &str, branch: &str) -> Option<String> {
    let clone = world.clone_as(name, folder, &[]).await.expect("it clones");
    let tip = world.workshop.try_run(&clone, &["rev-parse", "--verify", &format!("origin/{branch}")]);
    tip.map(|tip| tip.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reader_is_shown_what_they_were_shown_last_although_it_is_not_what_is_here() {
    let mut world = World::new().await;
    for (name, prefix) in [("bob", "refs/heads/main"), ("cid", "refs/"), ("dan", "refs/")] {
        world.source.show(name, &[prefix]);
    }
    let [before, topic] = ["main", "topic"].map(|branch| world.at_origin(branch));
    for name in ["ann", "bob"] {
        assert_eq!(cloned(&world, name, &format!("before-{name}"), "main").await, Some(before.clone()));
    }
    // Nothing leads to what they were shown any more.
    let place = world.source.repository.lock().path().to_owned();
    let tree = world.at_origin("main^{tree}");
    let after =
        world.workshop.run(&place, &["commit-tree", "-m", "another history", &tree]).trim().to_owned();
    world.workshop.run(&place, &["update-ref", "refs/heads/main", &after]);
    assert_eq!(cloned(&world, "cid", "before-cid", "main").await, Some(after.clone()));

    world.source.fail(Some(away()));
    for turn in 0..2 {
        world.restart().await;
        for (name, main, is_all) in [("ann", &before, true), ("bob", &before, false), ("cid", &after, true)] {
            let folder = format!("during-{turn}-{name}");
            assert_eq!(cloned(&world, name, &folder, "main").await.as_ref(), Some(main), "{name}");
            let all = is_all.then(|| topic.clone());
            assert_eq!(cloned(&world, name, &format!("{folder}-topic"), "topic").await, all, "{name}");
        }
        // What is below what was shown is given by name as well, and nothing else.
        let below = object(&world.workshop.run(&place, &["rev-parse", &format!("{before}~1")]));
        assert!(world.gives("ann", &below).await && world.gives("bob", &below).await);
        assert!(!world.gives("bob", &object(&topic)).await && !world.gives("bob", &object(&after)).await);
        assert!(!world.gives("ann", &object(&after)).await);
        assert_eq!(refusal(world.open("dan").await), away(), "nothing was shown to dan");
    }

    world.source.fail(None);
    assert_eq!(cloned(&world, "ann", "back", "main").await, Some(after));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_what_was_there_before_takes_nothing_from_those_of_what_is_there_now() {
    let world = World::new().await;
    world.source.show("bob", &["refs/"]);
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    let other = world.workshop.bare_with_format("other", ObjectFormat::Sha256).await;
    *world.source.repository.lock() = other;
    world.open("bob").await.expect("it is shown");
    let here = world.repositories().into_iter().map(|view| view.local_id).collect::<Vec<_>>();
    world.source.fail(Some(away()));
    assert_eq!(refusal(world.open("ann").await), away(), "there is another repository now");
    world.open("bob").await.expect("bob is known");
    let then = world.repositories().into_iter().map(|view| view.local_id).collect::<Vec<_>>();
    assert_eq!(then, here);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_list_is_lost_is_shown_the_branches_and_tags_if_they_are_the_same() {
    let mut world = World::new().await;
    world.source.show("bob", &["refs/"]);
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    world.source.fail(Some(away()));
    world.restart().await;
    std::fs::remove_dir_all(world.workshop.path("mirror/origin-lists")).expect("there is one");
    world.restart().await;
    assert!(cloned(&world, "ann", "during", "topic").await.is_some());

    world.source.fail(None);
    let repository = world.source.repository.lock().clone();
    let pushed = world.workshop.commit(&repository, "main");
    assert_eq!(cloned(&world, "bob", "after", "main").await.as_ref(), Some(&pushed));
    world.source.fail(Some(away()));
    world.restart().await;
    assert_eq!(refusal(world.open("ann").await), away());
    assert_eq!(cloned(&world, "bob", "again", "main").await, Some(pushed));
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_origin_has_refused_is_not_shown_what_everybody_was_shown() {
    let mut world = World::new().await;
    world.source.show("anonymous", &["refs/"]);
    world.source.show("cid", &["refs/"]);
    for name in ["anonymous", "cid"] {
        world.clone_as(name, name, &[]).await.expect("it clones");
    }
    world.source.revoke("cid");
    for name in ["bob", "cid"] {
        assert_eq!(refusal(world.open(name).await), Refusal::NotFound { said: None });
    }
    for turn in 0..2 {
        world.source.fail(Some(away()));
        world.restart().await;
        for name in ["bob", "cid"] {
            assert_eq!(refusal(world.open(name).await), away(), "{name} was refused");
        }
        for name in ["anonymous", "dan"] {
            world.clone_as(name, &format!("during-{turn}-{name}"), &[]).await.expect("as everybody");
        }
    }

    // Who is shown something again is not refused any more.
    world.source.fail(None);
    world.source.show("bob", &["refs/heads/main"]);
    world.open("bob").await.expect("it is shown");
    world.source.fail(Some(away()));
    world.restart().await;
    assert_eq!(cloned(&world, "bob", "bob", "topic").await, None);
    assert_eq!(refusal(world.open("cid").await), away());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_is_known_after_an_outage_that_is_longer_than_was_decided() {
    let minutes = |minutes: i64| minutes * 60 * 1_000;
    let mut world = World::with(|options| options.serve_stale = Duration::from_hours(1)).await;
    world.clone_as("ann", "before", &[]).await.expect("it clones");
    world.source.fail(Some(away()));
    for later in [10, 30, 50] {
        world.later_ms.store(minutes(later), Ordering::SeqCst);
        world.restart().await;
        world.clone_as("ann", &format!("during-{later}"), &[]).await.expect("ann is known");
    }
    world.later_ms.store(minutes(61), Ordering::SeqCst);
    world.restart().await;
    assert_eq!(refusal(world.open("ann").await), away(), "being served makes nothing newer");
    world.source.fail(None);
    world.clone_as("ann", "after", &[]).await.expect("it clones");
}
