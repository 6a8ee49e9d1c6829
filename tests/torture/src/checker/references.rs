//! References of repositories that last: nothing acknowledged is lost, nothing goes back, nothing is shown that never was.
//!
//! The changes of a reference stand in the order in which its one client asked for them. What a read shows is one of
//! them, which is the read's step. It must be one that was asked for and not refused. At the upstream it is no earlier
//! than what was acknowledged before the read began; at each server no earlier than what any read had shown there that
//! ended before this one began. Where a mirror says that the upstream has answered in its place, the answer is judged as the
//! upstream's: the mirror itself need not have that much yet, and shows less when it cannot reach the upstream any more. It
//! need not give what only the upstream has listed either, but must say then that this is how it is. A mirror that takes the
//! upstream for any Git server has no list of its own: each is the upstream's, and says so when it is an older one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use super::course::Course;
use super::staleness::Staleness;
use super::{FaultWindow, Forgotten, Promises};
use crate::history::{Asked, Denial, Denied, Listing, Moment, RefChange, Seen};

/// The place of the upstream.
const UPSTREAM: usize = 0;

/// What is known of all references.
#[derive(Debug)]
pub struct References {
    places: Vec<String>,
    repositories: Vec<String>,
    /// By repository and name.
    courses: Vec<BTreeMap<String, Course>>,
    /// By place, repository and name: no later read may show an earlier step.
    floors: BTreeMap<(usize, usize, String), Floor>,
    /// By place and object: since when a mirror has listed it itself. The objects of repositories are all different.
    own: HashMap<(usize, String), Moment>,
    promises: Promises,
    staleness: Staleness,
}

/// What a read has shown, until later ones may rely on it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    answered: Moment,
    place: usize,
    repository: usize,
    freshness: String,
    steps: Vec<(String, usize)>,
}

/// The newest step that was shown, and by which read.
#[derive(Debug, Default, Clone)]
struct Floor {
    step: usize,
    answered: Moment,
    freshness: String,
}

impl References {
    pub(super) fn new(places: &[String], repositories: &[&str], promises: Promises) -> Self {
        Self {
            promises,
            places: places.to_vec(),
            repositories: repositories.iter().map(|&name| name.to_owned()).collect(),
            courses: repositories.iter().map(|_| BTreeMap::new()).collect(),
            floors: BTreeMap::new(),
            own: HashMap::new(),
            staleness: Staleness::default(),
        }
    }

    pub(super) fn staleness(&self) -> &Staleness {
        &self.staleness
    }

    pub(super) fn judge(
        &mut self,
        changes: Vec<Asked<RefChange>>,
        mut listings: Vec<Seen<Listing>>,
        faults: &[FaultWindow],
        forgotten: &[Forgotten],
    ) -> Vec<String> {
        for change in changes {
            let RefChange { reference, target } = change.change;
            let course = self.courses[reference.repository].entry(reference.name).or_default();
            course.add(Asked {
                change: target,
                asked: change.asked,
                ended: change.ended,
                ending: change.ending,
            });
        }
        listings.sort_by_key(|listing| listing.asked);
        let mut forgotten = forgotten.to_vec();
        forgotten.sort_by_key(|one| Reverse(one.restarted));
        let mut shown: BinaryHeap<Reverse<Shown>> = BinaryHeap::new();
        let mut findings = Vec::new();
        for listing in listings {
            while let Some(one) = forgotten.pop_if(|one| one.restarted <= listing.asked) {
                self.forget(one, &mut shown);
            }
            while shown.peek().is_some_and(|Reverse(shown)| shown.answered < listing.asked) {
                if let Some(Reverse(shown)) = shown.pop() {
                    self.raise_floors(shown);
                }
            }
            if self.is_own(listing.place, &listing.what.freshness) {
                for target in listing.what.refs.values() {
                    let since = self.own.entry((listing.place, target.clone())).or_insert(listing.answered);
                    *since = listing.answered.min(*since);
                }
            }
            shown.push(Reverse(self.judge_listing(&listing, faults, &mut findings)));
        }
        shown.into_iter().for_each(|Reverse(shown)| self.raise_floors(shown));
        findings
    }

