//! Connections of clients: whether there is room, and at whose cost.

use std::fmt;

use super::encoder::Encoder;
use crate::http::ConnectionCounters;

pub(super) fn encode(counters: ConnectionCounters, encoder: &mut Encoder<'_>) -> fmt::Result {
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
    )
}
