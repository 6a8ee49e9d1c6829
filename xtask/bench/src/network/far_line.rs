//! A line with a long way and little room, between two TUN devices: netem is missing from some kernels.
//!
//! Each direction has a thread that receives and one that sends. A packet leaves when the line is free and arrives
//! after the way; packets that find the queue full are lost, as at a router, so that TCP behaves as it does far away.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use tun_rs::{DeviceBuilder, SyncDevice};

/// How large a packet can be.
const MAX_PACKET_BYTES: usize = 65_536;
const MTU_BYTES: u16 = 1_500;

/// What a line is like.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// One way.
    pub way: Duration,
    /// How many bytes fit in a second, in each direction.
    pub bytes_per_second: f64,
    /// How much may wait.
    pub queue_bytes: usize,
}

/// A packet under way.
struct Packet {
    arrives: Instant,
    content: Vec<u8>,
}

impl Line {
    /// Makes two devices and carries packets between them until one of them is gone.
    pub fn lay(self, one: &str, other: &str) -> anyhow::Result<()> {
        let device = |name: &str| {
            let device = DeviceBuilder::new().name(name).mtu(MTU_BYTES).enable(false).build_sync();
            device.map(Arc::new).with_context(|| format!("cannot make the TUN device {name}"))
        };
        let (one, other) = (device(one)?, device(other)?);
        self.carry(&one, &other);
        self.carry(&other, &one);
        Ok(())
    }

    fn carry(self, from: &Arc<SyncDevice>, to: &Arc<SyncDevice>) {
        let (sender, receiver) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (from, to, counted) = (Arc::clone(from), Arc::clone(to), Arc::clone(&waiting));
        thread::spawn(move || self.receive(&from, &sender, &waiting));
        thread::spawn(move || send(&to, &receiver, &counted));
    }

    fn receive(self, from: &SyncDevice, packets: &mpsc::Sender<Packet>, waiting: &AtomicUsize) {
        let mut buffer = vec![0; MAX_PACKET_BYTES];
        let mut clock = LineClock::new(self, Instant::now());
        loop {
            match from.recv(&mut buffer) {
                Ok(length) if length > 0 => {
                    if waiting.load(Ordering::Relaxed) + length > self.queue_bytes {
                        continue;
                    }
                    waiting.fetch_add(length, Ordering::Relaxed);
                    let arrives = clock.arrival(length, Instant::now());
                    if packets.send(Packet { arrives, content: buffer[..length].to_vec() }).is_err() {
                        return;
                    }
                }
                Ok(_) => {}
                Err(error) if is_passing(&error) => thread::sleep(Duration::from_millis(1)),
                Err(_) => return,
            }
        }
    }
}

fn send(to: &SyncDevice, packets: &mpsc::Receiver<Packet>, waiting: &AtomicUsize) {
    for Packet { arrives, content } in packets {
        thread::sleep(arrives.saturating_duration_since(Instant::now()));
        // A device that is down loses packets, as a cable that is not plugged in.
        let _ = to.send(&content);
        waiting.fetch_sub(content.len(), Ordering::Relaxed);
    }
}

/// A device that is not up yet, or is being moved, cannot be read for a while.
fn is_passing(error: &io::Error) -> bool {
    const NOT_UP: i32 = 5;
    error.kind() == io::ErrorKind::WouldBlock
        || error.kind() == io::ErrorKind::Interrupted
        || error.raw_os_error() == Some(NOT_UP)
}

/// Knows until when the line is taken.
struct LineClock {
    line: Line,
    free_at: Instant,
}

impl LineClock {
    fn new(line: Line, now: Instant) -> Self {
        LineClock { line, free_at: now }
    }

    /// When a packet arrives that is handed over now.
    fn arrival(&mut self, bytes: usize, now: Instant) -> Instant {
        let takes = Duration::from_secs_f64(bytes as f64 / self.line.bytes_per_second);
        self.free_at = self.free_at.max(now) + takes;
        self.free_at + self.line.way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_wait_for_each_other_and_for_the_way() {
        let way = Duration::from_millis(40);
        let line = Line { way, bytes_per_second: 1000.0, queue_bytes: 10_000 };
        let start = Instant::now();
        let mut clock = LineClock::new(line, start);
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(clock.arrival(100, start), after(140));
        assert_eq!(clock.arrival(100, start), after(240));
        // Idle time is not saved up.
        assert_eq!(clock.arrival(100, after(1_000)), after(1_140));
    }
}
