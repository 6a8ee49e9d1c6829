//! Objects from another server, and no references: what those become is decided elsewhere.
//!
//! `git` is told exactly which objects. It asks for nothing that is here already, and before it calls itself done it has
//! made sure that everything below them has arrived. Until a reference leads to them, no client sees them; references
//! of our own show them to no client.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use heliostat_git_wire::{Head, INTERNAL_NAMESPACE, ObjectId, RefSnapshot, lines_of};

use crate::process::{Fsck, GitCommand, GitError, SecretHeader, transfer, without_credentials};
use crate::remote::{Connection, FetchError, FetchProgress, Remote};
use crate::repository::{MANY_REFS, Repository};

const OPERATION: &str = "fetch";

/// The time that `git` takes to be told what to fetch grows with the square of the number of names. With more objects than
/// this, all that the other repository shows is fetched first, and by name only if they are not among it.
const MAX_NAMED_OBJECTS: usize = 20_000;

/// Of so many branches `git` is told what they name, besides what is most like what it fetches.
const MAX_BRANCHES_SHOWN: usize = 500;

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
    /// How the other server is reached.
    pub connection: Connection,
    /// Who is told how far it is.
    pub progress: FetchProgress,
}

impl fmt::Debug for FetchPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, authorization, objects, timeout, connection, progress: _ } = self;
        let mut out = f.debug_struct("FetchPlan");
        out.field("url", &without_credentials(url)).field("authorization", authorization);
        out.field("objects", &objects.len())
            .field("timeout", timeout)
            .field("connection", connection)
            .finish_non_exhaustive()
    }
}

/// Brings the objects here, together with all that they need, or fails. References stay as they are.
pub async fn fetch_objects(repository: &Repository, plan: &FetchPlan) -> Result<(), FetchError> {
    if plan.objects.is_empty() {
        return Ok(());
    }
    let remote = Remote::parse(&plan.url, plan.authorization.as_ref())?;
    if plan.objects.len() > MAX_NAMED_OBJECTS {
        if fetch_shown(repository, &remote, plan).await.is_ok()
            && are_whole(repository, &plan.objects).await.is_ok()
        {
            return Ok(());
        }
        return fetch_in_rounds(repository, &remote, plan).await;
    }
    let command = fetch_command(repository, &remote, plan);
    // By standard input, because there may be more than fit into arguments.
    let command = command.args(["--stdin", "--", &remote.address]);
    let wanted = lines_of("", &plan.objects);
    run_fetch(&command, &remote, wanted.as_bytes(), plan).await
}

/// The same for a repository whose references are `shown`. What comes is most likely made from what they named before,
/// `replaced` among it.
pub async fn fetch_objects_after(
    repository: &Repository,
    plan: &FetchPlan,
    shown: &RefSnapshot,
    replaced: &BTreeSet<ObjectId>,
) -> Result<(), FetchError> {
    let is_much = plan.objects.len() + replaced.len() > MAX_NAMED_OBJECTS;
    if plan.objects.is_empty() || is_much || shown.len() <= MANY_REFS || shown.is_shallow() {
        return fetch_objects(repository, plan).await;
    }
    let remote = Remote::parse(&plan.url, plan.authorization.as_ref())?;
    let window = repository.ref_window(&tips_to_show(shown, replaced)).await;
    let window = window.map_err(|error| FetchError::Git(GitError::Io { operation: OPERATION, error }))?;
    let command = fetching(repository.command_through(&window, OPERATION), &remote, plan);
    let command = command.args(["--stdin", "--", &remote.address]);
    run_fetch(&command, &remote, lines_of("", &plan.objects).as_bytes(), plan).await
}

/// What new objects are most likely made from.
fn tips_to_show(shown: &RefSnapshot, replaced: &BTreeSet<ObjectId>) -> BTreeSet<ObjectId> {
    let branches = shown.below("refs/heads/").take(MAX_BRANCHES_SHOWN).map(|(_, tip)| tip);
    let head = shown.head().and_then(Head::object);
    branches.chain(head).chain(replaced).cloned().collect()
}

