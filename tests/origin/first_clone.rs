//! The first clone of a repository is what comes from the origin, while it comes.

use std::path::Path;

use url::Url;

use super::scene::{Person, Place, Scene};
use crate::harness::{Manner, Received, WatchedGit, eventually, git};

/// What people see when the first objects have come to them.
const RECEIVING: &str = "\rReceiving objects:";

fn clone(folder: &Path, version: &str, url: &Url, into: &str) -> WatchedGit {
    // In the older protocol few objects are unpacked otherwise, and nothing is said of it.
    let options = ["-c", "fetch.unpackLimit=1", "clone", "--progress", "--no-checkout", url.as_str(), into];
    WatchedGit::start(folder, version, &options)
}

fn fetches(scene: &Scene) -> usize {
    scene.origin.received().iter().filter(|request| Received::is_fetch(request)).count()
}

fn assert_is_whole(scene: &Scene, place: Place, copy: &Path) {
    git(copy, &["fsck", "--full"]);
    let tip = git(&scene.origin.folder(place.path()), &["rev-parse", "main"]);
    assert_eq!(git(copy, &["rev-parse", "origin/main"]), tip);
}

#[tokio::test]
async fn it_is_given_while_it_comes_to_all_who_want_it() {
    let scene = Scene::start();
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (place, version) in [(Place::Private, "2"), (Place::Public, "0")] {
        scene.write_much(place);
        let (url, before) = (scene.url(Person::Reader, place), fetches(&scene));
        let copy = |number: usize| format!("{number} by {version}");
        scene.origin_is(Manner::StopsInFetches);
        // Two at once, and one that comes later.
        let mut cloning: Vec<_> =
            (0..2).map(|number| clone(folder.path(), version, &url, &copy(number))).collect();
        for one in &mut cloning {
            one.until_it_says(RECEIVING).await;
        }
        let mut later = clone(folder.path(), version, &url, &copy(2));
        later.until_it_says(RECEIVING).await;
        cloning.push(later);
        scene.origin_is(Manner::Up);
        for one in cloning {
            one.end().await.expect("it clones");
        }
        clone(folder.path(), version, &url, &copy(3)).end().await.expect("it clones");
        for number in 0..4 {
            assert_is_whole(&scene, place, &folder.path().join(copy(number)));
        }
        assert_eq!(fetches(&scene) - before, 1);
    }
}

#[tokio::test]
async fn one_that_breaks_off_at_the_origin_leaves_nothing_behind() {
    let scene = Scene::start();
    let folder = tempfile::tempdir().expect("a folder can be made");
    scene.write_much(Place::Private);
    let url = scene.url(Person::Reader, Place::Private);
    scene.origin_is(Manner::StopsInFetches);
    let mut first = clone(folder.path(), "2", &url, "first");
    first.until_it_says(RECEIVING).await;
    scene.origin_is(Manner::Gone);
    let told = first.end().await.expect_err("the half of it is missing");
    assert!(told.contains("what the origin gives broke off"), "{told}");
    assert!(!folder.path().join("first").exists());
    scene.origin_is_up_again().await;
    eventually("a clone that is whole", || async {
        clone(folder.path(), "2", &url, "second").end().await.ok()
    })
    .await;
    assert_is_whole(&scene, Place::Private, &folder.path().join("second"));
}

#[tokio::test]
async fn one_whose_client_leaves_comes_all_the_same() {
    let scene = Scene::start();
    let folder = tempfile::tempdir().expect("a folder can be made");
    scene.write_much(Place::Private);
    let url = scene.url(Person::Reader, Place::Private);
    scene.origin_is(Manner::StopsInFetches);
    let mut first = clone(folder.path(), "2", &url, "first");
    first.until_it_says(RECEIVING).await;
    drop(first);
    eventually("the mirror to notice", || async {
        let abandoned = scene.mirror.metric("heliostat_response_computations_abandoned_total").await;
        (abandoned >= Some(1.0)).then_some(())
    })
    .await;
    scene.origin_is(Manner::Up);
    clone(folder.path(), "2", &url, "second").end().await.expect("it clones");
    assert_is_whole(&scene, Place::Private, &folder.path().join("second"));
    assert_eq!(fetches(&scene), 1);
}
