//! Where a server runs: the group that counts for it, a network namespace, and an address.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::measuring::group::Group;

/// Where a server runs.
#[derive(Debug, Clone)]
pub struct Site {
    /// Counts the server's processes.
    pub group: Arc<Group>,
    /// A network namespace that is not this process's.
    pub namespace: Option<String>,
    /// The address to listen on, without a port.
    pub address: String,
}

impl Site {
    /// On this machine, for this machine alone.
    pub fn loopback() -> Self {
        Site { group: Group::new(), namespace: None, address: "127.0.0.1".to_owned() }
    }

    /// The same place for another server, which is counted by itself.
    pub fn with_own_group(&self) -> Self {
        Site { group: Group::new(), ..self.clone() }
    }

    /// A command that runs there.
    pub fn command(&self, program: &Path) -> Command {
        self.group.command(self.namespace.as_deref(), program)
    }
}
