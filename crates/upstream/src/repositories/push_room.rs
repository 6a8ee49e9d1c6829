//! Room for what is pushed: what cannot be taken in whole is refused before it fills the disk.
//!
//! How large a push is shows only while it arrives. One that would take what is kept for the database is cut off there:
//! git then refuses it as a whole, and takes away what it has written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt, stream};
use heliostat_git::{ByteStream, ReceivedPack, RemoteMessage};
use heliostat_git_serve::{ServedRepositories, make_room};
use heliostat_refusal::Refusal;

/// After so much more of a push the disk is looked at again, in bytes.
const LOOK_AFTER_BYTES: usize = 1024 * 1024;

/// Refuses a push that has no room, or that nothing can be written for.
pub(super) async fn require_room(served: &ServedRepositories) -> Result<(), Refusal> {
    let room = match make_room(served).await {
        Ok(room) => room,
        Err(error) => {
            tracing::warn!(%error, "cannot ask for the room on the disk with the repositories");
            return Ok(());
        }
    };
    match room.refusal() {
        None => Ok(()),
        Some(complaint) => Err(Refusal::unavailable(format!(
            "Nothing can be pushed at the moment: {complaint}. An administrator of this server has to make room."
        ))),
    }
}

/// Whether the disk has cut a push off.
#[derive(Debug, Clone, Default)]
pub(super) struct CutOff(Arc<AtomicBool>);

impl CutOff {
    /// Lets git's report say why.
    pub(super) fn explain(&self, received: ReceivedPack) -> ReceivedPack {
        match self.0.load(Ordering::Relaxed) {
            true => received.telling(&RemoteMessage::line(
                "The disk of this server is full. An administrator has to make room before this can be pushed.",
            )),
            false => received,
        }
    }
}

/// The request as far as there is room for it; what follows is read and dropped. Git always gets the beginning, so that
/// it reports the refusal in the way that its client shows to people.
pub(super) fn within_room(request: ByteStream, served: ServedRepositories, cut_off: CutOff) -> ByteStream {
    let state = (request, served, cut_off, LOOK_AFTER_BYTES - 1);
    let within = stream::unfold(state, |(mut request, served, cut_off, mut since_look)| async move {
        if since_look >= LOOK_AFTER_BYTES {
            since_look = 0;
            if make_room(&served).await.is_ok_and(|room| room.refusal().is_some()) {
                cut_off.0.store(true, Ordering::Relaxed);
                while let Some(Ok(_)) = request.next().await {}
                return None;
            }
        }
        let piece = request.next().await?;
        since_look += piece.as_ref().map_or(0, |bytes| bytes.len());
        Some((piece, (request, served, cut_off, since_look)))
    });
    within.boxed()
}
