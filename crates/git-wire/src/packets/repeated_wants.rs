//! A request for a fetch without the wants that it repeats: clients name an object once for each reference that names it.

use super::pkt_line::{PacketLine, decode_packet};

/// What has come of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct WantsSoFar {
    /// The same without the wants that it repeats, if there are any.
    pub shorter: Option<Vec<u8>>,
    /// Whether the last line was a want: more of them may follow.
    pub go_on: bool,
}

impl WantsSoFar {
    /// Reads the beginning of a request, in any version of the protocol; `None` when it cannot be read. The last line need
    /// not be whole.
    pub fn in_request(request: &[u8]) -> Option<Self> {
        // Each with the place where its line begins, and whether that says nothing else.
        let mut wants: Vec<(&[u8], usize, bool)> = Vec::new();
        let (mut end, mut go_on) = (0, false);
        while let Some((packet, length)) = decode_packet(&request[end..]).ok()? {
            let want = match packet {
                PacketLine::Data(line) => line.strip_prefix(b"want "),
                _ => None,
            };
            go_on = want.is_some();
            wants.extend(want.map(|want| {
                let (name, rest) = want.split_at(name_bytes(want));
                (name, end, rest.trim_ascii_end().is_empty())
            }));
            end += length;
        }
        // In versions 0 and 1 capabilities follow a name.
        wants.sort_unstable();
        let pairs = wants.windows(2).filter(|pair| pair[0].0 == pair[1].0 && pair[1].2);
        let mut repeated: Vec<usize> = pairs.map(|pair| pair[1].1).collect();
        repeated.sort_unstable();
        let shorter = if repeated.is_empty() { None } else { Some(without(request, &repeated)?) };
        Some(Self { shorter, go_on })
    }
}

/// How long the name is that a want begins with.
fn name_bytes(want: &[u8]) -> usize {
    want.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(want.len())
}

/// The request without the lines that begin at these places.
fn without(request: &[u8], places: &[usize]) -> Option<Vec<u8>> {
    let mut kept = Vec::with_capacity(request.len());
    let mut from = 0;
    for place in places {
        kept.extend_from_slice(&request[from..*place]);
        let (_, length) = decode_packet(&request[*place..]).ok()??;
        from = place + length;
    }
    kept.extend_from_slice(&request[from..]);
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::spelled;

    fn want(digit: &str) -> String {
        format!("want {}", digit.repeat(40))
    }

    #[test]
    fn each_want_stays_where_it_was_said_first() {
        let (one, two, first) = (want("1"), want("2"), format!("{} thin-pack", want("1")));
        let request = spelled(&[&first, &two, &one, &two, &one]);
        let shorter: &[u8] = &spelled(&[&first, &two]);
        let found = WantsSoFar::in_request(&request).expect("readable");
        assert_eq!(found, WantsSoFar { shorter: Some(shorter.to_vec()), go_on: true });
        // A line that has not come whole stays.
        let cut = WantsSoFar::in_request(&request[..request.len() - 1]).expect("readable");
        let last = spelled(&[&one]);
        assert_eq!(cut.shorter, Some([shorter, &last[..last.len() - 1]].concat()));
        let told_later = spelled(&[&one, &first]);
        let found = WantsSoFar::in_request(&told_later).expect("readable");
        assert_eq!(found.shorter, None, "it says more than that it wants");
        let whole = spelled(&["command=fetch", "|", &one, &two, &format!("have {}", "1".repeat(40)), "."]);
        let found = WantsSoFar::in_request(&whole).expect("readable");
        assert_eq!(found, WantsSoFar { shorter: None, go_on: false });
        assert_eq!(WantsSoFar::in_request(b"rubbish"), None);
    }
}
