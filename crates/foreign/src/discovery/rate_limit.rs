//! How often a provider lets itself be asked: what its answers say of it, and until when nothing more is asked.

use std::ops::Range;
use std::time::{Duration, UNIX_EPOCH};

use parking_lot::Mutex;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::retry_after::retry_after;

/// What part of the allowance is left to others who use the same credential: one in so many.
const RESERVED_PART: u64 = 10;
/// How long nothing is asked when a provider does not say how long.
const DEFAULT_PAUSE: Duration = Duration::from_secs(60);
/// Longest pause, whatever a provider says.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// A `reset` from here on is a time, in epoch seconds, and no number of seconds.
const EARLIEST_RESET_TIME: i64 = 1_000_000_000;

/// From when on and until when nothing more is asked, in epoch milliseconds.
#[derive(Debug, Default)]
pub(super) struct RateLimit(Mutex<Option<Range<i64>>>);

/// Whether an answer was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    /// It was.
    Answered,
    /// The provider wants to be left alone until then, in epoch milliseconds.
    AskedTooOften { until: i64 },
}

impl RateLimit {
    /// Until when to wait, in epoch milliseconds; `None` if the next question may be asked. So it may when the clock was set
    /// back behind the last answer: the provider says once more how long to wait.
    pub(super) fn wait_until(&self, now_ms: i64) -> Option<i64> {
        self.0.lock().as_ref().filter(|pause| pause.contains(&now_ms)).map(|pause| pause.end)
    }

    /// Takes note of what an answer says.
    pub(super) fn note(&self, status: StatusCode, headers: &HeaderMap, now_ms: i64) -> Allowance {
        let allowance = Headers::read(headers, now_ms);
        let is_too_often = status == StatusCode::TOO_MANY_REQUESTS
            || (status == StatusCode::FORBIDDEN
                && (allowance.retry_after.is_some() || allowance.remaining == Some(0)));
        if is_too_often {
            let pause = now_ms.saturating_add(millis(DEFAULT_PAUSE));
            let until = bounded(allowance.retry_after.or(allowance.reset).unwrap_or(pause), now_ms);
            *self.0.lock() = Some(now_ms..until);
            return Allowance::AskedTooOften { until };
        }
        let is_nearly_used_up = matches!(
            (allowance.remaining, allowance.limit),
            (Some(remaining), Some(limit)) if remaining <= limit / RESERVED_PART
        );
        let until = allowance.reset.filter(|_| is_nearly_used_up);
        *self.0.lock() = until.map(|reset| now_ms..bounded(reset, now_ms));
        Allowance::Answered
    }
}

/// What an answer says; times in epoch milliseconds.
struct Headers {
    limit: Option<u64>,
    remaining: Option<u64>,
    reset: Option<i64>,
    retry_after: Option<i64>,
}

impl Headers {
    fn read(headers: &HeaderMap, now_ms: i64) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        // GitHub has the longer names, GitLab the shorter ones.
        let either = |long: &str, short: &str| text(long).or_else(|| text(short));
        let in_seconds = |seconds: i64| now_ms.saturating_add(seconds.max(0).saturating_mul(1_000));
        let reset = either("x-ratelimit-reset", "ratelimit-reset").and_then(|reset| reset.parse().ok());
        let now = UNIX_EPOCH + Duration::from_millis(now_ms.max(0).unsigned_abs());
        let retry_after = retry_after(headers, now).map(|pause| now_ms.saturating_add(millis(pause)));
        Self {
            limit: either("x-ratelimit-limit", "ratelimit-limit").and_then(|limit| limit.parse().ok()),
            remaining: either("x-ratelimit-remaining", "ratelimit-remaining")
                .and_then(|remaining| remaining.parse().ok()),
            reset: reset.map(|reset: i64| {
                if reset >= EARLIEST_RESET_TIME { reset.saturating_mul(1_000) } else { in_seconds(reset) }
            }),
            retry_after,
        }
    }
}

/// A moment that is not in the past and not too far away.
fn bounded(until: i64, now_ms: i64) -> i64 {
    until.clamp(now_ms, now_ms.saturating_add(millis(LONGEST_PAUSE)))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    const NOW_MS: i64 = 1_700_000_000_000;

    fn noted(status: u16, pairs: &[(&str, &str)]) -> (Allowance, Option<i64>) {
        let pair = |(name, value): &(&str, &str)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        };
        let headers = pairs.iter().map(pair).collect();
        let limit = RateLimit::default();
        let status = StatusCode::from_u16(status).expect("a status");
        let allowance = limit.note(status, &headers, NOW_MS);
        (allowance, limit.wait_until(NOW_MS).map(|until| until - NOW_MS))
    }

    #[test]
    fn a_tenth_is_left_to_others() {
        let with = |remaining, reset| {
            noted(
                200,
                &[
                    ("x-ratelimit-limit", "5000"),
                    ("x-ratelimit-remaining", remaining),
                    ("x-ratelimit-reset", reset),
                ],
            )
        };
        assert_eq!(with("501", "1700000600"), (Allowance::Answered, None));
        assert_eq!(with("500", "1700000600"), (Allowance::Answered, Some(600_000)));
        assert_eq!(with("0", "1699999999"), (Allowance::Answered, None), "it is over");
        assert_eq!(with("0", "1800000000"), (Allowance::Answered, Some(3_600_000)), "at most an hour");
        let gitlab = [("RateLimit-Limit", "60"), ("RateLimit-Remaining", "6"), ("RateLimit-Reset", "30")];
        assert_eq!(noted(304, &gitlab), (Allowance::Answered, Some(30_000)));
        assert_eq!(noted(200, &[]), (Allowance::Answered, None));
    }

    #[test]
    fn no_request_waits_until_a_clock_that_was_set_back_has_come_round() {
        let limit = RateLimit::default();
        limit.note(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), NOW_MS);
        let waits_at = |ms| limit.wait_until(NOW_MS + ms).map(|until| until - NOW_MS);
        assert_eq!([0, 59_999, 60_000, -400_000].map(waits_at), [Some(60_000), Some(60_000), None, None]);
    }

    #[test]
    fn a_provider_that_was_asked_too_often_is_left_alone() {
        let until = |pause_ms: i64| (Allowance::AskedTooOften { until: NOW_MS + pause_ms }, Some(pause_ms));
        assert_eq!(noted(429, &[("retry-after", "7")]), until(7_000));
        assert_eq!(noted(429, &[("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT")]), until(60_000));
        assert_eq!(noted(429, &[]), until(60_000));
        assert_eq!(noted(429, &[("retry-after", "soon")]), until(60_000));
        assert_eq!(noted(403, &[("retry-after", "90")]), until(90_000));
        let used_up = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000120")];
        assert_eq!(noted(403, &used_up), until(120_000));
        assert_eq!(noted(403, &[("x-ratelimit-remaining", "10")]), (Allowance::Answered, None));
        assert_eq!(noted(429, &[("retry-after", "99999999999999999")]), until(3_600_000));
    }
}
