//! The line to a server that other servers use: it delays, drops, repeats, reorders, cuts and resets what they say.
//!
//! Each connection carries one request. What clients say does not come this way.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use parking_lot::Mutex;
use rand::RngExt;
use rand::rngs::StdRng;

/// How often a request meets a fault while the line is faulty.
const FAULTY: f64 = 0.45;
/// How long a connection may be silent.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
/// Most that is kept of a request.
const MAX_REQUEST_BYTES: usize = 64 << 20;
const PIECE_BYTES: usize = 64 * 1024;

/// A running proxy.
#[derive(Debug)]
pub struct Line {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

/// What a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It carries everything.
    Good,
    /// Any request may meet a fault.
    Faulty,
    /// Connections end at once.
    Refusing,
    /// Connections are taken, and nothing is ever answered.
    Silent,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    mode: Mutex<Mode>,
    chance: Mutex<StdRng>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

/// What can happen to a request and its answer.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It comes late, so that others may overtake it.
    Late(Duration),
    /// It is lost.
    Lost,
    /// It is carried out, and its answer is lost.
    AnswerLost,
    /// It arrives twice, one right after the other.
    Twice,
    /// It arrives, and once more when others have come after it.
    AgainLater(Duration),
    /// Only this many bytes of it arrive.
    Cut(usize),
    /// Only this many bytes of its answer arrive.
    AnswerCut(usize),
    /// The connection is reset.
    Reset,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Fault::Late(_) => "late",
            Fault::Lost => "lost",
            Fault::AnswerLost => "answer lost",
            Fault::Twice => "twice",
            Fault::AgainLater(_) => "again later",
            Fault::Cut(_) => "cut",
            Fault::AnswerCut(_) => "answer cut",
            Fault::Reset => "reset",
        }
    }

    fn choose(chance: &mut StdRng) -> Self {
        let pause = Duration::from_millis(chance.random_range(20..1500));
        let length = [0, 20, 200, 2_000, 20_000][chance.random_range(0..5_usize)];
        match chance.random_range(0..10) {
            0..=2 => Fault::Late(pause),
            3 => Fault::Lost,
            4 => Fault::AnswerLost,
            5 => Fault::Twice,
            6 => Fault::AgainLater(pause * 2),
            7 => Fault::Cut(length),
            8 => Fault::AnswerCut(length),
            _ => Fault::Reset,
        }
    }
}

impl Line {
    /// One in front of what listens at an address, now or later.
    pub fn start(target: SocketAddr, chance: StdRng) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            target,
            mode: Mutex::new(Mode::Good),
            chance: Mutex::new(chance),
            counts: Mutex::default(),
        });
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = shared.clone();
                thread::spawn(move || {
                    // Whatever goes wrong ends the connection, which is what lines do.
                    let _ = serve(&client, &state);
                });
            }
        });
        Ok(Self { address, state })
    }

    /// What it does from now on.
    pub fn set(&self, mode: Mode) {
        *self.state.mode.lock() = mode;
    }

    /// How many times each fault happened.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.state.counts.lock().clone()
    }
}

impl State {
    fn mode(&self) -> Mode {
        *self.mode.lock()
    }

    fn count(&self, what: &'static str) {
        *self.counts.lock().entry(what).or_default() += 1;
    }

    fn fault(&self) -> Option<Fault> {
        if self.mode() != Mode::Faulty {
            return None;
        }
        let mut chance = self.chance.lock();
        let fault = chance.random_bool(FAULTY).then(|| Fault::choose(&mut chance))?;
        self.count(fault.name());
        Some(fault)
    }
}

fn serve(client: &TcpStream, state: &Arc<State>) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    match state.mode() {
        Mode::Refusing => {
            state.count("refused");
            return Ok(());
        }
        Mode::Silent => {
            state.count("unanswered");
            while state.mode() == Mode::Silent {
                thread::sleep(PAUSE);
            }
            return Ok(());
        }
        Mode::Good | Mode::Faulty => {}
    }
    let fault = state.fault();
    if let Some(Fault::Reset) = fault {
        // What has arrived and was not read makes the kernel reset the connection.
        client.peek(&mut [0_u8])?;
        return Ok(());
    }
    let request = read_request(client)?;
    match fault {
        Some(Fault::Late(pause)) => {
            thread::sleep(pause);
            forward(&request, state, Some(client), usize::MAX)
        }
        Some(Fault::Lost) => Ok(()),
        Some(Fault::AnswerLost) => forward(&request, state, None, 0),
        Some(Fault::Twice) => {
            forward(&request, state, None, 0)?;
            forward(&request, state, Some(client), usize::MAX)
        }
        Some(Fault::AgainLater(pause)) => {
            forward(&request, state, Some(client), usize::MAX)?;
            let _ = client.shutdown(Shutdown::Both);
            thread::sleep(pause);
            forward(&request, state, None, 0)
        }
        Some(Fault::Cut(length)) => {
            let part = &request[..length.min(request.len())];
            TcpStream::connect(state.target)?.write_all(part)
        }
        Some(Fault::AnswerCut(length)) => forward(&request, state, Some(client), length),
        Some(Fault::Reset) | None => forward(&request, state, Some(client), usize::MAX),
    }
}

/// Carries a request there, and as much of its answer back.
fn forward(request: &[u8], state: &State, client: Option<&TcpStream>, mut left: usize) -> io::Result<()> {
    let mut server = TcpStream::connect(state.target)?;
    server.set_read_timeout(Some(PATIENCE))?;
    server.write_all(request)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = server.read(&mut piece)?;
        if length == 0 || state.mode() == Mode::Refusing {
            return Ok(());
        }
        let Some(mut client) = client else { continue };
        let part = length.min(left);
        client.write_all(&piece[..part])?;
        left -= part;
        if left == 0 {
            return Ok(());
        }
    }
}

/// A whole request, changed to be the only one of its connection.
fn read_request(mut client: &TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut more = |bytes: &mut Vec<u8>| -> io::Result<()> {
        let length = client.read(&mut piece)?;
        if length == 0 || bytes.len() > MAX_REQUEST_BYTES {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&piece[..length]);
        Ok(())
    };
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        more(&mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let value = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    if value("transfer-encoding").is_some() {
        while !bytes[end + 4..].ends_with(b"0\r\n\r\n") {
            more(&mut bytes)?;
        }
    } else if let Some(length) = value("content-length").and_then(|length| length.parse::<usize>().ok()) {
        while bytes.len() < end + 4 + length {
            more(&mut bytes)?;
        }
    }
    let is_kept = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        !name.eq_ignore_ascii_case("connection") && !name.eq_ignore_ascii_case("expect")
    };
    let kept: Vec<&str> = head.lines().filter(is_kept).collect();
    let head = format!("{}\r\nconnection: close\r\n\r\n", kept.join("\r\n"));
    Ok([head.as_bytes(), &bytes[end + 4..]].concat())
}
