//! What is wanted together: by many, which costs the origin as much as one, and in one request.

use std::thread;

use super::Operation;
use super::scene::{Person, Place, Scene};
use crate::harness::{Received, git, git_output};

/// How many ask at once.
const READERS: usize = 12;

#[test]
fn the_first_clones_of_many_fetch_once() {
    let scene = Scene::start();
    let folder = scene.origin.folder(Place::Private.path());
    let url = scene.url(Person::Reader, Place::Private);
    thread::scope(|scope| {
        let readers: Vec<_> =
            (0..READERS).map(|_| scope.spawn(|| Operation::Clone.at(&url, &folder))).collect();
        for reader in readers {
            reader.join().expect("it got what the origin has").expect("may read");
        }
    });
    let fetches = scene.origin.received().iter().filter(|request| Received::is_fetch(request)).count();
    assert_eq!(fetches, 1, "each of {READERS} readers made the origin pack anew");

    // A new commit is fetched by the first who wants it, and only it.
    scene.write(Place::Private, &["first", "second", "third"]);
    for operation in Operation::ALL {
        operation.at(&url, &folder).expect("may read");
    }
    let fetches = scene.origin.received().iter().filter(|request| Received::is_fetch(request)).count();
    assert!(fetches <= 3, "one new commit was fetched {fetches} times");
}

#[test]
fn of_several_objects_the_one_is_named_that_the_origin_does_not_give() {
    let scene = Scene::start();
    let given = git(&scene.origin.folder(Place::Private.path()), &["rev-parse", "refs/heads/main~1"]);
    // The last of all, so that the first one that is wanted is another one.
    let absent = "f".repeat(given.len());
    let url = scene.url(Person::Reader, Place::Private);
    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["init", "--quiet"]);
    let refused = git_output(folder.path(), &["fetch", "--quiet", url.as_str(), &given, &absent]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains(&format!("not our ref {absent}")), "{said}");
}
