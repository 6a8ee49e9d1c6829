//! How much of what was sent the kernel still holds, because the other side has not taken it.
//!
//! The kernel takes megabytes at once and asks for more only when a third of them is gone. So a socket that is full for
//! a minute may be one to which nothing gets through, or one over a slow line. Linux tells them apart in `/proc/net/tcp`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Where connections are listed.
const LISTS: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// For so long a list is good for all who ask.
const LIST_AGE: Duration = Duration::from_secs(1);

/// Bytes that wait, by the addresses of both ends.
type Queues = HashMap<(SocketAddr, SocketAddr), u64>;

/// The latest list.
static LATEST: Mutex<Option<(Instant, Queues)>> = Mutex::new(None);

/// Bytes that wait at a connection; `None` if the system does not tell. Reads files.
pub fn queued_bytes(local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    let mut latest = LATEST.lock();
    if latest.as_ref().is_none_or(|(read, _)| read.elapsed() > LIST_AGE) {
        let lists = LISTS.iter().filter_map(|path| std::fs::read_to_string(path).ok());
        *latest = Some((Instant::now(), lists.flat_map(|list| queues_in(&list)).collect()));
    }
    latest.as_ref()?.1.get(&(canonical(local), canonical(peer))).copied()
}

fn queues_in(list: &str) -> Queues {
    // The first line names the columns: number, local address, other address, state, queues for sending and receiving.
    let entries = list.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (local, peer) = (address_in(columns.next()?)?, address_in(columns.next()?)?);
        let (sending, _) = columns.nth(1)?.split_once(':')?;
        Some(((local, peer), u64::from_str_radix(sending, 16).ok()?))
    });
    entries.collect()
}

/// `0100007F:1F36`, or four times as many digits for IPv6: numbers of four bytes as they lie in memory.
fn address_in(text: &str) -> Option<SocketAddr> {
    let (digits, port) = text.split_once(':')?;
    let number = |start: usize| {
        let digits = digits.get(start..start + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let address = match digits.len() {
        8 => IpAddr::from(number(0)?),
        32 => {
            let parts = [number(0)?, number(8)?, number(16)?, number(24)?];
            Ipv6Addr::from(<[u8; 16]>::try_from(parts.concat()).ok()?).into()
        }
        _ => return None,
    };
    Some(canonical(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?)))
}

/// The same for all spellings of an address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_the_other_side_has_not_taken_is_counted() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let reader = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
            let (mut writer, peer) = listener.accept().expect("it has come");
            writer.set_nonblocking(true).expect("possible");
            let written: usize = std::iter::from_fn(|| writer.write(&[7; 65_536]).ok()).sum();
            let local = writer.local_addr().expect("connected");
            *LATEST.lock() = None;
            let queued = queued_bytes(local, peer).expect("Linux tells");
            assert!(queued > 0 && queued <= written as u64, "{queued} of {written}");
            drop(reader);
        }
    }

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n   \
            0: 0100007F:1F36 0209007F:C350 01 0000A000:00000001 00:00000000 00000000\n   \
            1: 00000000000000000000000001000000:1F36 0000000000000000FFFF00000100007F:0001 01 00000002:0 0 0\n\
            broken\n";
        let queues = queues_in(list);
        let queued = |local: &str, peer: &str| {
            let ends = (local.parse().expect("an address"), peer.parse().expect("an address"));
            queues.get(&ends).copied()
        };
        if cfg!(target_endian = "little") {
            assert_eq!(queued("127.0.0.1:7990", "127.0.9.2:50000"), Some(0xA000));
            assert_eq!(queued("[::1]:7990", "127.0.0.1:1"), Some(2));
        }
        assert_eq!(queues.len(), 2);
    }
}
