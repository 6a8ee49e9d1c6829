//! What is read off single objects: their names, what they lead to, and the names in a tree.

use crate::names::{ObjectFormat, ObjectId};
use crate::packs::links::{
    FOLDER, KIND_MASK, Link, SUBMODULE, append_links, first_entry, is_suspicious, tagged,
};
use crate::packs::objects::{ObjectKind, name_of};

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
        match self.mode & KIND_MASK {
            FOLDER => TreeEntryKind::Folder,
            SUBMODULE => TreeEntryKind::Submodule,
            _ => TreeEntryKind::File,
        }
    }

    /// Whether some file system may take the name for `.git` or another one by which clients that check it out could be
    /// harmed: then `git` has to judge.
    pub fn is_suspicious(&self) -> bool {
        is_suspicious(self.name)
    }
}

/// The name of an object with this content.
pub fn object_name(kind: ObjectKind, content: &[u8], format: ObjectFormat) -> ObjectId {
    name_of(kind, content, format).object_id(format)
}

/// What a commit leads to; `None` when this is no commit that is plainly in order.
pub fn commit_links(commit: &[u8], format: ObjectFormat) -> Option<CommitLinks> {
    let mut links = Vec::new();
    append_links(ObjectKind::Commit, commit, format, &mut links).ok()?;
    let mut links = links.into_iter().map(|Link { name, .. }| name.object_id(format));
    let tree = links.next()?;
    Some(CommitLinks { tree, parents: links.collect(), committed_at: committed_at(commit).unwrap_or(0) })
}

fn committed_at(commit: &[u8]) -> Option<i64> {
    let mut lines = commit.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let committer = lines.find_map(|line| line.strip_prefix(b"committer "))?;
    let seconds = committer.rsplit(|byte| *byte == b' ').nth(1)?;
    std::str::from_utf8(seconds).ok()?.parse().ok()
}

/// What a tag names; `None` when this is no tag that is plainly in order.
pub fn tag_target(tag: &[u8], format: ObjectFormat) -> Option<ObjectId> {
    tagged(tag, format).map(|link| link.name.object_id(format))
}

/// The lines of a tree; `None` when this is no tree.
pub fn tree_entries(tree: &[u8], format: ObjectFormat) -> Option<Vec<TreeEntry<'_>>> {
    let (mut rest, mut entries) = (tree, Vec::new());
    while !rest.is_empty() {
        let (mode, name, object, after) = first_entry(rest, format)?;
        entries.push(TreeEntry { mode, name, object: object.object_id(format) });
        rest = after;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: ObjectFormat = ObjectFormat::Sha1;

    #[test]
    fn commits_and_tags_lead_on() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let commit = format!(
            "tree {one}\nparent {two}\nparent {one}\nauthor A <a> 5 +0000\ncommitter A B <a> 7 +0100\n\nparent x\n"
        );
        let links = commit_links(commit.as_bytes(), FORMAT).expect("a commit");
        assert_eq!((links.tree.as_str(), links.parents.len(), links.committed_at), (&one[..], 2, 7));
        assert_eq!(commit_links(b"tree 1\n", FORMAT), None);
        let tag = format!("object {two}\ntype commit\ntag v1\n");
        assert_eq!(tag_target(tag.as_bytes(), FORMAT).expect("a tag").as_str(), two);
        assert_eq!(tag_target(commit.as_bytes(), FORMAT), None);
    }

    #[test]
    fn trees_are_read_to_their_end() {
        let tree =
            [&b"40000 src\0"[..], &[0x11; 20], b"100644 .git\0", &[0x22; 20], b"160000 lib\0", &[0x33; 20]];
        let tree = tree.concat();
        let entries = tree_entries(&tree, FORMAT).expect("a tree");
        let read: Vec<_> =
            entries.iter().map(|entry| (entry.name, entry.kind(), entry.is_suspicious())).collect();
        let expected = [
            (&b"src"[..], TreeEntryKind::Folder, false),
            (b".git", TreeEntryKind::File, true),
            (b"lib", TreeEntryKind::Submodule, false),
        ];
        assert_eq!(read, expected);
        assert_eq!(tree_entries(&tree[..tree.len() - 1], FORMAT), None);
        assert_eq!(tree_entries(b"", FORMAT), Some(Vec::new()));
    }
}
