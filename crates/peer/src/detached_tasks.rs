//! Work that must be finished even if the client that asked for it has gone.
//!
//! The connection of a client ends whenever it likes, and with it the future that answers its request: between any two
//! steps. What has to be changed in several places, such as the database and what is known in memory, is done here.
//!
//! Whatever the work and its result, the runtime is given one type of task, which is compiled once.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::request_context::RequestContext;

/// Tasks that a server waits for before it ends. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct DetachedTasks(TaskTracker);

impl DetachedTasks {
    /// Carries work on even if the future that waits for it is dropped. What it logs and asks of other servers goes on under the
    /// names of the request, and its panic is one of the future that waits for it.
    pub fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send {
        // What is not optimised moves a future from stack to stack on its way to its task: a large one many times.
        self.result_of(work.boxed())
    }

    /// The same for work whose result others may want too, though it may be given up. Without the one who asked for it, it goes
    /// on for at most this long, and not while the server stops. `None` if it was given up.
    pub fn to_the_end_within<T: Send + 'static>(
        &self,
        limit: Duration,
        stop: &CancellationToken,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send {
        let (work, stop, abandoned) = (work.boxed(), stop.clone(), CancellationToken::new());
        let asking = abandoned.clone().drop_guard();
        let bounded = self.to_the_end(async move {
            let in_vain = async {
                abandoned.cancelled().await;
                // It is over either way.
                let _ = tokio::time::timeout(limit, stop.cancelled()).await;
            };
            tokio::select! {
                done = work => Some(done),
                () = in_vain => None,
            }
        });
        async move {
            let _asking = asking;
            bounded.await
        }
    }

    /// Starts work that nothing waits for.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(work.boxed());
    }

    /// Waits until all work is finished.
    pub async fn finished(&self) {
        self.0.close();
        self.0.wait().await;
    }

    /// What comes of work that is a task of its own.
    async fn result_of<T: Send + 'static>(&self, work: BoxFuture<'static, T>) -> T {
        let (ended, end) = oneshot::channel();
        let work = async move {
            let outcome = AssertUnwindSafe(work).catch_unwind().await;
            // The future that waits for it may have been dropped.
            let _ = ended.send(outcome);
        };
        let context = RequestContext::current().unwrap_or_default();
        self.spawn(context.scope(work.boxed()).in_current_span());
        match end.await {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => resume_unwind(panic),
            // The runtime ends, and this future with it.
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than any test takes.
    const LONG: Duration = Duration::from_hours(24);

    #[tokio::test]
    async fn work_goes_on_under_the_names_of_its_request_when_no_client_waits_for_it() {
        let tasks = DetachedTasks::default();
        let (go, gone) = oneshot::channel::<()>();
        let (told, tells) = oneshot::channel();
        let context = RequestContext::new();
        let work = tasks.to_the_end(async move {
            gone.await.expect("it is let go on");
            told.send(RequestContext::current()).expect("the test waits for it");
        });
        let mut asking = Box::pin(context.clone().scope(work));
        assert!(futures_util::poll!(&mut asking).is_pending());
        drop(asking);
        go.send(()).expect("it has not ended");
        assert_eq!(tells.await.expect("it comes to its end"), Some(context));
        tasks.finished().await;
    }

    #[tokio::test]
    async fn a_panic_of_work_is_one_of_the_future_that_waits_for_it() {
        fn fail() -> u32 {
            panic!("as the test wants it")
        }
        let tasks = DetachedTasks::default();
        let asking = AssertUnwindSafe(tasks.to_the_end(async { fail() })).catch_unwind();
        let panic = asking.await.expect_err("the work panics");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"as the test wants it"));
        tasks.finished().await;
    }

    #[test]
    fn the_future_that_waits_never_ends_when_the_runtime_has_ended() {
        let tasks = DetachedTasks::default();
        let mut asking = Box::pin(tasks.to_the_end(std::future::pending::<()>()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it is made");
        runtime.block_on(async { assert!(futures_util::poll!(&mut asking).is_pending()) });
        drop(runtime);
        assert!(asking.now_or_never().is_none());
    }

    #[tokio::test]
    async fn work_for_others_goes_on_without_its_asker_until_it_is_done_or_the_server_stops() {
        let (tasks, stop) = (DetachedTasks::default(), CancellationToken::new());
        let (go, gone) = oneshot::channel::<()>();
        let (told, tells) = oneshot::channel();
        let done = tasks.to_the_end_within(LONG, &stop, async move {
            gone.await.expect("it is let go on");
            told.send(()).expect("the test waits for it");
        });
        let endless = tasks.to_the_end_within(LONG, &stop, std::future::pending::<()>());
        let (mut done, mut endless) = (Box::pin(done), Box::pin(endless));
        assert!(futures_util::poll!(&mut done).is_pending());
        assert!(futures_util::poll!(&mut endless).is_pending());
        drop((done, endless));
        go.send(()).expect("it has not ended");
        tells.await.expect("it comes to its end");
        stop.cancel();
        tasks.finished().await;
    }

    #[tokio::test]
    async fn work_that_is_waited_for_goes_on_while_the_server_stops() {
        let (tasks, stop) = (DetachedTasks::default(), CancellationToken::new());
        let (go, gone) = oneshot::channel::<()>();
        let work = tasks.to_the_end_within(Duration::ZERO, &stop, gone);
        let mut asking = Box::pin(work);
        assert!(futures_util::poll!(&mut asking).is_pending());
        stop.cancel();
        tokio::task::yield_now().await;
        go.send(()).expect("it has not ended");
        assert_eq!(asking.await, Some(Ok(())));
    }

    #[tokio::test]
    async fn work_for_others_is_given_up_when_its_time_is_over() {
        let (tasks, stop) = (DetachedTasks::default(), CancellationToken::new());
        let work = tasks.to_the_end_within(Duration::ZERO, &stop, std::future::pending::<()>());
        let mut asking = Box::pin(work);
        assert!(futures_util::poll!(&mut asking).is_pending());
        drop(asking);
        tasks.finished().await;
    }
}
