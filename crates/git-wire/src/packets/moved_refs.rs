//! Which references a push moves that are there already, told by its beginning.

use super::pkt_line::{PacketLine, decode_packet};
use crate::names::{ObjectId, RefName};

/// The references that a push moves or deletes, if it does nothing else and `beginning` holds all its commands.
pub fn moved_refs(beginning: &[u8]) -> Option<Vec<RefName>> {
    let (mut rest, mut names) = (beginning, Vec::new());
    loop {
        let (packet, length) = decode_packet(rest).ok()??;
        match packet {
            PacketLine::Data(line) => names.push(moved_by(line)?),
            PacketLine::Flush => return Some(names),
            PacketLine::Delimiter | PacketLine::ResponseEnd => return None,
        }
        rest = &rest[length..];
    }
}

fn moved_by(command: &[u8]) -> Option<RefName> {
    // Behind the name of the first one there are capabilities.
    let command = command.split(|byte| matches!(byte, b'\0' | b'\n')).next()?;
    let mut words = command.splitn(3, |byte| *byte == b' ');
    let (from, to) = (ObjectId::from_hex(words.next()?)?, ObjectId::from_hex(words.next()?)?);
    let name = RefName::parse(std::str::from_utf8(words.next()?).ok()?).ok()?;
    (!from.is_zero() && from.format() == to.format()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{push_flush, push_packet};

    fn moved(commands: &[&str]) -> Option<Vec<String>> {
        let mut push = Vec::new();
        for command in commands {
            let line = command.replace("NONE", &"0".repeat(40)).replace("ONE", &"1".repeat(40));
            push_packet(&mut push, &[line.as_bytes()]);
        }
        for length in 0..push.len() {
            assert_eq!(moved_refs(&push[..length]), None, "{length} bytes");
        }
        push_flush(&mut push);
        push.extend_from_slice(b"PACK");
        Some(moved_refs(&push)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_push_that_moves_and_deletes_is_known() {
        let names = moved(&["ONE ONE refs/heads/a\0 report-status", "ONE NONE refs/tags/b\n"]);
        assert_eq!(names.as_deref(), Some(&["refs/heads/a".to_owned(), "refs/tags/b".to_owned()][..]));
        for other in [
            &["NONE ONE refs/heads/a\0 report-status"][..],
            &["ONE ONE refs/heads/a", "NONE ONE refs/heads/b"],
            &["ONE ONE HEAD"],
            &["ONE ONE refs/heads/a..b"],
            &["shallow ONE", "ONE ONE refs/heads/a"],
            &["push-cert\0 report-status"],
        ] {
            assert_eq!(moved(other), None, "{other:?}");
        }
    }
}
