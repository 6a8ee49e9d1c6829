//! Connections: accepting them, and the way of a body's bytes to the socket.
//!
//! hyper writes bodies from memory only. So that stored answers go from their file to the socket without passing
//! through this process, a body hands regions of files to the connection's [`outbox`] and gives hyper bytes that
//! stand for them; the [`socket`] recognises these bytes when hyper writes them, and sends the regions instead.

mod listen;
mod outbox;
mod residency;
mod socket;
mod stored_body;
mod unread_body;

#[cfg(test)]
mod tests;

pub use listen::{bind, serve};
pub use outbox::Outbox;
pub use stored_body::StoredBody;
