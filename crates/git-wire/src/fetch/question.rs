//! Whether another server gives objects to a reader, asked without taking them.
//!
//! It is a fetch in version 2 of the protocol that claims to have what it wants. What a client has is not sent, so the
//! answer is an empty pack, or that the objects are not to be had.

use std::collections::BTreeSet;

use crate::names::{ObjectFormat, ObjectId};
use crate::packets::{PacketLine, decode_packet, push_flush, push_packet};

/// Most objects of one question.
pub const MAX_QUESTIONED_OBJECTS: usize = 1_000;

/// What `git` says of an object that it does not give.
const NOT_OURS: &str = "not our ref";

/// What another server says about objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// It gives all of them.
    All,
    /// It does not, because of this one, if it names it.
    NotAll(Option<ObjectId>),
    /// It says something else.
    Unclear,
}

impl Given {
    /// The body of `POST git-upload-pack` that asks for these, of which there is at least one.
    pub fn question(objects: &BTreeSet<ObjectId>) -> Vec<u8> {
        let mut request = Vec::new();
        push_packet(&mut request, &[b"command=fetch\n"]);
        // Servers from before there were two hashes do not know the word.
        if let Some(ObjectFormat::Sha256) = objects.first().map(ObjectId::format) {
            push_packet(&mut request, &[b"object-format=sha256\n"]);
        }
        request.extend_from_slice(b"0001");
        push_packet(&mut request, &[b"no-progress\n"]);
        for word in [&b"want "[..], b"have "] {
            for object in objects {
                push_packet(&mut request, &[word, object.as_bytes(), b"\n"]);
            }
        }
        push_packet(&mut request, &[b"done\n"]);
        push_flush(&mut request);
        request
    }

    /// Reads the beginning of the answer.
    pub fn read(answer: &[u8]) -> Self {
        let Ok(Some((PacketLine::Data(line), _))) = decode_packet(answer) else { return Self::Unclear };
        let line = line.trim_ascii_end();
        if line == b"packfile" {
            return Self::All;
        }
        match line.strip_prefix(b"ERR ").map(String::from_utf8_lossy) {
            Some(said) if said.contains(NOT_OURS) => {
                Self::NotAll(said.split_ascii_whitespace().find_map(|word| ObjectId::parse(word).ok()))
            }
            _ => Self::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{error_packet, spelled};

    #[test]
    fn what_is_wanted_is_claimed_to_be_there() {
        let object = ObjectId::parse("12".repeat(20)).expect("hex");
        let question = Given::question(&BTreeSet::from([object.clone()]));
        let (want, have) = (format!("want {object}"), format!("have {object}"));
        let lines = ["command=fetch", "|", "no-progress", want.as_str(), have.as_str(), "done", "."];
        assert_eq!(question, spelled(&lines));
        let long = ObjectId::parse("12".repeat(32)).expect("hex");
        let question = Given::question(&BTreeSet::from([long]));
        assert!(question.windows(20).any(|part| part == b"object-format=sha256"));
    }

    #[test]
    fn answers_are_told_apart() {
        let object = ObjectId::parse("12".repeat(20)).expect("hex");
        assert_eq!(Given::read(&spelled(&["packfile", "."])), Given::All);
        let refused = error_packet(&format!("upload-pack: not our ref {object}"));
        assert_eq!(Given::read(&refused), Given::NotAll(Some(object)));
        assert_eq!(Given::read(&error_packet("upload-pack: not our ref")), Given::NotAll(None));
        for other in [&error_packet("the disk is full")[..], &spelled(&["acknowledgments"]), b"", b"<html>"] {
            assert_eq!(Given::read(other), Given::Unclear, "{other:?}");
        }
    }
}
