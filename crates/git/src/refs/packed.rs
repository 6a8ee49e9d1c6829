//! Rewriting `packed-refs`: the file that holds all references of a repository in which only this process writes any.
//!
//! With all references in one file, replacing it is the only step between two states of them. Git's own transactions
//! keep promises to those who write; who reads the folder meanwhile, or after a crash, can see a part of the new state,
//! and a reference cannot become a folder of others in one of them.

use std::collections::HashMap;

use heliostat_git_wire::{ObjectId, PeeledObject, RefMove};

/// The first line of a file whose every annotated tag is followed by what it leads to.
const HEADER: &[u8] = b"# pack-refs with: peeled fully-peeled sorted \n";

/// Why a file was not rewritten.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotRewritten {
    /// This reference is not where it was expected to be.
    Stale(String),
    /// The file is damaged, or another program wrote it without order; the text says how.
    NotUnderstood(&'static str),
}

/// The file after these moves, which are in the order of their names. `objects` tells of the targets of references that
/// are no branches what they are.
pub(crate) fn rewrite_packed(
    content: &[u8],
    moves: &[RefMove],
    objects: &HashMap<ObjectId, PeeledObject>,
) -> Result<Vec<u8>, NotRewritten> {
    let room: usize = moves.iter().map(|moved| moved.name.len() + 160).sum();
    let mut output = Vec::with_capacity(HEADER.len() + content.len() + room);
    let mut old = Entries { rest: content, last: b"" };
    output.extend_from_slice(old.header());
    let mut next = old.next()?;
    for RefMove { name, step } in moves {
        while let Some(entry) = next.as_ref().filter(|entry| entry.name < &name[..]) {
            output.extend_from_slice(entry.lines);
            next = old.next()?;
        }
        let here = next.as_ref().filter(|entry| entry.name == &name[..]).map(|entry| entry.object);
        if here != step.from.as_ref().map(ObjectId::as_bytes) {
            return Err(NotRewritten::Stale(String::from_utf8_lossy(name).into_owned()));
        }
        if here.is_some() {
            next = old.next()?;
        }
        if let Some(object) = &step.to {
            output.extend([object.as_bytes(), b" ", name, b"\n"].concat());
            if let Some(PeeledObject::To(peeled)) = objects.get(object) {
                output.extend([b"^", peeled.as_bytes(), b"\n"].concat());
            }
        }
    }
    while let Some(entry) = next {
        output.extend_from_slice(entry.lines);
        next = old.next()?;
    }
    // An empty file is what a power failure leaves.
    Ok(if output.is_empty() { HEADER.to_owned() } else { output })
}

/// What has not been read yet of a file.
struct Entries<'a> {
    rest: &'a [u8],
    last: &'a [u8],
}

/// One reference.
struct Entry<'a> {
    name: &'a [u8],
    object: &'a [u8],
    /// All that the file says about it.
    lines: &'a [u8],
}

impl<'a> Entries<'a> {
    /// The first line of the new file: what it promises of the lines that stay must hold.
    fn header(&mut self) -> &'a [u8] {
        if self.rest.is_empty() {
            return HEADER;
        }
        let length = if self.rest.starts_with(b"#") { line_length(self.rest) } else { 0 };
        let (header, rest) = self.rest.split_at(length);
        self.rest = rest;
        header
    }

    fn next(&mut self) -> Result<Option<Entry<'a>>, NotRewritten> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let first = line_length(self.rest);
        let is_peeled = self.rest.get(first) == Some(&b'^');
        let length = first + if is_peeled { line_length(&self.rest[first..]) } else { 0 };
        let (lines, rest) = self.rest.split_at(length);
        let line = lines[..first].strip_suffix(b"\n").filter(|_| lines.ends_with(b"\n"));
        let line = line.ok_or(NotRewritten::NotUnderstood("packed-refs ends within a line"))?;
        let space = line.iter().position(|byte| *byte == b' ');
        let space = space.ok_or(NotRewritten::NotUnderstood("packed-refs has a damaged line"))?;
        let (object, name) = (&line[..space], &line[space + 1..]);
        if name <= self.last {
            return Err(NotRewritten::NotUnderstood("packed-refs is not in the order of names"));
        }
        (self.last, self.rest) = (name, rest);
        Ok(Some(Entry { name, object, lines }))
    }
}

