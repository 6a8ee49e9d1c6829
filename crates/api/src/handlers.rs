//! What all handlers of operations have in common.

/// Something that answers operations: the trait of each operation builds on this one.
///
/// The trait of an operation is implemented in a file of its own, which is all that there is to its handler; the routes
/// of a role ([`crate::roles`]) ask for all traits of that role, so a missing handler does not compile.
pub trait Handlers: Send + Sync + 'static {
    /// What a handler fails with: the answer to a request that it refuses.
    type Error: Into<poem::Error> + Send;
}
