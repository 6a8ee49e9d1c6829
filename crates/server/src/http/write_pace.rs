//! When to give up on a client that does not take its answer.
//!
//! The kernel gives up on one that takes nothing at all (`TCP_USER_TIMEOUT`): it alone sees what arrives there of the
//! megabytes that it holds. One that takes a little now and then is seen here: what the socket takes over a long time of
//! waiting is too little.

use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::time::{Instant, Sleep, sleep_until};

use super::client_wait::ClientWait;
use super::connection_options::ConnectionOptions;

/// The pace at which one connection is written to.
pub struct WritePace {
    check_after: Duration,
    min_bytes_per_check: u64,
    /// What was taken since the last look, and how long that was waited for.
    taken_bytes: u64,
    waited: Duration,
    /// Since when the socket is full, and when to look.
    full: Option<(Instant, Pin<Box<Sleep>>)>,
    wait: ClientWait,
}

impl WritePace {
    /// The pace of a new connection.
    pub fn new(options: &ConnectionOptions, wait: ClientWait) -> Self {
        let check_after = options.speed_check_after();
        Self {
            check_after,
            min_bytes_per_check: options.min_bytes_per_second.saturating_mul(check_after.as_secs().max(1)),
            taken_bytes: 0,
            waited: Duration::ZERO,
            full: None,
            wait,
        }
    }

    /// The socket has taken so many bytes.
    pub fn took(&mut self, bytes: usize) {
        self.taken_bytes = self.taken_bytes.saturating_add(bytes as u64);
        if let Some((since, _)) = self.full.take() {
            self.waited += since.elapsed();
        }
        self.wait.client_moved();
    }

    /// The socket is full: waits until it is time to look at how much was taken, and gives up if that was too little.
    pub fn poll_full(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.wait.for_client();
        loop {
            let patience = self.check_after.saturating_sub(self.waited);
            let (_, look) = self.full.get_or_insert_with(|| {
                let now = Instant::now();
                (now, Box::pin(sleep_until(now + patience)))
            });
            ready!(look.as_mut().poll(context));
            if self.taken_bytes < self.min_bytes_per_check {
                let message =
                    format!("the client took {} bytes in {} s", self.taken_bytes, self.check_after.as_secs());
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            (self.taken_bytes, self.waited, self.full) = (0, Duration::ZERO, None);
        }
    }
}

/// Lets the kernel close a connection whose client takes nothing for so long.
pub fn end_when_nothing_is_taken(socket: impl AsFd, stall_limit: Duration) -> io::Result<()> {
    let stall_limit_ms = u32::try_from(stall_limit.as_millis()).unwrap_or(u32::MAX);
    Ok(set_tcp_user_timeout(socket, stall_limit_ms)?)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const OPTIONS: ConnectionOptions = ConnectionOptions {
        stall_limit: Duration::from_secs(1),
        min_bytes_per_second: 100,
        max_connections: 1,
    };

    #[tokio::test(start_paused = true)]
    async fn who_takes_too_little_is_given_up_and_who_takes_enough_is_not() {
        // 1,000 bytes in ten seconds of waiting are enough; time in which there is nothing to take does not count.
        let mut pace = WritePace::new(&OPTIONS, ClientWait::begin());
        for taken in [600, 600, 600, 600] {
            let waiting =
                tokio::time::timeout(Duration::from_secs(5), poll_fn(|context| pace.poll_full(context)));
            assert!(waiting.await.is_err(), "it waits");
            pace.took(taken);
            tokio::time::sleep(Duration::from_secs(1_000)).await;
        }
        let began = Instant::now();
        let error = poll_fn(|context| pace.poll_full(context)).await;
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() <= Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
