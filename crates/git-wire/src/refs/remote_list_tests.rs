//! Whole lists are taken, and nothing else is taken for one.

use super::*;
use crate::names::RefName;
use crate::packets::spelled;
use crate::refs::LsRefs;

const A: &str = "1111111111111111111111111111111111111111";
const B: &str = "2222222222222222222222222222222222222222";

fn offer(lines: &[&str]) -> Result<RemoteCapabilities, RemoteListError> {
    RemoteCapabilities::read(&spelled(lines))
}

fn usual() -> RemoteCapabilities {
    offer(&["version 2", "agent=git/2.47.3", "ls-refs=unborn", "fetch=shallow", "object-format=sha1", "."])
        .expect("a whole offer")
}

fn list(lines: &[&str]) -> Result<RefSnapshot, RemoteListError> {
    usual().read_refs(&spelled(lines))
}

#[test]
fn an_offer_is_read_with_and_without_the_name_of_the_service() {
    let plain = offer(&["version 2", "ls-refs", "fetch", "server-option", "."]).expect("a whole offer");
    assert_eq!((plain.object_format, plain.names_format, plain.unborn), (ObjectFormat::Sha1, false, false));
    let lines = [
        "# service=git-upload-pack",
        ".",
        "version 2",
        "ls-refs=unborn",
        "fetch",
        "object-format=sha256",
        ".",
    ];
    let named = offer(&lines).expect("a whole offer");
    assert_eq!((named.object_format, named.names_format, named.unborn), (ObjectFormat::Sha256, true, true));
    assert_eq!(plain.ls_refs_request(), spelled(&["command=ls-refs", "|", "symrefs", "."]));
    let request = spelled(&["command=ls-refs", "object-format=sha256", "|", "symrefs", "unborn", "."]);
    assert_eq!(named.ls_refs_request(), request);
}

#[test]
fn nothing_else_is_taken_for_an_offer() {
    let refused = |body: &[u8]| RemoteCapabilities::read(body).expect_err("refused");
    assert!(matches!(refused(b""), RemoteListError::Truncated(_)));
    assert!(matches!(refused(b"<!DOCTYPE html><html>"), RemoteListError::Framing(_)));
    let dumb = format!("{A}\trefs/heads/main\n");
    // The digits of the first object look like the length of a long packet.
    assert!(matches!(refused(dumb.as_bytes()), RemoteListError::Truncated(_)));
    let of = |lines: &[&str]| offer(lines).expect_err("refused");
    let legacy = format!("{A} HEAD\0multi_ack");
    assert!(matches!(
        of(&["# service=git-upload-pack", ".", &legacy, "."]),
        RemoteListError::OtherVersion(_)
    ));
    assert!(matches!(of(&["version 1", "."]), RemoteListError::OtherVersion(_)));
    let other = ["# service=git-receive-pack", ".", "version 2", "ls-refs", "fetch", "."];
    assert!(matches!(of(&other), RemoteListError::OtherService(_)));
    assert_eq!(of(&["version 2", "fetch", "."]), RemoteListError::Lacks("ls-refs"));
    assert_eq!(of(&["version 2", "ls-refs", "."]), RemoteListError::Lacks("fetch"));
    assert!(matches!(of(&["version 2", "object-format=md5", "."]), RemoteListError::UnknownObjectFormat(_)));
    assert_eq!(of(&["ERR not now"]), RemoteListError::Refused("not now".to_owned()));
    let whole = spelled(&["version 2", "ls-refs", "fetch", "."]);
    for length in 0..whole.len() {
        assert!(RemoteCapabilities::read(&whole[..length]).is_err(), "cut after {length} bytes");
    }
    assert!(matches!(refused(&[&whole[..], b"0000"].concat()), RemoteListError::Trailing(4)));
}

#[test]
fn a_list_is_the_references_with_their_hash_and_head() {
    let read = list(&[
        &format!("{A} HEAD symref-target:refs/heads/main"),
        &format!("{A} refs/heads/main"),
        &format!("{B} refs/tags/v1 peeled:{A}"),
        &format!("{B} refs/heads/b"),
        &format!("{B} refs/heliostat/keep/1"),
        ".",
    ]);
    let read = read.expect("a whole list");
    let expected = RefSnapshot::parse_listing(
        format!("{B} refs/heads/b\n{A} refs/heads/main\n{B} refs/tags/v1\n").as_bytes(),
    );
    assert_eq!(Some(read.content_hash()), expected.as_ref().map(RefSnapshot::content_hash));
    assert_eq!(read.len(), 3);
    assert_eq!(read.head().and_then(Head::target), RefName::branch("main").ok());
    let empty = list(&["unborn HEAD symref-target:refs/heads/trunk", "."]).expect("a whole list");
    assert_eq!(empty.head().and_then(Head::target), RefName::branch("trunk").ok());
    assert!(empty.is_empty() && list(&["."]).expect("a whole list").head().is_none());
}

