//! What the report about a push says of each reference.
//!
//! A client that takes messages beside the report gets it in packets within packets, of which the outer ones say in their
//! first byte what is in them.

use super::pkt_line::{PacketLine, decode_packet};

/// The band of the report itself.
const REPORT_BAND: u8 = 1;

/// The report about a push.
#[derive(Debug)]
pub struct PushReport {
    /// Its lines, as packets.
    lines: Vec<u8>,
}

impl PushReport {
    /// Finds the report in the answer to a push. What cannot be read ends it.
    pub fn within(answer: &[u8]) -> Self {
        let mut lines = Vec::new();
        let mut outer = packets(answer).peekable();
        match outer.peek() {
            Some([1..=3, ..]) => {
                outer.filter_map(|packet| packet.split_first()).for_each(|(band, part)| {
                    if *band == REPORT_BAND {
                        lines.extend_from_slice(part);
                    }
                });
            }
            _ => lines.extend_from_slice(answer),
        }
        Self { lines }
    }

    /// The references that were not changed, each with the reason.
    pub fn refused(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        packets(&self.lines).filter_map(|line| {
            let told = line.strip_prefix(b"ng ")?.trim_ascii_end();
            let end = told.iter().position(|byte| *byte == b' ').unwrap_or(told.len());
            Some((&told[..end], told.get(end + 1..).unwrap_or_default()))
        })
    }
}

/// What is in the packets of data up to the first flush.
fn packets(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || match decode_packet(bytes) {
        Ok(Some((PacketLine::Data(data), length))) => {
            bytes = &bytes[length..];
            Some(data)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{push_flush, push_packet};

    fn report() -> Vec<u8> {
        let mut report = Vec::new();
        for line in [
            "unpack ok\n",
            "ok refs/heads/a\n",
            "ng refs/heads/b failed to lock\n",
            "ok refs/tags/ng\n",
            "ng c\n",
        ] {
            push_packet(&mut report, &[line.as_bytes()]);
        }
        push_flush(&mut report);
        report
    }

    fn refused(answer: &[u8]) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        PushReport::within(answer).refused().map(|(name, reason)| (text(name), text(reason))).collect()
    }

    #[test]
    fn what_was_refused_is_found_with_and_without_bands_however_it_is_cut() {
        let report = report();
        let pair = |name: &str, reason: &str| (name.to_owned(), reason.to_owned());
        let expected = [pair("refs/heads/b", "failed to lock"), pair("c", "")];
        assert_eq!(refused(&report), expected);
        for length in [1, 7, report.len()] {
            let mut answer = Vec::new();
            push_packet(&mut answer, &[b"\x02", b"ng refs/heads/message of a hook\n"]);
            for piece in report.chunks(length) {
                push_packet(&mut answer, &[b"\x01", piece]);
            }
            push_flush(&mut answer);
            assert_eq!(refused(&answer), expected);
        }
    }

    #[test]
    fn words_elsewhere_refuse_nothing() {
        let mut answer = Vec::new();
        push_packet(&mut answer, &[b"unpack ok\n"]);
        push_packet(&mut answer, &[b"ok refs/heads/ng refs/heads/x\n"]);
        push_flush(&mut answer);
        for answer in [&answer[..], b"", b"ng refs/heads/x", b"00"] {
            assert!(refused(answer).is_empty(), "{answer:?}");
        }
    }
}