    /// What was listed is given, unless it was deleted meanwhile: what was deleted cannot be fetched. What the upstream has
    /// listed through a mirror is the upstream's to give.
    pub(super) fn judge_denials(&self, denials: &[Seen<Denied>]) -> Vec<String> {
        let wrong = denials.iter().filter(|denied| self.is_wrong(denied));
        wrong
            .map(|Seen { place, asked, answered, what: Denied { repository, target, denial } }| {
                let (server, repository) = (&self.places[*place], &self.repositories[*repository]);
                let (from, to) = (asked.as_secs_f64(), answered.as_secs_f64());
                format!(
                    "{server}, {repository}: listed {target} and, asked for it from {from:.3} s to {to:.3} s, did not \
                     give it: {denial:?}"
                )
            })
            .collect()
    }

    fn is_wrong(&self, denied: &Seen<Denied>) -> bool {
        let Seen { place, asked, answered, what: Denied { repository, target, denial } } = denied;
        let mut courses = self.courses[*repository].values();
        match denial {
            Denial::NotOurs => !courses.any(|course| course.loses(target, *answered)),
            Denial::NotNow => {
                let own = self.own.get(&(*place, target.clone()));
                let is_own = *place == UPSTREAM || own.is_some_and(|since| since <= asked);
                is_own && !courses.any(|course| course.leaves(target, *answered))
            }
        }
    }

    fn forget(&mut self, forgotten: Forgotten, shown: &mut BinaryHeap<Reverse<Shown>>) {
        let (before, later): (Vec<_>, Vec<_>) =
            shown.drain().partition(|Reverse(shown)| shown.place == forgotten.place);
        shown.extend(later);
        if forgotten.place != UPSTREAM {
            self.floors.retain(|(place, ..), _| *place != forgotten.place);
            self.own.retain(|(place, _), _| *place != forgotten.place);
            return;
        }
        before.into_iter().for_each(|Reverse(shown)| self.raise_floors(shown));
        for ((_, repository, name), floor) in
            self.floors.iter_mut().filter(|((place, ..), _)| *place == UPSTREAM)
        {
            let course = self.courses[*repository].get(name);
            let kept = course.map_or(0, |course| course.acknowledged_before(forgotten.restarted));
            floor.step = floor.step.min(kept);
        }
    }

    /// Whether a mirror says that it shows what it has itself.
    fn is_own(&self, place: usize, freshness: &str) -> bool {
        let is_of_origin = self.promises.of_origin.contains(&place);
        let mut words = ["current", "unverified", "behind"].iter();
        place != UPSTREAM && !is_of_origin && words.any(|word| says(freshness, word))
    }

    /// Whether the upstream was asked for this list.
    fn is_of_upstream(&self, place: usize, freshness: &str) -> bool {
        let is_of_origin = self.promises.of_origin.contains(&place);
        place == UPSTREAM || says(freshness, "through") || is_of_origin && says(freshness, "current")
    }

    fn raise_floors(&mut self, shown: Shown) {
        if shown.place != UPSTREAM && !self.is_own(shown.place, &shown.freshness) {
            return;
        }
        for (name, step) in shown.steps {
            let floor = self.floors.entry((shown.place, shown.repository, name)).or_default();
            if step > floor.step {
                let (answered, freshness) = (shown.answered, shown.freshness.clone());
                *floor = Floor { step, answered, freshness };
            }
        }
    }

