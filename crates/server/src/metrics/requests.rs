//! What clients ask for: how many requests, how they ended, how long they took, and who was turned away or had to wait.

use std::fmt;

use super::encoder::Encoder;
use crate::http::{ClassCounters, ClientCounters, CredentialKind, CredentialOutcome, RouteClass};

pub fn encode(clients: &ClientCounters, encoder: &mut Encoder<'_>) -> fmt::Result {
    let classes = RouteClass::ALL.map(|class| (class.as_str(), clients.requests.of(class)));
    let by_status: Vec<_> = classes
        .iter()
        .flat_map(|(route, counters)| {
            let counts = counters.by_status().into_iter();
            counts.map(move |(status, count)| (([("route", *route)], [("code", status)]), count))
        })
        .collect();
    encoder.counters(
        "heliostat_http_requests_total",
        "Requests by what they asked for and how they were answered. Routes: git_refs (which references there are), \
         git_fetch, git_push (with the question before it), git_bundle, rest, health, metrics, documents, hooks, page.",
        &by_status,
    )?;
    let of_each = |count: fn(&ClassCounters) -> u64| {
        classes.map(|(route, counters)| ([("route", route)], count(counters)))
    };
    encoder.gauges(
        "heliostat_http_requests_running",
        "Requests that are being answered now.",
        &of_each(ClassCounters::running),
    )?;
    encoder.counters(
        "heliostat_http_requests_aborted_total",
        "Requests whose clients went away before the answer had ended.",
        &of_each(ClassCounters::aborted),
    )?;
    encoder.counters(
        "heliostat_http_response_bytes_total",
        "Bytes of the bodies of answers that went to connections.",
        &of_each(ClassCounters::sent_bytes),
    )?;
    encoder.histograms(
        "heliostat_http_response_start_seconds",
        "Seconds from the arrival of a request until its answer began.",
        &classes.map(|(route, counters)| ([("route", route)], &counters.until_answer)),
    )?;
    encoder.histograms(
        "heliostat_http_request_duration_seconds",
        "Seconds from the arrival of a request until the last byte of its answer went to the connection, which a slow \
         client can make long.",
        &classes.map(|(route, counters)| ([("route", route)], &counters.until_end)),
    )?;
    encode_admission(clients, encoder)
}

fn encode_admission(clients: &ClientCounters, encoder: &mut Encoder<'_>) -> fmt::Result {
    let credentials = CredentialKind::ALL.map(|kind| {
        CredentialOutcome::ALL.map(|outcome| {
            let count = clients.requests.credentials(kind, outcome);
            (([("scheme", kind.as_str())], [("result", outcome.as_str())]), count)
        })
    });
    encoder.counters(
        "heliostat_authentications_total",
        "Requests with credentials by what became of these: accepted, refused (wrong), throttled (not looked at, after too \
         many wrong ones), undecided (this server, or the one that knows, could not tell).",
        credentials.as_flattened(),
    )?;
    let places = clients.places;
    encoder.gauge(
        "heliostat_rest_requests_running",
        "REST requests that are carried out now.",
        places.running as u64,
    )?;
    encoder.gauge(
        "heliostat_rest_requests_waiting",
        "REST requests that wait now because their client, or all together, have as many as are allowed.",
        places.waiting as u64,
    )?;
    encoder.counter(
        "heliostat_rest_requests_delayed_total",
        "REST requests that had to wait because their client, or all together, had as many as are allowed.",
        places.waits,
    )?;
    encoder.counter(
        "heliostat_rest_requests_wait_seconds_total",
        "Seconds that delayed REST requests have waited, all together.",
        places.waited.as_secs_f64(),
    )
}

#[cfg(test)]
pub(super) fn sample() -> ClientCounters {
    let certificate_ends_at = Some(std::time::UNIX_EPOCH);
    let clients = ClientCounters { certificate_ends_at, ..ClientCounters::default() };
    for class in RouteClass::ALL {
        let mut request = clients.requests.begin(class, Some(CredentialKind::Basic));
        request.answered(200);
        request.sent(9);
        request.complete();
    }
    clients
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::snapshot::Metrics;

    #[test]
    fn a_request_shows_in_counts_and_latencies_of_its_route() {
        let text = Metrics { clients: sample(), ..Metrics::default() }.text();
        for line in [
            r#"heliostat_http_requests_total{route="git_fetch",code="200"} 1"#,
            r#"heliostat_http_requests_aborted_total{route="git_fetch"} 0"#,
            r#"heliostat_http_response_bytes_total{route="git_fetch"} 9"#,
            r#"heliostat_http_request_duration_seconds_count{route="git_fetch"} 1"#,
            r#"heliostat_http_response_start_seconds_bucket{le="+Inf",route="git_fetch"} 1"#,
            r#"heliostat_authentications_total{scheme="basic",result="accepted"} 10"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
