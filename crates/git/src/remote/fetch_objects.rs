//! Objects from another server, and no references: what those become is decided elsewhere.
//!
//! `git` is told exactly which objects. It asks for nothing that is here already, and before it calls itself done it has
//! made sure that everything below them has arrived. Until a reference leads to them, nobody sees them.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use heliostat_git_wire::{ObjectId, lines_of};

use crate::process::{SecretHeader, transfer, without_credentials};
use crate::remote::{FetchError, Remote};
use crate::repository::Repository;

/// Which objects to fetch, and from where.
#[derive(Clone)]
pub struct FetchPlan {
    /// Address of the other repository. User name and password in an HTTP address are sent as a header.
    pub url: String,
    /// Sent with every HTTP request to the other server.
    pub authorization: Option<SecretHeader>,
    /// The objects; what they need comes with them.
    pub objects: BTreeSet<ObjectId>,
    /// How long nothing may be heard before it is given up.
    pub timeout: Duration,
}

impl fmt::Debug for FetchPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, authorization, objects, timeout } = self;
        let mut out = f.debug_struct("FetchPlan");
        out.field("url", &without_credentials(url)).field("authorization", authorization);
        out.field("objects", &objects.len()).field("timeout", timeout).finish()
    }
}

/// Brings the objects here, together with all that they need, or fails. References stay as they are.
pub async fn fetch_objects(repository: &Repository, plan: &FetchPlan) -> Result<(), FetchError> {
    if plan.objects.is_empty() {
        return Ok(());
    }
    let remote = Remote::parse(&plan.url, plan.authorization.as_ref())?;
    // It writes no references, but is known as one that writes.
    let command = repository.ref_writing_command("fetch").looking_again();
    let command = command.args(["fetch", "--no-tags", "--progress"]);
    let command = command.args(["--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"]);
    // By standard input, because there may be more than fit into arguments.
    let command = command.args(["--stdin", "--", &remote.address]);
    let command = command.setting("protocol.version", "2").authorization(remote.authorization.as_ref());
    let wanted = lines_of("", &plan.objects);
    let ended = transfer(&command, wanted.as_bytes(), plan.timeout, &mut |_: &str| {}).await?;
    if ended.status.success() {
        return Ok(());
    }
    Err(FetchError::from_failure(&remote.address, &ended.status.to_string(), &ended.stderr))
}

#[cfg(test)]
#[path = "fetch_objects_tests.rs"]
mod tests;
