//! Work that must be finished even if the client that asked for it has gone.

use heliostat_refusal::Refusal;
use tokio_util::task::TaskTracker;

/// Tasks that a server waits for before it ends. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct DetachedTasks(TaskTracker);

impl DetachedTasks {
    /// Carries work on even if the future that waits for it is dropped.
    pub async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.0.spawn(work).await.unwrap_or_else(|error| Err(Refusal::internal(error)))
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
