//! The list of references of a server that speaks only the older versions of the protocol, in which references come first.
//!
//! Such a server does not always say what `HEAD` names. Then it is guessed as `git clone` guesses it.

use crate::names::{INTERNAL_NAMESPACE, ObjectFormat, ObjectId, fault_of};
use crate::packets::RequestError;
use crate::refs::remote_list::{ListedRefs, Packets, object_of};
use crate::refs::{Advertised, Head, PeelInfo, RefSnapshot, RemoteListError, SnapshotRef};

/// What stands in the place of a reference where there is none.
const NO_REFERENCE: &[u8] = b"capabilities^{}";

/// Branches that `HEAD` is most likely to name, when it names the same commit as they.
const USUAL_BRANCHES: [&str; 2] = ["refs/heads/main", "refs/heads/master"];

/// Reads the answer to `GET info/refs?service=git-upload-pack` of such a server: all references but those in our internal
/// namespace and those whose names `git` refuses, as clients are shown them.
pub fn read_legacy_list(answer: &[u8]) -> Result<RefSnapshot, RemoteListError> {
    let mut packets = Packets(answer);
    packets.skip_service()?;
    let mut reading = Reading { format: ObjectFormat::Sha1, head_target: None, head: None, last: None };
    let mut listed = ListedRefs::default();
    let mut is_first = true;
    while let Some(line) = packets.line_or_flush("a reference or a flush")? {
        if is_first && line == b"version 1" {
            continue;
        }
        let line = if is_first { reading.begin(line)? } else { line };
        is_first = false;
        if let Some(complete) = reading.take(line)? {
            listed.push(complete)?;
        }
    }
    packets.at_end()?;
    if let Some(last) = reading.last.take() {
        listed.push(last.into_ref())?;
    }
    let format = reading.format;
    let refs = listed.snapshot(None, format)?;
    let head = reading.head(&refs);
    Ok(refs.with_changes(Vec::new(), Advertised { head, format: Some(format), ..Advertised::default() }))
}

/// What is known between two lines.
struct Reading<'a> {
    format: ObjectFormat,
    /// What the server says that `HEAD` names.
    head_target: Option<&'a [u8]>,
    head: Option<ObjectId>,
    /// The reference of the line before; the next one may say what it leads to.
    last: Option<Pending<'a>>,
}

struct Pending<'a> {
    name: &'a [u8],
    object: ObjectId,
    peeled: Option<ObjectId>,
}

impl Pending<'_> {
    fn into_ref(self) -> SnapshotRef {
        let info = PeelInfo { peeled: self.peeled, symbolic_target: None };
        SnapshotRef::new(self.name.to_owned(), self.object, info)
    }
}

