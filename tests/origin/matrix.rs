//! Who gets what on which day of the origin: as a table, and each cell of it with real git, by each operation. All of them have
//! the outcome of the row: what somebody may read does not depend on how it is read.

use super::Operation;
use super::reading::Content;
use super::scene::{Person, Place, Scene};
use crate::harness::{GitOrigin, GitRequest, Manner, Readers, command_v2};

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

/// A day, and what each person gets of the public and of the private repository, by each operation.
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
    //                         anonymous reader    outsider  revoked      anonymous reader    outsider   revoked
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

/// What is shown changes, and the origin answers all the time.
const DAYS_OF_ANSWERS: &[Day] = &[Day::Up, Day::Slow, Day::ForcePushed, Day::Recreated, Day::Limits];

/// The origin does not answer, and then what was there is somewhere else, or nowhere.
const DAYS_OF_SILENCE: &[Day] = &[
    Day::Gone,
    Day::Failing,
    Day::Nonsense,
    Day::BadCertificate,
    Day::SendsElsewhere,
    Day::Renamed,
    Day::Deleted,
];

/// Days one after the other, with the same servers.
struct Play {
    scene: Scene,
    elsewhere: GitOrigin,
    is_renamed: bool,
}

impl Play {
    /// Those who may read have read, and the mirror has heard who may not.
    fn start() -> Self {
        let scene = Scene::start();
        let play = Self { scene, elsewhere: GitOrigin::start(), is_renamed: false };
        let read = |operation: Operation, person: Person, place: Place| {
            play.by_name(operation, person, place, &play.content(place))
        };
        for place in Place::ALL {
            read(Operation::Clone, Person::Reader, place).expect("the reader may read");
            read(Operation::List, Person::Revoked, place).expect("may read until now");
        }
        for person in [Person::Anonymous, Person::Outsider] {
            read(Operation::List, person, Place::Public).expect("it is public");
        }
        play.scene.revoke();
        read(Operation::List, Person::Revoked, Place::Private).expect_err("not any more");
        play
    }

    /// Does it as somebody who, if they have a name, says it before they are asked.
    fn by_name(
        &self,
        operation: Operation,
        person: Person,
        place: Place,
        content: &Content,
    ) -> Result<(), String> {
        let settings = person.settings();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        operation.reads_by(&settings, &self.scene.url(Person::Anonymous, place), content)
    }

    async fn days(&mut self, days: &[Day]) {
        for day in days {
            self.day(*day).await;
        }
    }

    async fn day(&mut self, day: Day) {
        let row = MATRIX.iter().find(|row| row.day == day).expect("it is in the table");
        // What is deleted is known from before.
        let before = Place::ALL.map(|place| self.content(place));
        self.dawn(day);
        let heard = self.scene.origin.received().len();
        for (place, outcomes, before) in
            [(Place::Public, row.public, &before[0]), (Place::Private, row.private, &before[1])]
        {
            let content = if day == Day::Deleted { before.clone() } else { self.content(place) };
            for (person, outcome) in Person::ALL.into_iter().zip(outcomes) {
                self.ask(day, place, person, outcome, &content).await;
            }
        }
        assert!(self.elsewhere.received().is_empty(), "something went to another server");
        if day == Day::BadCertificate {
            assert_eq!(self.scene.origin.received().len(), heard, "it was told something all the same");
            self.scene.origin.show_good_certificate();
        }
        match day {
            // It was told to ask again after a while, and answers until then from what it knows.
            Day::Limits => self.scene.origin_is(Manner::Up),
            _ => self.scene.origin_is_up_again().await,
        }
    }

    async fn ask(&self, day: Day, place: Place, person: Person, outcome: Outcome, content: &Content) {
        let slowly = || {
            if day == Day::Slow {
                self.scene.origin.hold_next();
            }
        };
        let told = format!("{day:?}, {place:?}, {person:?}");
        for operation in Operation::ALL {
            slowly();
            let got = self.by_name(operation, person, place, content);
            judge(&format!("{told}, {operation:?}"), outcome, &got);
        }
        let url = self.scene.url(person, place);
        if person != Person::Anonymous {
            // Git by itself says who it is when it is asked.
            slowly();
            judge(&format!("{told}, asked"), outcome, &Operation::List.reads(&url, content));
        }
        if outcome != Reads {
            // Others than git want without listening.
            let asked = GitRequest::advertisement("version=2").send(&url).await;
            let want = [format!("want {}", content.tip), "done".to_owned()];
            let wanted = GitRequest::exchange("version=2", command_v2("fetch", &want)).send(&url).await;
            assert!(asked.status != 200 && wanted.status != 200, "{told}: {asked:?}, {wanted:?}");
        }
    }

    fn content(&self, place: Place) -> Content {
        Content::of(&self.scene.origin.folder(self.home(place)))
    }

    /// Where a repository is at the origin.
    fn home(&self, place: Place) -> &'static str {
        match (place, self.is_renamed) {
            (Place::Public, true) => "/renamed/public.git",
            (Place::Private, true) => "/renamed/private.git",
            (place, false) => place.path(),
        }
    }

    fn dawn(&mut self, day: Day) {
        let origin = &self.scene.origin;
        match day {
            // Held while each request is under way.
            Day::Up | Day::Slow => {}
            Day::Gone => origin.be(Manner::Gone),
            Day::Failing => origin.be(Manner::Failing),
            Day::Limits => origin.be(Manner::Limits),
            Day::Nonsense => origin.be(Manner::Nonsense),
            Day::BadCertificate => origin.show_another_certificate(),
            Day::SendsElsewhere => origin.be(Manner::SendsTo(self.elsewhere.url().clone())),
            Day::ForcePushed => {
                for place in Place::ALL {
                    self.scene.write(place, &["other", "more"]);
                }
            }
            Day::Renamed => {
                self.is_renamed = true;
                for place in Place::ALL {
                    self.scene.origin.rename(place.path(), self.home(place));
                }
            }
            Day::Deleted => {
                for place in Place::ALL {
                    self.scene.origin.delete(self.home(place));
                }
            }
            Day::Recreated => {
                let readers = [Readers::Everybody, Readers::only("reader")];
                for (place, readers) in Place::ALL.into_iter().zip(readers) {
                    origin.delete(place.path());
                    origin.add_repository(place.path(), readers);
                    self.scene.write(place, &["new", "newer"]);
                }
            }
        }
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

#[tokio::test]
async fn while_the_origin_answers_its_word_holds() {
    Play::start().days(DAYS_OF_ANSWERS).await;
}

#[tokio::test]
async fn while_the_origin_is_silent_its_last_word_holds_and_then_the_next_one() {
    Play::start().days(DAYS_OF_SILENCE).await;
}

#[test]
fn every_day_is_played() {
    let played: Vec<&Day> = DAYS_OF_ANSWERS.iter().chain(DAYS_OF_SILENCE).collect();
    for row in &MATRIX {
        assert_eq!(played.iter().filter(|day| ***day == row.day).count(), 1, "{:?}", row.day);
    }
}
