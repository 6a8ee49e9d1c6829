//! How repositories make room for others: those go first that were used longest ago, and none that is in use.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use heliostat_git::{TrashReason, blocking, files_below};
use heliostat_refusal::Refusal;
use tokio_util::sync::CancellationToken;

use super::entry::Entry;
use super::registry::{IDLE_AFTER, Making, Repositories};

/// How often is looked what the repositories take, and when they were used last is written down.
const LOOK_PAUSE: Duration = Duration::from_mins(1);

/// After something has grown, no sooner than this.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);

impl Repositories {
    /// Gives up the repository that was used longest ago.
    pub(super) async fn make_room_for_one(&self, making: &Making<'_>) -> Result<(), Refusal> {
        for entry in self.idle_longest() {
            if self.make_room_by(making, &entry).await? {
                return Ok(());
            }
        }
        Err(Refusal::unavailable(format!(
            "This mirror has {} repositories, which is as many as it may, and all of them are in use; try again later.",
            self.max_repositories
        )))
    }

    /// Those that nobody uses, and has used for a while, in the order of their last use.
    fn idle_longest(&self) -> Vec<Arc<Entry>> {
        let idle_ms = i64::try_from(IDLE_AFTER.as_millis()).unwrap_or(i64::MAX);
        let idle_since = self.clock.now_ms().saturating_sub(idle_ms);
        let mut idle = self.all();
        idle.retain(|entry| !entry.is_in_use() && entry.last_used_at() <= idle_since);
        idle.sort_by_key(|entry| entry.last_used_at());
        idle
    }

    /// Whether it has gone. One that is being fetched into stays.
    async fn make_room_by(&self, making: &Making<'_>, entry: &Entry) -> Result<bool, Refusal> {
        let Ok(_fetching) = entry.fetching.try_lock() else { return Ok(false) };
        tracing::info!(
            repository.path = entry.path.as_str(),
            size_bytes = entry.size_bytes(),
            "a repository makes room for others"
        );
        self.give_up_while(making, entry, TrashReason::MadeRoom).await?;
        if let Err(error) = self.served.store().empty_trash(self.trash_time).await {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot empty the trash");
        }
        Ok(true)
    }

    /// Lets repositories go until the others take no more than they may.
    async fn make_room_on_disk(&self) -> Result<(), Refusal> {
        let Some(max_bytes) = self.max_disk_bytes else { return Ok(()) };
        let mut bytes = self.size_bytes();
        for entry in self.idle_longest() {
            if bytes <= max_bytes {
                return Ok(());
            }
            let making = self.making.lock().await;
            if self.make_room_by(&making, &entry).await? {
                bytes = bytes.saturating_sub(entry.size_bytes());
            }
        }
        if bytes > max_bytes {
            tracing::warn!(
                size_bytes = bytes,
                limit_bytes = max_bytes,
                "the repositories of the origin take more room than they may, and all of them are in use"
            );
        }
        Ok(())
    }

    async fn measure(&self) {
        for entry in self.all() {
            if !entry.take_growth() {
                continue;
            }
            let path = self.served.store().repository(entry.disk_id()).path().to_owned();
            match blocking(move || Ok(size_of(path))).await {
                Ok(bytes) => entry.set_size_bytes(bytes),
                Err(error) => tracing::warn!(%error, "cannot measure a repository"),
            }
        }
    }

    async fn note_use(&self, since: &mut i64) {
        let now = self.clock.now_ms();
        let used = self.all().into_iter().map(|entry| (entry.id, entry.last_used_at()));
        let used: Vec<_> = used.filter(|(_, last_used_at)| *last_used_at >= *since).collect();
        match self.store.note_use_of_origin_repositories(&used).await {
            Ok(()) => *since = now,
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot write down when repositories were used"
            ),
        }
    }
}

/// Keeps the repositories within their limits until the token ends.
pub(crate) async fn keep_within_limits(repositories: Arc<Repositories>, stop: CancellationToken) {
    let mut used_since = repositories.clock.now_ms();
    stop.run_until_cancelled(async {
        loop {
            repositories.measure().await;
            if let Err(error) = repositories.make_room_on_disk().await {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot make room on the disk");
            }
            repositories.note_use(&mut used_since).await;
            tokio::time::sleep(SHORTEST_PAUSE).await;
            tokio::time::timeout(LOOK_PAUSE, repositories.growth.notified()).await.ok();
        }
    })
    .await;
}

/// What the files below a folder take.
fn size_of(folder: PathBuf) -> u64 {
    // Files come and go meanwhile.
    files_below(folder).flatten().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}
