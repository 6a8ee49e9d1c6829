//! Answers that arrive in any parts, and what is told beside them.

use std::future::poll_fn;

use futures_util::TryStreamExt;
use heliostat_git_wire::{Command, spelled};
use tokio::sync::mpsc;

use super::*;

fn fetch(lines: &[&str]) -> FetchRequest {
    let want = format!("want {}", "1".repeat(40));
    let body = spelled(&[&["command=fetch", "object-format=sha1", "|", &want], lines, &["."]].concat());
    FetchRequest::parse_v2(&Command::read(&body).expect("framed").expect("a command")).expect("a fetch")
}

fn messages() -> Vec<RemoteMessage> {
    vec![RemoteMessage::line("one"), RemoteMessage::line("two")]
}

async fn told(answer: &[u8], part: usize, beside: Option<BesideAnswer>) -> Vec<u8> {
    let parts: Vec<_> = answer.chunks(part).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
    let output = with_beside(stream::iter(parts).boxed(), beside);
    output.try_collect::<Vec<Bytes>>().await.expect("whole").concat()
}

#[tokio::test]
async fn messages_stand_where_the_pack_begins_however_the_answer_is_cut() {
    let (head, pack) =
        (b"0010shallow-info0001000dpackfile\n".as_slice(), b"0005\x010009\x01PACK0000".as_slice());
    let answer = [head, pack].concat();
    let expected = [head, b"0009\x02one\n", b"0009\x02two\n", pack].concat();
    let request = fetch(&["done"]);
    for part in 1..answer.len() {
        let beside = BesideAnswer::of(&request, messages(), None);
        assert_eq!(told(&answer, part, beside).await, expected, "in parts of {part} bytes");
    }
}

#[tokio::test]
async fn an_answer_without_a_pack_stays_as_it_is() {
    let negotiating = fetch(&[&format!("have {}", "2".repeat(40))]);
    for answer in [&spelled(&["acknowledgments", "NAK", "."])[..], b"0009ERR no", b"rubbish, not in packets"]
    {
        let beside = BesideAnswer::of(&negotiating, messages(), None);
        assert_eq!(told(answer, 5, beside).await, answer);
    }
    let raw = spelled(&[&format!("want {}", "1".repeat(40)), ".", "done"]);
    let raw = FetchRequest::parse_v0(&raw).expect("a fetch");
    assert!(BesideAnswer::of(&raw, messages(), None).is_none(), "a pack that is in no packets");
    let round = fetch(&["wait-for-done", &format!("have {}", "2".repeat(40))]);
    assert!(BesideAnswer::of(&round, messages(), None).is_none(), "there will be no pack");
    assert!(BesideAnswer::of(&fetch(&["done"]), Vec::new(), None).is_none());
}

/// What a client has got so far of an answer that a test feeds.
struct Waiting {
    beside: BesideAnswer,
    answer: mpsc::UnboundedReceiver<Bytes>,
}

impl Waiting {
    async fn next(&mut self) -> Bytes {
        let Self { beside, answer } = self;
        let mut next = |context: &mut Context<'_>, _| {
            answer.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Piece::Memory(bytes))))
        };
        let piece = poll_fn(|context| beside.poll_piece(context, 1_000, &mut next)).await;
        read(piece.expect("not the end").expect("no error")).await.expect("in memory")
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_is_told_how_far_it_is_and_nothing_within_the_pack() {
    let (progress, told) = watch::channel(Progress::default());
    let (feed, answer) = mpsc::unbounded_channel();
    let shown = ShownProgress::new(Some(told));
    let beside = BesideAnswer::of(&fetch(&["done"]), Vec::new(), Some(shown)).expect("room");
    let mut waiting = Waiting { beside, answer };
    feed.send(Bytes::from_static(b"000dpackfile\n")).expect("read");
    assert_eq!(waiting.next().await, "000dpackfile\n");
    progress.send_modify(|progress| {
        progress.done.push("Enumerating: 5, done.".to_owned());
        progress.current = Some("Counting:  20%".to_owned());
    });
    assert_eq!(waiting.next().await, "001b\x02Enumerating: 5, done.\n");
    assert_eq!(waiting.next().await, "0014\x02Counting:  20%\r");
    feed.send(KEEP_ALIVE).expect("read");
    assert_eq!(waiting.next().await, KEEP_ALIVE);
    progress.send_modify(|progress| progress.done.push("Counting: 100%, done.".to_owned()));
    assert_eq!(waiting.next().await, "001b\x02Counting: 100%, done.\n");
    assert_eq!(waiting.next().await, "0014\x02Counting:  20%\r");
    feed.send(Bytes::from_static(b"0009\x01PACK")).expect("read");
    assert_eq!(waiting.next().await, "0014\x02Counting:  20%\n");
    assert_eq!(waiting.next().await, "0009\x01PACK");
    assert!(matches!(waiting.beside.place, Place::Within));
}

#[tokio::test(start_paused = true)]
async fn a_computation_that_tells_nothing_is_timed() {
    let (feed, answer) = mpsc::unbounded_channel();
    let beside = BesideAnswer::of(&fetch(&["done"]), Vec::new(), Some(ShownProgress::new(None)));
    let mut waiting = Waiting { beside: beside.expect("room"), answer };
    feed.send(Bytes::from_static(b"000dpackfile\n")).expect("read");
    waiting.next().await;
    let shown = String::from_utf8_lossy(&waiting.next().await).into_owned();
    assert!(shown.contains("\x02Preparing the pack: 1 s\r"), "{shown:?}");
    feed.send(Bytes::from_static(b"0000")).expect("read");
    assert!(waiting.next().await.ends_with(b" s, done.\n"));
    assert_eq!(waiting.next().await, "0000");
}