    fn judge_listing(
        &mut self,
        listing: &Seen<Listing>,
        faults: &[FaultWindow],
        findings: &mut Vec<String>,
    ) -> Shown {
        let Seen { place, asked, answered, what: Listing { repository, refs, freshness } } = listing;
        let (place, repository) = (*place, *repository);
        let at = |what: &str, name: &str, course: &Course| {
            let (server, repository) = (&self.places[place], &self.repositories[repository]);
            let when = answered.as_secs_f64();
            let pushed = course.shown();
            format!("{server}, {repository}, {name}: {what}; read until {when:.3} s, {freshness}; {pushed}")
        };
        let is_of_upstream = self.is_of_upstream(place, freshness);
        let courses = &self.courses[repository];
        for (name, target) in refs.iter().filter(|(name, _)| !courses.contains_key(*name)) {
            findings.push(at(&format!("leads to {target} and was never pushed"), name, &Course::default()));
        }
        let mut steps = Vec::new();
        let mut stale_since: Option<Moment> = None;
        for (name, course) in courses {
            let target = refs.get(name);
            let shown = self.floors.get(&(place, repository, name.clone())).cloned().unwrap_or_default();
            let floor = shown.step;
            let acknowledged = course.acknowledged_before(*asked);
            let least = if is_of_upstream { floor.max(acknowledged) } else { floor };
            let step = match course.step_of(target, least, *answered) {
                Ok(step) => step,
                Err(wrong) => {
                    findings.push(at(&format!("{wrong} ({target:?})"), name, course));
                    continue;
                }
            };
            if step < least {
                let Floor { answered, freshness, .. } = shown;
                let what = if step < floor {
                    format!(
                        "went back from step {floor}, shown at {:.3} s, {freshness}",
                        answered.as_secs_f64()
                    )
                } else {
                    "lost what was acknowledged".to_owned()
                };
                findings.push(at(&format!("{what}: shows {target:?}"), name, course));
                continue;
            }
            if course.newest_of(target, step, *answered) < acknowledged {
                let since = course.acknowledged_after(step);
                if self.promises.with_leases && says(freshness, "current") {
                    findings.push(at(&format!("is said to be current: shows {target:?}"), name, course));
                }
                stale_since = Some(stale_since.map_or(since, |earlier| earlier.min(since)));
            }
            steps.push((name.clone(), step));
        }
        if place != UPSTREAM {
            self.staleness.add(*asked, stale_since, says(freshness, "current"), faults);
        }
        Shown { answered: *answered, place, repository, freshness: freshness.clone(), steps }
    }
}

