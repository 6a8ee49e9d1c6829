//! While the origin is away, those who could read go on reading, also from a mirror that was killed; no other client
//! does, and nothing old is shown when it is back.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Operation;
use super::scene::{Person, Place, Scene};
use crate::harness::{Manner, eventually, git, git_fails};

#[tokio::test]
async fn known_readers_read_from_a_mirror_that_was_killed_while_the_origin_is_away() {
    let mut scene = Scene::start();
    let folder = scene.origin.folder(Place::Private.path());
    let known = scene.url(Person::Reader, Place::Private);
    let revoked = scene.url(Person::Revoked, Place::Private);
    for url in [&known, &revoked] {
        Operation::Clone.at(url, &folder).expect("may read");
    }
    let current = scene.mirror.metric("heliostat_origin_git_requests_total{freshness=\"current\"}").await;
    assert!(current > Some(0.0), "{current:?}");
    scene.revoke();
    Operation::List.at(&revoked, &folder).expect_err("not any more");
    scene.mirror.terminate();
    scene.mirror.restart();
    scene.origin_is(Manner::Gone);
    for operation in Operation::ALL {
        operation.at(&known, &folder).expect("it is known");
    }
    eventually("answers to be counted as those of an origin that is away", || async {
        Operation::List.at(&known, &folder).expect("it is known");
        let unverified = "heliostat_origin_git_requests_total{freshness=\"unverified\"}";
        (scene.mirror.metric(unverified).await > Some(0.0)).then_some(())
    })
    .await;
    scene.mirror.restart();
    for operation in Operation::ALL {
        operation.at(&known, &folder).expect("it is known from before");
        operation.at(&revoked, &folder).expect_err("what was heard before the kill is not forgotten");
        operation.at(&scene.url(Person::Outsider, Place::Private), &folder).expect_err("it is not known");
        operation.at(&scene.url(Person::Anonymous, Place::Private), &folder).expect_err("it is not known");
    }

    scene.origin_is_up_again().await;
    scene.write(Place::Private, &["another", "history"]);
    for operation in Operation::ALL {
        operation.at(&known, &folder).expect("what the origin has now");
    }
}

#[tokio::test]
async fn a_mirror_that_has_nothing_yet_tells_what_is_the_matter_and_asks_for_no_password() {
    let scene = Scene::start();
    scene.origin_is(Manner::Gone);
    let url = scene.url(Person::Anonymous, Place::Public);
    let said = git_fails(Path::new("/"), &["ls-remote", url.as_str()]);
    assert!(said.contains("This mirror cannot ask") && !said.contains("Username"), "{said}");
}

#[test]
fn a_build_with_a_new_token_reads_what_everybody_was_shown_while_the_origin_is_away() {
    let mut scene = Scene::start();
    for (person, place) in [(Person::Anonymous, Place::Public), (Person::Reader, Place::Private)] {
        let folder = scene.origin.folder(place.path());
        Operation::Clone.at(&scene.url(person, place), &folder).expect("may read");
    }
    let [public, private] = Place::ALL.map(|place| scene.url(Person::Anonymous, place));
    // As builds do, it says who it is before it is asked.
    let setting = |token: &str| {
        let credentials = STANDARD.encode(format!("x-access-token:{token}"));
        format!("http.extraHeader=Authorization: Basic {credentials}")
    };
    let (new, wrong) = (setting("of-a-new-job"), setting("ended"));
    let listing_fails =
        |setting: &str, url: &str| git_fails(Path::new("/"), &["-c", setting, "ls-remote", url]);
    listing_fails(&wrong, public.as_str());

    scene.origin_is(Manner::Gone);
    let folder = scene.origin.folder(Place::Public.path());
    let check = || {
        let listed = git(Path::new("/"), &["-c", &new, "ls-remote", public.as_str()]);
        assert_eq!(listed, git(&folder, &["ls-remote", "."]));
        let copy = tempfile::tempdir().expect("a folder can be made");
        git(copy.path(), &["-c", &new, "clone", "--quiet", public.as_str(), "."]);
        assert_eq!(git(copy.path(), &["rev-parse", "HEAD"]), git(&folder, &["rev-parse", "refs/heads/main"]));
        let said = listing_fails(&new, private.as_str());
        assert!(said.contains("503"), "it is not known: {said}");
        let said = listing_fails(&wrong, public.as_str());
        assert!(said.contains("503"), "it was refused when the origin could be asked: {said}");
    };
    check();
    scene.mirror.terminate();
    for _ in 0..2 {
        scene.mirror.restart();
        check();
    }
}

#[tokio::test]
async fn where_nothing_stale_is_served_no_reader_is_served_while_the_origin_is_away() {
    let mut scene = Scene::start();
    scene.mirror.restart_with(&["--serve-stale", "0s"]);
    let readers = [(Person::Anonymous, Place::Public), (Person::Reader, Place::Private)];
    for (person, place) in readers {
        Operation::Clone.at(&scene.url(person, place), &scene.origin.folder(place.path())).expect("may read");
    }
    scene.origin_is(Manner::Gone);
    for (person, place) in readers {
        let (url, folder) = (scene.url(person, place), scene.origin.folder(place.path()));
        // A list of a moment ago is not stale yet.
        eventually("a refusal", || async { Operation::List.at(&url, &folder).err() }).await;
        for operation in Operation::ALL {
            operation.at(&url, &folder).expect_err("nothing stale is served");
        }
    }
    scene.origin_is_up_again().await;
    for (person, place) in readers {
        Operation::Clone.at(&scene.url(person, place), &scene.origin.folder(place.path())).expect("may read");
    }
}
