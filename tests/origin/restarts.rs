//! A mirror that is started again while the origin is away gives each reader what they were shown last, and other
//! clients nothing.

use super::Operation;
use super::reading::Content;
use super::scene::{Person, Place, Scene};
use crate::harness::{Checkout, GitOrigin, Manner, Readers, Server, ServerOptions, eventually, git};

#[tokio::test]
async fn each_reader_gets_what_they_were_shown_last_although_another_one_has_brought_something_newer() {
    let mut scene = Scene::start();
    let folder = scene.origin.folder(Place::Private.path());
    let [early, late] = [Person::Reader, Person::Revoked].map(|person| scene.url(person, Place::Private));
    let before = Content::of(&folder);
    for operation in Operation::ALL {
        operation.reads(&early, &before).expect("may read");
    }
    // Nothing leads to what was there before.
    scene.write(Place::Private, &["another", "history"]);
    let after = Content::of(&folder);
    Operation::Clone.reads(&late, &after).expect("may read");

    scene.mirror.terminate();
    scene.origin_is(Manner::Gone);
    // The second time it is killed, and has heard nothing new.
    for _ in 0..2 {
        scene.mirror.restart();
        for operation in Operation::ALL {
            operation.reads(&early, &before).expect("this is what they were shown");
            operation.reads(&late, &after).expect("that is what they were shown");
            for person in [Person::Outsider, Person::Anonymous] {
                let url = scene.url(person, Place::Private);
                operation.at(&url, &folder).expect_err("they were never shown anything");
            }
        }
    }

    scene.origin_is_up_again().await;
    for operation in Operation::ALL {
        operation.reads(&early, &after).expect("what the origin has now");
    }
}

#[test]
fn those_who_read_what_is_public_and_those_who_read_more_get_what_was_theirs() {
    let mut scene = Scene::start();
    let [public, private] = Place::ALL.map(|place| scene.origin.folder(place.path()));
    for person in [Person::Anonymous, Person::Reader, Person::Outsider] {
        Operation::Clone.at(&scene.url(person, Place::Public), &public).expect("it is public");
    }
    Operation::Clone.at(&scene.url(Person::Reader, Place::Private), &private).expect("may read");
    scene.mirror.terminate();
    scene.origin_is(Manner::Gone);
    scene.mirror.restart();
    for operation in Operation::ALL {
        for person in Person::ALL {
            operation.at(&scene.url(person, Place::Public), &public).expect("it was shown to everybody");
            let read = operation.at(&scene.url(person, Place::Private), &private);
            assert_eq!(read.is_ok(), person == Person::Reader, "{operation:?} {person:?}: {read:?}");
        }
    }
}

#[test]
fn who_leaves_the_end_of_a_path_out_is_known_by_it() {
    let origin = GitOrigin::start();
    let folder = origin.add_repository("/acme/tool.git", Readers::Everybody);
    origin.add_endings();
    let checkout = Checkout::with_commits(&["one", "two", "three"]);
    git(checkout.path(), &["push", "--quiet", &folder.display().to_string(), "main"]);
    let mut mirror = Server::mirror_of_origin(origin.url(), ServerOptions::default());
    let url = mirror.base_url().join("/acme/tool").expect("a path");
    Operation::Clone.at(&url, &folder).expect("it is public");
    mirror.terminate();
    origin.be(Manner::Gone);
    mirror.restart();
    for operation in Operation::ALL {
        operation.at(&url, &folder).expect("it is known");
    }
}

#[tokio::test]
async fn no_reader_is_served_when_the_origin_is_away_for_too_long_and_all_are_when_it_is_back() {
    let mut scene = Scene::start();
    scene.mirror.restart_with(&["--serve-stale", "10s"]);
    let folder = scene.origin.folder(Place::Private.path());
    let url = scene.url(Person::Reader, Place::Private);
    Operation::Clone.at(&url, &folder).expect("may read");
    scene.origin_is(Manner::Gone);
    eventually("the last word of the origin to be too old", || async {
        Operation::List.at(&url, &folder).err()
    })
    .await;
    for _ in 0..2 {
        for operation in Operation::ALL {
            operation.at(&url, &folder).expect_err("it is too long ago");
        }
        scene.mirror.terminate();
        scene.mirror.restart();
    }
    scene.origin_is_up_again().await;
    for operation in Operation::ALL {
        operation.at(&url, &folder).expect("may read");
    }
}
