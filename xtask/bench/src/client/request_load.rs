//! A saturating load of one request: a few threads that ask again as soon as they are answered.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::client::raw_post::{Connection, KeptConnection, Request};
use crate::side_by_side::side_by_side;

/// Asks with so many threads for so long; every answer must be exactly the expected one. Returns how many came.
pub fn run(
    request: &Request,
    connection: Connection,
    expected: &[u8],
    threads: usize,
    duration: Duration,
) -> anyhow::Result<u64> {
    let end = Instant::now() + duration;
    let answered = side_by_side(threads, threads, |_| {
        let mut answered = 0;
        let mut kept = KeptConnection::to(request)?;
        let mut answer = Vec::with_capacity(expected.len());
        while Instant::now() < end {
            answer.clear();
            if connection == Connection::Closed && answered > 0 {
                kept = KeptConnection::to(request)?;
            }
            kept.send(request, |piece| answer.extend_from_slice(piece))?;
            ensure!(answer == expected, "an answer differs from the first one");
            answered += 1;
        }
        Ok(answered)
    })?;
    Ok(answered.into_iter().sum())
}
