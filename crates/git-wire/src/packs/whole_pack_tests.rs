//! A pack is taken when it is exactly what is needed, and refused for whatever else it is.

use super::*;
use crate::packs::PackWriter;
use crate::packs::zlib::Deflater;

const FORMATS: [ObjectFormat; 2] = [ObjectFormat::Sha1, ObjectFormat::Sha256];

/// A file of `git` that holds one object.
fn loose(kind: ObjectKind, content: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let head = format!("{} {}\0", kind.as_str(), content.len());
    Deflater::new().append(&[head.as_bytes(), content].concat(), &mut file);
    file
}

fn id(kind: ObjectKind, content: &[u8], format: ObjectFormat) -> ObjectId {
    ObjectId::from_hex(name_of(kind, content, format).to_hex(format).as_bytes()).expect("hex")
}

/// A small history: contents with their kinds, the commit last but one, a tag of it last.
fn history(format: ObjectFormat) -> Vec<(ObjectKind, Vec<u8>)> {
    let blob = b"hello\n".repeat(100);
    let of_blob = name_of(ObjectKind::Blob, &blob, format);
    let tree = [&b"100644 a\0"[..], of_blob.bytes(format)].concat();
    let of_tree = id(ObjectKind::Tree, &tree, format);
    let commit = format!("tree {of_tree}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nfirst\n");
    let of_commit = id(ObjectKind::Commit, commit.as_bytes(), format);
    let tag = format!("object {of_commit}\ntype commit\ntag v1\ntagger A <a> 1 +0000\n\nv1\n");
    vec![
        (ObjectKind::Blob, blob),
        (ObjectKind::Tree, tree),
        (ObjectKind::Commit, commit.into_bytes()),
        (ObjectKind::Tag, tag.into_bytes()),
    ]
}

fn pack_of(objects: &[(ObjectKind, Vec<u8>)], format: ObjectFormat) -> Vec<u8> {
    let mut writer = PackWriter::new(format);
    for (kind, content) in objects {
        writer.append_loose(&loose(*kind, content)).expect("an object");
    }
    writer.finish()
}

/// The same pack with another body, and a checksum that is right for it.
fn with_body(count: u32, body: &[u8], format: ObjectFormat) -> Vec<u8> {
    let head = [&PACK_START[..], &count.to_be_bytes()].concat();
    let checksum = hash(&[&head[..], body], format);
    [&head[..], body, checksum.bytes(format)].concat()
}

#[test]
fn a_pack_is_whole_exactly_for_the_references_that_lead_to_all_of_it() {
    for format in FORMATS {
        let objects = history(format);
        let ids: Vec<_> = objects.iter().map(|(kind, content)| id(*kind, content, format)).collect();
        let pack = pack_of(&objects, format);
        let whole = WholePack::read(&pack, format).expect("a pack");
        assert_eq!(whole.require_exactly(&ids[3..]), Ok(()));
        assert_eq!(whole.require_exactly(&ids[2..]), Ok(()));
        assert_eq!(whole.require_exactly(&ids[2..3]), Err(PackFault::Unreached(1)));
        assert_eq!(whole.require_exactly(&[]), Err(PackFault::Unreached(4)));
        let unknown = ObjectId::zero(format);
        assert_eq!(whole.require_exactly([&unknown]), Err(PackFault::Missing(unknown.to_string())));
        assert_eq!(whole.peeled(&ids[3]), PeeledObject::To(ids[2].clone()));
        assert_eq!(whole.peeled(&ids[2]), PeeledObject::NoTag);
        assert_eq!(whole.peeled(&unknown), PeeledObject::Missing);

        let pack = pack_of(&objects[1..], format);
        let lacking = WholePack::read(&pack, format).expect("a pack");
        assert_eq!(lacking.require_exactly(&ids[3..]), Err(PackFault::Missing(ids[0].to_string())));
        // The blob is taken for a commit.
        let tag = format!("object {}\ntype commit\ntag x\n\n", ids[0]).into_bytes();
        let of_tag = id(ObjectKind::Tag, &tag, format);
        let pack = pack_of(&[objects[0].clone(), (ObjectKind::Tag, tag)], format);
        let mistaken = WholePack::read(&pack, format).expect("a pack");
        assert!(matches!(mistaken.require_exactly(&[of_tag]), Err(PackFault::Object { .. })));
    }
}

