//! How an object is named, what it leads to, and which names in it would harm those who check it out.

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::pack::ObjectKind;
use crate::names::{ObjectFormat, ObjectId};

/// Mode of a folder in a tree, and the bits that tell folders from submodules.
const FOLDER_MODE: u32 = 0o040_000;
const SUBMODULE_MODE: u32 = 0o160_000;
const KIND_BITS: u32 = 0o170_000;

/// What a commit is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitLinks {
    /// Its files.
    pub tree: ObjectId,
    /// The commits that it follows.
    pub parents: Vec<ObjectId>,
    /// When it was made, in seconds since 1970; 0 if that is not told.
    pub committed_at: i64,
}

/// What a name in a tree stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeEntryKind {
    /// Another tree.
    Folder,
    /// A commit of another repository, which is not needed here.
    Submodule,
    /// A blob.
    File,
}

/// A line of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry<'a> {
    /// The bits of its mode.
    pub mode: u32,
    /// Its name, which need not be text.
    pub name: &'a [u8],
    /// What is under this name.
    pub object: ObjectId,
}

impl TreeEntry<'_> {
    /// What the name stands for.
    pub fn kind(&self) -> TreeEntryKind {
        match self.mode & KIND_BITS {
            FOLDER_MODE => TreeEntryKind::Folder,
            SUBMODULE_MODE => TreeEntryKind::Submodule,
            _ => TreeEntryKind::File,
        }
    }
}

/// The name of an object with this content.
pub fn object_name(kind: ObjectKind, content: &[u8], format: ObjectFormat) -> ObjectId {
    let head = format!("{} {}\0", kind.as_str(), content.len());
    ObjectId::from_raw(&digest(format, &[head.as_bytes(), content])).expect("a hash has the length of a name")
}

/// The hash over these bytes.
pub(super) fn digest(format: ObjectFormat, parts: &[&[u8]]) -> Vec<u8> {
    fn of<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
        let mut hash = D::new();
        parts.iter().for_each(|part| hash.update(part));
        hash.finalize().to_vec()
    }
    match format {
        ObjectFormat::Sha1 => of::<Sha1>(parts),
        ObjectFormat::Sha256 => of::<Sha256>(parts),
    }
}

/// What a commit leads to; `None` when this is no commit.
pub fn commit_links(commit: &[u8]) -> Option<CommitLinks> {
    let mut lines = commit.split(|byte| *byte == b'\n');
    let tree = ObjectId::from_hex(lines.next()?.strip_prefix(b"tree ")?)?;
    let (mut parents, mut committed_at) = (Vec::new(), 0);
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(parent) = line.strip_prefix(b"parent ") {
            parents.push(ObjectId::from_hex(parent)?);
        } else if let Some(committer) = line.strip_prefix(b"committer ") {
            let seconds = committer.rsplit(|byte| *byte == b' ').nth(1).unwrap_or_default();
            committed_at = std::str::from_utf8(seconds).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        }
    }
    Some(CommitLinks { tree, parents, committed_at })
}

/// What a tag names; `None` when this is no tag.
pub fn tag_target(tag: &[u8]) -> Option<ObjectId> {
    let line = tag.split(|byte| *byte == b'\n').next()?;
    ObjectId::from_hex(line.strip_prefix(b"object ")?)
}

/// The lines of a tree; `None` when this is no tree.
pub fn tree_entries(tree: &[u8], format: ObjectFormat) -> Option<Vec<TreeEntry<'_>>> {
    let (mut rest, mut entries) = (tree, Vec::new());
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ')?;
        let mode = std::str::from_utf8(&rest[..space]).ok()?;
        let mode = u32::from_str_radix(mode, 8).ok()?;
        let end = space + 1 + rest[space + 1..].iter().position(|byte| *byte == 0)?;
        let (object, after) = rest[end + 1..].split_at_checked(format.hex_len() / 2)?;
        entries.push(TreeEntry { mode, name: &rest[space + 1..end], object: ObjectId::from_raw(object)? });
        rest = after;
    }
    Some(entries)
}

