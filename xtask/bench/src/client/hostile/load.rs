//! The crowd as a whole: started, counted, ended.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use super::behaviour::{Behaviour, CROWD};
use super::connection;
use crate::ours::rest::eventually;
use crate::process;

/// How long it may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// A client that was sent away comes again after this time, so that the crowd does not live on processor time.
const RETURN_PAUSE: Duration = Duration::from_secs(10);
/// The same for those who flood.
const FLOOD_PAUSE: Duration = Duration::from_millis(20);
/// How long it may take until each of them has tried once.
const GATHER_TIMEOUT: Duration = Duration::from_secs(180);
/// The highest niceness there is.
const LEAST_URGENT: i32 = 19;
/// Address prefixes that the crowd comes from. Those who make work come from one of them: a server shares its cores among
/// prefixes, so that with more of them their number would be measured.
const PREFIXES: usize = 4;
/// Addresses in each of them.
const ADDRESSES_PER_PREFIX: usize = 100;
/// Files that are open here besides the crowd's connections.
const OTHER_FILES: u64 = 1_000;
/// How long a packed body is when it is unpacked.
const UNPACKED_BYTES: usize = 64 * 1024 * 1024;
const PACK_TIMEOUT: Duration = Duration::from_secs(60);

/// The server, and what is asked of it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// The path of a small public repository.
    pub path: String,
    /// Its newest commit when the load began.
    pub tip: String,
    /// The path of a large public repository.
    pub large_path: String,
    /// A commit of it.
    pub large_tip: String,
    /// A body that is long when it is unpacked.
    pub packed: Arc<Vec<u8>>,
}

/// A crowd at work; it leaves when dropped.
#[derive(Debug)]
pub struct HostileLoad {
    runtime: Option<Runtime>,
    counts: Arc<Counts>,
}

/// What has happened to the crowd.
#[derive(Debug, Default)]
struct Counts {
    /// Clients that have tried at least once.
    came: AtomicU64,
    /// Of those who flood, clients that were answered at least once.
    answered: AtomicU64,
    /// Connections that are open now.
    open: AtomicU64,
    /// Visits until now; numbers them, too.
    visits: AtomicU64,
}

impl Target {
    /// What is asked of a server.
    pub fn new(
        base_url: &str,
        (path, tip): (String, String),
        (large_path, large_tip): (String, String),
    ) -> anyhow::Result<Self> {
        let authority = base_url.strip_prefix("http://").context("servers speak plain HTTP here")?;
        let address = authority.parse().with_context(|| format!("{authority} is no address"))?;
        let mut command = process::command("sh");
        command.args(["-c", &format!("head -c {UNPACKED_BYTES} /dev/zero | gzip -c")]);
        let packed = Arc::new(process::output(&mut command, PACK_TIMEOUT)?.stdout);
        ensure!(!packed.is_empty(), "gzip has packed nothing");
        Ok(Target { address, path, tip, large_path, large_tip, packed })
    }

    /// The head of a fetch from the small repository.
    pub fn fetch_head(&self, more: &str, length: usize) -> String {
        head(&self.path, self.address, more, length)
    }

    /// A whole fetch.
    pub fn fetch_of(&self, path: &str, body: &[u8]) -> Vec<u8> {
        [head(path, self.address, "Connection: close\r\n", body.len()).as_bytes(), body].concat()
    }
}

fn head(path: &str, address: SocketAddr, more: &str, length: usize) -> String {
    format!(
        "POST {path}/git-upload-pack HTTP/1.1\r\nHost: {address}\r\nGit-Protocol: version=2\r\n\
         Content-Type: application/x-git-upload-pack-request\r\nContent-Length: {length}\r\n{more}\r\n"
    )
}

impl HostileLoad {
    /// Begins, and returns when each client has tried once.
    pub fn gather(target: &Target) -> anyhow::Result<Self> {
        let clients: usize = CROWD.iter().map(|(_, clients)| clients).sum();
        allow_open_files(clients as u64 + OTHER_FILES)?;
        // One thread, so that the crowd takes at most one core.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .on_thread_start(leave_the_cores_to_others)
            .enable_all()
            .build()?;
        let counts = Arc::<Counts>::default();
        let mut place = 0;
        for (behaviour, clients) in CROWD {
            for _ in 0..clients {
                runtime.spawn(come_again(
                    source(place, behaviour),
                    behaviour,
                    target.clone(),
                    Arc::clone(&counts),
                ));
                place += 1;
            }
        }
        let load = HostileLoad { runtime: Some(runtime), counts };
        eventually("the crowd to gather", GATHER_TIMEOUT, || {
            Ok((load.counts.came.load(Ordering::Relaxed) >= clients as u64).then_some(()))
        })?;
        Ok(load)
    }

