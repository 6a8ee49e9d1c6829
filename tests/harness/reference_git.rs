//! The judge of what clients get: git's own server, `git http-backend`, on the very repository that a role serves.
//!
//! One small web server for all tests runs it once per request, with the settings that we promise. A repository's URL
//! there is its path on disk.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use parking_lot::Mutex;
use url::Url;

/// What differs from git's defaults, as our users know it.
const SETTINGS: [(&str, &str); 7] = [
    ("safe.directory", "*"),
    ("uploadpack.allowFilter", "true"),
    ("uploadpack.allowAnySHA1InWant", "true"),
    ("lsrefs.unborn", "advertise"),
    ("transfer.advertiseObjectInfo", "true"),
    ("transfer.hideRefs", "refs/heliostat"),
    ("gc.auto", "0"),
];

/// A request that the judge has answered.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Judged {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    /// Whether the client had packed the body.
    pub fn is_gzip(&self) -> bool {
        self.header("content-encoding") == "gzip"
    }
}

/// Where the judge serves the repository in this folder.
pub fn reference_url(repository: &Path) -> Url {
    static BASE: OnceLock<Url> = OnceLock::new();
    let base = BASE.get_or_init(start);
    let path = repository.to_str().expect("temporary folders have plain names");
    base.join(path).expect("is a path")
}

/// The fetches that the judge has answered for the repository in this folder.
pub fn judged_fetches(repository: &Path) -> Vec<Judged> {
    let path = repository.to_str().expect("temporary folders have plain names");
    let log = log().lock();
    log.iter().filter(|judged| judged.method == "POST" && judged.target.starts_with(path)).cloned().collect()
}

fn log() -> &'static Mutex<Vec<Judged>> {
    static LOG: Mutex<Vec<Judged>> = Mutex::new(Vec::new());
    &LOG
}

fn start() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("has one");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || converse(&stream));
        }
    });
    Url::parse(&format!("http://{address}")).expect("is a URL")
}

/// Reads one request and answers it; whatever goes wrong ends the connection.
fn converse(stream: &TcpStream) -> Option<()> {
    let request = read(stream)?;
    let output = run(&request);
    let end = output.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (String::from_utf8_lossy(&output[..end]), &output[end + 4..]);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let mut answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for line in head.lines().filter(|line| !line.starts_with("Status: ")) {
        answer.push_str(&format!("{line}\r\n"));
    }
    answer.push_str("\r\n");
    // Who has the answer may ask at once what was answered.
    log().lock().push(Judged { body: Vec::new(), ..request });
    let mut writer = stream;
    writer.write_all(answer.as_bytes()).ok()?;
    writer.write_all(body).ok()
}

/// Runs git's server as the Common Gateway Interface has it; returns header lines and body.
fn run(request: &Judged) -> Vec<u8> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut command = Command::new("git");
    command.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", "/nonexistent").env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
    command.env("GIT_CONFIG_COUNT", SETTINGS.len().to_string());
    for (number, (key, value)) in SETTINGS.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{number}"), key);
        command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    command.env("GIT_PROJECT_ROOT", "/").env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("REQUEST_METHOD", &request.method).env("PATH_INFO", path).env("QUERY_STRING", query);
    command.env("CONTENT_TYPE", request.header("content-type"));
    command.env("CONTENT_LENGTH", request.body.len().to_string());
    for (name, variable) in [("git-protocol", "GIT_PROTOCOL"), ("content-encoding", "HTTP_CONTENT_ENCODING")]
    {
        if !request.header(name).is_empty() {
            command.env(variable, request.header(name));
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("git can be run");
    let mut input = child.stdin.take().expect("is a pipe");
    let mut output = Vec::new();
    thread::scope(|scope| {
        // It may stop reading before it has everything; its answer then says why.
        scope.spawn(move || input.write_all(&request.body));
        child.stdout.take().expect("is a pipe").read_to_end(&mut output).expect("git's output can be read");
    });
    child.wait().expect("git ends");
    output
}

fn read(stream: &TcpStream) -> Option<Judged> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let mut request = Judged { method: words.next()?, target: words.next()?, ..Judged::default() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if request.header("expect").eq_ignore_ascii_case("100-continue") {
        let mut writer = stream;
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    request.body = if request.header("transfer-encoding") == "chunked" {
        read_chunks(&mut reader)?
    } else {
        let mut body = vec![0; request.header("content-length").parse().unwrap_or_default()];
        reader.read_exact(&mut body).ok()?;
        body
    };
    Some(request)
}

fn read_chunks(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
        // Each chunk ends with a line break.
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}
