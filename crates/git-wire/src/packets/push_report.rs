//! What the report about a push says of each reference.
//!
//! A client that takes messages beside the report gets it in packets within packets, of which the outer ones say in their
//! first byte what is in them.

use super::pkt_line::{PacketLine, decode_packet};
use super::write::{push_flush, push_packet};

/// The band of the report itself.
const REPORT_BAND: u8 = 1;

/// How much of a report goes into one packet of its band: clients that know the older, narrower bands take 1,000 bytes.
const BAND_ROOM: usize = 990;

/// Whether a push that begins with these capabilities has this one.
pub(super) fn has_capability(capabilities: &[u8], wanted: &[u8]) -> bool {
    capabilities.trim_ascii().split(|byte| *byte == b' ').any(|word| word == wanted)
}

/// Whether a push that begins with these capabilities is answered with a report.
pub(super) fn wants_report(capabilities: &[u8]) -> bool {
    has_capability(capabilities, b"report-status") || has_capability(capabilities, b"report-status-v2")
}

/// What became of a reference after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It was changed.
    Done,
    /// It was not, for this reason.
    Refused(&'a str),
}

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

    /// The same answer, with another verdict on references that it says were not changed; `None` leaves what it says.
    pub fn with_verdicts<'v>(answer: &[u8], verdict_on: impl Fn(&[u8]) -> Option<Verdict<'v>>) -> Vec<u8> {
        let report = Self::within(answer);
        let mut lines = Vec::with_capacity(report.lines.len());
        for line in packets(&report.lines) {
            let refused = line.strip_prefix(b"ng ").map(<[u8]>::trim_ascii_end);
            let name = refused.and_then(|told| told.split(|byte| *byte == b' ').next());
            match name.and_then(|name| Some((name, verdict_on(name)?))) {
                None => push_packet(&mut lines, &[line]),
                Some((name, Verdict::Done)) => push_packet(&mut lines, &[b"ok ", name, b"\n"]),
                Some((name, Verdict::Refused(reason))) => {
                    push_packet(&mut lines, &[b"ng ", name, b" ", reason.as_bytes(), b"\n"]);
                }
            }
        }
        push_flush(&mut lines);
        let mut outer = packets(answer).peekable();
        if !matches!(outer.peek(), Some([1..=3, ..])) {
            return lines;
        }
        let mut output = Vec::with_capacity(lines.len());
        let others = outer.filter(|packet| packet.first() != Some(&REPORT_BAND));
        others.for_each(|packet| push_packet(&mut output, &[packet]));
        lines.chunks(BAND_ROOM).for_each(|part| push_packet(&mut output, &[&[REPORT_BAND], part]));
        push_flush(&mut output);
        output
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