    /// Waits until those who flood are answered: a server may let a crowd wait for a while.
    pub fn wait_until_at_work(&self) -> anyhow::Result<()> {
        let floods = CROWD.iter().filter(|(behaviour, _)| is_answered_flood(*behaviour));
        let clients: usize = floods.map(|(_, clients)| clients).sum();
        eventually("the crowd to be answered", GATHER_TIMEOUT, || {
            Ok((self.counts.answered.load(Ordering::Relaxed) >= clients as u64).then_some(()))
        })
    }

    /// How many of their connections are open.
    pub fn open_connections(&self) -> u64 {
        self.counts.open.load(Ordering::Relaxed)
    }

    /// How often they have connected.
    pub fn visits(&self) -> u64 {
        self.counts.visits.load(Ordering::Relaxed)
    }
}

impl Drop for HostileLoad {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn come_again(source: SocketAddr, behaviour: Behaviour, target: Target, counts: Arc<Counts>) {
    let is_flood = is_answered_flood(behaviour) || behaviour == Behaviour::ConnectionFlood;
    let pause = if is_flood { FLOOD_PAUSE } else { RETURN_PAUSE };
    let (mut is_first, mut is_unanswered) = (true, is_answered_flood(behaviour));
    loop {
        let connected = timeout(CONNECT_TIMEOUT, connect(source, target.address)).await;
        if std::mem::take(&mut is_first) {
            counts.came.fetch_add(1, Ordering::Relaxed);
        }
        if let Ok(Ok(stream)) = connected {
            let number = counts.visits.fetch_add(1, Ordering::Relaxed);
            counts.open.fetch_add(1, Ordering::Relaxed);
            // That the server ends a visit is what it should do.
            let ended = connection::visit(stream, behaviour, &target, number).await;
            if ended.is_ok() && std::mem::take(&mut is_unanswered) {
                counts.answered.fetch_add(1, Ordering::Relaxed);
            }
            counts.open.fetch_sub(1, Ordering::Relaxed);
        }
        sleep(pause).await;
    }
}

/// Whether it asks again as soon as it was answered.
fn is_answered_flood(behaviour: Behaviour) -> bool {
    matches!(behaviour, Behaviour::FetchFlood | Behaviour::PasswordFlood)
}

async fn connect(source: SocketAddr, target: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(source)?;
    socket.connect(target).await
}

/// Addresses of the loopback network that no well-behaved client comes from.
fn source(place: usize, behaviour: Behaviour) -> SocketAddr {
    let prefix = if behaviour.makes_work() { 0 } else { place % PREFIXES };
    let host = place / PREFIXES % ADDRESSES_PER_PREFIX;
    let octet = |number: usize| u8::try_from(number + 1).expect("there are few");
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 66, octet(prefix), octet(host))), 0)
}

/// The crowd stands for other machines: it runs when neither the server nor a well-behaved client wants the core.
fn leave_the_cores_to_others() {
    // On Linux this is of the thread alone. Where it is refused, an upper bound is measured.
    let _ = rustix::process::nice(LEAST_URGENT);
}

fn allow_open_files(wanted: u64) -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let is_allowed = limit.maximum.is_none_or(|maximum| maximum >= wanted);
    ensure!(is_allowed, "{wanted} open files are needed, {:?} are allowed (ulimit -Hn)", limit.maximum);
    let current = limit.current.map(|current| current.max(wanted));
    setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_crowd_comes_from_a_few_prefixes_of_its_own() {
        let addresses = |behaviour| -> BTreeSet<IpAddr> {
            (0..10_000).map(|place| source(place, behaviour).ip()).collect()
        };
        let (silent, working) = (addresses(Behaviour::Silent), addresses(Behaviour::FetchFlood));
        assert_eq!(silent.len(), PREFIXES * ADDRESSES_PER_PREFIX);
        assert_eq!(working.len(), ADDRESSES_PER_PREFIX);
        assert!(silent.is_superset(&working) && silent.iter().all(IpAddr::is_loopback));
    }
}
