//! A line between a server and its database that a test can cut.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use url::Url;

/// A running relay.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    is_cut: bool,
    open: Vec<TcpStream>,
}

impl Relay {
    /// One in front of the PostgreSQL server that this run tests with; `None`, and a line that says so, when there is
    /// none.
    pub fn to_the_database() -> Option<Self> {
        let administrator = std::env::var("HELIOSTAT_TEST_DATABASE").unwrap_or_default();
        let Ok(url) = Url::parse(&administrator) else {
            eprintln!("skipped: only a database that is a server of its own can be away");
            return None;
        };
        let host = (url.host_str().expect("has a host"), url.port().unwrap_or(5432));
        let target = host.to_socket_addrs().expect("is an address").next().expect("leads somewhere");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("has one");
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut state = shared.lock();
                if state.is_cut {
                    continue;
                }
                let Ok(server) = TcpStream::connect(target) else { continue };
                for (from, into) in [(&client, &server), (&server, &client)] {
                    let (from, into) = (from.try_clone(), into.try_clone());
                    let (from, into) = (from.expect("an open socket"), into.expect("an open socket"));
                    thread::spawn(move || copy(from, into));
                }
                state.open.extend([client, server]);
            }
        });
        Some(Self { address, state })
    }

    /// Ends all connections and lets no new one last.
    pub fn cut(&self) {
        let mut state = self.state.lock();
        state.is_cut = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.lock().is_cut = false;
    }
}

fn copy(mut from: TcpStream, mut into: TcpStream) {
    let _ = std::io::copy(&mut from, &mut into);
    let _ = into.shutdown(Shutdown::Both);
}
