//! What requests mean, and that the canonical one means the same.

use std::collections::BTreeSet;

use super::*;
use crate::names::{ObjectFormat, ObjectId, RefName};
use crate::packets::{Command, RequestError, spelled};
use crate::refs::RefSnapshot;

fn id(digit: char) -> String {
    digit.to_string().repeat(40)
}

fn try_v2(arguments: &[&str]) -> Result<FetchRequest, RequestError> {
    let body = spelled(&[&["command=fetch", "agent=git/2.47.3", "|"], arguments, &["."]].concat());
    FetchRequest::parse_v2(&Command::read(&body)?.expect("a command"))
}

fn v2(arguments: &[&str]) -> FetchRequest {
    let request = try_v2(arguments).expect("a fetch");
    let canonical = request.canonical();
    let command = Command::read(&canonical).expect("sound").expect("a command");
    assert_eq!(FetchRequest::parse_v2(&command).expect("a fetch"), request, "{arguments:?}");
    request
}

fn v0(lines: &[&str]) -> FetchRequest {
    let request = FetchRequest::parse_v0(&spelled(lines)).expect("a fetch");
    assert_eq!(FetchRequest::parse_v0(&request.canonical()).expect("a fetch"), request, "{lines:?}");
    request
}

fn refs(names: &[(&str, char)]) -> RefSnapshot {
    RefSnapshot::from_entries(names.iter().map(|(name, digit)| {
        (RefName::parse(*name).expect("a name"), ObjectId::parse(id(*digit)).expect("hex"))
    }))
}

#[test]
fn order_repetition_and_what_changes_nothing_are_gone() {
    let (a, b) = (format!("want {}", id('a')), format!("want {}", id('b')));
    let one = v2(&[&b, "thin-pack", "ofs-delta", &a, "no-progress", "done", &b]);
    // Without haves there is nothing to wait for, and nothing to build a thin pack on.
    let other = v2(&[&a, &b, "ofs-delta"]);
    assert_eq!(one, other);
    assert_eq!(one.canonical(), other.canonical());
    assert_ne!(one, v2(&[&a, &b]));
    let have = format!("have {}", id('c'));
    assert_ne!(v2(&[&a, &have, "done"]), v2(&[&a, &have, "done", "thin-pack"]));
    assert_ne!(v2(&[&a, &have, "done"]), v2(&[&a, &have]));
    assert_eq!(v2(&[&a, &have, "done"]), v2(&[&a, &have, "done", "wait-for-done", "deepen-relative"]));
    assert_eq!(
        v2(&[&a, "deepen 2147483647", "deepen-relative", "done"]),
        v2(&[&a, "deepen 2147483647", "done"])
    );
}

#[test]
fn the_canonical_request_is_what_git_reads() {
    let (want, have, cut) = (id('a'), id('b'), id('c'));
    let request = v2(&[
        &format!("have {have}"),
        "filter blob:none",
        &format!("shallow {cut}"),
        "include-tag",
        "thin-pack",
        "deepen 3",
        "deepen-relative",
        &format!("want {}", want.to_uppercase()),
        "done",
    ]);
    let expected = spelled(&[
        "command=fetch",
        "object-format=sha1",
        "|",
        "no-progress",
        "thin-pack",
        "include-tag",
        "deepen-relative",
        "done",
        &format!("shallow {cut}"),
        "deepen 3",
        "filter blob:none",
        &format!("want {want}"),
        &format!("have {have}"),
        ".",
    ]);
    assert_eq!(String::from_utf8_lossy(&request.canonical()), String::from_utf8_lossy(&expected));
    assert_eq!(request.format(), ObjectFormat::Sha1);
    assert_eq!(request.deepen(), &Deepen::Depth { commits: 3, from: DepthFrom::Boundary });
    assert_eq!((request.wants().len(), request.haves().len()), (1, 1));
}

