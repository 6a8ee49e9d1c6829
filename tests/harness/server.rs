//! A role as a process: started from the built binary, stopped when dropped, killed when a test asks.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use heliostat_machines::KeptAddress;
use parking_lot::Mutex;
use tempfile::TempDir;
use url::Url;

use super::on_disk::copy_folder;

/// The administrator's password in all tests.
pub const ADMIN_PASSWORD: &str = "correct horse battery staple";
/// How long a server may take to come up; a machine may have much else to do.
const START_PATIENCE: Duration = Duration::from_mins(5);
/// Pause between two looks whether anything listens.
const LISTEN_PAUSE: Duration = Duration::from_millis(20);

/// How to start a server.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Further command line arguments.
    pub arguments: Vec<String>,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
    /// Where to listen; at a port of its own of the loopback address when absent.
    pub listen: Option<String>,
    /// How many files it may open and never more; as many as this process when absent.
    pub open_files: Option<u64>,
    /// Where data and database lie; a folder of its own when absent.
    pub disk: Option<PathBuf>,
    /// Where its database server is reached, if not at its own address.
    pub database_through: Option<SocketAddr>,
    /// Whether its log goes into a pipe that is not read until [`Server::read_log`].
    pub has_unread_log: bool,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    role: &'static str,
    options: ServerOptions,
    base_url: Url,
    child: Option<Child>,
    database: String,
    folder: TempDir,
    own_address: KeptAddress,
}

impl Server {
    /// Starts an upstream with an empty data directory and database.
    pub fn upstream(options: ServerOptions) -> Self {
        Self::start("upstream", options)
    }

    /// Starts an upstream on what is put before into its data directory, which is missing, and its database, which is
    /// empty.
    pub fn upstream_prepared(prepare: impl FnOnce(&Path, &str)) -> Self {
        let mut server = Self::new("upstream", ServerOptions::default());
        prepare(&server.data(), &server.database);
        server.run();
        server
    }

    /// Starts a mirror on what is put before into its data directory and its database, as above.
    pub fn mirror_prepared(upstream: &Url, name: &str, prepare: impl FnOnce(&Path, &str)) -> Self {
        let arguments = ["--upstream", upstream.as_str(), "--name", name].map(str::to_owned).to_vec();
        let mut server = Self::new("mirror", ServerOptions { arguments, ..ServerOptions::default() });
        prepare(&server.data(), &server.database);
        server.run();
        server
    }

    /// Starts a server with a copy of the data directory of another one, which does not run; `None` if its database is
    /// elsewhere.
    pub fn copy_of(original: &Self) -> Option<Self> {
        let database = original.database.strip_prefix("sqlite:")?;
        let mut copy = Self::new(original.role, ServerOptions { listen: None, ..original.options.clone() });
        copy_folder(&original.data(), &copy.data());
        std::fs::copy(database, copy.database.trim_start_matches("sqlite:")).expect("a file can be copied");
        copy.run();
        Some(copy)
    }

    /// Starts an upstream with a data directory of its own and the database of another one.
    pub fn upstream_with_database_of(other: &Self) -> Self {
        let mut server = Self::new("upstream", ServerOptions::default());
        server.database.clone_from(&other.database);
        server.run();
        server
    }

    /// Starts a mirror of an upstream.
    pub fn mirror(upstream: &Url, name: &str, mut options: ServerOptions) -> Self {
        let own = ["--upstream", upstream.as_str(), "--name", name].map(str::to_owned);
        options.arguments = own.into_iter().chain(options.arguments).collect();
        Self::start("mirror", options)
    }

    /// Starts a mirror of a Git server that is not ours.
    pub fn mirror_of_origin(origin: &Url, mut options: ServerOptions) -> Self {
        let own = ["--origin", origin.as_str()].map(str::to_owned);
        options.arguments = own.into_iter().chain(options.arguments).collect();
        Self::start("mirror", options)
    }

    fn start(role: &'static str, options: ServerOptions) -> Self {
        let mut server = Self::new(role, options);
        server.run();
        server
    }

