//! Requests as they go over the wire, sent to us and to the judge: what is told is the same to the byte, but for the
//! name of the program and progress, and packs hold the same objects.

use super::scene::{Place, Scene, scene};
use crate::harness::{
    DELIMITER, FLUSH, GitRequest, command_v2, http, is_said_late, objects_of_pack, packets,
};

/// More prefixes than git looks at one by one.
const MANY_PREFIXES: usize = 70_000;

/// Sends it to both; fails unless both tell the same.
async fn told_the_same(place: &Place, request: &GitRequest) {
    let (ours, theirs) = (request.send(&place.url).await, request.send(&place.judge).await);
    let shown = String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()).into_owned();
    let shown: String = shown.chars().take(2_000).collect();
    let context = format!("protocol {:?}:\n{shown}", request.protocol);
    assert_eq!((ours.status, &ours.media_type), (theirs.status, &theirs.media_type), "{context}");
    let (ours, theirs) = (ours.taken_apart(), theirs.taken_apart());
    let (told, judged) = (known(ours.told), known(theirs.told));
    if !is_said_late(&told, &judged) {
        assert_eq!(told, judged, "{context}");
    }
    assert_eq!(ours.pack.is_empty(), theirs.pack.is_empty(), "{context}");
    if !ours.pack.is_empty() {
        let objects = |pack: &[u8]| objects_of_pack(pack, &place.folder);
        assert_eq!(objects(&ours.pack), objects(&theirs.pack), "{context}");
    }
}

/// Without the capabilities that a server may have or not.
fn known(told: Vec<String>) -> Vec<String> {
    told.into_iter().filter(|line| !line.starts_with("object-info") && line != "bundle-uri\n").collect()
}

/// Spells out `$NAME`.
fn spelled_out(scene: &Scene, lines: &[&str]) -> Vec<String> {
    let spell = |line: &&str| {
        scene.names.iter().fold((*line).to_owned(), |line, (name, value)| line.replace(name, value))
    };
    lines.iter().map(spell).collect()
}

#[tokio::test]
async fn advertisements() {
    let scene = scene().await;
    for place in [&scene.mirror, &scene.upstream] {
        for protocol in ["", "version=0", "version=1", "version=2", "version=9", "version=1:version=2", "x"] {
            told_the_same(place, &GitRequest::advertisement(protocol)).await;
        }
    }
}

#[tokio::test]
async fn other_spellings_of_an_address() {
    let scene = scene().await;
    for place in [&scene.mirror, &scene.upstream] {
        let requests = [
            GitRequest::advertisement("version=2"),
            GitRequest::exchange("version=2", command_v2("ls-refs", &["peel"])),
        ];
        let path = place.url.path();
        let project = path.strip_prefix("/scm/").expect("a clone address");
        let spellings = [
            format!("/{path}"),
            format!("{path}/"),
            path.replace('/', "//"),
            format!("/scm/%{:02x}{}", project.as_bytes()[0], &project[1..]),
            path.replace(".git", "%2Egit"),
        ];
        for request in requests {
            let wanted = request.send(&place.url).await;
            assert_eq!(wanted.status, 200);
            for spelling in &spellings {
                let mut address = place.url.clone();
                address.set_path(spelling);
                assert_eq!(request.send(&address).await, wanted, "{address}");
            }
        }
    }
}

#[tokio::test]
async fn references_of_version_2() {
    let scene = scene().await;
    let lists: [&[&str]; 15] = [
        &[],
        &["peel"],
        &["symrefs"],
        &["unborn"],
        &["peel", "symrefs", "unborn"],
        &["symrefs", "peel", "peel"],
        &["ref-prefix HEAD"],
        &["ref-prefix refs/heads/"],
        &["ref-prefix refs/heads/feature/a"],
        &["peel", "ref-prefix refs/tags/v1.0", "ref-prefix refs/tags/v1.0"],
        &["peel", "symrefs", "ref-prefix HEAD", "ref-prefix refs/heads/", "ref-prefix refs/tags/"],
        &["ref-prefix "],
        &["ref-prefix refs/nothing"],
        &["ref-prefix refs/heliostat/"],
        &["ref-prefix H", "ref-prefix refs/pull", "ref-prefix refs/heads/main"],
    ];
    for place in [&scene.mirror, &scene.upstream] {
        for arguments in lists {
            told_the_same(place, &GitRequest::exchange("version=2", command_v2("ls-refs", arguments))).await;
        }
    }
    let many: Vec<String> =
        (0..MANY_PREFIXES).map(|number| format!("ref-prefix refs/heads/{number}")).collect();
    told_the_same(&scene.mirror, &GitRequest::exchange("version=2", command_v2("ls-refs", &many))).await;
}

