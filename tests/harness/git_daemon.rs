//! `git daemon`, which serves over `git://`, and a proxy before it that hides from it that clients know newer versions
//! of the protocol.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use heliostat_machines::KeptAddress;
use tempfile::TempDir;

use super::git::git;
use super::program::Program;

/// A running daemon.
pub struct GitDaemon {
    program: Option<Program>,
    address: KeptAddress,
    root: TempDir,
}

impl GitDaemon {
    /// Starts one; where git came without it, says so.
    pub async fn start() -> Option<Self> {
        let root = tempfile::tempdir().expect("a folder can be made");
        let daemon = Path::new(&git(root.path(), &["--exec-path"])).join("git-daemon");
        if !daemon.is_file() {
            eprintln!("skipped: git came without {}", daemon.display());
            return None;
        }
        let folder = root.path().join("repositories");
        std::fs::create_dir(&folder).expect("a folder can be made");
        let log = root.path().join("log");
        let (program, address) = Program::listening(&log, |address| {
            let mut command = Command::new(&daemon);
            command.args(["--reuseaddr", "--export-all", "--informative-errors", "--listen=127.0.0.1"]);
            command.arg(format!("--port={}", address.port()));
            command.arg(format!("--base-path={}", folder.display())).arg(&folder);
            command.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", "/nonexistent");
            command
        })
        .await;
        Some(Self { program: Some(program), address, root })
    }

    /// A new repository without commits; returns its folder.
    pub fn add_repository(&self, path: &str) -> PathBuf {
        let folder = self.root.path().join("repositories").join(path.trim_start_matches('/'));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        git(&folder, &["init", "--quiet", "--bare"]);
        folder
    }

    /// Where a repository is.
    pub fn url(&self, path: &str) -> String {
        format!("git://{}{path}", self.address)
    }

    /// Where it is for those who know only the oldest version of the protocol.
    pub fn old_url(&self, path: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let (door, daemon) = (listener.local_addr().expect("has one"), self.address.address());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                thread::spawn(move || lead_in(client, daemon));
            }
        });
        format!("git://{door}{path}")
    }

    /// Ends it.
    pub fn end(&mut self) {
        self.program = None;
    }
}

/// Passes everything on but the version that a client asks for.
fn lead_in(mut client: TcpStream, daemon: SocketAddr) -> io::Result<()> {
    let mut digits = [0; 4];
    client.read_exact(&mut digits)?;
    let length = usize::from_str_radix(&String::from_utf8_lossy(&digits), 16).map_err(io::Error::other)?;
    let mut request = vec![0; length.saturating_sub(digits.len())];
    client.read_exact(&mut request)?;
    let request = String::from_utf8_lossy(&request).replace("\0\0version=2\0", "\0");
    let mut server = TcpStream::connect(daemon)?;
    server.write_all(format!("{:04x}{request}", request.len() + digits.len()).as_bytes())?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let answering = thread::spawn(move || {
        io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Both).ok();
    });
    io::copy(&mut client, &mut server)?;
    server.shutdown(Shutdown::Write)?;
    answering.join().ok();
    Ok(())
}