/// The same for what a client wants and no reference here leads to. References of our own name it from then on, so that
/// the next fetch has something to offer.
pub async fn fetch_wanted(repository: &Repository, plan: &FetchPlan) -> Result<(), FetchError> {
    if plan.objects.is_empty() {
        return Ok(());
    }
    if plan.objects.len() > MAX_NAMED_OBJECTS {
        // References of our own are few. These objects stay until housekeeping finds that nothing leads to them.
        if are_whole(repository, &plan.objects).await.is_ok() {
            return Ok(());
        }
        return fetch_objects(repository, plan).await;
    }
    let remote = Remote::parse(&plan.url, plan.authorization.as_ref())?;
    let command = fetch_command(repository, &remote, plan).args(["--stdin", "--", &remote.address]);
    // First, so that none is without a note if this process ends in the middle.
    let named = repository.note_wanted(&plan.objects).await;
    let wanted = named.iter().map(|(object, name)| format!("{object}:{name}\n"));
    run_fetch(&command, &remote, wanted.collect::<String>().as_bytes(), plan).await
}

/// Brings here what the references of the other repository lead to at this moment, whatever they are.
async fn fetch_shown(repository: &Repository, remote: &Remote, plan: &FetchPlan) -> Result<(), FetchError> {
    let everything = format!("+refs/*:{INTERNAL_NAMESPACE}incoming/*");
    let but_internal = format!("^{INTERNAL_NAMESPACE}*");
    // It says what would become of references here, and leaves them alone.
    let command = fetch_command(repository, remote, plan).arg("--dry-run");
    // It reads its input before it connects, and by then its memory is bounded.
    let command = command.args(["--stdin", "--", &remote.address, &everything, &but_internal]);
    run_fetch(&command, remote, b"", plan).await
}

/// Brings very many objects by name, so many at once as `git` can be told, each time with some of the earlier ones as the
/// offer. A server may also refuse a request that names all.
async fn fetch_in_rounds(
    repository: &Repository,
    remote: &Remote,
    plan: &FetchPlan,
) -> Result<(), FetchError> {
    let shown = repository.snapshot().await?;
    let mut offered = tips_to_show(&shown, &BTreeSet::new());
    let objects: Vec<_> = plan.objects.iter().collect();
    for round in objects.chunks(MAX_NAMED_OBJECTS) {
        let command = if shown.is_shallow() {
            fetch_command(repository, remote, plan)
        } else {
            let window = repository.ref_window(&offered).await;
            let window =
                window.map_err(|error| FetchError::Git(GitError::Io { operation: OPERATION, error }))?;
            fetching(repository.command_through(&window, OPERATION), remote, plan)
        };
        let command = command.args(["--stdin", "--", &remote.address]);
        let wanted = lines_of("", round.iter().copied());
        run_fetch(&command, remote, wanted.as_bytes(), plan).await?;
        offered.extend(round.iter().take(MAX_BRANCHES_SHOWN).map(|object| (*object).clone()));
    }
    Ok(())
}

/// Fails unless the objects are here with all that they need, given that this is so for the references.
async fn are_whole(repository: &Repository, objects: &BTreeSet<ObjectId>) -> Result<(), GitError> {
    let command = repository.command("check what was fetched");
    let command = command.args(["rev-list", "--objects", "--quiet", "--stdin", "--not", "--all"]);
    command.input(lines_of("", objects).into_bytes()).run().await.map(drop)
}

fn fetch_command(repository: &Repository, remote: &Remote, plan: &FetchPlan) -> GitCommand {
    // It writes no references but our own, and is known as one that writes.
    fetching(repository.ref_writing_command(OPERATION), remote, plan)
}

fn fetching(command: GitCommand, remote: &Remote, plan: &FetchPlan) -> GitCommand {
    let command = command.looking_again();
    let command = command.args(["fetch", "--no-tags", "--progress"]);
    let command = command.args(["--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"]);
    let command = command.checking(Fsck::of_fetch()).setting("protocol.version", "2");
    // What is asked of one server is answered by that one, with and without credentials.
    let command = command.setting("http.followRedirects", "false");
    plan.connection.of(command.authorization(remote.authorization.as_ref()), &remote.address)
}

async fn run_fetch(
    command: &GitCommand,
    remote: &Remote,
    input: &[u8],
    plan: &FetchPlan,
) -> Result<(), FetchError> {
    let mut on_progress = |line: &str| plan.progress.tell(line);
    let ended = transfer(command, input, plan.timeout, &mut on_progress).await?;
    if ended.status.success() {
        return Ok(());
    }
    Err(FetchError::from_failure(&remote.address, &ended.status.to_string(), &ended.stderr))
}

#[cfg(test)]
#[path = "fetch_objects_tests.rs"]
mod tests;
