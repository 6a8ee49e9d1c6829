//! The sizes of objects, without the objects: asked of the origin like everything else, and told of what it gives the reader.

use url::Url;

use super::scene::{Person, Place, Scene};
use crate::harness::{GitAnswer, GitRequest, Manner, command_v2, git};

async fn asked(url: &Url, objects: &[&str]) -> GitAnswer {
    let oids = objects.iter().map(|object| format!("oid {object}"));
    let arguments: Vec<_> = ["size".to_owned()].into_iter().chain(oids).collect();
    GitRequest::exchange("version=2", command_v2("object-info", &arguments)).send(url).await
}

/// What is told of each object, in the order of the question; nothing of one that is not there.
async fn sizes(url: &Url, objects: &[&str]) -> Vec<String> {
    let answer = asked(url, objects).await;
    assert_eq!((answer.status, answer.error()), (200, None));
    let told = answer.taken_apart().told;
    let of = |object: &&str| {
        let line = told.iter().find_map(|line| line.strip_prefix(object)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{told:?}")).trim_end().to_owned()
    };
    objects.iter().map(of).collect()
}

#[tokio::test]
async fn sizes_are_told_of_what_the_origin_gives_also_where_nothing_was_fetched_yet() {
    let scene = Scene::start();
    let folder = scene.origin.folder(Place::Private.path());
    let url = scene.url(Person::Reader, Place::Private);
    let at_origin = |name: &str| git(&folder, &["rev-parse", name]);
    let size_there = |object: &str| git(&folder, &["cat-file", "-s", object]);
    let (tip, file, absent) = (at_origin("main"), at_origin("main:first"), "12".repeat(20));
    let expected = [size_there(&tip), size_there(&file), String::new()];
    // Where nothing is here, and where all of it is.
    for _ in 0..2 {
        assert_eq!(sizes(&url, &[&tip, &file, &absent]).await, expected);
    }
    scene.write(Place::Private, &["first", "second", "third"]);
    let (new, new_file) = (at_origin("main"), at_origin("main:third"));
    let expected = [size_there(&new), size_there(&new_file)];
    assert_eq!(sizes(&url, &[&new, &new_file]).await, expected);

    for person in [Person::Anonymous, Person::Outsider] {
        let answer = asked(&scene.url(person, Place::Private), &[&tip]).await;
        assert!([401, 403, 404].contains(&answer.status), "{person:?}: {}", answer.status);
    }
}

#[tokio::test]
async fn a_size_that_cannot_be_told_is_refused_and_not_told_to_be_missing() {
    let scene = Scene::start();
    let url = scene.url(Person::Reader, Place::Private);
    let tip = git(&scene.origin.folder(Place::Private.path()), &["rev-parse", "main"]);
    // It is known to be a reader, and nothing was fetched.
    git(&scene.origin.folder(Place::Private.path()), &["ls-remote", url.as_str()]);
    scene.origin_is(Manner::Gone);
    let error = asked(&url, &[&tip]).await.error().expect("it is refused");
    assert!(error.contains(&format!("the size of {tip} cannot be told now")), "{error}");
}