#[tokio::test]
async fn requests_of_version_2_in_other_words() {
    let scene = scene().await;
    let list = packets(&["peel", "symrefs"]);
    let heads: [&[&str]; 5] = [
        &["command=ls-refs"],
        &["command=ls-refs", "server-option=a", "server-option=b=c"],
        &["agent=x", "object-format=sha1", "command=ls-refs"],
        &["command=ls-refs", "agent=git/2.47.3-Linux"],
        &["command=ls-refs", "agent="],
    ];
    for head in heads {
        let body = format!("{}{DELIMITER}{list}{FLUSH}", packets(head));
        told_the_same(&scene.mirror, &GitRequest::exchange("version=2", body)).await;
    }
    // Without arguments there need not be a delimiter; a flush alone asks for nothing; line breaks may be missing.
    let without_delimiter = format!("{}{FLUSH}", packets(&["command=ls-refs"]));
    let two_commands = format!("{0}{0}", command_v2("ls-refs", &["ref-prefix HEAD"]));
    let no_breaks = format!("0013command=ls-refs{DELIMITER}0008peel{FLUSH}");
    for body in [without_delimiter, FLUSH.to_owned(), two_commands, no_breaks] {
        told_the_same(&scene.mirror, &GitRequest::exchange("version=2", body)).await;
    }
}

#[tokio::test]
async fn fetches_of_version_2() {
    let scene = scene().await;
    let requests: [&[&str]; 36] = [
        &["want $TIP", "done"],
        &["want $TIP", "want $TIP", "want $OLDER", "done"],
        &["thin-pack", "no-progress", "include-tag", "ofs-delta", "want $TIP", "done"],
        &["no-progress", "want $TIP", "want $TAG", "done"],
        &["include-tag", "want $OLDER", "done"],
        &["ofs-delta", "no-progress", "deepen 1", "want $TIP", "done"],
        &["ofs-delta", "include-tag", "deepen 3", "want $TIP", "want $OLDER", "done"],
        &["deepen 1", "want $TAG", "done"],
        &["deepen 2147483647", "want $TIP", "done"],
        &["deepen-since 1768600000", "want $TIP", "done"],
        &["deepen-not refs/tags/v1.0", "want $TIP", "done"],
        &["deepen-not refs/heads/side", "deepen-since 1767400000", "want $TIP", "done"],
        &["shallow $OLDER", "want $TIP", "have $OLDER", "done"],
        &["shallow $OLDER", "deepen 3", "deepen-relative", "want $OLDER", "have $OLDER", "done"],
        &["shallow $TIP", "deepen 2147483647", "want $TIP", "have $TIP", "done"],
        &["shallow $MISSING", "want $TIP", "done"],
        &["filter blob:none", "want $TIP", "done"],
        &["filter tree:0", "want $TIP", "done"],
        &["filter blob:limit=1000", "deepen 1", "want $TIP", "done"],
        &["filter combine:blob:none+tree:2", "want $TIP", "done"],
        &["want $TIP", "have $OLDER"],
        &["want $TIP", "have $OLDER", "have $MISSING"],
        &["want $TIP", "have $MISSING"],
        &["want $TIP", "have $OLDER", "done"],
        &["thin-pack", "ofs-delta", "want $TIP", "have $MISSING", "have $OLDER", "done"],
        &["wait-for-done", "want $TIP", "have $OLDER"],
        &["wait-for-done", "want $TIP", "have $OLDER", "have $TIP", "done"],
        &["wait-for-done", "want $TIP", "have $TIP", "have $OLDER"],
        &["want $TIP", "have $TIP", "have $OLDER"],
        &["wait-for-done", "want $TIP", "have $OLDER", "have $TIP"],
        &["want $TIP", "have $OLDER", "have $TIP"],
        &["filter blob:none", "want $TIP", "want $NAMED_BLOB", "done"],
        &["filter tree:0", "want $NAMED_BLOB", "want $TIP", "done"],
        &["want $UNREACHABLE", "have $TIP", "done"],
        &["want $TREE", "want $BLOB", "done"],
        &["want $TIP"],
    ];
    for lines in requests {
        let body = command_v2("fetch", &spelled_out(scene, lines));
        told_the_same(&scene.mirror, &GitRequest::exchange("version=2", body)).await;
    }
    for lines in requests.iter().step_by(5) {
        let body = command_v2("fetch", &spelled_out(scene, lines));
        told_the_same(&scene.upstream, &GitRequest::exchange("version=2", body)).await;
    }
}