#[test]
fn a_list_as_clients_are_shown_it_tells_what_references_lead_to() {
    let asked = spelled(&["command=ls-refs", "object-format=sha1", "|", "symrefs", "peel", "unborn", "."]);
    assert_eq!(usual().ls_refs_request_as_shown(&[]), asked);
    let mut part = vec!["command=ls-refs", "object-format=sha1", "|", "symrefs", "peel", "unborn"];
    part.extend(["ref-prefix HEAD", "ref-prefix refs/heads/a", "."]);
    let prefixes = [b"HEAD".to_vec(), b"refs/heads/a".to_vec()];
    assert_eq!(usual().ls_refs_request_as_shown(&prefixes), spelled(&part));
    let lines = [
        format!("{A} HEAD symref-target:refs/heads/main"),
        format!("{A} refs/heads/alias symref-target:refs/heads/main"),
        format!("{A} refs/heads/main"),
        format!("{B} refs/heads/not..a..name"),
        format!("{B} refs/heliostat/keep/1"),
        format!("{B} refs/tags/v1 peeled:{A}"),
        ".".to_owned(),
    ];
    let answer = spelled(&lines);
    let read = usual().read_refs_as_shown(&answer).expect("a whole list");
    assert_eq!(read.refs().count(), 3);
    assert_eq!(read.peeled("refs/tags/v1").map(ObjectId::as_str), Some(A));
    let alias = read.find(b"refs/heads/alias").expect("listed");
    assert_eq!(alias.symbolic_target(), Some(&b"refs/heads/main"[..]));
    let wrong = spelled(&[format!("{B} refs/tags/v1 peeled:{}", &A[1..]), ".".to_owned()]);
    assert!(matches!(usual().read_refs_as_shown(&wrong), Err(RemoteListError::Line { .. })));
    // Clients are shown the same again.
    let everything = LsRefs::parse([&b"symrefs"[..], b"peel", b"unborn"]).expect("valid");
    let shown: Vec<_> =
        lines.iter().filter(|line| !line.contains("..") && !line.contains("heliostat")).collect();
    assert_eq!(read.list(&everything), spelled(&shown));
}

#[test]
fn a_cut_or_wrong_list_is_none() {
    let whole = spelled(&[format!("{A} refs/heads/main"), format!("{B} refs/heads/next"), ".".to_owned()]);
    for length in 0..whole.len() {
        assert!(usual().read_refs(&whole[..length]).is_err(), "cut after {length} bytes");
    }
    let of = |line: &str| list(&[line, "."]).expect_err("refused");
    for line in [
        &format!("{A} refs/heads/a..b"),
        &format!("{A} main"),
        A,
        &format!("{} refs/heads/main", &A[1..]),
        &format!("{} refs/heads/main", "0".repeat(40)),
        &format!("{} refs/heads/main", "1".repeat(64)),
        &format!("{A} refs/heads/main surprise"),
        "unborn refs/heads/main",
        "unborn HEAD",
    ] {
        assert!(matches!(of(line), RemoteListError::Line { .. }), "{line}");
    }
    let twice = |one: &str, other: &str| list(&[one, other, "."]).expect_err("refused");
    let conflicts = [
        (format!("{A} refs/heads/main"), format!("{B} refs/heads/main")),
        (format!("{A} refs/heads/main"), format!("{B} refs/heads/main/x")),
        (format!("{A} HEAD"), format!("{B} HEAD")),
    ];
    for (one, other) in &conflicts {
        assert!(matches!(twice(one, other), RemoteListError::Conflict(_)), "{one}, {other}");
    }
    let error = spelled(&["ERR upload-pack: not our ref"]);
    assert!(matches!(usual().read_refs(&error), Err(RemoteListError::Refused(_))));
    let delimited = spelled(&[&format!("{A} refs/heads/main"), "|", "."]);
    assert!(matches!(usual().read_refs(&delimited), Err(RemoteListError::UnexpectedPacket(_))));
}
