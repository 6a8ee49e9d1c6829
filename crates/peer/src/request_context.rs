//! Which request is being answered, so that what other servers are asked meanwhile carries its names there.
//!
//! A request has an id (`X-Request-Id`), which people look for in logs, and a place in a trace (`traceparent`, as W3C's
//! Trace Context has it). Both are taken from the client if they are well formed, and made here otherwise.

use std::future::Future;

/// The header that holds the id of a request.
pub const REQUEST_ID: &str = "x-request-id";

/// The header that holds the place of a request in a trace.
pub const TRACE_PARENT: &str = "traceparent";

/// Longest id that is taken from a client.
const MAX_ID_BYTES: usize = 128;

/// What stands in `traceparent` for "this is recorded".
const SAMPLED: u8 = 1;

tokio::task_local! {
    /// That of the request that is being answered.
    static CURRENT: RequestContext;
}

/// The names of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    request_id: String,
    trace_id: [u8; 16],
    span_id: [u8; 8],
    parent_span_id: Option<[u8; 8]>,
    is_sampled: bool,
}

impl RequestContext {
    /// Names of its own, for what no request has caused.
    pub fn new() -> Self {
        Self {
            request_id: hex::encode(rand::random::<[u8; 16]>()),
            trace_id: rand::random(),
            span_id: rand::random(),
            parent_span_id: None,
            is_sampled: true,
        }
    }

    /// Those of a request with these headers; what is malformed is replaced.
    pub fn received(request_id: Option<&str>, trace_parent: Option<&str>) -> Self {
        let mut context = Self::new();
        if let Some(id) = request_id.filter(|id| is_usable(id)) {
            id.clone_into(&mut context.request_id);
        }
        if let Some((trace_id, parent, is_sampled)) = trace_parent.and_then(read_trace_parent) {
            context.trace_id = trace_id;
            context.parent_span_id = Some(parent);
            context.is_sampled = is_sampled;
        }
        context
    }

    /// Those of the request that is being answered; none outside of one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Does this work under these names.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// The id of the request.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The id of its trace, in hex.
    pub fn trace_id(&self) -> String {
        hex::encode(self.trace_id)
    }

    /// The id of its own part of the trace, in hex.
    pub fn span_id(&self) -> String {
        hex::encode(self.span_id)
    }

    /// The id of the part that it belongs to, in hex.
    pub fn parent_span_id(&self) -> Option<String> {
        self.parent_span_id.map(hex::encode)
    }

    /// Whether the trace is to be recorded.
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// What other servers are told of the trace.
    pub fn trace_parent(&self) -> String {
        let flags = if self.is_sampled { SAMPLED } else { 0 };
        format!("00-{}-{}-{flags:02x}", self.trace_id(), self.span_id())
    }
}

impl Default for RequestContext {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether an id can stand in a header and in a line of a log without being taken for anything else.
fn is_usable(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(is_plain)
}

/// Trace, parent, and whether it is recorded.
fn read_trace_parent(text: &str) -> Option<([u8; 16], [u8; 8], bool)> {
    let mut parts = text.split('-');
    let version: [u8; 1] = digits(parts.next()?)?;
    let (trace_id, parent) = (digits::<16>(parts.next()?)?, digits::<8>(parts.next()?)?);
    let [flags] = digits::<1>(parts.next()?)?;
    // Later versions may say more; the first one says exactly this.
    let is_known = version != [0xff] && (version != [0] || parts.next().is_none());
    let is_valid = is_known && trace_id != [0; 16] && parent != [0; 8];
    is_valid.then_some((trace_id, parent, flags & SAMPLED != 0))
}

fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_lower_case = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (is_lower_case && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn what_a_client_names_is_taken_over_and_passed_on() {
        let sent = format!("00-{TRACE}-{PARENT}-01");
        let context = RequestContext::received(Some("build-17"), Some(&sent));
        assert_eq!((context.request_id(), context.trace_id().as_str()), ("build-17", TRACE));
        assert_eq!(context.parent_span_id().as_deref(), Some(PARENT));
        let passed = context.trace_parent();
        assert!(passed.starts_with(&format!("00-{TRACE}-")) && passed.ends_with("-01"), "{passed}");
        assert_ne!(passed, sent, "it is a part of its own");
        let unsampled = RequestContext::received(None, Some(&format!("00-{TRACE}-{PARENT}-00")));
        assert!(!unsampled.is_sampled() && unsampled.trace_parent().ends_with("-00"));
        // A later version may say more.
        let later = RequestContext::received(None, Some(&format!("01-{TRACE}-{PARENT}-01-more")));
        assert_eq!(later.trace_id(), TRACE);
    }

    #[test]
    fn what_is_malformed_is_replaced() {
        let long = "x".repeat(MAX_ID_BYTES + 1);
        for id in ["", "two words", "line\nbreak", "quo\"te", long.as_str()] {
            assert_ne!(RequestContext::received(Some(id), None).request_id(), id);
        }
        for parent in [
            String::new(),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("00-{TRACE}-{PARENT}"),
        ] {
            assert_eq!(RequestContext::received(None, Some(&parent)).parent_span_id(), None, "{parent}");
        }
    }

    #[tokio::test]
    async fn there_is_one_while_a_request_is_answered() {
        assert_eq!(RequestContext::current(), None);
        let context = RequestContext::new();
        let within = context.clone().scope(async { RequestContext::current() }).await;
        assert_eq!(within, Some(context));
    }
}
