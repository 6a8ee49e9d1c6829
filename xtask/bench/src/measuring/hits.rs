//! How often a cache had the answer: from the metrics of ours, from the log of nginx.

/// Answers that were there, and all answers that could have been.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// Answers that were there, or in the making for another client.
    pub hits: f64,
    /// Answers that had to be made.
    pub misses: f64,
}

impl Tally {
    /// What came since then.
    pub fn since(self, before: Tally) -> Tally {
        Tally { hits: self.hits - before.hits, misses: self.misses - before.misses }
    }

    /// The share of hits, if anything was asked.
    pub fn ratio(self) -> Option<f64> {
        let all = self.hits + self.misses;
        (all > 0.0).then(|| self.hits / all)
    }
}

/// The counter of requests by how the cache answered them.
const REQUESTS: &str = "heliostat_response_cache_requests_total";

/// Reads the text that Prometheus reads; `None` when no stored answers are told of there.
pub fn of_metrics(text: &str) -> Option<Tally> {
    let mut tally = Tally::default();
    let mut found = false;
    for line in text.lines() {
        let Some((labels, value)) = line.strip_prefix(REQUESTS).and_then(|rest| rest.rsplit_once(' ')) else {
            continue;
        };
        let Ok(value) = value.parse::<f64>() else { continue };
        match labels.contains("miss") {
            true => tally.misses += value,
            false => tally.hits += value,
        }
        found = true;
    }
    found.then_some(tally)
}

/// Reads the log of nginx, a word per request. What was never to be kept has another word.
pub fn of_log(text: &str) -> Tally {
    let count = |word: &str| text.lines().filter(|line| *line == word).count() as f64;
    Tally { hits: count("HIT"), misses: count("MISS") + count("EXPIRED") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_where_they_came_from() {
        let text = "# TYPE heliostat_response_cache_requests counter\n\
                    heliostat_response_cache_requests_total{result=\"hit\"} 6\n\
                    heliostat_response_cache_requests_total{result=\"coalesced\"} 2\n\
                    heliostat_response_cache_requests_total{result=\"miss\"} 2\n\
                    heliostat_response_cache_prewarmed_total 9\n";
        let tally = of_metrics(text).expect("it tells of its answers");
        assert_eq!((tally, tally.ratio()), (Tally { hits: 8.0, misses: 2.0 }, Some(0.8)));
        assert_eq!(of_metrics("up 1\n"), None);
    }

    #[test]
    fn logs_have_a_word_per_request() {
        let before = of_log("MISS\n");
        let after = of_log("MISS\nHIT\nBYPASS\n-\nHIT\nHIT\nMISS\n");
        assert_eq!(after.since(before), Tally { hits: 3.0, misses: 1.0 });
        assert_eq!(Tally::default().ratio(), None);
    }
}
