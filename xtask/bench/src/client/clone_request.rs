//! What git sends for a clone or a listing, as protocol version 2 has it, and whether the answer is whole.
//!
//! Sent without a client behind it, a request shows the server's part of a clone alone: real clones spend nine tenths
//! of their CPU in `git index-pack`, and on one machine that would be measured instead.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};

use crate::repositories::git::Refs;

/// As much of an answer's beginning is kept as holds everything before the pack.
const KEPT_BYTES: usize = 4096;

/// How much a clone asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Everything that the refs reach.
    Full,
    /// The newest commit alone.
    One,
}

impl Depth {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Depth::Full => "full",
            Depth::One => "depth=1",
        }
    }
}

/// The fetch of a clone that wants these objects.
pub fn clone<'a>(wants: impl IntoIterator<Item = &'a String>, depth: Depth) -> Vec<u8> {
    let words = ["thin-pack", "no-progress", "include-tag", "ofs-delta"].map(str::to_owned).into_iter();
    let depth = (depth == Depth::One).then(|| "deepen 1".to_owned());
    let wants: BTreeSet<_> = wants.into_iter().collect();
    let wants = wants.into_iter().map(|object| format!("want {object}\n"));
    request("command=fetch", words.chain(depth).chain(wants).chain(["done\n".to_owned()]))
}

/// The first round of a fetch by a client that has these commits: the answer has the pack already if they are enough.
pub fn newer(want: &str, haves: &[String]) -> Vec<u8> {
    let words = ["thin-pack", "no-progress", "include-tag", "ofs-delta"].map(str::to_owned).into_iter();
    let haves = haves.iter().map(|commit| format!("have {commit}\n"));
    request("command=fetch", words.chain([format!("want {want}\n")]).chain(haves))
}

/// The fetch of a commit without the blobs that are larger than this: each size is an answer of its own.
pub fn partial(want: &str, largest_blob_bytes: u64) -> Vec<u8> {
    let words = ["thin-pack", "no-progress", "ofs-delta"].map(str::to_owned).into_iter();
    let filter = format!("filter blob:limit={largest_blob_bytes}");
    request("command=fetch", words.chain([filter, format!("want {want}\n"), "done\n".to_owned()]))
}

/// The listing of the refs below these prefixes, or of all of them.
pub fn listing(prefixes: &[&str]) -> Vec<u8> {
    let words = ["peel\n", "symrefs\n"].map(str::to_owned).into_iter();
    let prefixes = prefixes.iter().map(|prefix| format!("ref-prefix {prefix}\n"));
    request("command=ls-refs\n", words.chain(prefixes))
}

fn request(command: &str, arguments: impl Iterator<Item = String>) -> Vec<u8> {
    let mut request = Vec::new();
    for line in [command, "agent=git/bench", "object-format=sha1"] {
        packet(&mut request, line);
    }
    request.extend(b"0001");
    for argument in arguments {
        packet(&mut request, &argument);
    }
    request.extend(b"0000");
    request
}

fn packet(request: &mut Vec<u8>, text: &str) {
    request.extend(format!("{:04x}{text}", text.len() + 4).bytes());
}

/// The refs of a listing, except HEAD.
pub fn listed_refs(answer: &[u8]) -> anyhow::Result<Refs> {
    let mut refs = Refs::new();
    let mut rest = answer;
    loop {
        let (packet, after) = next_packet(rest)?;
        rest = after;
        let Some(packet) = packet else {
            ensure!(rest.is_empty(), "a listing goes on after its end");
            return Ok(refs);
        };
        let line = std::str::from_utf8(packet)?.trim_end();
        let (object, name) = line.split_once(' ').with_context(|| format!("{line:?} is no ref"))?;
        let name = name.split(' ').next().unwrap_or_default();
        if name != "HEAD" {
            refs.insert(name.to_owned(), object.to_owned());
        }
    }
}

/// The next packet and what follows; `None` for one that only ends something.
fn next_packet(bytes: &[u8]) -> anyhow::Result<(Option<&[u8]>, &[u8])> {
    const SHORTEST: usize = 4;
    let digits = bytes.get(..SHORTEST).context("the answer ends in a packet's length")?;
    let length = usize::from_str_radix(std::str::from_utf8(digits)?, 16).context("a packet has no length")?;
    if length < SHORTEST {
        return Ok((None, &bytes[SHORTEST..]));
    }
    let packet = bytes.get(SHORTEST..length).context("the answer ends in a packet")?;
    Ok((Some(packet), &bytes[length..]))
}

