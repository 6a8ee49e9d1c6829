//! The commands at the beginning of a push, read while they pass by: how many references it creates, and what it changes.
//! What follows them is kept if it is a small pack.

use bytes::Bytes;

use super::pkt_line::{PacketLine, decode_packet};
use super::push_report::has_capability;
use crate::names::ObjectId;

/// The names of so many bytes are kept with their commands.
const MAX_KEPT_NAME_BYTES: usize = 1024 * 1024;

/// Most commands that are kept.
const MAX_KEPT_COMMANDS: usize = 10_000;

/// One command of a push, as its client has written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushCommand {
    /// What the client takes the reference to name; all zeros if it is to be created.
    pub from: ObjectId,
    /// What it is to name; all zeros if it is to be deleted.
    pub to: ObjectId,
    /// Its full name, which need not be text.
    pub name: Vec<u8>,
}

/// What is known of the commands that have passed by.
#[derive(Debug, Default)]
pub struct PushCommands {
    /// The beginning of a packet.
    rest: Vec<u8>,
    is_over: bool,
    /// How many references they create.
    pub created: usize,
    /// How long the names of those are together, in bytes.
    pub created_name_bytes: usize,
    /// Whether the client takes messages beside the report.
    pub side_band: bool,
    /// Whether all are to be carried out or none.
    pub is_atomic: bool,
    /// The first of them.
    kept: Vec<PushCommand>,
    kept_name_bytes: usize,
    /// There are more than are kept, or some that are not understood.
    has_others: bool,
    /// The largest pack that is kept, in bytes.
    max_pack_bytes: usize,
    /// What has followed the commands so far; `None` once it is no small pack.
    pack: Option<Vec<u8>>,
}

impl PushCommands {
    /// Keeps the pack that follows if it is no larger than this.
    pub fn keeping_packs_of(max_pack_bytes: usize) -> Self {
        Self { max_pack_bytes, pack: Some(Vec::new()), ..Self::default() }
    }

