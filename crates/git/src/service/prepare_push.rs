//! What a `git receive-pack` needs beyond what every service does: that the repository knows of it, that pushes take turns
//! in their last step, and that what arrives is checked, without looking at all of very many references.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::process::{ByteStream, Fsck, GitCommand};
use crate::repository::Repository;
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
    let request = last_piece_after(request, async move { turn.begin_last_step().await });
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

/// The request, whose last piece waits for something. Git carries out what a push says when it has all of it.
pub(super) fn last_piece_after(
    request: ByteStream,
    awaited: impl Future<Output = ()> + Send + 'static,
) -> ByteStream {
    let state = (request.fuse(), None, Some(awaited));
    let request = stream::unfold(state, |(mut request, mut held, mut awaited)| async move {
        loop {
            match request.next().await {
                Some(Ok(piece)) => {
                    if let Some(before) = held.replace(piece) {
                        return Some((Ok(before), (request, held, awaited)));
                    }
                }
                Some(Err(error)) => return Some((Err(error), (request, None, awaited))),
                None => {
                    let last: Bytes = held.take()?;
                    if let Some(awaited) = awaited.take() {
                        awaited.await;
                    }
                    return Some((Ok(last), (request, None, None)));
                }
            }
        }
    });
    request.boxed()
}
