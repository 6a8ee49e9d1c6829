//! Git over HTTP by hand: a list of references, a fetch of one commit, and a push, each one request.

use std::collections::BTreeMap;

use heliostat_machines::HandMadePack;
use sha1::{Digest, Sha1};

use super::http::{Answer, Failure, HttpClient};

const UPLOAD: &str = "git-protocol: version=2\r\ncontent-type: application/x-git-upload-pack-request\r\n";
const RECEIVE: &str = "content-type: application/x-git-receive-pack-request\r\n";
const NO_OBJECT: &str = "0000000000000000000000000000000000000000";
const CHECKSUM_BYTES: usize = 20;

/// Reads and pushes with the credentials of its client.
#[derive(Debug, Clone)]
pub struct GitClient {
    http: HttpClient,
    /// Whether it asks what there is as git does, in two requests.
    visits: bool,
}

/// A change of one reference.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its full name.
    pub name: String,
    /// What it led to; `None` when it is made.
    pub old: Option<String>,
    /// What it is to lead to; `None` when it is deleted.
    pub new: Option<String>,
}

/// What the server said of a push.
#[derive(Debug)]
pub enum Report {
    /// Of each reference: nothing, or why it was not changed.
    Read(BTreeMap<String, Option<String>>),
    /// The whole push was refused, with this status, or 0 if the server could not be reached at all.
    Refused(u16),
    /// Nothing that can be relied on; the push may have been carried out.
    Unknown(String),
}

/// A list of references.
#[derive(Debug)]
pub struct Listed {
    /// All of them but `HEAD`.
    pub refs: BTreeMap<String, String>,
    /// How fresh a mirror says this is.
    pub freshness: String,
}

/// Why something could not be read.
#[derive(Debug)]
pub enum ReadFailure {
    /// Another status than 200.
    Status(u16),
    /// The server said in Git's words that it does not have what was asked for.
    Said(String),
    /// No answer, or not a whole one.
    Broken(String),
}

impl From<Failure> for ReadFailure {
    fn from(failure: Failure) -> Self {
        ReadFailure::Broken(failure.kind())
    }
}

impl ReadFailure {
    /// In a few words, for counts.
    pub fn kind(&self) -> String {
        match self {
            ReadFailure::Status(status) => format!("status {status}"),
            ReadFailure::Said(text) => format!("git said {text}"),
            ReadFailure::Broken(text) => text.clone(),
        }
    }
}

impl GitClient {
    /// Reads and pushes by this client.
    pub fn new(http: HttpClient) -> Self {
        Self { http, visits: false }
    }

    /// The same, which asks what there is as git does, in two requests: first what the server can do, then for the list.
    #[must_use]
    pub fn beginning_with_a_visit(self) -> Self {
        Self { visits: true, ..self }
    }

    /// The references of a repository at a path such as `/scm/key/slug.git`.
    pub fn list(&self, path: &str) -> Result<Listed, ReadFailure> {
        if self.visits {
            let path = format!("{path}/info/refs?service=git-upload-pack");
            let answer = self.http.send("GET", &path, "git-protocol: version=2\r\n", &[])?;
            if answer.status != 200 {
                return Err(ReadFailure::Status(answer.status));
            }
        }
        let request = [packet("command=ls-refs\n"), packet("object-format=sha1\n"), "00010000".to_owned()];
        let answer = self.upload_pack(path, &request.concat())?;
        let mut refs = BTreeMap::new();
        for line in packets(&answer.body)? {
            let Packet::Line(line) = line else { continue };
            let text = String::from_utf8_lossy(line).into_owned();
            if let Some((target, name)) = text.trim_end().split_once(' ') {
                let name = name.split(' ').next().unwrap_or(name);
                refs.insert(name.to_owned(), target.to_owned());
            }
        }
        refs.remove("HEAD");
        Ok(Listed { refs, freshness: answer.freshness })
    }

    /// Fetches one commit; how many objects came. The pack is whole: its checksum was compared.
    pub fn fetch(&self, path: &str, want: &str, have: Option<&str>) -> Result<u32, ReadFailure> {
        let mut request = packet("command=fetch\n") + &packet("object-format=sha1\n") + "0001";
        request += &packet("no-progress\n");
        request += &packet("ofs-delta\n");
        request += &packet(&format!("want {want}\n"));
        if let Some(have) = have {
            request += &packet(&format!("have {have}\n"));
        }
        request += &(packet("done\n") + "0000");
        let answer = self.upload_pack(path, &request)?;
        let (mut pack, mut is_in_pack) = (Vec::new(), false);
        for line in packets(&answer.body)? {
            match line {
                Packet::Line(line) if is_in_pack => match line.first() {
                    Some(1) => pack.extend_from_slice(&line[1..]),
                    Some(3) => {
                        return Err(ReadFailure::Said(String::from_utf8_lossy(&line[1..]).trim().to_owned()));
                    }
                    _ => {}
                },
                Packet::Line(line) => is_in_pack = line == b"packfile\n" || line == b"packfile",
                Packet::Mark => {}
            }
        }
        objects_in(&pack)
    }

