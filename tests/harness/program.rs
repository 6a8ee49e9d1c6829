//! Servers that are not ours, as processes: started at an address that is free, ended with the value.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use parking_lot::Mutex;

use super::server::free_address;
use super::wait::eventually;

/// How many addresses are tried.
const ATTEMPTS: usize = 5;

/// A running program, which is told to end with this value.
#[derive(Debug)]
pub struct Program(Child);

impl Program {
    /// Starts a program that reads nothing.
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Starts a program that listens at an address, at another one if that was taken in the meantime. What it says goes
    /// into a file.
    pub async fn listening(log: &Path, command: impl Fn(SocketAddr) -> Command) -> (Self, SocketAddr) {
        for _ in 0..ATTEMPTS {
            let address = free_address();
            let mut command = command(address);
            command.stdout(Stdio::null()).stderr(File::create(log).expect("a log can be made"));
            let program = Mutex::new(Self::start(&mut command));
            let is_up = eventually("the program to listen or to end", || async {
                if TcpStream::connect(address).is_ok() {
                    return Some(true);
                }
                program.lock().0.try_wait().expect("it is ours").map(|_| false)
            });
            if is_up.await {
                return (program.into_inner(), address);
            }
        }
        panic!("it did not listen: {}", fs::read_to_string(log).unwrap_or_default());
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
