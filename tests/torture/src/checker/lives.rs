//! Repositories that are made, renamed and deleted: what was acknowledged is there or is gone, and what is under a name
//! has been there.

use std::collections::BTreeMap;

use crate::history::{Asked, Ending, Glimpse, LifeChange, LifeEvent, Moment, Seen};

/// The place of the upstream.
const UPSTREAM: usize = 0;

/// All repositories that ever were, by number.
#[derive(Debug)]
pub struct Lives {
    places: Vec<String>,
    lives: BTreeMap<u32, Vec<Asked<LifeEvent>>>,
}

impl Lives {
    pub(super) fn new(places: &[String]) -> Self {
        Self { places: places.to_vec(), lives: BTreeMap::new() }
    }

    pub(super) fn judge(
        &mut self,
        changes: Vec<Asked<LifeChange>>,
        glimpses: &[Seen<Glimpse>],
    ) -> Vec<String> {
        for Asked { change, asked, ended, ending } in changes {
            let event = Asked { change: change.event, asked, ended, ending };
            self.lives.entry(change.life).or_default().push(event);
        }
        glimpses.iter().filter_map(|glimpse| self.judge_glimpse(glimpse)).collect()
    }

    fn judge_glimpse(&self, glimpse: &Seen<Glimpse>) -> Option<String> {
        let Seen { place, asked, answered, what: Glimpse { slug, found } } = glimpse;
        let wrong = |what: &str| {
            let when = answered.as_secs_f64();
            Some(format!("{}, {slug}: {what}; read until {when:.3} s", self.places[*place]))
        };
        if let Some(Some(tip)) = found {
            let owner = self.lives.values().find(|events| pushed(events, tip));
            let Some(events) = owner else { return wrong(&format!("shows {tip}, which was never pushed")) };
            if !events.iter().any(|event| event.asked <= *answered && names(&event.change, slug)) {
                return wrong(&format!("shows {tip} of a repository that never had this name"));
            }
        }
        if *place != UPSTREAM {
            return None;
        }
        // No name is given twice, so one life has it or had it.
        let events =
            self.lives.values().find(|events| events.iter().any(|event| names(&event.change, slug)))?;
        let state = certain_state(events, *asked, *answered)?;
        match (state, found) {
            (None, Some(_)) => wrong("is there after its deletion was acknowledged"),
            (Some(name), None) if name == *slug => wrong("is not there, and its creation was acknowledged"),
            _ => None,
        }
    }
}

fn names(event: &LifeEvent, slug: &str) -> bool {
    matches!(event, LifeEvent::Created(name) | LifeEvent::Renamed(name) if name == slug)
}

fn pushed(events: &[Asked<LifeEvent>], tip: &str) -> bool {
    events.iter().any(|event| matches!(&event.change, LifeEvent::Pushed(target) if target == tip))
}

/// The name of a repository all through a read, `Some(None)` if there was none; `None` if that is uncertain.
fn certain_state(events: &[Asked<LifeEvent>], asked: Moment, answered: Moment) -> Option<Option<String>> {
    let mut state = None;
    for event in events {
        if matches!(event.change, LifeEvent::Pushed(_)) || event.ending == Ending::Refused {
            continue;
        }
        if event.asked > answered {
            break;
        }
        if event.ending == Ending::Open || event.ended >= asked {
            return None;
        }
        state = match &event.change {
            LifeEvent::Created(name) | LifeEvent::Renamed(name) => Some(name.clone()),
            LifeEvent::Deleted | LifeEvent::Pushed(_) => None,
        };
    }
    Some(state)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn change(event: LifeEvent, asked: u64, ended: u64, ending: Ending) -> Asked<LifeChange> {
        let [asked, ended] = [asked, ended].map(Duration::from_secs);
        Asked { change: LifeChange { life: 1, event }, asked, ended, ending }
    }

    fn glimpse(place: usize, slug: &str, found: Option<Option<&str>>, asked: u64) -> Seen<Glimpse> {
        let found = found.map(|tip| tip.map(str::to_owned));
        let what = Glimpse { slug: slug.into(), found };
        Seen { place, asked: Duration::from_secs(asked), answered: Duration::from_secs(asked + 1), what }
    }

    fn findings(glimpses: &[Seen<Glimpse>]) -> Vec<String> {
        let changes = vec![
            change(LifeEvent::Created("one".into()), 1, 2, Ending::Acknowledged),
            change(LifeEvent::Pushed("a".into()), 3, 4, Ending::Acknowledged),
            change(LifeEvent::Renamed("two".into()), 10, 11, Ending::Acknowledged),
            change(LifeEvent::Deleted, 20, 21, Ending::Acknowledged),
        ];
        Lives::new(&["upstream".into(), "mirror".into()]).judge(changes, glimpses)
    }

    #[test]
    fn a_true_life_has_no_findings() {
        let seen = [
            glimpse(0, "one", Some(None), 3),
            glimpse(0, "one", Some(Some("a")), 5),
            glimpse(0, "one", None, 10),
            glimpse(0, "two", Some(Some("a")), 12),
            glimpse(0, "two", None, 22),
            // A mirror may be late.
            glimpse(1, "two", Some(Some("a")), 30),
            glimpse(1, "one", None, 5),
        ];
        assert_eq!(findings(&seen), Vec::<String>::new());
    }

    #[test]
    fn what_is_lost_comes_back_or_is_mixed_up_is_found() {
        for (seen, words) in [
            (glimpse(0, "one", None, 5), "not there"),
            (glimpse(0, "two", Some(Some("a")), 22), "after its deletion"),
            (glimpse(1, "two", Some(Some("a")), 5), "never had this name"),
            (glimpse(1, "one", Some(Some("b")), 5), "never pushed"),
        ] {
            let found = findings(&[seen]);
            assert!(found[0].contains(words), "{found:?}");
        }
    }
}
