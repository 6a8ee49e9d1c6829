//! Room on the disk of the repositories: stored answers give way to it before anything is refused.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git::{DiskRoom, DiskState, blocking};
use tokio_util::sync::CancellationToken;

use crate::served::ServedRepositories;

/// How often the room is looked at; a fast disk takes about a gigabyte meanwhile.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// The room on the disk of the repositories, once stored answers have given way.
pub async fn make_room(served: &ServedRepositories) -> io::Result<DiskRoom> {
    let (engine, root) = (Arc::clone(served.engine()), served.store().root().to_owned());
    blocking(move || {
        if let Some(responses) = engine.responses() {
            responses.leave_room();
        }
        let room = DiskRoom::of(&root)?;
        engine.note_room(room);
        Ok(room)
    })
    .await
}

/// Looks at the disk until the token ends: stored answers leave room, and the log tells when the disk is full or takes
/// pushes again.
pub fn keep_room(served: ServedRepositories, stop: CancellationToken) -> BoxFuture<'static, ()> {
    // Behind a pointer it is compiled here, and as a future where it is waited for: in each crate above.
    look_at_room(served, stop).boxed()
}

async fn look_at_room(served: ServedRepositories, stop: CancellationToken) {
    let mut last = DiskState::Writable;
    loop {
        match make_room(&served).await {
            Ok(room) => {
                let now = room.state();
                match room.complaint() {
                    Some(complaint) if now != last => {
                        tracing::error!(
                            free_bytes = room.free_bytes,
                            "{complaint}; what does not fit is refused"
                        );
                    }
                    None if now != last => {
                        tracing::info!(
                            free_bytes = room.free_bytes,
                            "the disk with the repositories has room again"
                        );
                    }
                    _ => {}
                }
                last = now;
            }
            // Its folder may be gone by then.
            Err(_) if stop.is_cancelled() => return,
            Err(error) => tracing::warn!(%error, "cannot ask for the room on the disk with the repositories"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_PAUSE) => {}
        }
    }
}
