//! What a client is sent while it waits for an answer, and when that comes or does not.

use std::future::poll_fn;

use futures_util::stream;
use futures_util::{StreamExt, TryStreamExt};
use heliostat_git::GitOutput;
use heliostat_git_wire::error_packet;
use heliostat_stream_cache::Progress;
use tokio::sync::{oneshot, watch};

use super::*;

const HEAD: Bytes = Bytes::from_static(b"000dpackfile\n");

/// An answer that a test gives when it wants to.
struct Waiting {
    awaited: AwaitedAnswer,
    give: oneshot::Sender<Result<Answer, GitError>>,
    progress: watch::Sender<Progress>,
}

impl Waiting {
    fn of_client(shows_progress: bool) -> Self {
        Self::framed(shows_progress, Framing::Head(HEAD))
    }

    fn framed(shows_progress: bool, framing: Framing) -> Self {
        let (give, given) = oneshot::channel();
        let (progress, told) = watch::channel(Progress::default());
        let waited = async move { given.await.expect("it is given") }.boxed();
        let shown = shows_progress.then(|| ShownProgress::awaiting(Some(told)));
        Self { awaited: AwaitedAnswer::new(waited, framing, shown), give, progress }
    }

    async fn next(&mut self) -> Bytes {
        let piece = poll_fn(|context| self.awaited.poll_piece(context, 1_000)).await;
        read(piece.expect("not the end").expect("no error")).await.expect("in memory")
    }

    /// What else the client is sent when this has come of it.
    async fn rest(self, outcome: Result<Answer, GitError>) -> Vec<u8> {
        self.give.send(outcome).expect("it is waited for");
        let pieces = Answer::Awaited(self.awaited).into_stream().try_collect::<Vec<Bytes>>().await;
        pieces.expect("no error").concat()
    }
}

fn streamed(answer: &[u8], part: usize) -> Answer {
    let parts: Vec<_> = answer.chunks(part).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
    Answer::Streamed(GitOutput::new(stream::iter(parts).boxed()))
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_how_far_it_is_and_then_given_the_answer() {
    let mut waiting = Waiting::of_client(true);
    assert_eq!(waiting.next().await, HEAD);
    assert_eq!(waiting.next().await, "0025\x02Waiting for what is wanted: 1 s\r");
    waiting.progress.send_modify(|progress| {
        progress.done.push("Counting: 5, done.".to_owned());
        progress.current = Some("Receiving:  20%".to_owned());
    });
    assert_eq!(waiting.next().await, "0018\x02Counting: 5, done.\n");
    assert_eq!(waiting.next().await, "0015\x02Receiving:  20%\r");
    // While nothing is new, it is told that the server lives.
    assert_eq!(waiting.next().await, KEEP_ALIVE);
    let answer = [&HEAD[..], b"0009\x01PACK0000"].concat();
    let rest = waiting.rest(Ok(streamed(&answer, 3))).await;
    assert_eq!(rest, b"0015\x02Receiving:  20%\n0009\x01PACK0000");
}

#[tokio::test(start_paused = true)]
async fn who_shows_no_progress_is_told_that_the_server_lives() {
    let mut waiting = Waiting::of_client(false);
    assert_eq!(waiting.next().await, HEAD);
    let began = Instant::now();
    assert_eq!(waiting.next().await, KEEP_ALIVE);
    assert_eq!(waiting.next().await, KEEP_ALIVE);
    assert_eq!(began.elapsed().as_secs(), 2 * KEEP_ALIVE_AFTER.as_secs());
    let whole = Bytes::from([&HEAD[..], b"0009\x01PACK0000"].concat());
    assert_eq!(waiting.rest(Ok(Answer::Whole(whole))).await, b"0009\x01PACK0000");
}

#[tokio::test(start_paused = true)]
async fn who_reads_all_lines_in_bands_is_told_before_any_of_them() {
    let lines = b"0010shallow-info0001000dpackfile\n0009\x01PACK0000";
    let framed = b"0011\x01shallow-info0001000e\x01packfile\n0009\x01PACK0000";
    for part in 1..lines.len() {
        let mut waiting = Waiting::framed(true, Framing::in_bands());
        assert_eq!(waiting.next().await, "0025\x02Waiting for what is wanted: 1 s\r");
        let mut rest = waiting.rest(Ok(streamed(lines, part))).await;
        let end = b"\x02Waiting for what is wanted: 1 s\n".len() + 4;
        assert_eq!(rest.split_off(end), framed, "in parts of {part} bytes");
        let quick = Framing::in_bands().of_answer(streamed(lines, part)).into_stream();
        assert_eq!(quick.try_collect::<Vec<Bytes>>().await.expect("no error").concat(), framed);
    }
    let mut waiting = Waiting::framed(false, Framing::in_bands());
    assert_eq!(waiting.next().await, KEEP_ALIVE_IN_BANDS);
    let rest = waiting.rest(Ok(Answer::Whole(error_packet("not our ref")))).await;
    assert_eq!(rest, b"0011\x03not our ref\n");
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_later_is_told_in_the_band_for_it() {
    let refused = || GitError::Refused { operation: "test", message: "not now".to_owned() };
    for (outcome, words) in [
        (Err(refused()), "not now"),
        (Ok(Answer::Whole(error_packet("upload-pack: not our ref 12"))), "upload-pack: not our ref 12"),
        (Ok(Answer::Whole(Bytes::from_static(b"0000"))), "the answer is another one than was expected"),
        (Err(GitError::Request(io::Error::other("secret"))), "this server has failed to answer"),
    ] {
        let mut waiting = Waiting::of_client(true);
        assert_eq!(waiting.next().await, HEAD);
        let rest = waiting.rest(outcome).await;
        assert_eq!(rest.get(4), Some(&3), "{rest:?}");
        let said = String::from_utf8_lossy(&rest[5..]).into_owned();
        assert!(said.starts_with(words) && said.ends_with('\n'), "{said:?}");
    }
}
