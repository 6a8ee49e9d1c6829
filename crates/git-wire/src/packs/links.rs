//! What an object needs: which others it names, and of which kind those must be.
//!
//! Names of files that could make a client write where it must not are for `git` to judge, which knows how each file
//! system reads them; all that looks remotely like one is handed over to it. So is what is malformed: old tools have
//! written much that is harmless.

use crate::names::ObjectFormat;
use crate::packs::objects::{ObjectKind, RawName, hash_bytes};

/// The part of a mode that tells what an entry of a tree is.
pub(super) const KIND_MASK: u32 = 0o170_000;
pub(super) const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const SYMBOLIC_LINK: u32 = 0o120_000;
/// A commit of another repository.
pub(super) const SUBMODULE: u32 = 0o160_000;

/// The most digits that a mode has.
const MAX_MODE_DIGITS: usize = 7;

/// An object that another one needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: RawName,
    pub(super) kind: ObjectKind,
}

/// Appends what this object needs; says what is wrong with it where it is not plainly in order.
pub(super) fn append_links(
    kind: ObjectKind,
    content: &[u8],
    format: ObjectFormat,
    links: &mut Vec<Link>,
) -> Result<(), &'static str> {
    match kind {
        ObjectKind::Blob => Ok(()),
        ObjectKind::Tree => of_tree(content, format, links),
        ObjectKind::Commit => of_commit(content, format, links).ok_or("a commit is not as expected"),
        ObjectKind::Tag => {
            links.push(tagged(content, format).ok_or("a tag is not as expected")?);
            Ok(())
        }
    }
}

/// What a tag is attached to.
pub(super) fn tagged(content: &[u8], format: ObjectFormat) -> Option<Link> {
    let rest = head_of(content)?.strip_prefix(b"object ")?;
    let (name, rest) = name_in_line(rest, format)?;
    let rest = rest.strip_prefix(b"type ")?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    Some(Link { name, kind: ObjectKind::named(&rest[..end])? })
}

fn of_commit(content: &[u8], format: ObjectFormat, links: &mut Vec<Link>) -> Option<()> {
    let (name, mut rest) = name_in_line(head_of(content)?.strip_prefix(b"tree ")?, format)?;
    links.push(Link { name, kind: ObjectKind::Tree });
    while let Some(parent) = rest.strip_prefix(b"parent ") {
        let (name, after) = name_in_line(parent, format)?;
        links.push(Link { name, kind: ObjectKind::Commit });
        rest = after;
    }
    rest.starts_with(b"author ").then_some(())
}

/// The lines before the message. Git reads none that hold a NUL.
fn head_of(content: &[u8]) -> Option<&[u8]> {
    let end = content.windows(2).position(|pair| pair == b"\n\n").map_or(content.len(), |end| end + 1);
    let head = &content[..end];
    (head.ends_with(b"\n") && !head.contains(&0)).then_some(head)
}

/// The name that fills the rest of the line, and the lines after it.
fn name_in_line(text: &[u8], format: ObjectFormat) -> Option<(RawName, &[u8])> {
    let (hex, rest) = text.split_at_checked(format.hex_len())?;
    Some((RawName::of_hex(hex, format)?, rest.strip_prefix(b"\n")?))
}

fn of_tree(content: &[u8], format: ObjectFormat, links: &mut Vec<Link>) -> Result<(), &'static str> {
    let mut rest = content;
    while !rest.is_empty() {
        let (mode, name, object, after) = first_entry(rest, format).ok_or("a tree is not as expected")?;
        if is_suspicious(name) {
            return Err("a tree has a name that git has to judge");
        }
        match mode & KIND_MASK {
            FOLDER => links.push(Link { name: object, kind: ObjectKind::Tree }),
            FILE | SYMBOLIC_LINK => links.push(Link { name: object, kind: ObjectKind::Blob }),
            SUBMODULE => {}
            _ => return Err("a tree has an entry of an unknown kind"),
        }
        rest = after;
    }
    Ok(())
}

/// The mode, the name and the object of the first line, and the lines after it.
pub(super) fn first_entry(entries: &[u8], format: ObjectFormat) -> Option<(u32, &[u8], RawName, &[u8])> {
    let space = entries.iter().position(|byte| *byte == b' ').filter(|space| *space <= MAX_MODE_DIGITS)?;
    let digits = &entries[..space];
    let is_octal = digits.iter().all(|digit| matches!(digit, b'0'..=b'7'));
    let mode = u32::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| is_octal)?, 8).ok()?;
    let rest = &entries[space + 1..];
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (object, after) = rest[end + 1..].split_at_checked(hash_bytes(format))?;
    Some((mode, &rest[..end], RawName::of_bytes(object), after))
}

