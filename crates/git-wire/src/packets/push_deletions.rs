//! A push that only deletes, recognised before git gets it.
//!
//! Git carries out command by command, and for each deletion writes all packed references anew: 20,000 of them take
//! minutes. The capability `atomic` makes it one change of all of them.

use super::pkt_line::{PacketLine, decode_packet};
use super::push_report::{has_capability, wants_report};
use super::write::{push_flush, push_packet};

/// What the beginning of a push is.
#[derive(Debug, PartialEq, Eq)]
pub enum PushDeletions {
    /// As far as it was read it deletes; its commands are not over.
    Unfinished,
    /// It does something else as well, deletes one reference only, or is atomic already.
    No,
    /// It deletes several references and does nothing else. This is the same push, all or nothing.
    All(Vec<u8>),
}

/// Reads the beginning of a push while it arrives.
#[derive(Debug, Default)]
pub struct PushBeginning {
    /// So many bytes are commands that delete.
    read: usize,
}

impl PushBeginning {
    /// Looks at what is there of a push by now: what was there before, and what has come since.
    pub fn read(&mut self, push: &[u8]) -> PushDeletions {
        loop {
            match decode_packet(&push[self.read..]) {
                Ok(Some((PacketLine::Data(line), length))) if is_deletion(line) => self.read += length,
                Ok(Some((PacketLine::Flush, _))) => return at_once(&push[..self.read]),
                Ok(None) => return PushDeletions::Unfinished,
                _ => return PushDeletions::No,
            }
        }
    }
}

/// The push of these commands, which all delete, as one change.
fn at_once(commands: &[u8]) -> PushDeletions {
    let Ok(Some((PacketLine::Data(first), length))) = decode_packet(commands) else {
        return PushDeletions::No;
    };
    let others = &commands[length..];
    let Some(at) = first.iter().position(|byte| *byte == 0).filter(|_| !others.is_empty()) else {
        return PushDeletions::No;
    };
    let capabilities = first[at + 1..].trim_ascii();
    let has = |wanted: &[u8]| has_capability(capabilities, wanted);
    // Options come after the commands, and only a report tells whether all went well.
    if has(b"atomic") || has(b"push-options") || !wants_report(capabilities) {
        return PushDeletions::No;
    }
    let mut push = Vec::with_capacity(commands.len() + 16);
    push_packet(&mut push, &[&first[..=at], capabilities, b" atomic"]);
    push.extend_from_slice(others);
    push_flush(&mut push);
    PushDeletions::All(push)
}

fn is_deletion(line: &[u8]) -> bool {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let (Some(from), Some(to), Some(_)) = (words.next(), words.next(), words.next()) else { return false };
    let is_object = |word: &[u8]| word.len() >= 40 && word.iter().all(u8::is_ascii_hexdigit);
    is_object(from) && is_object(to) && to.iter().all(|digit| *digit == b'0')
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A push of these commands, with the names of objects spelled out.
    pub(in crate::packets) fn push(commands: &[&str]) -> Vec<u8> {
        let (none, one) = ("0".repeat(40), "1".repeat(40));
        let mut push = Vec::new();
        for command in commands {
            let line = command.replace("NONE", &none).replace("ONE", &one);
            push_packet(&mut push, &[line.as_bytes()]);
        }
        push_flush(&mut push);
        push
    }

    #[test]
    fn a_push_that_deletes_several_references_becomes_one_change() {
        let deletions =
            push(&["ONE NONE refs/tags/a\0 report-status side-band-64k", "ONE NONE refs/tags/b\n"]);
        let at_once =
            push(&["ONE NONE refs/tags/a\0report-status side-band-64k atomic", "ONE NONE refs/tags/b\n"]);
        let mut beginning = PushBeginning::default();
        for length in 0..deletions.len() - 3 {
            assert_eq!(beginning.read(&deletions[..length]), PushDeletions::Unfinished, "{length}");
        }
        assert_eq!(beginning.read(&deletions), PushDeletions::All(at_once));
    }

    #[test]
    fn every_other_push_is_left_as_it_is() {
        for commands in [
            &["ONE NONE refs/tags/a\0 report-status"][..],
            &["ONE NONE refs/tags/a\0 report-status", "NONE ONE refs/tags/b"],
            &["NONE ONE refs/tags/a\0 report-status", "ONE NONE refs/tags/b"],
            &["ONE NONE refs/tags/a\0 report-status atomic", "ONE NONE refs/tags/b"],
            &["ONE NONE refs/tags/a\0 report-status push-options", "ONE NONE refs/tags/b"],
            &["ONE NONE refs/tags/a\0 side-band", "ONE NONE refs/tags/b"],
            &["ONE NONE refs/tags/a", "ONE NONE refs/tags/b"],
            &["push-cert\0 report-status", "certificate version 0.1"],
            &["shallow ONE", "ONE NONE refs/tags/a\0 report-status", "ONE NONE refs/tags/b"],
            &[],
        ] {
            let found = PushBeginning::default().read(&push(commands));
            assert_eq!(found, PushDeletions::No, "{commands:?}");
        }
    }
}
