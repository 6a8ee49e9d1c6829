//! How repositories make room for others: those go first of which nothing is here, or that were used longest ago, and none
//! that is in use. Where none can go, nothing new is fetched.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use heliostat_git::{DiskState, TrashReason, blocking, files_below};
use heliostat_git_serve::make_room;
use heliostat_peer::counted;
use heliostat_refusal::Refusal;
use tokio_util::sync::CancellationToken;

use super::entry::Entry;
use super::registry::{IDLE_AFTER, Making, Repositories};

/// How often is looked what the repositories take, and when they were used last is written down.
const LOOK_PAUSE: Duration = Duration::from_mins(1);

/// After something has grown, no sooner than this.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);

/// How long a repository is not used before it makes room on the disk without need: longer than the pause between two requests
/// of a git command. Who wants something new does not wait for that.
const SETTLED_AFTER: Duration = Duration::from_mins(1);

/// What a repository of which nothing is here must take to make room on the disk: fetches that were cut off leave something.
const WORTH_REMOVING_BYTES: u64 = 1024 * 1024;

/// How often is looked whether there is still room for what is being fetched.
const ROOM_PAUSE: Duration = Duration::from_secs(1);

const NOTHING_CAN_GO: &str = "the repositories of this mirror take as much room as they may, and all of them are in use; try again later";

impl Repositories {
    /// Gives up a repository of which nothing is here, or else the one that was used longest ago.
    pub(super) async fn make_room_for_one(&self, making: &Making) -> Result<(), Refusal> {
        for entry in self.unused() {
            let may_go = entry.is_known_empty() || self.is_idle(&entry, IDLE_AFTER);
            if may_go && self.make_room_by(making, &entry).await? {
                return Ok(());
            }
        }
        Err(Refusal::unavailable(format!(
            "This mirror has {}, which is as many as it may, and none that is not in use; try again later.",
            counted(self.max_repositories, "repository", "repositories")
        )))
    }

    /// Makes room for what is to be fetched into a repository, or says why there is none. The caller uses the repository.
    pub(crate) async fn require_room(&self, entry: &Entry) -> Result<(), String> {
        self.require_disk().await?;
        let Some(max_bytes) = self.max_disk_bytes else { return Ok(()) };
        if self.size_bytes() > max_bytes {
            note_failure(self.let_go_until(max_bytes, Duration::ZERO).await);
        }
        let of_others = self.size_bytes().saturating_sub(entry.size_bytes());
        // What is served already goes on to be: the limit may be too small for what is in use.
        match of_others <= max_bytes || entry.has_content() {
            true => Ok(()),
            false => Err(NOTHING_CAN_GO.to_owned()),
        }
    }

    /// Waits until the disk has no room any more for what is being fetched, and says so.
    pub(crate) async fn until_disk_is_full(&self) -> String {
        loop {
            tokio::time::sleep(ROOM_PAUSE).await;
            if let Some(complaint) = self.served.engine().room().and_then(|room| room.refusal()) {
                return no_room(&complaint);
            }
        }
    }

    /// Whether the disk takes more than what the database needs, as far as was looked.
    pub(crate) fn has_room(&self) -> bool {
        self.served.engine().room().is_none_or(|room| room.refusal().is_none())
    }

    async fn require_disk(&self) -> Result<(), String> {
        let Some((mut complaint, state)) = self.disk_complaint().await else { return Ok(()) };
        // In the trash they would take as much as before.
        if state == DiskState::Full && self.trash_time.is_zero() {
            for entry in self.worth_removing(IDLE_AFTER) {
                let making = self.making().await;
                let made_room = self.make_room_by(&making, &entry).await;
                drop(making);
                if made_room.is_err() {
                    note_failure(made_room);
                    break;
                }
                match self.disk_complaint().await {
                    Some((now, _)) => complaint = now,
                    None => return Ok(()),
                }
            }
        }
        Err(no_room(&complaint))
    }