#[tokio::test]
async fn fetches_of_versions_0_and_1() {
    let scene = scene().await;
    let all = "multi_ack_detailed no-done side-band-64k thin-pack no-progress include-tag ofs-delta agent=git/9 \
               filter deepen-since deepen-not deepen-relative allow-tip-sha1-in-want";
    // The first line carries the capabilities; what follows it goes before the flush, the rest after it.
    let requests: [(&str, &[&str], &[&str]); 24] = [
        ("", &["want $TIP"], &["done"]),
        ("side-band", &["want $TIP"], &["done"]),
        ("side-band-64k ofs-delta no-progress", &["want $TIP"], &["done"]),
        (all, &["want $TIP", "want $OLDER", "want $TIP"], &["done"]),
        (all, &["want $TIP", "want $TAG"], &["done"]),
        (all, &["want $TIP", "deepen 1"], &["done"]),
        (all, &["want $TIP", "deepen 1"], &[]),
        (all, &["want $TIP", "deepen-since 1768600000"], &["done"]),
        (all, &["want $TIP", "deepen-not refs/tags/v1.0"], &["done"]),
        (all, &["want $OLDER", "shallow $OLDER", "deepen 3"], &["have $OLDER", "done"]),
        (
            "side-band-64k deepen-relative",
            &["want $OLDER", "shallow $OLDER", "deepen 3"],
            &["have $OLDER", "done"],
        ),
        (all, &["want $TIP", "filter blob:none"], &["done"]),
        (all, &["want $TIP", "deepen 2", "filter tree:0"], &["done"]),
        ("side-band-64k", &["want $TIP"], &["have $OLDER", "done"]),
        ("side-band-64k", &["want $TIP"], &["have $OLDER", "0000"]),
        ("multi_ack side-band-64k", &["want $TIP"], &["have $OLDER", "have $MISSING", "0000"]),
        ("multi_ack side-band-64k", &["want $TIP"], &["have $MISSING", "have $OLDER", "done"]),
        ("multi_ack_detailed side-band-64k", &["want $TIP"], &["have $OLDER", "0000"]),
        ("multi_ack_detailed side-band-64k", &["want $TIP"], &["have $MISSING", "0000"]),
        ("multi_ack_detailed side-band-64k thin-pack", &["want $TIP"], &["have $OLDER", "have $TIP", "done"]),
        (all, &["want $TIP"], &["have $OLDER", "0000"]),
        (all, &["want $TIP"], &["have $TIP", "0000"]),
        (all, &["want $UNREACHABLE"], &["done"]),
        (all, &["want $MISSING"], &["done"]),
    ];
    for protocol in ["", "version=1"] {
        for (capabilities, before, after) in requests {
            let mut lines = spelled_out(scene, before);
            if !capabilities.is_empty() {
                lines[0] = format!("{} {capabilities}", lines[0]);
            }
            let (before, after) = (packets(&lines), spelled_out(scene, after));
            let after: String = after
                .iter()
                .map(|line| if line == FLUSH { FLUSH.to_owned() } else { packets(&[line]) })
                .collect();
            told_the_same(&scene.mirror, &GitRequest::exchange(protocol, format!("{before}{FLUSH}{after}")))
                .await;
        }
    }
}

#[tokio::test]
async fn what_git_refuses_with_an_error_is_refused_in_the_same_words() {
    let scene = scene().await;
    let requests: [&[&str]; 6] = [
        &["want $MISSING", "done"],
        &["want $TIP", "want $MISSING", "done"],
        &["want $MISSING", "deepen 1", "done"],
        &["want $MISSING", "deepen-since 1768600000", "done"],
        &["want $MISSING", "deepen-not refs/tags/v1.0", "done"],
        &["want $MISSING", "have $OLDER", "deepen-not refs/tags/v1.0", "deepen-since 1768600000"],
    ];
    for lines in requests {
        let request = GitRequest::exchange("version=2", command_v2("fetch", &spelled_out(scene, lines)));
        let error = request.send(&scene.mirror.judge).await.error().expect("git says why");
        assert!(error.contains("not our ref"), "{error}");
        told_the_same(&scene.mirror, &request).await;
        told_the_same(&scene.upstream, &request).await;
    }
}

#[tokio::test]
async fn what_git_refuses_after_it_has_begun_ends_in_one_way() {
    let scene = scene().await;
    let lines = ["want $TIP", "have $OLDER", "deepen-since 4000000000"];
    let request = GitRequest::exchange("version=2", command_v2("fetch", &spelled_out(scene, &lines)));
    for place in [&scene.mirror, &scene.upstream] {
        for _ in 0..10 {
            let answer = request.send(&place.url).await;
            let told = (answer.status, answer.error());
            assert_eq!(told, (200, Some("no commits selected for shallow requests".to_owned())));
        }
    }
}

#[tokio::test]
async fn the_head_of_an_advertisement_can_be_had_alone() {
    let scene = scene().await;
    for place in [&scene.mirror, &scene.upstream] {
        for service in ["git-upload-pack", "git-receive-pack"] {
            let url = format!("{}/info/refs?service={service}", place.url);
            let (head, whole) = (http().head(&url).send().await, http().get(&url).send().await);
            let (head, whole) = (head.expect("answered"), whole.expect("answered"));
            assert_eq!(head.status(), whole.status(), "{url}");
            assert_eq!(head.headers().get("content-type"), whole.headers().get("content-type"), "{url}");
            assert!(head.bytes().await.expect("whole").is_empty(), "{url}");
        }
    }
}
