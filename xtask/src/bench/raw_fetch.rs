//! The fetch request of a full clone, sent without a client behind it: the server's part of a clone alone.
//!
//! Real clones spend nine tenths of their CPU in `git index-pack`; on one machine that would be measured instead.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::blocking::Client;

use super::git::Refs;

/// How long one answer may take, with many others under way.
const ANSWER_PATIENCE: Duration = Duration::from_secs(600);

/// The request for everything that the refs reach, as protocol version 2 has it.
pub fn full_clone_request(refs: &Refs) -> Vec<u8> {
    let mut request = Vec::new();
    packet(&mut request, "command=fetch\n");
    packet(&mut request, "object-format=sha1\n");
    request.extend(b"0001");
    for word in ["thin-pack\n", "no-progress\n", "include-tag\n", "ofs-delta\n"] {
        packet(&mut request, word);
    }
    for object in refs.values().collect::<BTreeSet<_>>() {
        packet(&mut request, &format!("want {object}\n"));
    }
    packet(&mut request, "done\n");
    request.extend(b"0000");
    request
}

fn packet(request: &mut Vec<u8>, text: &str) {
    request.extend(format!("{:04x}{text}", text.len() + 4).bytes());
}

/// Sends the request and throws the answer away; returns how many bytes it had.
pub fn fetch(url: &str, authorization: &str, request: &[u8]) -> anyhow::Result<u64> {
    let http = Client::builder().timeout(ANSWER_PATIENCE).no_proxy().build()?;
    let mut response = http
        .post(format!("{url}/git-upload-pack"))
        .header("Authorization", authorization)
        .header("Content-Type", "application/x-git-upload-pack-request")
        .header("Git-Protocol", "version=2")
        .body(request.to_vec())
        .send()?;
    ensure!(response.status() == 200, "{url} answered {}", response.status());
    let mut ends = Ends::default();
    response.copy_to(&mut ends).context("the answer broke off")?;
    ensure!(ends.first.starts_with(b"000dpackfile\n"), "{url} did not answer with a pack");
    ensure!(ends.last == b"0000", "the answer of {url} has no end");
    Ok(ends.length)
}

/// Remembers the first and the last bytes that were written.
#[derive(Default)]
struct Ends {
    first: Vec<u8>,
    last: Vec<u8>,
    length: u64,
}

impl Write for Ends {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        const FIRST: usize = 16;
        const LAST: usize = 4;
        let missing = FIRST.saturating_sub(self.first.len()).min(bytes.len());
        self.first.extend(&bytes[..missing]);
        self.last.extend(&bytes[bytes.len().saturating_sub(LAST)..]);
        self.last.drain(..self.last.len().saturating_sub(LAST));
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_is_wanted_once() {
        let refs = [("refs/heads/a", "11"), ("refs/heads/b", "22"), ("refs/heads/c", "11")];
        let refs = refs.map(|(name, object)| (name.to_owned(), object.to_owned())).into();
        let request = String::from_utf8(full_clone_request(&refs)).expect("it is text");
        assert!(request.starts_with("0012command=fetch\n0017object-format=sha1\n0001"), "{request}");
        assert!(request.ends_with("000cwant 11\n000cwant 22\n0009done\n0000"), "{request}");
    }

    #[test]
    fn the_ends_of_an_answer_are_seen_through_any_pieces() {
        let mut ends = Ends::default();
        for piece in [&b"000dpack"[..], b"file\nlong content", b"00", b"00"] {
            ends.write_all(piece).expect("it cannot fail");
        }
        assert!(ends.first.starts_with(b"000dpackfile\n"));
        assert_eq!((&ends.last[..], ends.length), (&b"0000"[..], 29));
    }
}
