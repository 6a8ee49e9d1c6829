//! Connections of clients: whether there is room, and at whose cost.

use std::fmt;
use std::time::UNIX_EPOCH;

use super::encoder::Encoder;
use crate::http::ClientCounters;

pub(super) fn encode(clients: &ClientCounters, encoder: &mut Encoder<'_>) -> fmt::Result {
    let counters = clients.connections;
    encoder.gauge(
        "heliostat_connections_open",
        "Connections of clients that are open now.",
        counters.open as u64,
    )?;
    encoder.gauge(
        "heliostat_connections_max",
        "Connections of clients that may be open at once.",
        counters.max as u64,
    )?;
    encoder.counter(
        "heliostat_connections_displaced_total",
        "Connections that were closed to make room for others because their clients dawdled or were too many.",
        counters.displaced,
    )?;
    encoder.counter(
        "heliostat_connections_refused_total",
        "Connections that were refused with 503 because all others were being answered.",
        counters.refused,
    )?;
    encoder.counter(
        "heliostat_tls_handshakes_failed_total",
        "Connections that ended in the handshake of TLS: their clients speak none, or do not trust the certificate.",
        counters.failed_handshakes,
    )?;
    let Some(ends_at) = clients.certificate_ends_at else { return Ok(()) };
    encoder.gauge(
        "heliostat_tls_certificate_not_after_timestamp_seconds",
        "When the certificate ends that clients are shown, in seconds since 1970; only where this server speaks TLS.",
        ends_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
    )
}