/// The bytes up to and with the next line break, or to the end.
fn line_length(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |index| index + 1)
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::RefStep;

    use super::*;

    fn object(digit: char) -> ObjectId {
        ObjectId::parse(digit.to_string().repeat(40)).expect("hex")
    }

    fn moved(name: &str, from: Option<char>, to: Option<char>) -> RefMove {
        let step = RefStep { from: from.map(object), to: to.map(object) };
        RefMove { name: name.as_bytes().to_vec(), step }
    }

    fn line(digit: char, name: &str) -> String {
        format!("{} {name}\n", object(digit))
    }

    fn rewritten(content: &str, moves: &[RefMove]) -> Result<String, NotRewritten> {
        let objects = HashMap::from([(object('7'), PeeledObject::To(object('8')))]);
        let output = rewrite_packed(content.as_bytes(), moves, &objects)?;
        Ok(String::from_utf8(output).expect("text"))
    }

    #[test]
    fn each_move_finds_its_place_and_the_rest_stays() {
        let header = "# pack-refs with: peeled sorted \n";
        let tag = line('2', "refs/tags/a") + &format!("^{}\n", object('3'));
        let before = [header, &line('1', "refs/heads/a"), &line('1', "refs/heads/c"), &tag].concat();
        let moves = [
            moved("refs/heads/a", Some('1'), None),
            moved("refs/heads/a/b", None, Some('4')),
            moved("refs/heads/c", Some('1'), Some('5')),
            moved("refs/tags/b", None, Some('7')),
        ];
        let after = [
            header,
            &line('4', "refs/heads/a/b"),
            &line('5', "refs/heads/c"),
            &tag,
            &line('7', "refs/tags/b"),
            &format!("^{}\n", object('8')),
        ];
        assert_eq!(rewritten(&before, &moves), Ok(after.concat()));
        let gone = [moved("refs/tags/a", Some('2'), None)];
        assert!(rewritten(&before, &gone).is_ok_and(|after| !after.contains('^')));
        let none = rewritten(&line('1', "refs/heads/a"), &[moved("refs/heads/a", Some('1'), None)]);
        assert!(none.is_ok_and(|none| none.starts_with('#')));
        let first = rewritten("", &[moved("refs/heads/a", None, Some('1'))]).expect("rewritten");
        assert!(first.contains("fully-peeled") && first.ends_with(&line('1', "refs/heads/a")));
    }

    #[test]
    fn a_move_from_elsewhere_changes_nothing() {
        let before = line('1', "refs/heads/a");
        let stale = [
            moved("refs/heads/a", Some('2'), Some('3')),
            moved("refs/heads/a", None, Some('3')),
            moved("refs/heads/b", Some('1'), None),
        ];
        for stale in stale {
            let name = String::from_utf8_lossy(&stale.name).into_owned();
            assert_eq!(rewritten(&before, &[stale]), Err(NotRewritten::Stale(name)));
        }
    }

    #[test]
    fn a_damaged_file_is_not_built_upon() {
        let whole = line('1', "refs/heads/a");
        let unordered = line('1', "refs/heads/b") + &whole;
        for content in [&whole[..whole.len() - 1], "rubbish\n", &unordered, &whole.repeat(2)] {
            let refused = rewritten(content, &[moved("refs/tags/z", None, Some('1'))]);
            assert!(matches!(refused, Err(NotRewritten::NotUnderstood(_))), "{content}");
        }
    }
}
