//! Each client that waits for a fetch from the origin gets a message that says so, also those that share the fetch;
//! later clients get none.

use url::Url;

use super::Operation;
use super::scene::{Person, Place, Scene};
use crate::harness::{Manner, WatchedGit, eventually, git};

/// What people see while nothing comes.
const WAITING: &str = "remote: Waiting for what is wanted: ";

fn clone(folder: &std::path::Path, version: &str, url: &Url, into: &str) -> WatchedGit {
    WatchedGit::start(folder, version, &["clone", "--progress", "--no-checkout", url.as_str(), into])
}

#[tokio::test]
async fn each_who_waits_for_the_first_fetch_is_told_so() {
    let scene = Scene::start();
    let url = scene.url(Person::Reader, Place::Private);
    let folder = tempfile::tempdir().expect("a folder can be made");
    scene.origin_is(Manner::HoldsFetches);
    let mut waiting =
        [("2", "new"), ("0", "old")].map(|(version, into)| clone(folder.path(), version, &url, into));
    for clone in &mut waiting {
        clone.until_it_says(WAITING).await;
    }
    scene.origin_is(Manner::Up);
    for clone in waiting {
        clone.end().await.expect("it clones");
    }
    for into in ["new", "old"] {
        git(&folder.path().join(into), &["fsck", "--full"]);
        let tip = git(&scene.origin.folder(Place::Private.path()), &["rev-parse", "main"]);
        assert_eq!(git(&folder.path().join(into), &["rev-parse", "origin/main"]), tip);
    }
    // A busy machine may take so long for one that it is told something.
    eventually("a later clone that is told nothing", || async {
        let later = tempfile::tempdir().expect("a folder can be made");
        let told = clone(later.path(), "2", &url, "later").end().await.expect("it clones");
        (!told.contains("remote:")).then_some(())
    })
    .await;
    for operation in Operation::ALL {
        operation.at(&url, &scene.origin.folder(Place::Private.path())).expect("may read");
    }
}

#[tokio::test]
async fn who_waits_for_a_shallow_clone_or_for_what_is_new_is_told_so() {
    let scene = Scene::start();
    let url = scene.url(Person::Reader, Place::Private);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let copy = folder.path().join("shallow");
    scene.origin_is(Manner::HoldsFetches);
    let options = ["clone", "--progress", "--depth=1", "--no-checkout", url.as_str(), "shallow"];
    let mut waiting = WatchedGit::start(folder.path(), "2", &options);
    waiting.until_it_says(WAITING).await;
    scene.origin_is(Manner::Up);
    waiting.end().await.expect("it clones");
    let tip = || git(&scene.origin.folder(Place::Private.path()), &["rev-parse", "main"]);
    assert_eq!(git(&copy, &["rev-list", "--all"]), tip());

    clone(folder.path(), "2", &url, "whole").end().await.expect("it clones");
    let before = tip();
    scene.write(Place::Private, &["first", "second", "third"]);
    assert_ne!(before, tip());
    for (name, later) in [("whole", "fourth"), ("shallow", "fifth")] {
        let copy = folder.path().join(name);
        scene.origin_is(Manner::HoldsFetches);
        let mut waiting = WatchedGit::start(&copy, "2", &["fetch", "--progress"]);
        waiting.until_it_says(WAITING).await;
        scene.origin_is(Manner::Up);
        waiting.end().await.expect("it fetches");
        assert_eq!(git(&copy, &["rev-parse", "origin/main"]), tip());
        git(&copy, &["fsck", "--full"]);
        // So that there is something new for the next one.
        scene.write(Place::Private, &["first", "second", "third", later]);
    }
}

#[tokio::test]
async fn nothing_is_sent_before_acknowledgements_and_shallow_lines_of_the_older_protocol() {
    let scene = Scene::start();
    let url = scene.url(Person::Reader, Place::Private);
    let folder = tempfile::tempdir().expect("a folder can be made");
    clone(folder.path(), "0", &url, "whole").end().await.expect("it clones");
    scene.write(Place::Private, &["first", "second", "third"]);
    scene.origin_is(Manner::HoldsFetches);
    let (copies, mut waiting) = (["whole", "shallow", "one"], Vec::new());
    let shallow = ["clone", "--progress", "--depth=1", "--no-checkout", url.as_str()];
    waiting.push(WatchedGit::start(&folder.path().join("whole"), "0", &["fetch", "--progress"]));
    for (version, into) in [("0", "shallow"), ("1", "one")] {
        waiting.push(WatchedGit::start(folder.path(), version, &[&shallow[..], &[into]].concat()));
    }
    // This one is told, and by then those who have come before it would have been.
    let mut told = clone(folder.path(), "2", &url, "told");
    told.until_it_says(WAITING).await;
    scene.origin_is(Manner::Up);
    told.end().await.expect("it clones");
    let tip = git(&scene.origin.folder(Place::Private.path()), &["rev-parse", "main"]);
    for (copy, waiting) in copies.into_iter().zip(waiting) {
        let said = waiting.end().await.expect("it is answered");
        assert!(!said.contains(WAITING), "{copy}: {said}");
        let copy = folder.path().join(copy);
        assert_eq!(git(&copy, &["rev-parse", "origin/main"]), tip);
        git(&copy, &["fsck", "--full"]);
    }
}

#[tokio::test]
async fn what_goes_wrong_while_people_wait_is_told_in_words() {
    let scene = Scene::start();
    let url = scene.url(Person::Reader, Place::Private);
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (version, into) in [("2", "new"), ("0", "old")] {
        scene.origin_is(Manner::HoldsFetches);
        let mut waiting = clone(folder.path(), version, &url, into);
        waiting.until_it_says(WAITING).await;
        scene.origin_is(Manner::Failing);
        let told = waiting.end().await.expect_err("there is nothing to clone");
        assert!(told.contains("cannot be given now: the origin does not answer"), "{told}");
    }
    scene.origin_is(Manner::Up);
    clone(folder.path(), "2", &url, "whole").end().await.expect("it clones");
}
