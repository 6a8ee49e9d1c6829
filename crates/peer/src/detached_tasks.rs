//! Work that must be finished even if the client that asked for it has gone.
//!
//! The connection of a client ends whenever it likes, and with it the future that answers its request: between any two
//! steps. What has to be changed in several places, such as the database and what is known in memory, is done here.

use std::future::Future;
use std::panic::resume_unwind;

use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::request_context::RequestContext;

/// Tasks that a server waits for before it ends. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct DetachedTasks(TaskTracker);

impl DetachedTasks {
    /// Carries work on even if the future that waits for it is dropped. What it logs and asks of other servers goes on under the
    /// names of the request, and its panic is one of the future that waits for it.
    pub async fn to_the_end<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let context = RequestContext::current().unwrap_or_default();
        match self.0.spawn(context.scope(work).in_current_span()).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime ends, and this future with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Starts work that nothing waits for.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(work);
    }

    /// Waits until all work is finished.
    pub async fn finished(&self) {
        self.0.close();
        self.0.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_under_the_names_of_its_request_when_nobody_waits_for_it() {
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
}