#[test]
fn the_older_versions_keep_what_changes_the_bytes() {
    let want = |capabilities: &str| format!("want {} {capabilities}", id('a'));
    let have = format!("have {}", id('b'));
    let clone = |capabilities: &str| v0(&[&want(capabilities), ".", "done"]);
    assert_ne!(clone("side-band-64k"), clone("side-band"));
    assert_ne!(clone("side-band"), clone(""));
    assert_eq!(clone("side-band side-band-64k"), clone("side-band-64k"));
    assert_eq!(clone("multi_ack_detailed no-done thin-pack agent=x session-id=y no-progress"), clone(""));
    let round = |capabilities: &str| v0(&[&want(capabilities), ".", &have, "."]);
    assert_ne!(round("multi_ack"), round("multi_ack_detailed"));
    assert_ne!(round("multi_ack_detailed"), round("multi_ack_detailed no-done"));
    assert_eq!(round("multi_ack"), round("multi_ack no-done"));
    // Nothing but where history ends is answered, and only the depth matters for that.
    let boundary = v0(&[&want("side-band-64k include-tag"), "deepen 1", "."]);
    assert_eq!(boundary.ending(), RequestEnding::Boundary);
    assert_eq!(boundary, v0(&[&want("ofs-delta"), "deepen 1", "."]));
    // The answer depends on the order of haves here.
    let other = format!("have {}", id('c'));
    assert_ne!(v0(&[&want(""), ".", &have, &other, "."]), v0(&[&want(""), ".", &other, &have, "."]));
    assert_eq!(v0(&[&want(""), ".", &have, ".", "ignored"]), v0(&[&want(""), ".", &have, "."]));
}

#[test]
fn a_request_for_nothing_is_told_apart() {
    assert!(v0(&["."]).asks_for_nothing());
    assert!(v2(&[]).asks_for_nothing());
    assert!(v2(&["deepen 1", &format!("have {}", id('a')), "done"]).asks_for_nothing());
    let acknowledge = v2(&["wait-for-done", "include-tag", &format!("have {}", id('a'))]);
    assert!(!acknowledge.asks_for_nothing());
    assert_eq!(acknowledge.ending(), RequestEnding::Acknowledge);
    assert_eq!(acknowledge.cache_key(&RefSnapshot::empty(), &known()), None);
}

#[test]
fn an_answer_depends_on_references_only_where_git_looks_at_them() {
    let before = refs(&[("refs/heads/main", 'a')]);
    let moved = refs(&[("refs/heads/main", 'b')]);
    let tagged = refs(&[("refs/heads/main", 'a'), ("refs/tags/v1", 'c')]);
    let (want, have) = (format!("want {}", id('a')), format!("have {}", id('b')));
    // The arguments, and whether a moved branch and a new tag make another answer.
    let cases: [(&[&str], bool, bool); 9] = [
        (&[&want, "done"], false, false),
        (&[&want, "include-tag", "done"], false, true),
        (&[&want, &have, "done"], false, false),
        (&[&want, &have, "include-tag", "done"], false, true),
        (&[&want, &have], true, true),
        (&[&want, "deepen 1", "done"], false, false),
        (&[&want, "deepen 1", "deepen-relative", "done"], true, true),
        (&[&want, "deepen-since 5", "done"], false, false),
        (&[&want, "deepen-not main", "done"], true, true),
    ];
    for (arguments, moves, tags) in cases {
        let request = v2(arguments);
        let cache_key = |refs: &RefSnapshot| request.cache_key(refs, &known()).expect("storable");
        assert_eq!(cache_key(&before) != cache_key(&moved), moves, "{arguments:?}");
        assert_eq!(cache_key(&before) != cache_key(&tagged), tags, "{arguments:?}");
    }
}

/// Nothing is absent.
fn known() -> BTreeSet<ObjectId> {
    BTreeSet::new()
}

#[test]
fn words_that_mean_something_else_have_another_cache_key() {
    let refs = refs(&[("refs/heads/main", 'a')]);
    let (want, have, shallow) =
        (format!("want {}", id('a')), format!("have {}", id('b')), format!("shallow {}", id('b')));
    let absent = BTreeSet::from([ObjectId::parse(id('b')).expect("hex")]);
    let cases: [&[&str]; 3] =
        [&[&want, &have], &[&want, &have, "done"], &[&want, &shallow, "deepen 3", "done"]];
    for arguments in cases {
        let request = v2(arguments);
        let (knows, does_not) = (request.cache_key(&refs, &known()), request.cache_key(&refs, &absent));
        assert!(knows.is_some() && does_not.is_some() && knows != does_not, "{arguments:?}");
    }
    for name in ["HEAD", "ORIG_HEAD", "refs/heliostat/keep/1", "heliostat/keep/1"] {
        let request = v2(&[&want, &format!("deepen-not {name}"), "done"]);
        assert_eq!(request.cache_key(&refs, &known()), None, "{name}");
    }
}

