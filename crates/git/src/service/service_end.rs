//! How a service ended, and what that means.

use std::process::ExitStatus;

/// How a service ended.
#[derive(Clone)]
pub struct ServiceEnd {
    /// Its exit status.
    pub status: ExitStatus,
    /// The end of what it told people.
    pub stderr: String,
    /// Whether it was given the whole request.
    pub request_was_whole: bool,
}

impl ServiceEnd {
    /// A client that deepens a clone asks first where the history will be cut and says no more in that request;
    /// upload-pack calls that a hang-up although it has answered.
    pub fn is_hang_up(&self) -> bool {
        self.request_was_whole && self.stderr.contains("the remote end hung up unexpectedly")
    }
}
