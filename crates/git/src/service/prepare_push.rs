//! What a `git receive-pack` needs beyond what every service does: that the repository knows of it, that pushes take turns
//! in their last step, and that what arrives is checked, without looking at all of very many references.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::process::{ByteStream, Fsck, GitCommand};
use crate::repository::{PushTurn, Repository};
use crate::service::push_window::push_window;

/// The invocation and the request of a push, completed.
pub(super) async fn prepare_push(
    repository: &Repository,
    command: GitCommand,
    request: ByteStream,
) -> (GitCommand, ByteStream) {
    let (settings, request) = push_window(repository, request).await;
    let command = checked(repository, command).await.settings(settings);
    let change = Arc::new(repository.change_under_way());
    let fed = Arc::downgrade(&change);
    let turn = repository.push_turn();
    let command = taking_a_push(command, change).holding(Arc::clone(&turn));
    let request = with_last_piece_in_turn(request, turn);
    let request =
        request.inspect(move |_| fed.upgrade().iter().for_each(|change| change.writer().is_fed())).boxed();
    (command, request)
}

/// What it needs of what is there it finds again, so a push over a slow line holds up nothing.
pub(super) fn taking_a_push(command: GitCommand, change: impl Any + Send + Sync) -> GitCommand {
    command.holding(change).looking_again()
}

/// Has what is pushed checked; the first push into a repository as an import.
pub(super) async fn checked(repository: &Repository, command: GitCommand) -> GitCommand {
    let fsck = repository.git().fsck();
    // The two differ only here, and what is not asked for costs nothing.
    let is_import = fsck == Fsck::Strict && repository.snapshot().await.is_ok_and(|refs| refs.is_empty());
    command.checking(if is_import { fsck.of_import() } else { fsck }.of_push())
}

/// The request, whose last piece waits until the last step of the push may begin.
fn with_last_piece_in_turn(request: ByteStream, turn: Arc<PushTurn>) -> ByteStream {
    let request = stream::unfold((request.fuse(), None, turn), |(mut request, mut held, turn)| async move {
        loop {
            match request.next().await {
                Some(Ok(piece)) => {
                    if let Some(before) = held.replace(piece) {
                        return Some((Ok(before), (request, held, turn)));
                    }
                }
                Some(Err(error)) => return Some((Err(error), (request, None, turn))),
                None => {
                    let last: Bytes = held.take()?;
                    turn.begin_last_step().await;
                    return Some((Ok(last), (request, None, turn)));
                }
            }
        }
    });
    request.boxed()
}
