//! Waiting for a condition, never for a length of time.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a condition may take before its test fails; generous, because machines are shared: at a load of
/// 30 on two cores a computation may wait for minutes.
const PATIENCE: Duration = Duration::from_mins(4);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until there is an answer; `what` names it when none comes.
pub async fn eventually<T, F>(what: &str, ask: impl Fn() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    within(PATIENCE, what, ask).await
}

/// Asks until there is an answer or the time is over.
pub async fn within<T, F>(patience: Duration, what: &str, ask: impl Fn() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < patience, "waited {} s in vain for {what}", patience.as_secs());
        tokio::time::sleep(PAUSE).await;
    }
}
