//! What a role works with, opened as durable as the operator wants it: git and the database.

use std::io;

use heliostat_git::{Durability, Git, MINIMUM_GIT_VERSION, remove_if_there, write_durably};
use heliostat_peer::{Authorities, with_causes};
use heliostat_storage::{Database, Flush, OriginStore, Owner, Role, SERVER_ID_SETTING};
use url::Url;

use super::data_folder::{AUTHORITIES_FILE, database_url};
use super::options::{ListenOptions, StartError};
use super::owner_mark::{OwnerConflict, check_owner, mark_owner};

/// How the names of mirrors of other Git servers begin in their databases.
const OF_ORIGIN: &str = "of ";

/// The git that works on the repositories of a role, and that trusts whom calls from here trust: also these authorities.
pub(super) async fn open_git(options: &ListenOptions, also: &Authorities) -> Result<Git, StartError> {
    share_authorities(options, also)
        .map_err(|error| StartError::Data { path: options.data.clone(), error })?;
    let git = Git::discover(&options.git).await.map_err(|error| {
        let reason = with_causes(&error);
        StartError::Git(format!(
            "{reason}; install git {MINIMUM_GIT_VERSION} or newer, or name another one by --git"
        ))
    })?;
    Ok(git.with_durability(options.durability, &options.data).with_memory_limits(options.git_memory))
}

/// Writes into the data folder whom git is to trust, where that is more than the system says.
fn share_authorities(options: &ListenOptions, also: &Authorities) -> io::Result<()> {
    // git works in other folders.
    let file = std::path::absolute(options.data.join(AUTHORITIES_FILE))?;
    match also.with_all_trusted() {
        Some(pem) => {
            write_durably(&file, pem.as_bytes())?;
            heliostat_git::trust_authorities(&file);
            Ok(())
        }
        None => remove_if_there(&file),
    }
}

/// The database of a role, after a look whether it goes together with the data folder.
pub(super) async fn open_database(options: &ListenOptions, role: Role) -> Result<Database, StartError> {
    let flush = match options.durability {
        Durability::Strict => Flush::EachCommit,
        Durability::Relaxed => Flush::NowAndThen,
    };
    let url = database_url(&options.data, options.database.as_deref());
    check_owner(&options.data, role, &url).await.map_err(|conflict| match conflict {
        OwnerConflict::Database(error) => StartError::Database(error.with_reason()),
        conflict => StartError::Owner(Box::new(conflict)),
    })?;
    let opened = Database::open(&url, role, flush).await;
    opened.map_err(|error| StartError::Database(error.with_reason()))
}

/// The name of a mirror of another Git server in its database; that of any other mirror begins otherwise. What is in the
/// database and in the folder is about that server, and would be wrong of another one.
fn name_of_origin_mirror(origin: &Url) -> String {
    format!("{OF_ORIGIN}{origin}")
}

/// That a database is that of a mirror of this Git server, or of none yet: then it is from now on.
pub(super) async fn claim_for_origin(
    options: &ListenOptions,
    store: &OriginStore,
    origin: &Url,
) -> Result<(), StartError> {
    let wanted = name_of_origin_mirror(origin);
    let found = store.setting_or_insert(SERVER_ID_SETTING, &wanted).await;
    let found = found.map_err(|error| StartError::Database(error.to_string()))?;
    if found == wanted { Ok(()) } else { Err(other_source(options, &found, &wanted)) }
}

/// That a database is not that of a mirror of another Git server.
pub(super) async fn refuse_origin_mirror(
    options: &ListenOptions,
    database: &Database,
    upstream: &Url,
) -> Result<(), StartError> {
    let owner = database.owner(Role::Mirror).await;
    match owner.map_err(|error| StartError::Database(error.with_reason()))? {
        Some(owner) if owner.name.starts_with(OF_ORIGIN) => {
            Err(other_source(options, &owner.name, &format!("of the upstream {upstream}")))
        }
        _ => Ok(()),
    }
}

fn other_source(options: &ListenOptions, found: &str, wanted: &str) -> StartError {
    let owner = Owner { role: Role::Mirror, name: found.to_owned() };
    let conflict = OwnerConflict::OtherSource {
        folder: options.data.clone(),
        owner: owner.to_string(),
        wanted: format!("a mirror {wanted}"),
    };
    StartError::Owner(Box::new(conflict))
}

/// Marks the data folder as that of the server that the database belongs to.
pub(super) async fn mark_folder(
    options: &ListenOptions,
    database: &Database,
    role: Role,
) -> Result<(), StartError> {
    let owner = database.owner(role).await.map_err(|error| StartError::Database(error.with_reason()))?;
    let Some(owner) = owner else { return Ok(()) };
    // A mark that a power failure leaves without its database would keep the server from starting.
    database.flush().await.map_err(|error| StartError::Database(error.to_string()))?;
    mark_owner(&options.data, &owner).map_err(|error| StartError::Data { path: options.data.clone(), error })
}