#[test]
fn deltas_are_applied_wherever_their_base_stands() {
    let format = ObjectFormat::Sha1;
    let base = b"hello\n".repeat(100);
    let head = |number: u8, size: usize| vec![(number << 4) | u8::try_from(size).expect("small")];
    // 600 bytes become the last 594, then 'x'.
    let delta = |from: u8| [0xd8, 4, 0xd3, 4, 0xb1, from, 0x52, 2, 1, b'x'].to_vec();
    let result = [&base[6..], b"x"].concat();
    let compressed = |content: &[u8]| {
        let mut output = Vec::new();
        Deflater::new().append(content, &mut output);
        output
    };
    let whole_base =
        [vec![0x80 | (3 << 4) | (600 & 0x0f) as u8, (600_u32 >> 4) as u8], compressed(&base)].concat();
    let name = name_of(ObjectKind::Blob, &base, format);
    let by_name = [head(7, 10), name.bytes(format).to_vec(), compressed(&delta(6))].concat();
    let distance = u8::try_from(whole_base.len()).expect("it compresses well");
    let by_place = [head(6, 10), vec![distance & 0x7f], compressed(&delta(6))].concat();
    assert!(distance < 0x80);
    let expected = id(ObjectKind::Blob, &result, format);
    for body in [[&by_name[..], &whole_base].concat(), [&whole_base[..], &by_place].concat()] {
        let pack = with_body(2, &body, format);
        let whole = WholePack::read(&pack, format).expect("a pack");
        let of_base = id(ObjectKind::Blob, &base, format);
        assert_eq!(whole.require_exactly(&[of_base, expected.clone()]), Ok(()));
    }
    for body in [&by_name, &by_place] {
        let pack = with_body(1, body, format);
        assert!(matches!(WholePack::read(&pack, format), Err(PackFault::Malformed(_))));
    }
    let twice = with_body(2, &[&whole_base[..], &whole_base].concat(), format);
    assert!(matches!(WholePack::read(&twice, format), Err(PackFault::Malformed(_))));
}

#[test]
fn what_is_no_whole_pack_is_refused() {
    let format = ObjectFormat::Sha1;
    let pack = pack_of(&history(format), format);
    for length in 0..pack.len() {
        assert!(WholePack::read(&pack[..length], format).is_err(), "cut after {length}");
    }
    let body = &pack[PACK_HEAD_BYTES..pack.len() - hash_bytes(format)];
    for place in 0..pack.len() {
        let mut other = pack.clone();
        other[place] ^= 1;
        assert!(WholePack::read(&other, format).is_err(), "changed at {place}");
    }
    for (count, body) in [(3, body), (5, body), (u32::MAX, body), (4, &[body, b"x"].concat()[..])] {
        assert!(WholePack::read(&with_body(count, body, format), format).is_err(), "{count}");
    }
    // An object that says that it is very large.
    let large = with_body(1, &[0xb0, 0xff, 0xff, 0xff, 0x7f], format);
    assert_eq!(WholePack::read(&large, format).map(drop), Err(PackFault::TooLarge));
}

#[test]
fn packs_and_single_objects_become_one() {
    for format in FORMATS {
        let objects = history(format);
        let mut writer = PackWriter::new(format);
        writer.append_pack(&pack_of(&objects[..2], format)).expect("a pack");
        writer.append_pack(&pack_of(&objects[2..3], format)).expect("a pack");
        writer.append_loose(&loose(objects[3].0, &objects[3].1)).expect("an object");
        assert!(writer.append_loose(b"nothing").is_err());
        assert!(writer.append_pack(b"nothing").is_err());
        let pack = writer.finish();
        let whole = WholePack::read(&pack, format).expect("a pack");
        let tip = id(objects[3].0, &objects[3].1, format);
        assert_eq!(whole.require_exactly(&[tip]), Ok(()));
        let index = whole.index();
        let length = 8 + 256 * 4 + 4 * (hash_bytes(format) + 8) + 2 * hash_bytes(format);
        assert_eq!(index.len(), length);
        assert_eq!(index[8 + 255 * 4..8 + 256 * 4], [0, 0, 0, 4]);
        assert!(whole.file_stem().starts_with("pack-"));
    }
}
