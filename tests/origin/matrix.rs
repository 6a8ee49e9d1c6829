//! Who gets what on which day of the origin: as a table, and each cell of it with real git.

use super::Operation;
use super::scene::{Person, Place, Scene};
use crate::harness::{Checkout, GitOrigin, Manner, Readers};

/// What happens at the origin after the mirror has served everybody who may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    Up,
    Slow,
    Gone,
    Failing,
    Limits,
    Nonsense,
    BadCertificate,
    SendsElsewhere,
    ForcePushed,
    Renamed,
    Deleted,
    Recreated,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It gets exactly what the origin has.
    Reads,
    /// It is asked for credentials.
    Asked,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// It gets nothing, in whatever words.
    Nothing,
}

use Outcome::{Asked, Forbidden, NotFound, Nothing, Reads};

/// A day, and what each person gets of the public and of the private repository.
struct Row {
    day: Day,
    public: [Outcome; 4],
    private: [Outcome; 4],
}

const fn row(day: Day, public: [Outcome; 4], private: [Outcome; 4]) -> Row {
    Row { day, public, private }
}

#[rustfmt::skip]
const MATRIX: [Row; 12] = [
    //                         anonymous reader    stranger  revoked      anonymous reader    stranger   revoked
    row(Day::Up,             [Reads,    Reads,    Reads,    Reads],    [Asked,    Reads,    Forbidden, Forbidden]),
    row(Day::Slow,           [Reads,    Reads,    Reads,    Reads],    [Asked,    Reads,    Forbidden, Forbidden]),
    row(Day::Gone,           [Reads,    Reads,    Reads,    Reads],    [Nothing,  Reads,    Nothing,   Nothing]),
    row(Day::Failing,        [Reads,    Reads,    Reads,    Reads],    [Nothing,  Reads,    Nothing,   Nothing]),
    row(Day::Limits,         [Reads,    Reads,    Reads,    Reads],    [Nothing,  Reads,    Nothing,   Nothing]),
    row(Day::Nonsense,       [Reads,    Reads,    Reads,    Reads],    [Nothing,  Reads,    Nothing,   Nothing]),
    row(Day::BadCertificate, [Reads,    Reads,    Reads,    Reads],    [Nothing,  Reads,    Nothing,   Nothing]),
    row(Day::SendsElsewhere, [Nothing,  Nothing,  Nothing,  Nothing],  [Nothing,  Nothing,  Nothing,   Nothing]),
    row(Day::ForcePushed,    [Reads,    Reads,    Reads,    Reads],    [Asked,    Reads,    Forbidden, Forbidden]),
    row(Day::Renamed,        [Reads,    Reads,    Reads,    Reads],    [Asked,    Reads,    Forbidden, Forbidden]),
    row(Day::Deleted,        [Asked,    NotFound, NotFound, NotFound], [Asked,    NotFound, NotFound,  NotFound]),
    row(Day::Recreated,      [Reads,    Reads,    Reads,    Reads],    [Asked,    Reads,    Forbidden, Forbidden]),
];

/// Plays one day.
fn play(day: Day) {
    let row = MATRIX.iter().find(|row| row.day == day).expect("it is in the table");
    let scene = Scene::start();
    everybody_has_read(&scene);
    let elsewhere = GitOrigin::start();
    let heard = scene.origin.received().len();
    dawn(&scene, day, &elsewhere);
    for (place, outcomes) in [(Place::Public, row.public), (Place::Private, row.private)] {
        for (person, outcome) in Person::ALL.into_iter().zip(outcomes) {
            for operation in Operation::ALL {
                let told = format!("{day:?}, {place:?}, {person:?}, {operation:?}");
                judge(&told, outcome, &attempt(&scene, day, person, place, operation));
            }
        }
    }
    assert!(elsewhere.received().is_empty(), "something went to another server");
    if day == Day::BadCertificate {
        assert_eq!(scene.origin.received().len(), heard, "it was told something all the same");
    }
}