    /// Why the disk takes nothing, if it does not.
    async fn disk_complaint(&self) -> Option<(String, DiskState)> {
        match make_room(&self.served).await {
            Ok(room) => room.refusal().map(|complaint| (complaint, room.state())),
            Err(error) => {
                tracing::warn!(%error, "cannot ask for the room on the disk with the repositories");
                None
            }
        }
    }

    /// Those that are not in use: first those of which nothing is here, then the others, each in the order of their
    /// last use.
    fn unused(&self) -> Vec<Arc<Entry>> {
        let mut unused = self.all();
        unused.retain(|entry| !entry.is_in_use());
        unused.sort_by_cached_key(|entry| (!entry.is_known_empty(), entry.last_used_at()));
        unused
    }

    /// Those of them that take room on the disk and were not used for so long.
    fn worth_removing(&self, idle: Duration) -> Vec<Arc<Entry>> {
        let mut unused = self.unused();
        unused.retain(|entry| {
            let takes_room = !entry.is_known_empty() || entry.size_bytes() >= WORTH_REMOVING_BYTES;
            takes_room && (idle.is_zero() || self.is_idle(entry, idle))
        });
        unused
    }

    /// Whether a repository was not used for so long. A use that is still to come was before the clock was set back: how
    /// long ago is not known, and waiting until the clock has come round to it would take too long.
    fn is_idle(&self, entry: &Entry, idle: Duration) -> bool {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let ago = self.clock.now_ms().saturating_sub(entry.last_used_at());
        ago >= millis(idle) || ago < -millis(SETTLED_AFTER)
    }

    /// Whether it has gone. One that is in use, or being fetched into, stays.
    async fn make_room_by(&self, making: &Making, entry: &Entry) -> Result<bool, Refusal> {
        let Ok(_fetching) = entry.fetching.try_lock() else { return Ok(false) };
        if entry.is_in_use() || entry.is_gone() || self.is_being_read(entry) {
            return Ok(false);
        }
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

    /// Whether a process reads it: the answer to a reader may take longer than their request is kept.
    fn is_being_read(&self, entry: &Entry) -> bool {
        let repository = self.served.store().repository(entry.disk_id());
        repository.git().readers().are_any(repository.path())
    }

    /// Lets those go that were not used for so long, until the others take no more than this.
    async fn let_go_until(&self, max_bytes: u64, idle: Duration) -> Result<(), Refusal> {
        for entry in self.worth_removing(idle) {
            if self.size_bytes() <= max_bytes {
                break;
            }
            let making = self.making().await;
            self.make_room_by(&making, &entry).await?;
        }
        Ok(())
    }

    /// Lets repositories go until the others take no more than they may.
    async fn make_room_on_disk(&self) {
        let Some(max_bytes) = self.max_disk_bytes else { return };
        note_failure(self.let_go_until(max_bytes, SETTLED_AFTER).await);
        let bytes = self.size_bytes();
        if bytes > max_bytes {
            tracing::warn!(
                size_bytes = bytes,
                limit_bytes = max_bytes,
                "the repositories of the origin take more room than they may, and all of them are in use"
            );
        }
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
        // After the clock was set back nothing is left out: what was used since would seem to have been used before.
        let since_then = if *since <= now { *since } else { i64::MIN };
        let used = self.all().into_iter().map(|entry| (entry.id, entry.last_used_at()));
        let used: Vec<_> = used.filter(|(_, last_used_at)| *last_used_at >= since_then).collect();
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
            repositories.make_room_on_disk().await;
            repositories.note_use(&mut used_since).await;
            tokio::time::sleep(SHORTEST_PAUSE).await;
            tokio::time::timeout(LOOK_PAUSE, repositories.growth.notified()).await.ok();
        }
    })
    .await;
}

fn note_failure<T>(making_room: Result<T, Refusal>) {
    if let Err(error) = making_room {
        tracing::error!(error = &error as &dyn std::error::Error, "cannot make room on the disk");
    }
}

fn no_room(complaint: &str) -> String {
    format!(
        "nothing can be fetched at the moment: {complaint}; an administrator of this mirror has to make room"
    )
}

/// What the files below a folder take.
fn size_of(folder: PathBuf) -> u64 {
    // Files come and go meanwhile.
    files_below(folder).flatten().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}
