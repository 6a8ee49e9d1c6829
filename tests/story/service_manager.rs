//! systemd is told what a role does: it is ready, reads its certificate again, stops, and shows that it is alive meanwhile.

use std::os::unix::net::UnixDatagram;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::harness::{Server, ServerOptions};

/// How long the next message may take.
const PATIENCE: Duration = Duration::from_mins(4);
/// A message is at most this long.
const MAX_MESSAGE_BYTES: usize = 4096;

/// The end of the socket that systemd has. All that comes is read at once, as systemd does: a socket that holds some messages
/// lets who sends more wait.
struct Manager {
    messages: mpsc::Receiver<String>,
    folder: tempfile::TempDir,
}

impl Manager {
    fn listen() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket can be made");
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; MAX_MESSAGE_BYTES];
            while let Ok(length) = socket.recv(&mut bytes) {
                let message = String::from_utf8_lossy(&bytes[..length]).into_owned();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Manager { messages, folder }
    }

    fn variable(&self) -> (String, String) {
        let path = self.folder.path().join("notify");
        ("NOTIFY_SOCKET".into(), path.to_str().expect("is UTF-8").into())
    }

    /// Reads messages until one says this, and returns it.
    fn until(&self, wanted: &str) -> String {
        loop {
            let message = self.messages.recv_timeout(PATIENCE);
            let message = message.unwrap_or_else(|error| panic!("no {wanted}: {error}"));
            if message.lines().any(|line| line == wanted) {
                return message;
            }
        }
    }
}

#[test]
fn a_service_manager_is_told_what_the_role_does() {
    let manager = Manager::listen();
    let watchdog = ("WATCHDOG_USEC".into(), Duration::from_millis(300).as_micros().to_string());
    let environment = vec![manager.variable(), watchdog];
    let mut upstream = Server::upstream(ServerOptions { environment, ..ServerOptions::default() });

    let ready = manager.until("READY=1");
    let address = upstream.base_url().as_str().trim_end_matches('/');
    assert!(ready.contains(&format!("STATUS=serves at {address}\n")), "{ready}");
    for _ in 0..2 {
        manager.until("WATCHDOG=1");
    }

    upstream.hang_up();
    let reloading = manager.until("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "newer versions of systemd ask for it: {reloading}");
    manager.until("READY=1");
    manager.until("WATCHDOG=1");

    assert!(upstream.terminate().success(), "{}", upstream.log());
    manager.until("STOPPING=1");
}

#[test]
fn a_service_manager_that_wants_no_signs_of_life_gets_none() {
    let manager = Manager::listen();
    let environment = vec![manager.variable()];
    let mut upstream = Server::upstream(ServerOptions { environment, ..ServerOptions::default() });
    assert!(upstream.terminate().success(), "{}", upstream.log());
    manager.until("READY=1");
    // What follows is the last word: between both there was no sign of life.
    let last = manager.messages.recv_timeout(PATIENCE).expect("it says that it stops");
    assert!(last.starts_with("STOPPING=1\n"), "{last}");
}
