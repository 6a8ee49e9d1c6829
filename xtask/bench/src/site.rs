//! Where a server runs: the group that counts for it, a network namespace, and an address.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::Context;

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
        Self::at(None, "127.0.0.1")
    }

    /// At an address of this machine, or of one of its namespaces.
    pub fn at(namespace: Option<&str>, address: &str) -> Self {
        Site { group: Group::new(), namespace: namespace.map(str::to_owned), address: address.to_owned() }
    }

    /// The same place for another server, which is counted by itself.
    pub fn with_own_group(&self) -> Self {
        Site { group: Group::new(), ..self.clone() }
    }

    /// The address with a port that is free now, here and so most likely there.
    pub fn free_address(&self) -> anyhow::Result<String> {
        let free = TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?;
        Ok(format!("{}:{}", self.address, free.local_addr()?.port()))
    }

    /// A command that runs there.
    pub fn command(&self, program: &Path) -> Command {
        self.group.command(self.namespace.as_deref(), program)
    }
}