impl<'a> Reading<'a> {
    /// The first line without the capabilities that follow it.
    fn begin(&mut self, line: &'a [u8]) -> Result<&'a [u8], RemoteListError> {
        let end = line.iter().position(|byte| *byte == 0);
        let Some(end) = end else {
            let problem = "no capabilities follow the first reference";
            return Err(RemoteListError::Line { line: RequestError::quoted(line), problem });
        };
        for word in line[end + 1..].split(|byte| *byte == b' ') {
            if let Some(target) = word.strip_prefix(b"symref=HEAD:") {
                self.head_target = Some(target);
            } else if let Some(format) = word.strip_prefix(b"object-format=") {
                self.format = ObjectFormat::named(format)
                    .ok_or_else(|| RemoteListError::UnknownObjectFormat(RequestError::quoted(format)))?;
            }
        }
        Ok(&line[..end])
    }

    /// Takes a line, and gives the reference before it if nothing more can come to that.
    fn take(&mut self, line: &'a [u8]) -> Result<Option<SnapshotRef>, RemoteListError> {
        let wrong = |problem| RemoteListError::Line { line: RequestError::quoted(line), problem };
        if line.strip_prefix(b"shallow ").is_some_and(|object| object_of(object, self.format).is_some()) {
            return Ok(None);
        }
        let space = line.iter().position(|byte| *byte == b' ').ok_or_else(|| wrong("it has no name"))?;
        let (object, name) = (&line[..space], &line[space + 1..]);
        if name == NO_REFERENCE {
            return Ok(None);
        }
        let object = object_of(object, self.format);
        let object = object.ok_or_else(|| wrong("it does not begin with the name of an object"))?;
        if let Some(named) = name.strip_suffix(b"^{}") {
            // Otherwise it is about one that was left out, or about `HEAD`.
            if let Some(last) = &mut self.last
                && last.name == named
            {
                last.peeled = Some(object);
            }
            return Ok(None);
        }
        let complete = self.last.take().map(Pending::into_ref);
        if name == b"HEAD" {
            if self.head.replace(object).is_some() {
                return Err(RemoteListError::Conflict("HEAD".to_owned()));
            }
        } else if fault_of(name).is_none() && !name.starts_with(INTERNAL_NAMESPACE.as_bytes()) {
            self.last = Some(Pending { name, object, peeled: None });
        }
        Ok(complete)
    }

    /// What `HEAD` names, as far as that is known or can be guessed.
    fn head(self, refs: &RefSnapshot) -> Option<Head> {
        if let Some(target) = self.head_target {
            return Some(Head::Symbolic { target: target.into(), object: self.head });
        }
        let object = self.head?;
        let usual = USUAL_BRANCHES.into_iter().find(|name| refs.get(name) == Some(&object));
        let same = || refs.branches().find(|(_, tip)| **tip == object).map(|(name, _)| name.as_str());
        match usual.or_else(same) {
            Some(name) => {
                let target = name.as_bytes().into();
                Some(Head::Symbolic { target, object: Some(object) })
            }
            None => Some(Head::Detached(object)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::RefName;
    use crate::packets::spelled;

    const A: &str = "1111111111111111111111111111111111111111";
    const B: &str = "2222222222222222222222222222222222222222";

    fn list(lines: &[&str]) -> Result<RefSnapshot, RemoteListError> {
        read_legacy_list(&spelled(lines))
    }

    fn head_of(lines: &[&str]) -> Option<RefName> {
        list(lines).expect("a whole list").head().and_then(Head::target)
    }

    #[test]
    fn a_list_is_the_references_with_head_and_what_tags_lead_to() {
        let read = list(&[
            "# service=git-upload-pack",
            ".",
            &format!("{A} HEAD\0multi_ack symref=HEAD:refs/heads/trunk object-format=sha1 agent=git/2.1"),
            &format!("{B} refs/heads/b"),
            &format!("{A} refs/heads/trunk"),
            &format!("{A} refs/heliostat/keep/1"),
            &format!("{B} refs/tags/v1"),
            &format!("{A} refs/tags/v1^{{}}"),
            ".",
        ]);
        let read = read.expect("a whole list");
        let names: Vec<_> = read.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["refs/heads/b", "refs/heads/trunk", "refs/tags/v1"]);
        assert_eq!(read.peeled("refs/tags/v1").map(ObjectId::as_str), Some(A));
        assert_eq!(read.peeled("refs/heads/b"), None);
        assert_eq!(read.head().and_then(Head::target), RefName::branch("trunk").ok());
        assert_eq!(read.object_format(), Some(ObjectFormat::Sha1));
    }

    #[test]
    fn what_head_names_is_guessed_where_it_is_not_told() {
        let (head, main) = (format!("{A} HEAD\0multi_ack"), format!("{A} refs/heads/main"));
        let (apart, other) = (format!("{A} refs/heads/apart"), format!("{B} refs/heads/main"));
        assert_eq!(head_of(&[&head, &apart, &main, "."]), RefName::branch("main").ok());
        assert_eq!(head_of(&[&head, &apart, &other, "."]), RefName::branch("apart").ok());
        let detached = list(&[&head, &other, "."]).expect("a whole list");
        assert!(matches!(detached.head(), Some(Head::Detached(object)) if object.as_str() == A));
        let unborn = format!("{} capabilities^{{}}\0symref=HEAD:refs/heads/x", "0".repeat(40));
        assert_eq!(head_of(&[&unborn, "."]), RefName::branch("x").ok());
    }

    #[test]
    fn empty_lists_and_the_first_version_are_known() {
        let none = "0".repeat(64);
        let empty = list(&[&format!("{none} capabilities^{{}}\0object-format=sha256"), "."]);
        let empty = empty.expect("a whole list");
        assert!(empty.is_empty() && empty.object_format() == Some(ObjectFormat::Sha256));
        assert!(list(&["# service=git-upload-pack", ".", "."]).expect("an old server's").is_empty());
        let first = list(&["version 1", &format!("{A} refs/heads/main\0x"), &format!("shallow {B}"), "."]);
        assert_eq!(first.expect("a whole list").len(), 1);
    }

    #[test]
    fn a_cut_or_wrong_list_is_none() {
        let first = format!("{A} refs/heads/main\0multi_ack");
        let whole = spelled(&[first.clone(), format!("{B} refs/heads/next"), ".".to_owned()]);
        for length in 0..whole.len() {
            assert!(read_legacy_list(&whole[..length]).is_err(), "cut after {length} bytes");
        }
        assert!(matches!(
            read_legacy_list(&[&whole[..], b"0000"].concat()),
            Err(RemoteListError::Trailing(4))
        ));
        let is_refused = |lines: &[&str]| assert!(list(lines).is_err(), "{lines:?}");
        is_refused(&[&format!("{A} refs/heads/main"), "."]);
        is_refused(&[&first, &format!("{} refs/heads/x", "0".repeat(40)), "."]);
        is_refused(&[&first, &format!("{} refs/heads/x", "1".repeat(64)), "."]);
        is_refused(&[&first, &format!("{B} refs/heads/main"), "."]);
        is_refused(&[&first, &format!("{B} refs/heads/main/x"), "."]);
        is_refused(&[&first, "ERR no", "."]);
        is_refused(&["# service=git-receive-pack", ".", &first, "."]);
        is_refused(&[&format!("{A} HEAD\0object-format=md5"), "."]);
        let dumb = format!("{A}\trefs/heads/main\n");
        assert!(read_legacy_list(dumb.as_bytes()).is_err());
        assert!(read_legacy_list(b"<!DOCTYPE html>").is_err());
    }
}
