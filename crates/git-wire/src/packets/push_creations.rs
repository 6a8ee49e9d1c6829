//! A push that only creates references, recognised before git gets it.
//!
//! Git carries out command by command, and writes each new reference into a file of its own: 200,000 of them take minutes.

use super::pkt_line::{PacketLine, decode_packet};
use super::push_report::{has_capability, wants_report};
use crate::names::{ObjectId, RefName};

/// What the beginning of a push is.
#[derive(Debug, PartialEq, Eq)]
pub enum PushCreations {
    /// As far as it was read it creates; its commands are not over.
    Unfinished,
    /// It does something else as well, is to be carried out all or nothing, or wants no report.
    No,
    /// It creates these references, in the order of its commands, and does nothing else.
    All(Vec<(RefName, ObjectId)>),
}

/// Reads the beginning of a push while it arrives.
#[derive(Debug, Default)]
pub struct CreationsBeginning {
    /// So many bytes are commands that create.
    read: usize,
    found: Vec<(RefName, ObjectId)>,
}

impl CreationsBeginning {
    /// Looks at what is there of a push by now: what was there before, and what has come since.
    pub fn read(&mut self, push: &[u8]) -> PushCreations {
        loop {
            match decode_packet(&push[self.read..]) {
                Ok(Some((PacketLine::Data(line), length))) => {
                    let Some(created) = created_by(line, self.found.is_empty()) else {
                        return PushCreations::No;
                    };
                    self.found.push(created);
                    self.read += length;
                }
                Ok(Some((PacketLine::Flush, _))) if !self.found.is_empty() => {
                    return PushCreations::All(std::mem::take(&mut self.found));
                }
                Ok(None) => return PushCreations::Unfinished,
                _ => return PushCreations::No,
            }
        }
    }
}

fn created_by(line: &[u8], is_first: bool) -> Option<(RefName, ObjectId)> {
    let mut parts = line.splitn(2, |byte| *byte == 0);
    let command = parts.next()?.trim_ascii_end();
    if is_first {
        let capabilities = parts.next()?;
        if has_capability(capabilities, b"atomic") || !wants_report(capabilities) {
            return None;
        }
    }
    let mut words = command.splitn(3, |byte| *byte == b' ');
    let (from, to) = (ObjectId::from_hex(words.next()?)?, ObjectId::from_hex(words.next()?)?);
    let name = RefName::parse(std::str::from_utf8(words.next()?).ok()?).ok()?;
    (from.is_zero() && !to.is_zero() && from.format() == to.format()).then_some((name, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::push_deletions::tests::push;

    #[test]
    fn a_push_that_creates_is_known_however_it_arrives() {
        let creations =
            push(&["NONE ONE refs/tags/a\0 report-status side-band-64k", "NONE ONE refs/heads/b\n"]);
        let mut beginning = CreationsBeginning::default();
        for length in 0..creations.len() - 3 {
            assert_eq!(beginning.read(&creations[..length]), PushCreations::Unfinished, "{length}");
        }
        let PushCreations::All(found) = beginning.read(&[&creations[..], b"PACK"].concat()) else {
            panic!("it creates two")
        };
        let names: Vec<_> =
            found.iter().map(|(name, object)| (name.as_str(), &object.as_str()[..2])).collect();
        assert_eq!(names, [("refs/tags/a", "11"), ("refs/heads/b", "11")]);
    }

    #[test]
    fn every_other_push_is_left_as_it_is() {
        for commands in [
            &["ONE NONE refs/tags/a\0 report-status"][..],
            &["NONE ONE refs/tags/a\0 report-status", "ONE ONE refs/tags/b"],
            &["NONE ONE refs/tags/a\0 report-status atomic", "NONE ONE refs/tags/b"],
            &["NONE ONE refs/tags/a\0 side-band", "NONE ONE refs/tags/b"],
            &["NONE ONE refs/tags/a", "NONE ONE refs/tags/b"],
            &["NONE ONE refs/tags/a..b\0 report-status"],
            &["NONE NONE refs/tags/a\0 report-status"],
            &["push-cert\0 report-status", "certificate version 0.1"],
            &["shallow ONE", "NONE ONE refs/tags/a\0 report-status"],
            &[],
        ] {
            let found = CreationsBeginning::default().read(&push(commands));
            assert_eq!(found, PushCreations::No, "{commands:?}");
        }
    }
}