    fn new(role: &'static str, options: ServerOptions) -> Self {
        let folder =
            tempfile::Builder::new().prefix("heliostat-test-").tempdir().expect("a folder can be made");
        let base_url = Url::parse("http://127.0.0.1:1").expect("is a URL");
        let mut database = new_database(options.disk.as_deref().unwrap_or(folder.path()));
        if let Some(address) = options.database_through {
            database = with_address(&database, address);
        }
        Server { role, options, base_url, child: None, database, folder, own_address: kept_address() }
    }

    fn run(&mut self) {
        let listen = self.options.listen.clone().unwrap_or_else(|| self.own_address.to_string());
        // The kernel kills it together with the thread that started it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(files) = self.options.open_files {
            command.args(["prlimit", &format!("--nofile={files}:{files}")]);
        }
        command.arg(binary());
        command.arg(self.role).arg("--data").arg(self.data()).args(["--listen", &listen]);
        command.args(["--database", &self.database]).args(&self.options.arguments);
        command.env("HELIOSTAT_ADMIN_PASSWORD", ADMIN_PASSWORD);
        command.envs(self.options.environment.iter().map(|(name, value)| (name, value)));
        let log =
            File::options().create(true).append(true).open(self.log_path()).expect("a log can be opened");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(if self.options.has_unread_log { Stdio::piped() } else { log.into() });
        let mut child = spawn_for_life(command);
        let stdout = child.stdout.take().expect("standard output is a pipe");
        self.child = Some(child);
        self.base_url = self.ready_address(BufReader::new(stdout));
    }

    fn ready_address(&self, mut stdout: BufReader<std::process::ChildStdout>) -> Url {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|length| length > 0) {
                let _ = sender.send(std::mem::take(&mut line));
            }
        });
        let started = Instant::now();
        while started.elapsed() < START_PATIENCE {
            let Ok(line) = receiver.recv_timeout(START_PATIENCE - started.elapsed()) else {
                break;
            };
            if let Some((_, url)) = line.split_once(" ready at ") {
                return Url::parse(url.trim()).expect("the server prints its URL");
            }
        }
        panic!("the {} did not come up:\n{}", self.role, self.log());
    }

    /// The address that clients use.
    pub fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.options.disk.as_deref().unwrap_or(self.folder.path()).join("data")
    }

    /// The address of its database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Reads the log from now on, which was not read before.
    pub fn read_log(&mut self) {
        let child = self.child.as_mut().expect("the server runs");
        let mut unread = child.stderr.take().expect("its log goes into a pipe");
        let mut log = File::create(self.log_path()).expect("a log can be made");
        thread::spawn(move || std::io::copy(&mut unread, &mut log));
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Kills the process at once, as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server can be killed");
            child.wait().expect("the server has ended");
        }
    }

    /// Kills the process and all that it has started, as they end when the power goes.
    pub fn kill_with_children(&mut self) {
        if let Some(id) = self.process_id() {
            // Who stands still starts nothing more.
            signal("-STOP", &[id]);
            let mut all = descendants(id);
            all.push(id);
            signal("-KILL", &all);
        }
        self.kill();
    }

    /// Lets the process stand still: it accepts connections and answers nothing, as a machine does that hangs.
    pub fn hang(&self) {
        signal("-STOP", &[self.process_id().expect("the server runs")]);
    }

    /// Ends [`Server::hang`].
    pub fn go_on(&self) {
        signal("-CONT", &[self.process_id().expect("the server runs")]);
    }

    /// Sends SIGHUP, as what renews certificates does.
    pub fn hang_up(&self) {
        signal("-HUP", &[self.process_id().expect("the server runs")]);
    }

    /// Sends SIGUSR1: it logs everything, or again as much as at the start.
    pub fn change_log_level(&self) {
        signal("-USR1", &[self.process_id().expect("the server runs")]);
    }

    /// Tells the process to stop, as a service manager does, and waits until it has ended.
    pub fn terminate(&mut self) -> ExitStatus {
        let process = self.process_id().expect("the server runs").to_string();
        let told = Command::new("kill").args(["-TERM", &process]).status().expect("kill can be run");
        assert!(told.success());
        self.wait()
    }

    /// Starts it again where it was, with the same data.
    pub fn restart(&mut self) {
        self.kill();
        self.leave_address();
        self.run();
    }

    /// Waits until nothing listens where it did: a child that it was starting when it was killed has its socket until that
    /// begins.
    fn leave_address(&self) {
        let listen = self.options.listen.as_deref().and_then(|listen| listen.parse().ok());
        let address: SocketAddr = listen.unwrap_or_else(|| self.own_address.address());
        let started = Instant::now();
        while TcpStream::connect(address).is_ok() && started.elapsed() < START_PATIENCE {
            thread::sleep(LISTEN_PAUSE);
        }
    }

    /// Starts it again where it was, with the same data and further arguments.
    pub fn restart_with(&mut self, arguments: &[&str]) {
        self.options.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self.restart();
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the server runs");
        child.wait().expect("the server has ended")
    }

    /// The process id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("log of the {} at {}:\n{}", self.role, self.base_url, self.log());
        }
        self.kill();
    }
}