/// Those who may read have read, and the mirror has heard who may not.
fn everybody_has_read(scene: &Scene) {
    for place in Place::ALL {
        let folder = scene.origin.folder(place.path());
        Operation::Clone.at(&scene.url(Person::Reader, place), &folder).expect("the reader may read");
        Operation::List.at(&scene.url(Person::Revoked, place), &folder).expect("may read until now");
    }
    let folder = scene.origin.folder(Place::Public.path());
    for person in [Person::Anonymous, Person::Stranger] {
        Operation::List.at(&scene.url(person, Place::Public), &folder).expect("it is public");
    }
    scene.revoke();
    let folder = scene.origin.folder(Place::Private.path());
    Operation::List.at(&scene.url(Person::Revoked, Place::Private), &folder).expect_err("not any more");
}

fn dawn(scene: &Scene, day: Day, elsewhere: &GitOrigin) {
    match day {
        // Held while each request is under way.
        Day::Up | Day::Slow => {}
        Day::Gone => scene.origin_is(Manner::Gone),
        Day::Failing => scene.origin_is(Manner::Failing),
        Day::Limits => scene.origin_is(Manner::Limits),
        Day::Nonsense => scene.origin_is(Manner::Nonsense),
        Day::BadCertificate => scene.origin.show_another_certificate(),
        Day::SendsElsewhere => scene.origin_is(Manner::SendsTo(elsewhere.url().clone())),
        Day::ForcePushed => {
            for place in Place::ALL {
                scene.write(place, &["other", "more"]);
            }
        }
        Day::Renamed => {
            for place in Place::ALL {
                scene.origin.rename(place.path(), renamed(place));
            }
        }
        Day::Deleted => {
            for place in Place::ALL {
                scene.origin.delete(place.path());
            }
        }
        Day::Recreated => {
            for (place, readers) in
                [(Place::Public, Readers::Everybody), (Place::Private, Readers::only("reader"))]
            {
                scene.origin.delete(place.path());
                scene.origin.add_repository(place.path(), readers);
                scene.write(place, &["new", "newer"]);
            }
        }
    }
}

fn renamed(place: Place) -> &'static str {
    match place {
        Place::Public => "/renamed/public.git",
        Place::Private => "/renamed/private.git",
    }
}

fn attempt(
    scene: &Scene,
    day: Day,
    person: Person,
    place: Place,
    operation: Operation,
) -> Result<(), String> {
    let url = scene.url(person, place);
    let folder = scene.origin.folder(if day == Day::Renamed { renamed(place) } else { place.path() });
    match day {
        Day::Slow => {
            scene.origin.hold_next();
            operation.at(&url, &folder)
        }
        // What was there is not to be compared with anything any more.
        Day::Deleted => operation.at(&url, Checkout::with_commits(&["one", "two"]).path()),
        _ => operation.at(&url, &folder),
    }
}

fn judge(told: &str, outcome: Outcome, got: &Result<(), String>) {
    let refusal = match (outcome, got) {
        (Reads, got) => {
            assert!(got.is_ok(), "{told}: {got:?}");
            return;
        }
        (_, Ok(())) => panic!("{told}: it read what is not for it"),
        (_, Err(refusal)) => refusal,
    };
    let words = match outcome {
        Asked => "could not read Username",
        Forbidden => "403",
        NotFound => "not found",
        Reads | Nothing => "",
    };
    assert!(refusal.contains(words), "{told}: {refusal}");
}

#[test]
fn up() {
    play(Day::Up);
}

#[test]
fn slow() {
    play(Day::Slow);
}

#[test]
fn gone() {
    play(Day::Gone);
}

#[test]
fn failing() {
    play(Day::Failing);
}

#[test]
fn limits() {
    play(Day::Limits);
}

#[test]
fn nonsense() {
    play(Day::Nonsense);
}

#[test]
fn bad_certificate() {
    play(Day::BadCertificate);
}

#[test]
fn sends_elsewhere() {
    play(Day::SendsElsewhere);
}

#[test]
fn force_pushed() {
    play(Day::ForcePushed);
}

#[test]
fn renamed_repository() {
    play(Day::Renamed);
}

#[test]
fn deleted() {
    play(Day::Deleted);
}

#[test]
fn recreated() {
    play(Day::Recreated);
}
