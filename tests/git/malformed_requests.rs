//! Whatever is sent to `git-upload-pack`: where git answers, so do we, in its words; where git hangs up, we refuse, by
//! an error in the answer or a 4xx. Never a 5xx, never a connection broken off, and the server goes on.

use std::io::Write;
use std::process::{Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::scene::{Place, Scene, filled, scene};
use super::server_process::{children_of, forget_peak_of, peak_memory_bytes_of};
use crate::harness::{
    DELIMITER, FLUSH, GitRequest, Pair, clone_url, command_v2, eventually, is_said_late, packet, packets,
};

/// More than any client wants at once.
const MANY_WANTS: usize = 100_000;
/// What a bomb unpacks to; more than any request needs.
const BOMB_BYTES: usize = 300 * 1024 * 1024;
/// How much memory a server may take for a request that is not what it seems.
const MAX_MEMORY_FOR_ONE_BYTES: u64 = 128 * 1024 * 1024;

/// Why an answer is not what it must be, if so.
async fn fault(place: &Place, request: &GitRequest) -> Option<String> {
    let theirs = request.send(&place.judge).await;
    let ours = match request.try_send(&place.url).await {
        Ok(answer) => answer,
        Err(error) => return Some(format!("broken off: {error:?}")),
    };
    let (told, judged) = (ours.taken_apart(), theirs.taken_apart());
    let is_the_same =
        ours.status == theirs.status && (told.told == judged.told || is_said_late(&told.told, &judged.told));
    let git_answers = theirs.error().is_some() || !judged.pack.is_empty();
    let is_refusal = (400..500).contains(&ours.status) || ours.error().is_some();
    if is_the_same && ours.status < 500 || !git_answers && is_refusal {
        return None;
    }
    let shorter = |told: Vec<String>| told.into_iter().take(4).collect::<Vec<_>>();
    Some(format!(
        "{} {:?}, git: {} {:?}",
        ours.status,
        shorter(told.told),
        theirs.status,
        shorter(judged.told)
    ))
}

/// Sends them all, then fails with everything that is wrong.
async fn all_are_refused(scene: &Scene, requests: Vec<GitRequest>) {
    let mut faults = Vec::new();
    for (number, request) in requests.iter().enumerate() {
        // An upstream answers by the same means, so it is asked now and then.
        let places =
            if number % 5 == 0 { [&scene.mirror, &scene.upstream].to_vec() } else { vec![&scene.mirror] };
        for place in places {
            if let Some(fault) = fault(place, request).await {
                let body = String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()).into_owned();
                let shown: String = body.chars().take(200).collect();
                faults.push(format!("{shown:?} {:?}: {fault}", request.protocol));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    crate::harness::git(scene.source.path(), &["ls-remote", scene.mirror.url.as_str()]);
}

fn spelled_out(scene: &Scene, text: &str) -> String {
    scene.names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

fn v2(body: impl Into<Vec<u8>>) -> GitRequest {
    GitRequest::exchange("version=2", body)
}

#[tokio::test]
async fn lines_that_are_no_packet_lines() {
    let scene = scene().await;
    let head = packet("command=ls-refs");
    let mut bodies: Vec<Vec<u8>> = vec![b"\x00\xff\xfe\x01 nonsense".to_vec(), Vec::new(), vec![0; 5_000]];
    for broken in ["zzzz", "0003", "0002", "fff5", "ffff", "00", "-001", "0x10", "000Gcommand", "0100short"] {
        bodies.push(broken.into());
        bodies.push(format!("{head}{broken}").into());
        bodies.push(format!("{head}{DELIMITER}{broken}{FLUSH}").into());
        bodies.push(format!("{}{broken}", packet(&spelled_out(scene, "want $TIP"))).into());
    }
    let requests = bodies
        .iter()
        .flat_map(|body| {
            ["", "version=1", "version=2"].map(|protocol| GitRequest::exchange(protocol, body.clone()))
        })
        .collect();
    all_are_refused(scene, requests).await;
}

#[tokio::test]
async fn commands_and_arguments_that_there_are_not() {
    let scene = scene().await;
    let heads: [&[&str]; 11] = [
        &["command=explode"],
        &["command="],
        &["command"],
        &["command=ls-refs", "command=fetch"],
        &["command=ls-refs", "command=ls-refs"],
        &["agent=unknown"],
        &["command=ls-refs", "object-format=sha256"],
        &["command=ls-refs", "object-format=md5"],
        &["command=ls-refs", "object-format"],
        &["command=ls-refs", "teapot=yes"],
        &["command=ls-refs", "session-id=1"],
    ];
    let mut requests: Vec<_> = heads
        .iter()
        .map(|head| v2(format!("{}{DELIMITER}{}{FLUSH}", packets(head), packets(&["peel"]))))
        .collect();
    for argument in ["teapot", "peel=1", "ref-prefix", "peel\u{0}", ""] {
        requests.push(v2(command_v2("ls-refs", &[argument])));
    }
    for argument in [
        "teapot",
        "want",
        "want zz",
        "want 1234",
        "want $MISSING",
        "want HEAD",
        "have",
        "have zz",
        "shallow zz",
        "shallow",
        "deepen",
        "deepen 0",
        "deepen -1",
        "deepen x",
        "deepen 99999999999999999999",
        "deepen-since x",
        "deepen-since",
        "deepen-not refs/heads/nowhere",
        "deepen-since 4000000000",
        "filter",
        "filter teapot",
        "filter blob:limit=x",
        "filter sparse:path=x",
        "filter combine:",
        "filter tree:-1",
        "want-ref refs/heads/main",
        "sideband-all",
        "packfile-uris https",
        "deepen-relative",
        "done done",
    ] {
        let argument = spelled_out(scene, argument);
        requests.push(v2(command_v2(
            "fetch",
            &[spelled_out(scene, "want $TIP"), argument.clone(), "done".into()],
        )));
        requests.push(v2(command_v2("fetch", &[argument])));
    }
    let both =
        ["want $TIP", "deepen 1", "deepen-since 1700000000", "done"].map(|line| spelled_out(scene, line));
    requests.push(v2(command_v2("fetch", &both)));
    all_are_refused(scene, requests).await;
}

#[tokio::test]
async fn older_versions_out_of_order() {
    let scene = scene().await;
    let packet = |line: &str| packet(&spelled_out(scene, line));
    let packets = |lines: &[&str]| lines.iter().map(|line| packet(line)).collect::<String>();
    let bodies = [
        packet("done"),
        format!("{FLUSH}{}", packet("done")),
        FLUSH.to_owned(),
        packet("have $TIP"),
        format!("{}{FLUSH}{}", packet("have $TIP"), packet("done")),
        format!("{}{}", packet("want $TIP"), packet("done")),
        format!("{}{FLUSH}{}", packet("want $TIP teapot"), packet("done")),
        format!("{}{FLUSH}{}", packet("want zz"), packet("done")),
        format!("{}{FLUSH}{}", packet("want $TIP object-format=sha256"), packet("done")),
        format!("{}{FLUSH}{}", packets(&["want $TIP", "deepen x"]), packet("done")),
        format!("{}{FLUSH}{}", packets(&["want $TIP", "deepen 0"]), packet("done")),
        format!("{}{FLUSH}{}", packets(&["want $TIP", "filter teapot"]), packet("done")),
        format!("{}{FLUSH}{}", packets(&["want $TIP", "filter blob:none"]), packet("done")),
        format!("{}{FLUSH}{}", packets(&["want $TIP", "shallow zz"]), packet("done")),
        format!("{}{FLUSH}{}", packet("want $TIP"), packet("have zz")),
        format!("{}{FLUSH}{}", packet("want $TIP"), packet("teapot")),
        format!("{}{FLUSH}{}", packets(&["want $TIP", "deepen-since 4000000000"]), packet("done")),
        command_v2("ls-refs", &["peel"]),
    ];
    let requests = bodies
        .iter()
        .flat_map(|body| ["", "version=1"].map(|protocol| GitRequest::exchange(protocol, body.clone())));
    all_are_refused(scene, requests.collect()).await;
}

/// Behind the name of an object git reads on, or does not look: to refuse that is right, too.
#[tokio::test]
async fn what_git_overlooks_is_overlooked_or_refused() {
    let scene = scene().await;
    let spelled = |line: &str| spelled_out(scene, line);
    let mut requests = Vec::new();
    for line in ["want $TIP0", "want $TIP extra", "have $TIP0"] {
        requests.push(v2(command_v2("fetch", &["want $TIP", line, "done"].map(spelled))));
    }
    let line = packet(&spelled("want $TIP\u{0}side-band-64k"));
    requests.push(GitRequest::exchange("", format!("{line}{FLUSH}{}", packet("done"))));
    for request in requests {
        let answer = request.send(&scene.mirror.url).await;
        let is_refusal = (400..500).contains(&answer.status) || answer.error().is_some();
        let fault = fault(&scene.mirror, &request).await;
        assert!(is_refusal || fault.is_none(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_hundred_thousand_wants() {
    let scene = scene().await;
    let missing: Vec<_> = (0..MANY_WANTS).map(|number| format!("want {number:040x}")).collect();
    let same = vec![spelled_out(scene, "want $TIP"); MANY_WANTS];
    for wants in [missing, same] {
        let lines: Vec<_> = wants.iter().cloned().chain(["done".to_owned()]).collect();
        let v0 = format!("{}{FLUSH}{}", packets(&wants), packet("done"));
        all_are_refused(scene, vec![v2(command_v2("fetch", &lines)), GitRequest::exchange("", v0)]).await;
    }
}

#[tokio::test]
async fn bodies_that_are_cut_or_not_what_their_headers_say() {
    let scene = scene().await;
    let whole = command_v2("fetch", &["want $TIP", "done"].map(|line| spelled_out(scene, line)));
    let mut requests: Vec<_> =
        (1..whole.len()).step_by(7).map(|length| v2(&whole.as_bytes()[..length])).collect();
    let packed = gzip(whole.as_bytes());
    for length in [0, 1, 9, 10, packed.len() / 2, packed.len() - 8, packed.len() - 1] {
        requests.push(v2(&packed[..length]).with_header("content-encoding", "gzip"));
    }
    requests.push(v2(whole.clone()).with_header("content-encoding", "gzip"));
    requests.push(v2(packed.clone()));
    all_are_refused(scene, requests).await;
    for (name, value) in [("content-encoding", "br"), ("content-encoding", "gzip, gzip")] {
        let answer = v2(whole.clone()).with_header(name, value).send(&scene.mirror.url).await;
        assert_eq!(answer.status, 415, "{name}: {value}");
    }
    for media_type in ["text/plain", "application/x-git-receive-pack-request", "application/json"] {
        let request = GitRequest { media_type, ..v2(whole.clone()) };
        let answer = request.send(&scene.mirror.url).await;
        assert_eq!(answer.status, 415, "{media_type}");
        // The words are for people: git shows them.
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains("application/x-git-upload-pack-request"), "{text}");
    }
    // Less than was announced, and then silence for good.
    for length in [0, 3, 40, whole.len() - 4] {
        let status =
            announced_but_not_sent(&scene.mirror.url, &whole.as_bytes()[..length], whole.len()).await;
        assert!(status.is_none_or(|status| status < 500), "{length} bytes sent: {status:?}");
    }
    let good = v2(packed).with_header("content-encoding", "gzip").send(&scene.mirror.url).await;
    assert!(!good.taken_apart().pack.is_empty(), "the server goes on");
}

#[tokio::test]
async fn bombs_take_no_more_memory_than_requests() {
    let pair = Pair::start().await;
    let (repository, source, _) = filled(&pair).await;
    let url = clone_url(pair.mirror.base_url(), &repository, None);
    let head = packets(&["command=fetch", "object-format=sha1"]);
    let want = packet(&format!("want {}", source.id("main")));
    let have = packet(&format!("have {}", "1".repeat(40)));
    let haves = have.repeat(BOMB_BYTES / have.len());
    let bombs = [
        ("version=2", format!("{head}{DELIMITER}{want}{haves}{}{FLUSH}", packet("done")).into_bytes()),
        ("", format!("{want}{FLUSH}{haves}{}", packet("done")).into_bytes()),
        ("version=2", vec![b'0'; BOMB_BYTES]),
    ];
    for (protocol, unpacked) in bombs {
        let request = GitRequest::exchange(protocol, gzip(&unpacked)).with_header("content-encoding", "gzip");
        drop(unpacked);
        forget_peak_of(&pair.mirror);
        let before = peak_memory_bytes_of(&pair.mirror);
        let answer = request.try_send(&url).await;
        let taken = peak_memory_bytes_of(&pair.mirror).saturating_sub(before);
        assert!(taken < MAX_MEMORY_FOR_ONE_BYTES, "{protocol:?}: a bomb took {taken} bytes");
        let answer = answer.unwrap_or_else(|error| panic!("{protocol:?}: broken off: {error:?}"));
        // Git reads no further than to the flush with which the last one begins, and has been asked nothing then.
        let nothing = answer.status == 200 && answer.taken_apart().told.is_empty();
        let refused = (400..500).contains(&answer.status) || answer.error().is_some();
        assert!(
            refused || nothing,
            "{protocol:?}: {} {:?}",
            answer.status,
            answer.taken_apart().told.first()
        );
    }
    eventually("git to end", || async { (children_of(&pair.mirror) == 0).then_some(()) }).await;
    crate::harness::git(source.path(), &["ls-remote", url.as_str()]);
}

/// Says how long a body will be, sends less, and hangs up its side; returns the status, if there is one.
async fn announced_but_not_sent(repository: &Url, body: &[u8], announced: usize) -> Option<u16> {
    let address = format!("127.0.0.1:{}", repository.port().expect("has a port"));
    let head = format!(
        "POST {}/git-upload-pack HTTP/1.1\r\nHost: {address}\r\nGit-Protocol: version=2\r\nConnection: close\r\n\
         Content-Type: application/x-git-upload-pack-request\r\nContent-Length: {announced}\r\n\r\n",
        repository.path()
    );
    let mut stream = TcpStream::connect(&address).await.expect("the server listens");
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    stream.write_all(body).await.expect("the server reads");
    stream.shutdown().await.expect("the connection is open");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut command = Command::new("gzip");
    command.args(["--fast", "--stdout"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("gzip can be run");
    let mut input = child.stdin.take().expect("is a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(content));
        child.wait_with_output().expect("gzip ends").stdout
    })
}
