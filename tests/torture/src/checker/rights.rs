//! Whether readers were let in who may not read.
//!
//! A guest's right to read is given and taken again and again. At the upstream it counts from its acknowledgement. A
//! mirror hears of it later; it may let the guest in for a bounded time.

use std::time::Duration;

use crate::history::{Asked, Ending, Moment, Seen};

/// The place of the upstream.
const UPSTREAM: usize = 0;

/// All that was given and taken.
#[derive(Debug)]
pub struct Rights {
    places: Vec<String>,
    lasts: Duration,
    grants: Vec<Asked<bool>>,
    longest_outlived: Duration,
}

impl Rights {
    pub(super) fn new(places: &[String], lasts: Duration) -> Self {
        Self { places: places.to_vec(), lasts, grants: Vec::new(), longest_outlived: Duration::ZERO }
    }

    pub(super) fn longest_outlived(&self) -> Duration {
        self.longest_outlived
    }

    pub(super) fn judge(&mut self, grants: Vec<Asked<bool>>, visits: &[Seen<bool>]) -> Vec<String> {
        self.grants.extend(grants);
        let mut findings = Vec::new();
        for Seen { place, asked, answered, what: let_in } in visits {
            let (name, when) = (&self.places[*place], answered.as_secs_f64());
            match (self.without_right_since(*asked, *answered), *let_in) {
                (Some(since), true) if *place == UPSTREAM => findings.push(format!(
                    "{name} let the guest in at {when:.3} s, whose right was taken at {:.3} s",
                    since.as_secs_f64()
                )),
                (Some(since), true) => {
                    let outlived = asked.saturating_sub(since);
                    self.longest_outlived = self.longest_outlived.max(outlived);
                    if outlived > self.lasts {
                        findings.push(format!(
                            "{name} let the guest in at {when:.3} s, {:.1} s after the right was taken",
                            outlived.as_secs_f64()
                        ));
                    }
                }
                _ => {}
            }
        }
        findings
    }

    /// Since when the guest certainly had no right all through a visit, if so.
    fn without_right_since(&self, asked: Moment, answered: Moment) -> Option<Moment> {
        let mut since = Some(Moment::ZERO);
        for grant in self.grants.iter().filter(|grant| grant.ending != Ending::Refused) {
            if grant.asked > answered {
                break;
            }
            since = match (grant.change, grant.ending) {
                (false, Ending::Acknowledged) if grant.ended < asked => since.or(Some(grant.ended)),
                // It is being given or taken, or it is unknown whether it was.
                (true, _) => None,
                (false, _) => since,
            };
        }
        since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(right: bool, asked: u64, ended: u64, ending: Ending) -> Asked<bool> {
        let [asked, ended] = [asked, ended].map(Duration::from_secs);
        Asked { change: right, asked, ended, ending }
    }

    fn visit(place: usize, asked: u64) -> Seen<bool> {
        let [asked, answered] = [asked, asked + 1].map(Duration::from_secs);
        Seen { place, asked, answered, what: true }
    }

    fn findings(grants: &[Asked<bool>], visits: &[Seen<bool>]) -> usize {
        let places = ["upstream".into(), "mirror".into()];
        Rights::new(&places, Duration::from_secs(60)).judge(grants.to_vec(), visits).len()
    }

    #[test]
    fn a_guest_is_let_in_while_the_right_lasts_and_a_little_longer_at_mirrors() {
        let grants = [grant(true, 1, 2, Ending::Acknowledged), grant(false, 10, 11, Ending::Acknowledged)];
        assert_eq!(findings(&grants, &[visit(0, 3), visit(1, 3), visit(0, 10), visit(1, 50)]), 0);
        assert_eq!(findings(&grants, &[visit(0, 12)]), 1);
        assert_eq!(findings(&grants, &[visit(1, 80)]), 1);
    }

    #[test]
    fn what_is_unknown_is_no_finding() {
        let open = [grant(true, 1, 2, Ending::Acknowledged), grant(false, 10, 11, Ending::Open)];
        assert_eq!(findings(&open, &[visit(0, 12)]), 0);
        let refused = [grant(true, 1, 2, Ending::Refused)];
        assert_eq!(findings(&refused, &[visit(1, 70)]), 1);
        let perhaps = [grant(true, 1, 2, Ending::Open)];
        assert_eq!(findings(&perhaps, &[visit(1, 70)]), 0);
    }
}