/// The built binary: named by the environment, or where cargo puts it.
pub fn binary() -> PathBuf {
    std::env::var_os("HELIOSTAT_TEST_BINARY").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/heliostat"),
        PathBuf::from,
    )
}

/// What a program has said, its errors after the rest.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// An address of this machine where nothing listens, for a server of the caller's.
pub fn kept_address() -> KeptAddress {
    KeptAddress::at(Ipv4Addr::LOCALHOST.into()).expect("a port is free")
}

fn signal(name: &str, processes: &[u32]) {
    let mut command = Command::new("kill");
    // One that has just ended cannot be found, which is as good.
    command.arg(name).args(processes.iter().map(u32::to_string)).stderr(Stdio::null());
    command.status().expect("kill can be run");
}

/// The processes that this one has started, and those that they have.
fn descendants(process: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|line| line.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect();
    children.iter().flat_map(|child| descendants(*child)).chain(children.iter().copied()).collect()
}

/// An empty database of the kind that this run tests.
fn new_database(folder: &Path) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let administrator = std::env::var("HELIOSTAT_TEST_DATABASE").unwrap_or_else(|_| "sqlite".into());
    if administrator == "sqlite" {
        return format!("sqlite:{}", folder.join("heliostat.db").display());
    }
    let name = format!("test_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    tell_postgres(&administrator, &format!("CREATE DATABASE {name} STRATEGY FILE_COPY"));
    let (server, _) = administrator.rsplit_once('/').expect("the URL names a database");
    format!("{server}/{name}")
}

fn with_address(database: &str, address: SocketAddr) -> String {
    let mut url = Url::parse(database).expect("the address of a server is a URL");
    url.set_ip_host(address.ip()).expect("it has a host");
    url.set_port(Some(address.port())).expect("it has a port");
    url.into()
}

/// Has PostgreSQL carry out a statement.
pub fn tell_postgres(administrator: &str, statement: &str) {
    let told = Command::new("psql")
        .args(["--quiet", "--no-psqlrc", "--dbname", administrator, "--command", statement])
        .status()
        .expect("psql came with PostgreSQL");
    assert!(told.success(), "PostgreSQL refused: {statement}");
}

/// Starts a process that dies with this one, even when this one is killed.
///
/// The kernel's "signal at the parent's death" follows the thread that started the child, so one thread that lives
/// as long as the test run starts them all.
fn spawn_for_life(command: Command) -> Child {
    type Order = (Command, mpsc::Sender<std::io::Result<Child>>);
    static STARTER: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (answer, child) = mpsc::channel();
    starter.lock().send((command, answer)).expect("the starter lives");
    child
        .recv()
        .expect("the starter answers")
        .expect("the binary can be started: build it with `cargo build`")
}
