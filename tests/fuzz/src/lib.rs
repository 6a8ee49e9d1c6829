//! What must hold for any bytes that a Git client, or a server that is followed, could send: no panic, no answer out of proportion, and the request
//! that we write ourselves means what was read. `cargo xtask fuzz` looks for bytes for which it does not hold; those of
//! `corpus/`, recorded from clients or written by hand, are tried with all other tests.

use heliostat_git_wire::{
    Command, CommandName, FetchRequest, LsRefs, ObjectFormat, ObjectInfoRequest, PackWriter, PacketLine,
    RefSnapshot, RemoteCapabilities, WantsSoFar, WholePack, decode_packet, encode_packet, read_legacy_list,
};

/// A canonical request may be longer than what it was read from by a line break and a flag here and there.
const MAX_GROWTH: usize = 2;
const MAX_ADDED_BYTES: usize = 1_024;

/// Decoding reads what encoding writes, and never beyond its input.
pub fn packet_lines(data: &[u8]) {
    let mut rest = data;
    while let Ok(Some((packet, length))) = decode_packet(rest) {
        assert!((4..=rest.len()).contains(&length), "a packet of {length} bytes in {}", rest.len());
        let mut encoded = Vec::new();
        encode_packet(packet, &mut encoded).expect("it has arrived in a packet");
        assert_eq!(decode_packet(&encoded), Ok(Some((packet, encoded.len()))));
        assert_eq!(encoded.len(), length);
        if let PacketLine::Data(payload) = packet {
            assert_eq!(payload.len() + 4, length);
        }
        rest = &rest[length..];
    }
}

/// Any request of version 2.
pub fn request_v2(data: &[u8]) {
    let Ok(Some(command)) = Command::read(data) else {
        return;
    };
    assert!(command.arguments().map(|line| line.len() + 4).sum::<usize>() <= data.len());
    match command.name() {
        CommandName::Fetch => {
            let Ok(request) = FetchRequest::parse_v2(&command) else {
                return;
            };
            let canonical = request.canonical();
            check_length(data, &canonical);
            let command = Command::read(&canonical).expect("canonical").expect("a command");
            assert_eq!(FetchRequest::parse_v2(&command).as_ref(), Ok(&request));
            if let Some(shorter) = without_repetitions(data) {
                let command = Command::read(&shorter).expect("as sound").expect("a command");
                assert_eq!(FetchRequest::parse_v2(&command).as_ref(), Ok(&request));
            }
        }
        CommandName::ObjectInfo => drop(ObjectInfoRequest::parse(&command)),
        CommandName::LsRefs => {
            if let Ok(list) = LsRefs::parse(command.arguments()) {
                drop(RefSnapshot::empty().list(&list));
            }
        }
        CommandName::BundleUri => {}
    }
}

/// Any request of version 0 and 1.
pub fn request_v0(data: &[u8]) {
    let Ok(request) = FetchRequest::parse_v0(data) else {
        return;
    };
    let canonical = request.canonical();
    check_length(data, &canonical);
    assert_eq!(FetchRequest::parse_v0(&canonical).as_ref(), Ok(&request));
    if let Some(shorter) = without_repetitions(data) {
        assert_eq!(FetchRequest::parse_v0(&shorter).as_ref(), Ok(&request));
    }
}

/// The same without what it repeats, if it repeats something: that has to mean the same.
fn without_repetitions(request: &[u8]) -> Option<Vec<u8>> {
    WantsSoFar::in_request(request)?.shorter
}

/// Any answer of a server whose references are asked for: a whole list lists each reference once, and ends where it ends.
pub fn remote_list(data: &[u8]) {
    drop(RemoteCapabilities::read(data));
    let offer =
        RemoteCapabilities::read(b"000eversion 2\n000cls-refs\n000afetch\n0000").expect("a whole offer");
    list_holds(data, |data| offer.read_refs(data).ok());
    list_holds(data, |data| offer.read_refs_as_shown(data).ok());
    list_holds(data, |data| read_legacy_list(data).ok());
}

fn list_holds(data: &[u8], read: impl Fn(&[u8]) -> Option<RefSnapshot>) {
    let Some(refs) = read(data) else {
        return;
    };
    assert!(data.ends_with(b"0000"));
    assert!(refs.refs().is_sorted_by(|one, next| one.name() < next.name()));
    let shown = refs.refs().map(|found| found.name().len() + found.object().as_bytes().len());
    assert!(shown.sum::<usize>() <= data.len());
    assert!(read(&data[..data.len() - 1]).is_none());
}

fn check_length(data: &[u8], canonical: &[u8]) {
    let limit = data.len() * MAX_GROWTH + MAX_ADDED_BYTES;
    assert!(canonical.len() <= limit, "{} bytes became {}", data.len(), canonical.len());
}

/// Any pack, given a checksum that is right, and any file of an object.
pub fn whole_pack(data: &[u8]) {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let mut writer = PackWriter::new(format);
        if writer.append_pack(data).is_err() && writer.append_loose(data).is_err() {
            continue;
        }
        let pack = writer.finish();
        let Ok(whole) = WholePack::read(&pack, format) else {
            continue;
        };
        let index = whole.index();
        assert!(whole.file_stem().ends_with(&hex_of(&pack[pack.len() - format.hex_len() / 2..])));
        assert_eq!((index.len() - 8 - 256 * 4 - format.hex_len()) % (format.hex_len() / 2 + 8), 0);
        drop(whole.require_exactly([]));
    }
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The kept inputs of a target, with their names.
    fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        let entries = std::fs::read_dir(folder).expect("a corpus");
        let kept = entries.map(|entry| {
            let entry = entry.expect("readable");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).expect("readable"))
        });
        kept.collect()
    }

    #[test]
    fn packets_of_the_corpus_hold() {
        corpus("packet_lines").iter().for_each(|(_, data)| packet_lines(data));
    }

    #[test]
    fn requests_of_the_corpus_hold_however_they_are_cut() {
        for (target, check) in [("request_v0", request_v0 as fn(&[u8])), ("request_v2", request_v2)] {
            for (_, data) in corpus(target) {
                (0..=data.len()).for_each(|length| check(&data[..length]));
            }
        }
    }

    #[test]
    fn lists_of_the_corpus_hold_however_they_are_cut() {
        for (_, data) in corpus("remote_list") {
            (0..=data.len()).for_each(|length| remote_list(&data[..length]));
        }
    }

    #[test]
    fn packs_of_the_corpus_hold_however_they_are_cut() {
        for (name, data) in corpus("whole_pack") {
            (0..=data.len()).for_each(|length| whole_pack(&data[..length]));
            if name.starts_with("git-") {
                WholePack::read(&data, ObjectFormat::Sha1).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
    }

    #[test]
    fn what_clients_have_sent_is_understood() {
        // Recorded requests are named by what the client was doing and by its object format.
        let is_recorded = |name: &str| name.contains("-sha1-") || name.contains("-sha256-");
        for (name, data) in corpus("request_v0").iter().filter(|(name, _)| is_recorded(name)) {
            FetchRequest::parse_v0(data).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        for (name, data) in corpus("request_v2").iter().filter(|(name, _)| is_recorded(name)) {
            let command = Command::read(data).unwrap_or_else(|error| panic!("{name}: {error}"));
            let command = command.expect("a command");
            if command.name() == CommandName::Fetch {
                FetchRequest::parse_v2(&command).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
    }
}