    /// Takes in the next piece of the request. What cannot be read is left to `git` to refuse.
    pub fn read(&mut self, piece: &[u8]) {
        if self.is_over {
            self.keep(piece);
            return;
        }
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(piece);
        let mut read = 0;
        loop {
            match decode_packet(&rest[read..]) {
                Ok(Some((PacketLine::Data(line), length))) => {
                    self.read_line(line);
                    read += length;
                }
                Ok(None) => {
                    rest.drain(..read);
                    self.rest = rest;
                    return;
                }
                Ok(Some((PacketLine::Flush, length))) => {
                    self.is_over = true;
                    self.keep(&rest[read + length..]);
                    return;
                }
                Ok(Some(_)) | Err(_) => {
                    self.is_over = true;
                    self.pack = None;
                    return;
                }
            }
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        if let Some(pack) = &mut self.pack {
            if pack.len() + piece.len() <= self.max_pack_bytes {
                pack.extend_from_slice(piece);
            } else {
                self.pack = None;
            }
        }
    }

    /// The commands that are kept: the first ten thousand or so.
    pub fn kept(&self) -> &[PushCommand] {
        &self.kept
    }

    /// All commands, if they have passed by and are kept.
    pub fn all(&self) -> Option<&[PushCommand]> {
        (self.is_over && !self.has_others).then_some(&*self.kept)
    }

    /// The pack that has followed the commands, all of it, if it was small.
    pub fn take_pack(&mut self) -> Option<Bytes> {
        self.pack.take().filter(|pack| pack.starts_with(b"PACK")).map(Bytes::from)
    }

    fn read_line(&mut self, line: &[u8]) {
        let mut parts = line.splitn(2, |byte| *byte == 0);
        let command = parts.next().unwrap_or_default().trim_ascii_end();
        if let Some(capabilities) = parts.next() {
            let has = |wanted: &[u8]| has_capability(capabilities, wanted);
            self.side_band = has(b"side-band-64k") || has(b"side-band");
            self.is_atomic = has(b"atomic");
        }
        let mut words = command.splitn(3, |byte| *byte == b' ');
        let (Some(from), Some(to), Some(name)) = (words.next(), words.next(), words.next()) else {
            self.has_others = true;
            return;
        };
        self.keep_command(from, to, name);
        let is_none = |object: &[u8]| object.len() >= 40 && object.iter().all(|digit| *digit == b'0');
        if is_none(from) && !is_none(to) {
            self.created += 1;
            self.created_name_bytes += name.len();
        }
    }

    fn keep_command(&mut self, from: &[u8], to: &[u8], name: &[u8]) {
        let has_room =
            self.kept.len() < MAX_KEPT_COMMANDS && self.kept_name_bytes + name.len() <= MAX_KEPT_NAME_BYTES;
        match (ObjectId::from_hex(from), ObjectId::from_hex(to)) {
            (Some(from), Some(to)) if has_room => {
                self.kept_name_bytes += name.len();
                self.kept.push(PushCommand { from, to, name: name.to_vec() });
            }
            _ => self.has_others = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{push_flush, push_packet};

    fn with_option() -> Vec<u8> {
        let (none, one) = ("0".repeat(40), "1".repeat(40));
        let mut request = Vec::new();
        for line in [
            format!("{none} {one} refs/heads/a\0 report-status side-band-64k agent=x"),
            format!("{one} {none} refs/heads/gone"),
            format!("{none} {one} refs/heads/with\n"),
        ] {
            push_packet(&mut request, &[line.as_bytes()]);
        }
        push_flush(&mut request);
        push_packet(&mut request, &[format!("{none} {one} an option").as_bytes()]);
        request
    }

    #[test]
    fn creations_are_counted_however_the_request_is_cut() {
        let request = with_option();
        for length in [1, 7, 70, request.len()] {
            let mut commands = PushCommands::default();
            request.chunks(length).for_each(|piece| commands.read(piece));
            assert_eq!((commands.created, commands.created_name_bytes), (2, 12 + 15));
            assert!(commands.side_band && commands.rest.is_empty());
        }
    }

    #[test]
    fn what_commands_change_is_kept_while_it_is_little() {
        let mut commands = PushCommands::default();
        assert_eq!(commands.all(), None, "they have not passed by yet");
        commands.read(&with_option());
        let names: Vec<_> = commands.kept().iter().map(|command| &command.name[..]).collect();
        assert_eq!(names, [&b"refs/heads/a"[..], b"refs/heads/gone", b"refs/heads/with"]);
        assert!(commands.kept()[1].to.is_zero() && !commands.kept()[1].from.is_zero());
        assert_eq!(commands.all().map(<[_]>::len), Some(3));
        assert!(!commands.is_atomic);

        let (none, one) = ("0".repeat(40), "1".repeat(40));
        let mut many = Vec::new();
        push_packet(&mut many, &[format!("{none} {one} refs/heads/a\0atomic").as_bytes()]);
        for number in 0..MAX_KEPT_COMMANDS {
            push_packet(&mut many, &[format!("{none} {one} refs/heads/{number}").as_bytes()]);
        }
        push_flush(&mut many);
        let mut commands = PushCommands::default();
        commands.read(&many);
        assert_eq!((commands.kept().len(), commands.all()), (MAX_KEPT_COMMANDS, None));
        assert!(commands.is_atomic);
    }

    #[test]
    fn a_small_pack_is_kept_however_the_request_is_cut() {
        let mut request = Vec::new();
        let (none, one) = ("0".repeat(40), "1".repeat(40));
        push_packet(&mut request, &[format!("{none} {one} refs/heads/a").as_bytes()]);
        push_flush(&mut request);
        request.extend_from_slice(b"PACK and all that follows");
        let kept = |length: usize, max_pack_bytes| {
            let mut commands = PushCommands::keeping_packs_of(max_pack_bytes);
            request.chunks(length).for_each(|piece| commands.read(piece));
            commands.take_pack()
        };
        for length in [1, 7, 70, request.len()] {
            assert_eq!(kept(length, 25).as_deref(), Some(&b"PACK and all that follows"[..]));
            assert_eq!(kept(length, 24), None);
        }
        let mut with_options = PushCommands::keeping_packs_of(1_000);
        with_options.read(&with_option());
        assert_eq!(with_options.take_pack(), None, "what follows is no pack");
    }

    #[test]
    fn what_is_no_list_of_commands_counts_for_nothing() {
        let mut commands = PushCommands::default();
        commands.read(b"PACK or whatever this is");
        assert_eq!((commands.created, commands.side_band), (0, false));
    }
}
