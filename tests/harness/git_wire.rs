//! Git requests written by hand, and what comes back taken apart: what is told, and the pack.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use url::Url;

use super::client::http;
use super::git::{git, git_command};

/// Ends a request or a section.
pub const FLUSH: &str = "0000";
/// Stands between the capabilities and the arguments of a command of version 2.
pub const DELIMITER: &str = "0001";
const MEDIA_TYPE: &str = "application/x-git-upload-pack-request";

/// A packet line; a line break is added.
pub fn packet(text: &str) -> String {
    format!("{:04x}{text}\n", text.len() + 5)
}

/// Packet lines one after the other.
pub fn packets<T: AsRef<str>>(lines: &[T]) -> String {
    lines.iter().map(|line| packet(line.as_ref())).collect()
}

/// A command of version 2 with its arguments.
pub fn command_v2<T: AsRef<str>>(name: &str, arguments: &[T]) -> String {
    let head = packets(&[format!("command={name}"), "agent=git/reader".into(), "object-format=sha1".into()]);
    format!("{head}{DELIMITER}{}{FLUSH}", packets(arguments))
}

/// An answer, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitAnswer {
    /// The status.
    pub status: u16,
    /// The media type.
    pub media_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// A request to one repository.
#[derive(Debug, Clone)]
pub struct GitRequest {
    /// What `Git-Protocol` says; absent when empty.
    pub protocol: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The media type of a body.
    pub media_type: &'static str,
    /// What to send to `git-upload-pack`; with `None` the advertisement is asked for.
    pub body: Option<Vec<u8>>,
}

impl GitRequest {
    /// Asks what there is.
    pub fn advertisement(protocol: &'static str) -> Self {
        GitRequest { protocol, headers: Vec::new(), media_type: MEDIA_TYPE, body: None }
    }

    /// Asks for objects, or with version 2 for anything.
    pub fn exchange(protocol: &'static str, body: impl Into<Vec<u8>>) -> Self {
        GitRequest { body: Some(body.into()), ..Self::advertisement(protocol) }
    }

    /// The same with a further header.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Sends it to the repository with this clone URL; fails the test when the answer is broken off.
    pub async fn send(&self, repository: &Url) -> GitAnswer {
        self.try_send(repository).await.unwrap_or_else(|error| panic!("{repository}: {error:?}"))
    }

    /// The same; an answer that is broken off is an error.
    pub async fn try_send(&self, repository: &Url) -> reqwest::Result<GitAnswer> {
        let base = repository.as_str();
        let mut request = match &self.body {
            None => http().get(format!("{base}/info/refs?service=git-upload-pack")),
            Some(body) => http()
                .post(format!("{base}/git-upload-pack"))
                .header("content-type", self.media_type)
                .body(body.clone()),
        };
        if !self.protocol.is_empty() {
            request = request.header("git-protocol", self.protocol);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let media_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_owned();
        Ok(GitAnswer { status, media_type, body: response.bytes().await?.to_vec() })
    }
}

/// An answer taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TakenApart {
    /// Every packet line that is neither pack nor progress, with `agent` values masked; `0000` and the like as such.
    pub told: Vec<String>,
    /// The pack, empty if there was none.
    pub pack: Vec<u8>,
}

impl GitAnswer {
    /// Takes packet lines apart; whatever is none is told as it is.
    pub fn taken_apart(&self) -> TakenApart {
        let (mut apart, mut rest) = (TakenApart::default(), self.body.as_slice());
        while !rest.is_empty() {
            if rest.starts_with(b"PACK") {
                apart.pack.extend_from_slice(rest);
                break;
            }
            let Some(length) = length_of(rest) else {
                apart.told.push(format!("no packet line: {}", String::from_utf8_lossy(rest)));
                break;
            };
            let (line, following) = rest.split_at(length);
            rest = following;
            match line.get(4) {
                None => apart.told.push(String::from_utf8_lossy(line).into_owned()),
                Some(1) => apart.pack.extend_from_slice(&line[5..]),
                Some(2) => {}
                Some(_) => apart.told.push(without_agent(&String::from_utf8_lossy(&line[4..]))),
            }
        }
        apart
    }

    /// What an `ERR` packet says, if there is one.
    pub fn error(&self) -> Option<String> {
        let told = self.taken_apart().told;
        told.iter().find_map(|line| line.strip_prefix("ERR ").map(|text| text.trim_end().to_owned()))
    }
}

/// Whether an answer that had begun before it was refused says in its band for errors what git says at once: a mirror that
/// has waited long begins.
pub fn is_said_late(told: &[String], judged: &[String]) -> bool {
    let late = told.last().and_then(|line| line.strip_prefix('\u{3}')).map(str::trim_end);
    let at_once = judged.first().and_then(|line| line.strip_prefix("ERR ")).map(str::trim_end);
    late.is_some() && late == at_once
}

/// How long the first packet line is, its length included; a special one is its length alone.
fn length_of(bytes: &[u8]) -> Option<usize> {
    let length = usize::from_str_radix(std::str::from_utf8(bytes.get(..4)?).ok()?, 16).ok()?.max(4);
    (length <= bytes.len()).then_some(length)
}

fn without_agent(line: &str) -> String {
    let Some(start) = line.find("agent=") else {
        return line.to_owned();
    };
    let end = line[start..].find([' ', '\n']).map_or(line.len(), |length| start + length);
    format!("{}agent=*{}", &line[..start], &line[end..])
}

/// The objects in a pack, in the repository that has what a thin pack leaves out.
pub fn objects_of_pack(pack: &[u8], repository: &Path) -> BTreeSet<String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let format = git(repository, &["rev-parse", "--show-object-format"]);
    git(folder.path(), &["init", "--quiet", "--bare", &format!("--object-format={format}")]);
    let alternates = format!("{}\n", repository.join("objects").display());
    std::fs::write(folder.path().join("objects/info/alternates"), alternates).expect("can be written");
    let name = piped(folder.path(), &["index-pack", "--stdin", "--fix-thin"], pack);
    let name = name.split_whitespace().last().expect("it says the name");
    let index = std::fs::read(folder.path().join(format!("objects/pack/pack-{name}.idx"))).expect("is there");
    let listed = piped(folder.path(), &["show-index", &format!("--object-format={format}")], &index);
    let mut objects: Vec<(u64, String)> = listed
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            let offset = words.next().and_then(|offset| offset.parse().ok()).expect("is an offset");
            (offset, words.next().expect("is an object").to_owned())
        })
        .collect();
    objects.sort();
    // What a thin pack left out was added at its end.
    let count = u32::from_be_bytes(pack[8..12].try_into().expect("are four")) as usize;
    objects.into_iter().take(count).map(|(_, object)| object).collect()
}

/// Runs git with this input; returns its output.
fn piped(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut command = git_command("git".as_ref(), folder);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("git can be run");
    let mut stdin = child.stdin.take().expect("is a pipe");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("git ends")
    });
    assert!(output.status.success(), "git {} failed", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
