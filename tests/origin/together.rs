//! Many who ask at once cost the origin as much as one.

use std::thread;

use super::Operation;
use super::scene::{Person, Place, Scene};
use crate::harness::Received;

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
