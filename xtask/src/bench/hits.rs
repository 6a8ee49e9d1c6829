//! How often a cache had the answer: from the metrics of ours, from the log of nginx.

/// Answers that were there, and all answers that could have been.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// Answers that were there, or in the making for somebody else.
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

/// Reads the text that Prometheus reads; `None` when no cache of answers tells of itself there.
///
/// What counts are counters whose name or label says cache, and hit, join or miss; bytes and seconds are others.
pub fn of_metrics(text: &str) -> Option<Tally> {
    let mut tally = Tally::default();
    let mut found = false;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let Ok(value) = value.parse::<f64>() else { continue };
        let says = |word: &str| name.contains(word);
        if !says("cache") || says("bytes") || says("seconds") {
            continue;
        }
        let is_hit = says("hit") || says("join");
        if is_hit {
            tally.hits += value;
        } else if says("miss") {
            tally.misses += value;
        } else {
            continue;
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
    fn metrics_are_recognised_by_words() {
        let text = "# TYPE x_response_cache_hits counter\nx_response_cache_hits_total 6\n\
                    x_response_cache_joins_total 2\nx_response_cache_misses_total 2\n\
                    x_response_cache_hit_bytes_total 99\nx_requests_total{outcome=\"hit\"} 7\n";
        let tally = of_metrics(text).expect("a cache tells of itself");
        assert_eq!((tally, tally.ratio()), (Tally { hits: 8.0, misses: 2.0 }, Some(0.8)));
        let labels = "cache_answers_total{outcome=\"hit\"} 3\ncache_answers_total{outcome=\"miss\"} 1\n";
        assert_eq!(of_metrics(labels).and_then(Tally::ratio), Some(0.75));
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
