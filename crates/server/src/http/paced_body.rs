//! The body of a request, which ends with an error when its client is too slow.
//!
//! It stands at the connection, so that it holds for every body, whatever reads it. The clock runs only while something
//! waits for the client: a handler that does not ask for more, because a disk or `git` is busy, is not the client's fault.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use heliostat_peer::counted;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};
use poem::Request;
use tokio::time::{Instant, Sleep, sleep_until};

use super::client_wait::ClientWait;
use super::connection_options::BodyPace;

/// Gives the body of a request, if it has one, so much time.
pub fn set_pace(request: &mut Request, pace: BodyPace, wait: &ClientWait) {
    let body: BoxBody<Bytes, io::Error> = request.take_body().into();
    let body = if body.is_end_stream() { body } else { PacedBody::new(body, pace, wait.clone()).boxed() };
    request.set_body(poem::Body::from(body));
}

/// A body that is watched.
struct PacedBody {
    /// What may still come; `None` after the end.
    body: Option<BoxBody<Bytes, io::Error>>,
    pace: BodyPace,
    received_bytes: u64,
    /// How long the client was waited for before.
    waited: Duration,
    /// Since when it is waited for now, and until when.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    wait: ClientWait,
}

impl PacedBody {
    fn new(body: BoxBody<Bytes, io::Error>, pace: BodyPace, wait: ClientWait) -> Self {
        Self { body: Some(body), pace, received_bytes: 0, waited: Duration::ZERO, waiting: None, wait }
    }

    /// Gives up when the time is over.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.wait.for_client();
        let patience = self.pace.patience(self.received_bytes, self.waited);
        let (_, until) = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + patience)))
        });
        ready!(until.as_mut().poll(context));
        self.body = None;
        Poll::Ready(io::Error::new(
            io::ErrorKind::TimedOut,
            format!(
                "the client was too slow: {} come",
                counted(self.received_bytes, "byte has", "bytes have")
            ),
        ))
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let paced = self.get_mut();
        let Some(body) = &mut paced.body else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(body).poll_frame(context) else {
            return paced.poll_patience(context).map(|error| Some(Err(error)));
        };
        if let Some((since, _)) = paced.waiting.take() {
            paced.waited += since.elapsed();
            paced.wait.for_server();
        }
        match &frame {
            Some(Ok(frame)) => {
                paced.received_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Some(Err(_)) | None => paced.body = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use http_body_util::StreamBody;

    use super::*;

    const PACE: BodyPace = BodyPace {
        stall_limit: Duration::from_secs(10),
        deadline: Duration::from_secs(100),
        min_bytes_per_second: 2,
    };

    /// A body of which a byte comes each so many seconds, so often, and then nothing.
    fn trickling(seconds: u64, times: usize) -> PacedBody {
        let bytes = stream::iter(0..times).then(move |_| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(Frame::data(Bytes::from_static(b"x")))
        });
        let body = StreamBody::new(bytes.chain(stream::pending()));
        PacedBody::new(BoxBody::new(body), PACE, ClientWait::begin())
    }

    /// After how many seconds it was given up, and how much had come.
    async fn given_up(mut body: PacedBody) -> (u64, usize) {
        let (began, mut received) = (Instant::now(), 0);
        loop {
            match body.frame().await {
                Some(Ok(frame)) => received += frame.into_data().map_or(0, |data| data.len()),
                Some(Err(error)) => {
                    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                    assert!(body.frame().await.is_none());
                    return (began.elapsed().as_secs(), received);
                }
                None => panic!("it ended well"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_nothing_is_given_up() {
        assert_eq!(given_up(trickling(1, 0)).await, (10, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_too_slowly_is_given_up() {
        // Every third second a byte: it falls behind although it is never silent for long.
        let (seconds, received) = given_up(trickling(3, 1_000)).await;
        assert!(seconds < 20 && received < 10, "{seconds} s, {received} bytes");
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_the_reader_takes_does_not_count() {
        let mut body = trickling(0, 3);
        for _ in 0..3 {
            assert!(matches!(body.frame().await, Some(Ok(_))));
            tokio::time::sleep(Duration::from_secs(1_000)).await;
        }
        assert_eq!(given_up(body).await.1, 0);
    }
}