#[test]
fn different_requests_have_different_cache_keys() {
    let refs = refs(&[("refs/heads/main", 'a')]);
    let want = format!("want {}", id('a'));
    let line = format!("want {} side-band-64k", id('a'));
    let requests = [
        v2(&[&want]),
        v2(&[&want, "deepen 1"]),
        v2(&[&want, "deepen 2"]),
        v2(&[&want, "filter blob:none"]),
        v2(&[&want, "filter tree:0"]),
        v2(&[&want, "ofs-delta"]),
        v0(&[&want, ".", "done"]),
        v0(&[&line, ".", "done"]),
    ];
    let distinct: BTreeSet<_> = requests.iter().map(|request| request.cache_key(&refs, &known())).collect();
    assert_eq!(distinct.len(), requests.len());
    assert!(!distinct.contains(&None));
}

#[test]
fn what_may_change_by_itself_is_not_stored() {
    let refs = refs(&[("refs/heads/main", 'a')]);
    let want = format!("want {}", id('a'));
    for filter in ["sparse:oid=main:paths", "combine:blob:none+sparse%3aoid=x", "new:kind", "blob:limit=1%20"]
    {
        assert_eq!(v2(&[&want, &format!("filter {filter}")]).cache_key(&refs, &known()), None, "{filter}");
    }
    for filter in ["blob:none", "blob:limit=10k", "tree:3", "object:type=commit", "combine:tree:1+blob:none"]
    {
        assert!(v2(&[&want, &format!("filter {filter}")]).cache_key(&refs, &known()).is_some(), "{filter}");
    }
    let body =
        spelled(&["command=fetch", "object-format=sha256", "|", &format!("want {}", "a".repeat(64)), "."]);
    let other =
        FetchRequest::parse_v2(&Command::read(&body).expect("sound").expect("a command")).expect("a fetch");
    assert_eq!(other.cache_key(&refs, &known()), None);
    assert!(matches!(other.check_format(ObjectFormat::Sha1), Err(RequestError::WrongObjectFormat { .. })));
    assert_eq!(other.check_format(ObjectFormat::Sha256), Ok(()));
}

#[test]
fn what_git_refuses_is_refused() {
    let want = format!("want {}", id('a'));
    let refused: [&[&str]; 15] = [
        &["want-ref refs/heads/main"],
        &["sideband-all"],
        &["packfile-uris https"],
        &["Done"],
        &[""],
        &["want 123"],
        &["want "],
        &[&format!("want {}", "a".repeat(64))],
        &[&want, "deepen 0"],
        &[&want, "deepen 0x10"],
        &[&want, "deepen 2147483648"],
        &[&want, "deepen-since -1"],
        &[&want, "deepen 1", "deepen-since 5"],
        &[&want, "deepen-not a\tb"],
        &[&want, "filter blob:none", "filter tree:0"],
    ];
    for arguments in refused {
        let refusal = try_v2(arguments).expect_err("refused");
        assert!(refusal.packet().len() < 1_000, "{arguments:?}");
    }
    let refused: [&[&str]; 7] = [
        &[],
        &[&want],
        &["wants", "."],
        &[&want, "filter blob:none", ".", "done"],
        &[&want, ".", "have x", "."],
        &[&want, ".", &format!("have {}", id('b'))],
        &[&want, ".", "DONE"],
    ];
    for lines in refused {
        assert!(FetchRequest::parse_v0(&spelled(lines)).is_err(), "{lines:?}");
    }
    let mixed = format!("have {}", "b".repeat(64));
    assert!(FetchRequest::parse_v0(&spelled(&[&want, ".", &mixed, "done"])).is_err());
}