/// Whether some file system may take this name for `.git`, `.gitmodules`, `..` or a path. Some ignore capitals, some
/// characters that are not ASCII, or dots and spaces at the end; some know short forms with a tilde.
pub(super) fn is_suspicious(name: &[u8]) -> bool {
    let plain: Vec<u8> = name.iter().filter(|byte| byte.is_ascii()).map(u8::to_ascii_lowercase).collect();
    let trimmed = plain.trim_ascii_end();
    let dots = trimmed.iter().rev().take_while(|byte| matches!(byte, b'.' | b' ')).count();
    let trimmed = &trimmed[..trimmed.len() - dots];
    let is_nothing_but_dots = trimmed.is_empty() && (!plain.is_empty() || name.is_empty());
    is_nothing_but_dots
        || trimmed == b".git"
        || plain.starts_with(b".gitmodules")
        || plain.iter().any(|byte| matches!(byte, b'/' | b'\\' | b':') || byte.is_ascii_control())
        || (plain.starts_with(b"gi") && plain.contains(&b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: ObjectFormat = ObjectFormat::Sha1;

    fn raw(digit: char) -> RawName {
        RawName::of_hex(digit.to_string().repeat(40).as_bytes(), FORMAT).expect("hex")
    }

    fn links_of(kind: ObjectKind, content: &[u8]) -> Result<Vec<Link>, &'static str> {
        let mut links = Vec::new();
        append_links(kind, content, FORMAT, &mut links).map(|()| links)
    }

    fn entry(mode: &str, name: &[u8], digit: char) -> Vec<u8> {
        [mode.as_bytes(), b" ", name, b"\0", raw(digit).bytes(FORMAT)].concat()
    }

    #[test]
    fn each_kind_names_what_it_needs() {
        let (one, two, three) = ("1".repeat(40), "2".repeat(40), "3".repeat(40));
        let commit = format!(
            "tree {one}\nparent {two}\nparent {three}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\ntree {two}\n"
        );
        let link = |digit, kind| Link { name: raw(digit), kind };
        let expected =
            [link('1', ObjectKind::Tree), link('2', ObjectKind::Commit), link('3', ObjectKind::Commit)];
        assert_eq!(links_of(ObjectKind::Commit, commit.as_bytes()).as_deref(), Ok(&expected[..]));
        let tag = format!("object {one}\ntype tag\ntag v1\n\nparent {two}\n");
        assert_eq!(
            links_of(ObjectKind::Tag, tag.as_bytes()).as_deref(),
            Ok(&[link('1', ObjectKind::Tag)][..])
        );
        let tree = [
            entry("100644", b"a", '1'),
            entry("120000", b"b", '2'),
            entry("160000", b"c", '4'),
            entry("40000", b"d", '3'),
        ];
        let expected =
            [link('1', ObjectKind::Blob), link('2', ObjectKind::Blob), link('3', ObjectKind::Tree)];
        assert_eq!(links_of(ObjectKind::Tree, &tree.concat()).as_deref(), Ok(&expected[..]));
        assert_eq!(links_of(ObjectKind::Blob, b"tree").as_deref(), Ok(&[][..]));
    }

    #[test]
    fn what_is_malformed_is_left_to_git() {
        let one = "1".repeat(40);
        for content in
            ["", "tree 12\n", &format!("tree {one}\n"), &format!("tree {one}\nparent x\nauthor A\n")]
        {
            assert!(links_of(ObjectKind::Commit, content.as_bytes()).is_err(), "{content}");
        }
        let with_nul = format!("tree {one}\nauthor \0\n\n");
        assert!(links_of(ObjectKind::Commit, with_nul.as_bytes()).is_err());
        assert!(links_of(ObjectKind::Tag, format!("object {one}\ntype x\n").as_bytes()).is_err());
        let whole = entry("100644", b"a", '1');
        for tree in [
            &whole[..whole.len() - 1],
            b"100644",
            b"100644 a",
            &entry("1", b"a", '1'),
            &entry("+100644", b"a", '1'),
        ] {
            assert!(links_of(ObjectKind::Tree, tree).is_err(), "{tree:?}");
        }
    }

    #[test]
    fn names_that_could_harm_are_left_to_git() {
        let harmful = [
            &b""[..],
            b".",
            b"..",
            b".git",
            b".GIT",
            b".git ",
            b".git. .",
            b".g\xe2\x80\x8cit",
            b"git~1",
            b"GIT~1",
            b"a/b",
            b"a\\b",
            b".git::$INDEX_ALLOCATION",
            b".gitmodules",
            b".GitModules",
            b".gitmodules .",
            b"gitmod~1",
            b"GI7EBA~1",
        ];
        for name in harmful {
            let tree = entry("100644", name, '1');
            assert!(links_of(ObjectKind::Tree, &tree).is_err(), "{}", String::from_utf8_lossy(name));
        }
        for name in [&b".gitignore"[..], b".gitattributes", b".github", b"a~", b"...a", b"\xc3\xa4", b"git"] {
            let tree = entry("100644", name, '1');
            assert!(links_of(ObjectKind::Tree, &tree).is_ok(), "{}", String::from_utf8_lossy(name));
        }
    }
}