/// Sees the answer to a clone's fetch pass by, and remembers what shows that it is whole.
#[derive(Debug, Default)]
pub struct PackSeen {
    first: Vec<u8>,
    last: Vec<u8>,
    /// How long the answer was.
    pub bytes: u64,
}

impl PackSeen {
    /// The next piece.
    pub fn take(&mut self, piece: &[u8]) {
        const LAST: usize = 4;
        let missing = KEPT_BYTES.saturating_sub(self.first.len()).min(piece.len());
        self.first.extend(&piece[..missing]);
        self.last.extend(&piece[piece.len().saturating_sub(LAST)..]);
        self.last.drain(..self.last.len().saturating_sub(LAST));
        self.bytes += piece.len() as u64;
    }

    /// How many objects the pack has; fails unless the answer has a pack and an end.
    pub fn objects(&self) -> anyhow::Result<u32> {
        const HEADER: usize = 12;
        const DATA: u8 = 1;
        ensure!(self.last == b"0000", "the answer has no end");
        let mut rest = self.first.as_slice();
        let mut in_pack = false;
        let mut pack = Vec::new();
        while pack.len() < HEADER {
            let packet = match next_packet(rest) {
                Ok((packet, after)) => {
                    rest = after;
                    packet.unwrap_or_default()
                }
                // The packet with the pack is longer than what was kept of it.
                Err(_) if rest.len() > 4 => std::mem::take(&mut rest).get(4..).unwrap_or_default(),
                Err(error) => return Err(error.context("the answer has no pack")),
            };
            match packet.split_first() {
                Some((&DATA, data)) if in_pack => pack.extend(data),
                _ if packet == b"packfile\n" => in_pack = true,
                _ => ensure!(!packet.starts_with(b"ERR "), "{}", String::from_utf8_lossy(packet)),
            }
        }
        ensure!(pack.starts_with(b"PACK"), "the answer's pack does not begin like one");
        let count = pack[8..HEADER].try_into().context("a pack's header has a count")?;
        Ok(u32::from_be_bytes(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("it is text")
    }

    #[test]
    fn each_object_is_wanted_once() {
        let wants = ["22", "11", "11"].map(str::to_owned);
        let full = text(clone(&wants, Depth::Full));
        assert!(full.starts_with("0011command=fetch0013agent=git/bench0016object-format=sha10001"), "{full}");
        assert!(full.ends_with("000cwant 11\n000cwant 22\n0009done\n0000"), "{full}");
        assert!(text(clone(&wants, Depth::One)).contains("000cdeepen 1"));
        assert!(text(partial("11", 7)).contains("0017filter blob:limit=7000cwant 11\n"));
        let newer = text(newer("22", &["11", "10"].map(str::to_owned)));
        assert!(newer.ends_with("000cwant 22\n000chave 11\n000chave 10\n0000"), "{newer}");
        assert!(text(listing(&["refs/heads/"])).ends_with("001bref-prefix refs/heads/\n0000"));
    }

    #[test]
    fn listings_are_read() {
        let answer = b"001512 HEAD symref-x\n001caa refs/tags/v peeled:1\n0000";
        let refs = listed_refs(answer).expect("it is a listing");
        assert_eq!(refs, Refs::from([("refs/tags/v".into(), "aa".into())]));
        assert!(listed_refs(b"001412").is_err());
    }

    #[test]
    fn a_pack_is_seen_through_any_pieces() {
        let answer = b"0010shallow-info0001000dpackfile\n0005\x01\
            0021\x01PACK\0\0\0\x02\0\0\x01\x02some content...0000";
        let mut seen = PackSeen::default();
        answer.chunks(3).for_each(|piece| seen.take(piece));
        assert_eq!((seen.objects().expect("it is whole"), seen.bytes), (258, answer.len() as u64));
        let mut short = PackSeen::default();
        short.take(&answer[..answer.len() - 1]);
        assert!(short.objects().is_err());
        let mut error = PackSeen::default();
        error.take(b"0013ERR not our ref0000");
        assert!(error.objects().expect_err("it is refused").to_string().contains("not our ref"));
    }
}
