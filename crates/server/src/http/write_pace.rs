//! When to give up on a client that does not take its answer: it takes nothing for long, or too little over a longer time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use heliostat_peer::counted;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, Sleep, sleep_until};

use super::client_wait::ClientWait;
use super::connection_options::ConnectionOptions;
use super::kernel_queue::queued_bytes;

/// How often is looked, within the time in which nothing may be taken, whether something was.
const LOOKS_PER_STALL: u32 = 4;

/// The pace at which one connection is written to. Time counts only while the socket is full.
pub struct WritePace {
    stall_limit: Duration,
    look_after: Duration,
    check_speed_after: Duration,
    min_bytes_per_check: u64,
    /// The addresses of both ends, where they are known.
    ends: Option<(SocketAddr, SocketAddr)>,
    wait: ClientWait,
    /// Since when the socket is full, and when to look.
    full: Option<(Instant, Pin<Box<Sleep>>)>,
    /// How long it was full since the last look.
    waited: Duration,
    /// Asks the kernel what it still holds.
    asking: Option<JoinHandle<Option<u64>>>,
    /// What the kernel has taken from here.
    written_bytes: u64,
    /// What the client has taken of that, at the last look.
    taken_bytes: u64,
    stalled: Duration,
    /// Since the speed was last looked at: the time, and what had been taken by then.
    since_check: Duration,
    taken_before_check: u64,
}

impl WritePace {
    /// The pace of a new connection.
    pub fn new(
        options: &ConnectionOptions,
        ends: Option<(SocketAddr, SocketAddr)>,
        wait: ClientWait,
    ) -> Self {
        let check_speed_after = options.speed_check_after();
        Self {
            stall_limit: options.stall_limit,
            look_after: options.stall_limit / LOOKS_PER_STALL,
            check_speed_after,
            min_bytes_per_check: options
                .min_bytes_per_second
                .saturating_mul(check_speed_after.as_secs().max(1)),
            ends,
            wait,
            full: None,
            waited: Duration::ZERO,
            asking: None,
            written_bytes: 0,
            taken_bytes: 0,
            stalled: Duration::ZERO,
            since_check: Duration::ZERO,
            taken_before_check: 0,
        }
    }

    /// The kernel has taken so many bytes.
    pub fn took(&mut self, bytes: usize) {
        self.written_bytes = self.written_bytes.saturating_add(bytes as u64);
        if let Some((since, _)) = self.full.take() {
            self.waited += since.elapsed();
        }
        self.wait.client_moved();
    }

    /// The socket is full: looks now and then what its client takes, and gives up on one that takes too little.
    pub fn poll_full(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.wait.for_client();
        loop {
            if let Some(asking) = &mut self.asking {
                let queued = ready!(Pin::new(asking).poll(context)).ok().flatten();
                self.asking = None;
                if let Some(error) = self.judge(queued) {
                    return Poll::Ready(error);
                }
            }
            let patience = self.look_after.saturating_sub(self.waited);
            let (_, look) = self.full.get_or_insert_with(|| {
                let now = Instant::now();
                (now, Box::pin(sleep_until(now + patience)))
            });
            ready!(look.as_mut().poll(context));
            (self.full, self.waited) = (None, Duration::ZERO);
            match self.ends {
                Some((local, peer)) => {
                    self.asking = Some(spawn_blocking(move || queued_bytes(local, peer)));
                }
                None => {
                    if let Some(error) = self.judge(None) {
                        return Poll::Ready(error);
                    }
                }
            }
        }
    }

    /// Looks at what the client has taken, `look_after` after the last time. Where the kernel does not tell, it has taken
    /// what the kernel has.
    fn judge(&mut self, queued_bytes: Option<u64>) -> Option<io::Error> {
        let taken_bytes = self.written_bytes.saturating_sub(queued_bytes.unwrap_or(0));
        self.stalled += self.look_after;
        self.since_check += self.look_after;
        if taken_bytes > self.taken_bytes {
            self.stalled = Duration::ZERO;
            self.taken_bytes = taken_bytes;
        }
        if self.stalled >= self.stall_limit {
            return Some(gave_up(0, self.stalled));
        }
        if self.since_check < self.check_speed_after {
            return None;
        }
        let taken_since = self.taken_bytes - self.taken_before_check;
        if taken_since < self.min_bytes_per_check {
            return Some(gave_up(taken_since, self.since_check));
        }
        (self.since_check, self.taken_before_check) = (Duration::ZERO, self.taken_bytes);
        None
    }
}

fn gave_up(taken_bytes: u64, time: Duration) -> io::Error {
    let taken = counted(taken_bytes, "byte", "bytes");
    let message = format!("the client took {taken} in {} s", time.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, message)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const OPTIONS: ConnectionOptions = ConnectionOptions {
        stall_limit: Duration::from_secs(8),
        min_bytes_per_second: 100,
        max_connections: 1,
    };

    /// After how many seconds of waiting a client is given up that takes so much each so many seconds.
    async fn given_up(bytes: usize, every: u64) -> Option<u64> {
        let mut pace = WritePace::new(&OPTIONS, None, ClientWait::begin());
        let mut waited = 0;
        while waited < 1_000 {
            let began = Instant::now();
            let full = poll_fn(|context| pace.poll_full(context));
            if let Ok(error) = tokio::time::timeout(Duration::from_secs(every), full).await {
                assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                return Some(waited + began.elapsed().as_secs());
            }
            waited += every;
            pace.took(bytes);
            // Time in which there is nothing to take does not count.
            tokio::time::sleep(Duration::from_secs(100)).await;
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_or_too_little_is_given_up() {
        assert_eq!(given_up(0, 1_000).await, Some(8));
        assert_eq!(given_up(100_000, 7).await, None);
        // It is never silent for eight seconds, and takes less than 8,000 bytes in eighty.
        assert_eq!(given_up(300, 5).await, Some(80));
    }
}
