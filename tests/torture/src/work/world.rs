//! What all workers share: where servers are, where to note what was seen, and when to stop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::client::{Listed, ReadFailure, denied};
use crate::farm::{Place, REPOSITORIES, git_path};
use crate::history::{Denial, Denied, History, Listing, Moment, Seen};

/// The place of the upstream.
pub const UPSTREAM: usize = 0;
/// Git's words for references without their objects.
const WORDS_OF_DAMAGE: [&str; 2] = ["missing", "bad object"];

/// The servers, and what is known of them.
#[derive(Debug)]
pub struct World<'a> {
    /// The servers; the upstream is the first.
    pub places: &'a [Place],
    /// Where everything is noted.
    pub history: &'a History,
    is_over: AtomicBool,
}

impl<'a> World<'a> {
    /// One in which work may begin.
    pub fn new(places: &'a [Place], history: &'a History) -> Self {
        Self { places, history, is_over: AtomicBool::new(false) }
    }

    /// Workers end after what they are doing.
    pub fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether workers are to end.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Lets others work for a moment.
    pub fn pause(&self, milliseconds: u64) {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }

    /// The upstream.
    pub fn upstream(&self) -> &Place {
        &self.places[UPSTREAM]
    }

    /// The references of a repository that lasts, as this server lists them now; noted, too.
    pub fn listing(&self, place: usize, repository: usize) -> Option<BTreeMap<String, String>> {
        let asked = self.history.now();
        match self.places[place].git().list(&git_path(REPOSITORIES[repository])) {
            Ok(Listed { refs, freshness }) => {
                let what = Listing { repository, refs: refs.clone(), freshness };
                let seen = Seen { place, asked, answered: self.history.now(), what };
                self.history.note(|records| records.listings.push(seen));
                self.history.count("lists");
                Some(refs)
            }
            Err(failure) => {
                self.failed(place, "list", repository, &failure, asked);
                None
            }
        }
    }

    /// Counts what could not be read of a repository that lasts. That it is said not to be there, or to lack what it
    /// shows, is wrong at any time.
    pub fn failed(&self, place: usize, what: &str, repository: usize, failure: &ReadFailure, asked: Moment) {
        let is_wrong = match failure {
            ReadFailure::Status(status) => matches!(*status, 401 | 403 | 404),
            ReadFailure::Said(text) => match denied(text) {
                Some((denial, target)) => {
                    self.denied(place, repository, denial, target, asked);
                    false
                }
                None => WORDS_OF_DAMAGE.iter().any(|words| text.contains(words)),
            },
            ReadFailure::Broken(_) => false,
        };
        let kind = failure.kind();
        if is_wrong {
            let (name, repository) = (&self.places[place].name, REPOSITORIES[repository]);
            let when = self.history.now().as_secs_f64();
            self.history.find(format!("{name}, {repository}: {what} at {when:.3} s ended with {kind}"));
        }
        self.history.count(&format!("{what} failed: {}", masked(&kind)));
    }

    /// Notes that a server did not give an object that it had listed, when it was asked at that moment.
    pub fn denied(&self, place: usize, repository: usize, denial: Denial, target: String, asked: Moment) {
        let what = Denied { repository, target, denial };
        let seen = Seen { place, asked, answered: self.history.now(), what };
        self.history.note(|records| records.denials.push(seen));
    }
}

/// A text without what differs from time to time.
pub fn masked(text: &str) -> String {
    let is_name = |word: &str| word.len() >= 16 && word.chars().all(|sign| sign.is_ascii_hexdigit());
    let words = text.split_whitespace().map(|word| if is_name(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(100).collect()
}
