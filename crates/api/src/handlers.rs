//! What all handlers of operations have in common.

use std::pin::Pin;

/// Something that answers operations: the trait of each operation builds on this one.
///
/// The trait of an operation is implemented in a file of its own, which is all that there is to its handler; the routes
/// of a role ([`crate::roles`]) ask for all traits of that role, so a missing handler does not compile.
pub trait Handlers: Send + Sync + 'static {
    /// What a handler fails with: the answer to a request that it refuses.
    type Error: Into<poem::Error> + Send;
}

/// What a handler will answer, whichever handler it is.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = poem::Result<T>> + Send + 'a>>;

/// What this handler will answer.
pub(crate) fn answer<'a, T: 'a, E: Into<poem::Error> + 'a>(
    answer: impl Future<Output = Result<T, E>> + Send + 'a,
) -> Answer<'a, T> {
    Box::pin(async move { answer.await.map_err(Into::<poem::Error>::into) })
}