/// Whether a name in a tree might make clients that check it out write where they must not: one that some file system
/// takes for `.git` or `.gitmodules`, or that leads out of its folder. Names that only look like it count as well; `git`
/// itself has to look at what is under them.
pub fn may_harm(name: &[u8]) -> bool {
    let plain = plain_name(name);
    let continues = |rest: &[u8]| matches!(rest.first(), None | Some(b' ' | b'.' | b':'));
    plain.is_empty()
        || [&b"."[..], b".."].contains(&&plain[..])
        || plain.contains(&b'/')
        || plain.contains(&b'\\')
        || plain.strip_prefix(b".git").is_some_and(|rest| continues(rest) || rest.starts_with(b"modules"))
        // Short names that Windows makes.
        || (plain.starts_with(b"g") && plain[..plain.len().min(8)].contains(&b'~'))
}

/// A name as file systems see it that know no capital letters and pass over some characters.
fn plain_name(name: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::with_capacity(name.len()), name);
    loop {
        rest = match rest {
            [] => return plain,
            [0xe2, 0x80 | 0x81, _, after @ ..] | [0xef, 0xbb, 0xbf, after @ ..] => after,
            [byte, after @ ..] => {
                plain.push(byte.to_ascii_lowercase());
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_as_git_names_them() {
        let name = |kind, content, format| object_name(kind, content, format).to_string();
        assert_eq!(
            name(ObjectKind::Blob, b"hello\n", ObjectFormat::Sha1),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
        assert_eq!(
            name(ObjectKind::Tree, b"", ObjectFormat::Sha256),
            "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
        );
    }

    #[test]
    fn links_are_read() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let commit = format!(
            "tree {one}\nparent {two}\nparent {one}\nauthor A <a> 5 +0000\ncommitter A B <a> 7 +0100\n\nparent x\n"
        );
        let links = commit_links(commit.as_bytes()).expect("a commit");
        assert_eq!((links.tree.as_str(), links.parents.len(), links.committed_at), (&one[..], 2, 7));
        assert_eq!(commit_links(b"tree 1\n"), None);
        let tag = format!("object {two}\ntype commit\n");
        assert_eq!(tag_target(tag.as_bytes()).expect("a tag").as_str(), two);
        assert_eq!(tag_target(commit.as_bytes()), None);
    }

    #[test]
    fn trees_are_read_to_their_end() {
        let tree =
            [&b"40000 src\0"[..], &[0x11; 20], b"100644 a b\0", &[0x22; 20], b"160000 lib\0", &[0x33; 20]];
        let tree = tree.concat();
        let entries = tree_entries(&tree, ObjectFormat::Sha1).expect("a tree");
        let kinds: Vec<_> = entries.iter().map(|entry| (entry.name, entry.kind())).collect();
        let expected = [
            (&b"src"[..], TreeEntryKind::Folder),
            (b"a b", TreeEntryKind::File),
            (b"lib", TreeEntryKind::Submodule),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(tree_entries(&tree[..tree.len() - 1], ObjectFormat::Sha1), None);
        assert_eq!(tree_entries(b"", ObjectFormat::Sha1), Some(Vec::new()));
    }

    #[test]
    fn names_that_some_file_system_takes_for_gits_own_may_harm() {
        for name in [
            &b".git"[..],
            b".GIT",
            b".git.",
            b".git ",
            b".git::$INDEX",
            b"git~1",
            b"GIT~2",
            b".gitmodules",
            b".GitModules ",
            b"gitmod~1",
            b"gi7eba~1",
            b"GI7D29~1",
            b"..",
            b".",
            b"",
            b"a/b",
            b"a\\.git",
            b".g\xe2\x80\x8cit",
            b"\xef\xbb\xbf.git",
        ] {
            assert!(may_harm(name), "{}", String::from_utf8_lossy(name));
        }
        for name in
            [&b".gitignore"[..], b".gitattributes", b".github", b"git", b"readme", b"a~1", b"...", b".gi"]
        {
            assert!(!may_harm(name), "{}", String::from_utf8_lossy(name));
        }
    }
}
