//! An answer to a fetch, freed from what it says to people: that is for those who wait for it now, and not for those who
//! are given the same answer later.

use bytes::Bytes;

use crate::fetch::{FetchRequest, PackStart};
use crate::packets::{LENGTH_DIGITS, MAX_PACKET_LINE_BYTES, read_length};

/// Side band of what is for people.
const PEOPLE: u8 = 2;

/// The digits of a length and the byte that names the band.
const HEAD_BYTES: usize = LENGTH_DIGITS + 1;

/// Takes answers apart that arrive in pieces. No byte of the pack is copied.
#[derive(Debug)]
pub struct PeopleBand {
    /// Looks for the pack; before it everything is part of the answer.
    start: Option<PackStart>,
    /// The beginning of a packet that does not yet say for whom it is.
    head: Vec<u8>,
    /// How many bytes are still to come of the packet that has begun, and for whom they are.
    left: usize,
    is_for_people: bool,
    /// Whether what has come is no packet. Then everything is part of the answer.
    is_lost: bool,
}

/// A piece of an answer, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parted {
    /// What is part of the answer.
    pub answer: Vec<Bytes>,
    /// What is for people. Lines need not end where a piece does.
    pub said: Vec<u8>,
}

impl PeopleBand {
    /// For the answer to this request; `None` where it has no room for people.
    pub fn of(request: &FetchRequest) -> Option<Self> {
        let start = request.pack_start();
        let has_room = request.is_side_band() && !start.is_nowhere();
        has_room.then(|| Self {
            start: Some(start),
            head: Vec::new(),
            left: 0,
            is_for_people: false,
            is_lost: false,
        })
    }

    /// Whether all packets that have begun are there, and the next one may be anything.
    pub fn is_between_packets(&self) -> bool {
        self.start.is_none() && self.left == 0 && self.head.is_empty() && !self.is_lost
    }

    /// Takes the next piece of the answer.
    pub fn take(&mut self, mut piece: Bytes) -> Parted {
        let mut parted = Parted::default();
        if let Some(start) = &mut self.start {
            let Some(at) = start.find(&piece) else {
                parted.answer.push(piece);
                return parted;
            };
            parted.answer.push(piece.split_to(at));
            self.start = None;
        }
        while !piece.is_empty() {
            if self.is_lost {
                parted.answer.push(piece);
                break;
            }
            if self.left > 0 {
                let part = piece.split_to(self.left.min(piece.len()));
                self.left -= part.len();
                match self.is_for_people {
                    true => parted.said.extend_from_slice(&part),
                    false => parted.answer.push(part),
                }
                continue;
            }
            let needed = if self.head.len() < LENGTH_DIGITS { LENGTH_DIGITS } else { HEAD_BYTES };
            let part = piece.split_to((needed - self.head.len()).min(piece.len()));
            self.head.extend_from_slice(&part);
            if self.head.len() == needed {
                self.read_head(&mut parted);
            }
        }
        parted
    }

    /// Reads the digits of a packet, and after them its band.
    fn read_head(&mut self, parted: &mut Parted) {
        let length = read_length(&self.head[..LENGTH_DIGITS]);
        let has_band = length.is_some_and(|length| (HEAD_BYTES..=MAX_PACKET_LINE_BYTES).contains(&length));
        if has_band && self.head.len() == LENGTH_DIGITS {
            return;
        }
        self.is_for_people = has_band && self.head[LENGTH_DIGITS] == PEOPLE;
        match length {
            Some(length) if has_band => self.left = length - HEAD_BYTES,
            Some(0..=2 | LENGTH_DIGITS) => {}
            _ => self.is_lost = true,
        }
        let head = std::mem::take(&mut self.head);
        if !self.is_for_people {
            parted.answer.push(head.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{Command, spelled};

    fn fetch(lines: &[&str]) -> FetchRequest {
        let want = format!("want {}", "1".repeat(40));
        let start = ["command=fetch", "object-format=sha1", "|", want.as_str()];
        let body = spelled(&[&start[..], lines, &["."]].concat());
        FetchRequest::parse_v2(&Command::read(&body).expect("framed").expect("a command")).expect("a fetch")
    }

    fn parted(answer: &[u8], length: usize) -> (Vec<u8>, Vec<u8>, bool) {
        let mut band = PeopleBand::of(&fetch(&["deepen 1", "done"])).expect("it has room");
        let (mut left, mut said) = (Vec::new(), Vec::new());
        for piece in answer.chunks(length) {
            let parted = band.take(Bytes::copy_from_slice(piece));
            left.extend(parted.answer.concat());
            said.extend(parted.said);
        }
        (left, said, band.is_between_packets())
    }

    #[test]
    fn what_is_for_people_is_taken_out_however_the_answer_is_cut() {
        let head = b"0010shallow-info0001000dpackfile\n".as_slice();
        let whole =
            [head, b"0007\x02a\r0005\x01000b\x01PACKxx0005\x020009\x02bcd\n0007\x01\x02y0000"].concat();
        let expected = [head, b"0005\x01000b\x01PACKxx0007\x01\x02y0000"].concat();
        for length in 1..=whole.len() {
            assert_eq!(parted(&whole, length), (expected.clone(), b"a\rbcd\n".to_vec(), true), "{length}");
        }
        assert!(!parted(&whole[..whole.len() - 5], 7).2);
    }

    #[test]
    fn what_is_no_pack_in_packets_stays_as_it_is() {
        for answer in [&b"000dpackfile\nPACK rubbish \x02"[..], b"000cERR no \x02", b"rubbish 0006\x02a"] {
            assert_eq!(parted(answer, 3), (answer.to_vec(), Vec::new(), false));
        }
        assert!(PeopleBand::of(&fetch(&["wait-for-done", &format!("have {}", "2".repeat(40))])).is_none());
    }

    #[test]
    fn nothing_but_progress_is_asked_for_besides() {
        let request = fetch(&["deepen 1", "done"]);
        let with = String::from_utf8(request.canonical_with_progress().to_vec()).expect("text");
        let without = String::from_utf8(request.canonical().to_vec()).expect("text");
        assert_eq!(with, without.replace("0010no-progress\n", ""));
        assert_ne!(with, without);
    }
}
