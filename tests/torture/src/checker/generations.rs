//! The generation of a repository that a mirror tells never goes back.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Forgotten;
use crate::history::Seen;

/// The newest generation that each mirror has told of each repository.
#[derive(Debug)]
pub struct Generations {
    places: Vec<String>,
    repositories: Vec<String>,
    newest: BTreeMap<(usize, usize), u64>,
}

impl Generations {
    pub(super) fn new(places: &[String], repositories: &[&str]) -> Self {
        let repositories = repositories.iter().map(|&name| name.to_owned()).collect();
        Self { places: places.to_vec(), repositories, newest: BTreeMap::new() }
    }

    /// Each mirror is asked by one client, so that answers come in the order of requests.
    pub(super) fn judge(&mut self, seen: Vec<Seen<(usize, u64)>>, forgotten: &[Forgotten]) -> Vec<String> {
        let mut forgotten = forgotten.to_vec();
        forgotten.sort_by_key(|one| Reverse(one.restarted));
        let mut findings = Vec::new();
        for Seen { place, asked, what: (repository, generation), .. } in seen {
            while let Some(one) = forgotten.pop_if(|one| one.restarted <= asked) {
                self.newest.retain(|(place, _), _| *place != one.place);
            }
            let newest = self.newest.entry((place, repository)).or_default();
            if generation < *newest {
                findings.push(format!(
                    "{}, {}: generation {generation} after {newest}, asked at {:.3} s",
                    self.places[place],
                    self.repositories[repository],
                    asked.as_secs_f64()
                ));
            }
            *newest = generation;
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_generation_that_goes_back_is_found() {
        let mut generations = Generations::new(&["upstream".into(), "mirror".into()], &["alpha"]);
        let seen = |second: u64, generation: u64| {
            let moment = Duration::from_secs(second);
            Seen { place: 1, asked: moment, answered: moment, what: (0, generation) }
        };
        let forgotten = [Forgotten { place: 1, restarted: Duration::from_secs(4) }];
        let told = vec![seen(1, 3), seen(2, 3), seen(3, 4), seen(5, 1), seen(6, 2)];
        assert_eq!(generations.judge(told, &forgotten), Vec::<String>::new());
        assert_eq!(generations.judge(vec![seen(7, 1)], &[]).len(), 1);
    }
}
