//! What a computation yields: bytes as they come, and afterwards what they cost.

use std::time::Duration;

use crate::request_body::ByteStream;

/// An answer that is being computed. Dropping it stops the computation.
pub struct Production {
    /// Pieces of the answer; an error in place of one means that the answer is incomplete.
    pub output: ByteStream,
    /// The computing time it took; asked after the end of the output.
    pub cost: Box<dyn FnOnce() -> Duration + Send>,
}
