//! Sends what requests were answered and how long that took to a collector of traces, where the operator names one.
//!
//! Each request is one span of its trace; what servers ask each other is part of the same one. Spans go out in batches, as
//! OTLP over HTTP in JSON. Nothing waits for the collector: while it is away, or slower than requests come, spans are
//! dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heliostat_peer::http::Destinations;
use heliostat_peer::{Call, Clock, PeerClient, with_causes};
use poem::http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Where a collector takes traces, below its address.
const TRACES: &str = "v1/traces";

/// Who sends, in the words of the collector's log.
const USER_AGENT: &str = concat!("heliostat/", env!("CARGO_PKG_VERSION"));

/// So many spans may wait to be sent.
const MAX_WAITING: usize = 4_096;

/// So many are sent at once.
const MAX_BATCH: usize = 512;

/// How long a span waits for others to be sent with.
const BATCH_TIME: Duration = Duration::from_secs(2);

/// How long a collector may take to accept a batch.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// "This is the server's side of a request", in OTLP.
const SERVER_SPAN: u8 = 2;

/// "It has failed", in OTLP.
const FAILED: u8 = 2;

/// From this status on a request has failed by the server's fault.
const FIRST_SERVER_FAULT: u16 = 500;

/// A request that is over.
#[derive(Debug)]
pub struct Span {
    /// Its trace, in hex.
    pub trace_id: String,
    /// Its own id, in hex.
    pub span_id: String,
    /// That of the part that it belongs to, in hex.
    pub parent_span_id: Option<String>,
    /// What was asked for.
    pub name: String,
    /// When it came.
    pub began: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// Its status.
    pub status: u16,
    /// What else is known of it: names of OpenTelemetry's semantic conventions where there are some.
    pub attributes: Vec<(&'static str, Value)>,
}

/// Takes spans. Cloning is cheap and shares the way to the collector.
#[derive(Debug, Clone)]
pub struct Traces {
    waiting: Sender<Span>,
    dropped: Arc<AtomicU64>,
}

/// Sends spans, in the background.
pub struct TraceExporter {
    waiting: Receiver<Span>,
    dropped: Arc<AtomicU64>,
    client: PeerClient,
    url: Url,
    resource: Value,
    is_failing: bool,
}

impl Traces {
    /// Takes a span that is to be sent, if there is room for it.
    pub fn put(&self, span: Span) {
        if self.waiting.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl TraceExporter {
    /// The way to a collector, and what sends to it, for a server in this role at this address; fails without an HTTP client.
    pub fn new(collector: &Url, role: &str, base_url: &Url) -> Result<(Traces, Self), String> {
        let client = PeerClient::new(USER_AGENT, Destinations::Configured, Clock::system());
        let client = client.map_err(|error| with_causes(&error))?;
        let mut url = collector.clone();
        url.set_path(&format!("{}/{TRACES}", collector.path().trim_end_matches('/')));
        let resource = attributes([
            ("service.name", json!(format!("heliostat-{role}"))),
            ("service.version", json!(env!("CARGO_PKG_VERSION"))),
            ("service.instance.id", json!(base_url.as_str())),
        ]);
        let (sender, waiting) = mpsc::channel(MAX_WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let traces = Traces { waiting: sender, dropped: Arc::clone(&dropped) };
        Ok((traces, Self { waiting, dropped, client, url, resource, is_failing: false }))
    }

    /// Sends until `stop` is cancelled, and then what still waits.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let mut batch = Vec::new();
            let is_over = tokio::select! {
                taken = self.waiting.recv_many(&mut batch, MAX_BATCH) => taken == 0,
                () = stop.cancelled() => true,
            };
            if !is_over && batch.len() < MAX_BATCH {
                tokio::select! {
                    () = tokio::time::sleep(BATCH_TIME) => {}
                    () = stop.cancelled() => {}
                }
            }
            while batch.len() < MAX_BATCH
                && let Ok(span) = self.waiting.try_recv()
            {
                batch.push(span);
            }
            if !batch.is_empty() {
                self.send(&batch).await;
            }
            if is_over {
                return;
            }
        }
    }

    /// The first failure and the end of failures are news.
    async fn send(&mut self, batch: &[Span]) {
        let document = document(&self.resource, batch);
        let call = Call::new(Method::POST, self.url.clone()).body(&document).timeout(SEND_TIMEOUT);
        let sent = self.client.send(call).await;
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        match &sent {
            Ok(()) if self.is_failing => tracing::info!("the collector of traces takes them again"),
            Ok(()) if dropped > 0 => {
                tracing::warn!(dropped, "traces come faster than their collector takes them");
            }
            Ok(()) => {}
            Err(error) if self.is_failing => tracing::debug!(%error, "traces are still lost"),
            Err(error) => {
                tracing::warn!(%error, "the collector of traces does not take them; they are lost until it does");
            }
        }
        self.is_failing = sent.is_err();
    }
}

fn document(resource: &Value, batch: &[Span]) -> Value {
    let spans: Vec<Value> = batch.iter().map(span).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{
            "scope": {"name": "heliostat", "version": env!("CARGO_PKG_VERSION")},
            "spans": spans,
        }],
    }]})
}

fn span(span: &Span) -> Value {
    let mut told = json!({
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": SERVER_SPAN,
        "startTimeUnixNano": nanoseconds(span.began),
        "endTimeUnixNano": nanoseconds(span.began + span.took),
        "attributes": attributes(span.attributes.iter().cloned()),
    });
    if let Some(parent) = &span.parent_span_id {
        told["parentSpanId"] = json!(parent);
    }
    if span.status >= FIRST_SERVER_FAULT {
        told["status"] = json!({"code": FAILED});
    }
    told
}

/// Numbers of 64 bits are texts in OTLP's JSON.
fn nanoseconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

fn attributes(all: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let typed = |value: Value| match value {
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        other => json!({"stringValue": other.to_string()}),
    };
    all.into_iter().map(|(key, value)| json!({"key": key, "value": typed(value)})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_as_otlp_has_it() {
        let request = Span {
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            span_id: "00f067aa0ba902b7".to_owned(),
            parent_span_id: None,
            name: "getProjects".to_owned(),
            began: UNIX_EPOCH + Duration::from_secs(1),
            took: Duration::from_millis(5),
            status: 503,
            attributes: vec![("http.response.status_code", json!(503)), ("user.name", json!("ann"))],
        };
        let resource = attributes([("service.name", json!("heliostat-mirror"))]);
        let told = document(&resource, &[request]);
        let scope = &told["resourceSpans"][0]["scopeSpans"][0];
        let span = &scope["spans"][0];
        assert_eq!(
            (&span["startTimeUnixNano"], &span["endTimeUnixNano"]),
            (&json!("1000000000"), &json!("1005000000"))
        );
        assert_eq!(span["attributes"][0]["value"], json!({"intValue": "503"}));
        assert_eq!(span["attributes"][1], json!({"key": "user.name", "value": {"stringValue": "ann"}}));
        assert_eq!((&span["status"]["code"], &span["parentSpanId"]), (&json!(FAILED), &Value::Null));
    }
}