/// Whether this is the word with which a mirror says how fresh its answer is.
fn says(freshness: &str, word: &str) -> bool {
    freshness.split(';').next() == Some(word)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::history::{Ending, Reference};

    fn seconds(number: u64) -> Moment {
        Duration::from_secs(number)
    }

    /// Main leads there, asked and ended at these seconds.
    fn push(target: Option<&str>, asked: u64, ended: u64, ending: Ending) -> Asked<RefChange> {
        let reference = Reference { repository: 0, name: "main".into() };
        let change = RefChange { reference, target: target.map(str::to_owned) };
        Asked { change, asked: seconds(asked), ended: seconds(ended), ending }
    }

    fn read(place: usize, target: Option<&str>, asked: u64, answered: u64) -> Seen<Listing> {
        let refs = target.map(|target| ("main".to_owned(), target.to_owned())).into_iter().collect();
        let what = Listing { repository: 0, refs, freshness: "current;served=1;known=1".into() };
        Seen { place, asked: seconds(asked), answered: seconds(answered), what }
    }

    fn references(with_leases: bool) -> References {
        let places = ["upstream", "mirror", "mirror of origin"].map(str::to_owned);
        let of_origin = BTreeSet::from([2]);
        let promises = Promises { right_lasts: Duration::ZERO, with_leases, of_origin };
        References::new(&places, &["alpha"], promises)
    }

    /// The mirror did not give what main leads to at first.
    fn denied(denial: Denial, asked: u64, answered: u64) -> Seen<Denied> {
        let what = Denied { repository: 0, target: "a".into(), denial };
        Seen { place: 1, asked: seconds(asked), answered: seconds(answered), what }
    }

    fn findings(changes: &[Asked<RefChange>], listings: &[Seen<Listing>]) -> Vec<String> {
        let mut references = references(false);
        references.judge(changes.to_vec(), listings.to_vec(), &[], &[])
    }

    #[test]
    fn a_true_history_has_no_findings() {
        let changes = [
            push(Some("a"), 1, 2, Ending::Acknowledged),
            push(Some("b"), 3, 6, Ending::Acknowledged),
            push(None, 7, 8, Ending::Acknowledged),
            push(Some("c"), 9, 10, Ending::Open),
            push(Some("d"), 11, 12, Ending::Refused),
        ];
        let listings = [
            read(0, None, 0, 1),
            // A change that is under way may be seen, or not.
            read(0, Some("a"), 3, 4),
            read(0, Some("b"), 4, 5),
            // Two at once may see it in any order.
            read(1, Some("b"), 4, 7),
            read(1, Some("a"), 4, 7),
            read(1, None, 8, 9),
            read(0, None, 9, 10),
            read(0, Some("c"), 13, 14),
        ];
        assert_eq!(findings(&changes, &listings), Vec::<String>::new());
    }

    #[test]
    fn what_was_acknowledged_and_is_not_there_is_found() {
        let changes = [push(Some("a"), 1, 2, Ending::Acknowledged)];
        let found = findings(&changes, &[read(0, None, 3, 4)]);
        assert!(found[0].contains("lost what was acknowledged"), "{found:?}");
        // A mirror may be late.
        assert_eq!(findings(&changes, &[read(1, None, 3, 4)]), Vec::<String>::new());
    }

    #[test]
    fn what_goes_back_is_found_at_any_server() {
        let changes =
            [push(Some("a"), 1, 2, Ending::Acknowledged), push(Some("b"), 3, 4, Ending::Acknowledged)];
        for earlier in [Some("a"), None] {
            let listings = [read(1, Some("b"), 5, 6), read(1, earlier, 7, 8)];
            let found = findings(&changes, &listings);
            assert!(found[0].contains("went back"), "{found:?}");
        }
    }

    #[test]
    fn a_server_that_may_forget_goes_back_only_with_its_power() {
        let changes =
            [push(Some("a"), 1, 2, Ending::Acknowledged), push(Some("b"), 3, 4, Ending::Acknowledged)];
        let listings = [read(1, Some("b"), 5, 6), read(1, Some("a"), 8, 9)];
        let judged = |restarted: u64| {
            let mut references = references(false);
            let forgotten = [Forgotten { place: 1, restarted: seconds(restarted) }];
            references.judge(changes.to_vec(), listings.to_vec(), &[], &forgotten).len()
        };
        assert_eq!((judged(7), judged(10)), (0, 1));
    }

    #[test]
    fn an_upstream_may_forget_with_its_power_what_it_has_not_acknowledged() {
        let changes = [push(Some("a"), 1, 2, Ending::Acknowledged), push(Some("b"), 3, 9, Ending::Open)];
        let judged = |later: Option<&str>, forgotten: &[Forgotten]| {
            let mut references = references(false);
            let listings = vec![read(0, Some("b"), 4, 5), read(0, later, 8, 9)];
            references.judge(changes.to_vec(), listings, &[], forgotten).len()
        };
        let forgotten = [Forgotten { place: 0, restarted: seconds(7) }];
        assert_eq!((judged(Some("a"), &forgotten), judged(Some("b"), &forgotten)), (0, 0));
        assert_eq!((judged(Some("a"), &[]), judged(None, &forgotten)), (1, 1));
    }

    #[test]
    fn what_never_was_or_was_refused_is_found() {
        let changes = [push(Some("a"), 1, 2, Ending::Refused), push(Some("b"), 5, 6, Ending::Acknowledged)];
        for (target, words) in [("a", "refused push"), ("x", "never pushed"), ("b", "only afterwards")] {
            let found = findings(&changes, &[read(1, Some(target), 3, 4)]);
            assert!(found[0].contains(words), "{found:?}");
        }
    }

    #[test]
    fn what_was_listed_may_be_refused_only_after_its_deletion() {
        let mut references = references(false);
        let changes = [push(Some("a"), 1, 2, Ending::Acknowledged), push(None, 5, 6, Ending::Acknowledged)];
        assert!(references.judge(changes.to_vec(), Vec::new(), &[], &[]).is_empty());
        let refused = |answered: u64| references.judge_denials(&[denied(Denial::NotOurs, 3, answered)]).len();
        assert_eq!((refused(4), refused(7)), (1, 0));
    }

    #[test]
    fn only_what_a_mirror_has_not_listed_itself_it_may_leave_to_the_upstream() {
        let mut references = references(false);
        let changes =
            [push(Some("a"), 1, 2, Ending::Acknowledged), push(Some("b"), 15, 16, Ending::Acknowledged)];
        let mut through = read(1, Some("a"), 3, 4);
        through.what.freshness = "through;known=1".into();
        let own = read(1, Some("a"), 7, 8);
        assert!(references.judge(changes.to_vec(), vec![through, own], &[], &[]).is_empty());
        let left = |asked: u64| references.judge_denials(&[denied(Denial::NotNow, asked, asked + 1)]).len();
        assert_eq!((left(5), left(9), left(17)), (0, 1, 0));
        let forgotten = [Forgotten { place: 1, restarted: seconds(20) }];
        assert!(references.judge(Vec::new(), vec![read(1, None, 21, 22)], &[], &forgotten).is_empty());
        assert!(references.judge_denials(&[denied(Denial::NotNow, 9, 10)]).is_empty(), "it has forgotten it");
    }

    #[test]
    fn an_answer_through_a_mirror_is_the_upstreams() {
        let changes = [push(Some("a"), 1, 2, Ending::Acknowledged)];
        let said = |at: u64, target: Option<&str>, freshness: &str| {
            let mut listing = read(1, target, at, at + 1);
            listing.what.freshness = freshness.into();
            listing
        };
        let behind = said(5, None, "behind;served=0;known=1");
        let through = said(3, Some("a"), "through;known=1");
        assert_eq!(findings(&changes, &[through, behind.clone()]), Vec::<String>::new());
        assert_eq!(findings(&changes, &[said(3, Some("a"), "current;served=1;known=1"), behind]).len(), 1);
        assert_eq!(findings(&changes, &[said(3, None, "through;known=1")]).len(), 1);
    }

    #[test]
    fn a_mirror_of_an_origin_shows_what_that_has_or_says_that_it_does_not_know() {
        let changes =
            [push(Some("a"), 1, 2, Ending::Acknowledged), push(Some("b"), 5, 6, Ending::Acknowledged)];
        let mut late = read(2, Some("a"), 7, 8);
        let newer = read(2, Some("b"), 7, 8);
        assert_eq!(findings(&changes, std::slice::from_ref(&newer)), Vec::<String>::new());
        assert_eq!(findings(&changes, &[late.clone()]).len(), 1);
        late.what.freshness = "unverified;asked=1".into();
        assert_eq!(findings(&changes, &[newer, late]), Vec::<String>::new());
    }

    #[test]
    fn with_leases_a_mirror_that_is_late_must_say_so() {
        let changes = [push(Some("a"), 1, 2, Ending::Acknowledged)];
        let mut late = read(1, None, 3, 4);
        let judged = |late: &Seen<Listing>| {
            let mut references = references(true);
            references.judge(changes.to_vec(), vec![late.clone()], &[], &[]).len()
        };
        assert_eq!(judged(&late), 1);
        late.what.freshness = "behind;served=0;known=1".into();
        assert_eq!(judged(&late), 0);
    }

    #[test]
    fn what_was_deleted_is_not_late_where_nothing_was_shown_before() {
        let changes = [push(Some("a"), 1, 2, Ending::Acknowledged), push(None, 3, 4, Ending::Acknowledged)];
        let mut references = references(true);
        assert!(references.judge(changes.to_vec(), vec![read(1, None, 5, 6)], &[], &[]).is_empty());
    }

    #[test]
    fn floors_outlast_a_judgement() {
        let mut references = references(false);
        let changes = vec![push(Some("a"), 1, 2, Ending::Acknowledged)];
        assert!(references.judge(changes, vec![read(1, Some("a"), 3, 4)], &[], &[]).is_empty());
        assert_eq!(references.judge(Vec::new(), vec![read(1, None, 5, 6)], &[], &[]).len(), 1);
    }

    #[test]
    fn stale_reads_are_explained_by_faults_or_not() {
        let changes = [push(Some("a"), 1, 2, Ending::Acknowledged)];
        let listings = [read(1, None, 4, 5), read(1, None, 60, 61), read(1, Some("a"), 62, 63)];
        let mut references = references(false);
        let fault = FaultWindow { begun: seconds(1), over: seconds(3) };
        assert!(references.judge(changes.to_vec(), listings.to_vec(), &[fault], &[]).is_empty());
        let staleness = references.staleness();
        assert_eq!((staleness.reads, staleness.explained, staleness.unexplained), (3, 1, 1));
        let longest = (staleness.longest_explained, staleness.longest_unexplained);
        assert_eq!(longest, (seconds(2), seconds(58)));
    }
}
