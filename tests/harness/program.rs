//! Servers that are not ours, as processes: started at an address that is kept for them, ended with the value.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use heliostat_machines::KeptAddress;
use parking_lot::Mutex;

use super::server::kept_address;
use super::wait::eventually;

/// A running program, which is told to end with this value.
#[derive(Debug)]
pub struct Program(Child);

impl Program {
    /// Starts a program that reads nothing.
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Starts a program that listens at an address. What it says goes into a file.
    pub async fn listening(log: &Path, command: impl Fn(SocketAddr) -> Command) -> (Self, KeptAddress) {
        let kept = kept_address();
        let mut command = command(kept.address());
        command.stdout(Stdio::null()).stderr(File::create(log).expect("a log can be made"));
        let program = Mutex::new(Self::start(&mut command));
        let is_up = eventually("the program to listen or to end", || async {
            if TcpStream::connect(kept.address()).is_ok() {
                return Some(true);
            }
            program.lock().0.try_wait().expect("it is ours").map(|_| false)
        });
        assert!(is_up.await, "it did not listen: {}", fs::read_to_string(log).unwrap_or_default());
        (program.into_inner(), kept)
    }

    /// What it prints, if that was asked for when it was started.
    pub fn stdout(&mut self) -> ChildStdout {
        self.0.stdout.take().expect("a pipe")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Its children end with it only if it is asked to.
        let mut kill = Command::new("kill");
        kill.args(["-TERM", &self.0.id().to_string()]).stderr(Stdio::null());
        kill.status().expect("kill can be run");
        self.0.wait().expect("it ends");
    }
}