    fn upload_pack(&self, path: &str, request: &str) -> Result<Answer, ReadFailure> {
        let answer =
            self.http.send("POST", &format!("{path}/git-upload-pack"), UPLOAD, request.as_bytes())?;
        if answer.status != 200 {
            return Err(ReadFailure::Status(answer.status));
        }
        for line in packets(&answer.body)? {
            if let Packet::Line(line) = line
                && let Some(error) = line.strip_prefix(b"ERR ")
            {
                return Err(ReadFailure::Said(String::from_utf8_lossy(error).trim().to_owned()));
            }
        }
        // What is cut at a packet's end would look like a whole answer of less.
        if !answer.body.ends_with(b"0000") {
            return Err(ReadFailure::Broken("the answer has no end".into()));
        }
        Ok(answer)
    }

    /// Pushes these changes, all or none.
    pub fn push(&self, path: &str, changes: &[Change], pack: &HandMadePack) -> Report {
        let mut request = Vec::new();
        for (number, change) in changes.iter().enumerate() {
            let old = change.old.as_deref().unwrap_or(NO_OBJECT);
            let new = change.new.as_deref().unwrap_or(NO_OBJECT);
            let abilities = if number == 0 { "\0report-status atomic object-format=sha1" } else { "" };
            request.extend_from_slice(packet(&format!("{old} {new} {}{abilities}", change.name)).as_bytes());
        }
        request.extend_from_slice(b"0000");
        if changes.iter().any(|change| change.new.is_some()) {
            request.extend_from_slice(&pack.bytes());
        }
        match self.http.send("POST", &format!("{path}/git-receive-pack"), RECEIVE, &request) {
            Ok(answer) if answer.status == 200 => read_report(&answer.body),
            Ok(answer) if answer.status < 500 => Report::Refused(answer.status),
            Ok(answer) => Report::Unknown(format!("status {}", answer.status)),
            Err(Failure::NotSent(_)) => Report::Refused(0),
            Err(failure) => Report::Unknown(failure.kind()),
        }
    }
}

fn read_report(body: &[u8]) -> Report {
    let Ok(lines) = packets(body) else { return Report::Unknown("the report is cut".into()) };
    let mut refs = BTreeMap::new();
    let mut is_unpacked = false;
    for line in lines {
        let Packet::Line(line) = line else { continue };
        let text = String::from_utf8_lossy(line).trim_end().to_owned();
        if text.starts_with("unpack ") {
            is_unpacked = true;
        } else if let Some(name) = text.strip_prefix("ok ") {
            refs.insert(name.to_owned(), None);
        } else if let Some((name, reason)) = text.strip_prefix("ng ").and_then(|rest| rest.split_once(' ')) {
            refs.insert(name.to_owned(), Some(reason.to_owned()));
        }
    }
    if is_unpacked { Report::Read(refs) } else { Report::Unknown("no report".into()) }
}

/// How many objects a pack says that it holds.
fn objects_in(pack: &[u8]) -> Result<u32, ReadFailure> {
    let broken = |text: &str| ReadFailure::Broken(format!("{text} ({} bytes)", pack.len()));
    let Some(content) = pack.len().checked_sub(CHECKSUM_BYTES).map(|length| &pack[..length]) else {
        return Err(broken("no pack"));
    };
    if Sha1::digest(content)[..] != pack[content.len()..] {
        return Err(broken("the checksum of the pack is wrong"));
    }
    let count = content.get(8..12).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    count.ok_or_else(|| broken("the pack has no head"))
}

enum Packet<'a> {
    Line(&'a [u8]),
    /// A flush, a delimiter, or an end of the response.
    Mark,
}

fn packets(mut rest: &[u8]) -> Result<Vec<Packet<'_>>, ReadFailure> {
    let mut all = Vec::new();
    let broken = || ReadFailure::Broken("a packet is cut".into());
    while !rest.is_empty() {
        let digits = rest.get(..4).and_then(|digits| std::str::from_utf8(digits).ok());
        let length = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok()).ok_or_else(broken)?;
        if length < 4 {
            all.push(Packet::Mark);
            rest = &rest[4..];
            continue;
        }
        all.push(Packet::Line(rest.get(4..length).ok_or_else(broken)?));
        rest = &rest[length..];
    }
    Ok(all)
}

fn packet(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}
