//! Whose a data folder is, and that it goes together with the database: asked before a role touches either.
//!
//! A shared environment file is enough to start a mirror on the folder of an upstream, or a server with the database of
//! another one. Each would take what it finds for its own and put it in order. So a folder carries a mark, `owner.json`, with the role
//! and the name that the server has in its database, and a start where they differ is refused.

use std::io;
use std::path::{Path, PathBuf};

use heliostat_git::write_durably;
use heliostat_storage::{Database, DatabaseOwners, Owner, Role};
use serde::{Deserialize, Serialize};

use super::data_folder::{DATABASE_FILE, REPOSITORIES_FOLDER};

/// The mark, in the data folder.
pub(super) const MARK_FILE: &str = "owner.json";
/// What the first start of an upstream leaves in its folder.
pub(super) const ADMIN_PASSWORD_FILE: &str = "admin-password";

/// What the mark says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Mark {
    role: MarkedRole,
    /// The name of the server in its database. An operator leaves it out to give the folder to another database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MarkedRole {
    Upstream,
    Mirror,
}

/// Why a role does not start with this folder and this database. Neither was touched.
#[derive(Debug, thiserror::Error)]
pub enum OwnerConflict {
    /// The folder is that of the other role.
    #[error(
        "the data folder {folder} belongs to {owner}; this is the start of {role}: choose another folder with --data"
    )]
    OtherRole {
        /// The folder.
        folder: PathBuf,
        /// Whose it is.
        owner: String,
        /// What was to start, with its article.
        role: &'static str,
    },
    /// The database is that of another server, or of none yet.
    #[error(
        "the data folder {folder} belongs to {owner}, and the database {database} belongs to {other}: name the database \
         that goes with the folder by --database, or another folder by --data. If the folder's own database is lost for \
         good, write {{\"role\": \"{role}\"}} into {mark} and start again"
    )]
    OtherDatabase {
        /// The folder.
        folder: PathBuf,
        /// Whose it is.
        owner: String,
        /// Where the database is, without the password.
        database: String,
        /// Whose that is.
        other: String,
        /// The role.
        role: Role,
        /// The file with the mark.
        mark: PathBuf,
    },
    /// The server has its repositories from elsewhere.
    #[error(
        "the data folder {folder} and its database belong to {owner}; this is the start of {wanted}: choose another folder \
         with --data, and another database if one is named by --database"
    )]
    OtherSource {
        /// The folder.
        folder: PathBuf,
        /// Whose it is.
        owner: String,
        /// What was to start, with its article.
        wanted: String,
    },
    /// The mark cannot be read.
    #[error("cannot read {path}, which says whose the data folder is: {error}")]
    Mark {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The database cannot be asked whose it is.
    #[error(transparent)]
    Database(#[from] heliostat_storage::DatabaseUnavailable),
}

/// That this folder and this database belong to one server of this role, or to none yet.
pub async fn check_owner(folder: &Path, role: Role, database_url: &str) -> Result<(), OwnerConflict> {
    let database = Database::owners(database_url).await?;
    let owner_in_database = database.of_role(role);
    let Some(mark) = read_mark(folder)? else {
        return check_unmarked(folder, role, database_url, &database).await;
    };
    if mark.role() != role {
        return Err(other_role(folder, mark.owner(), role));
    }
    match (&mark.server, owner_in_database) {
        (Some(server), Some(owner)) if *server == owner.name => Ok(()),
        (Some(_), _) => Err(other_database(folder, mark.owner(), &database, role)),
        (None, _) => Ok(()),
    }
}

/// The role of the server that a folder belongs to; `None` if it has no mark yet.
pub fn marked_role(folder: &Path) -> Result<Option<Role>, OwnerConflict> {
    Ok(read_mark(folder)?.as_ref().map(Mark::role))
}

/// Marks a folder as that of this server, durably, unless it is marked so.
pub fn mark_owner(folder: &Path, owner: &Owner) -> io::Result<()> {
    let mark = Mark { role: owner.role.into(), server: Some(owner.name.clone()) };
    if read_mark(folder).is_ok_and(|there| there.as_ref() == Some(&mark)) {
        return Ok(());
    }
    let mut text = serde_json::to_vec(&mark)?;
    text.push(b'\n');
    write_durably(&folder.join(MARK_FILE), &text)
}

/// What `heliostat doctor` says of a folder and a database: whose they are, or why no role starts with them. `None` if
/// neither has been used yet.
pub async fn describe_owner(
    folder: &Path,
    expected: Option<Role>,
    database_url: &str,
) -> Result<Option<String>, OwnerConflict> {
    let database = Database::owners(database_url).await?;
    let mark = read_mark(folder)?;
    let marked = mark.as_ref().map(Mark::role);
    let only = (database.owners.len() == 1).then(|| database.owners[0].role);
    let Some(role) = expected.or(marked).or(only) else { return Ok(None) };
    check_owner(folder, role, database_url).await?;
    let owner = database.of_role(role).map(ToString::to_string);
    Ok(owner.map(|owner| match mark {
        Some(_) => format!("data directory and database belong to {owner}"),
        None => format!("the database belongs to {owner}; the data directory is marked at the next start"),
    }))
}

/// A folder from before there were marks, or a new one: what is in it must not contradict the database.
async fn check_unmarked(
    folder: &Path,
    role: Role,
    database_url: &str,
    database: &DatabaseOwners,
) -> Result<(), OwnerConflict> {
    let owner = database.of_role(role);
    let own_database = format!("sqlite:{}", folder.join(DATABASE_FILE).display());
    let inside =
        if own_database == database_url { database.clone() } else { Database::owners(&own_database).await? };
    if let Some(found) = inside.owners.first()
        && inside.of_role(role).is_none()
    {
        return Err(other_role(folder, found.to_string(), role));
    }
    if inside.of_role(role).is_some_and(|found| Some(found) != owner) {
        let found = inside.of_role(role).map(ToString::to_string).unwrap_or_default();
        return Err(other_database(folder, found, database, role));
    }
    if role == Role::Mirror && folder.join(ADMIN_PASSWORD_FILE).exists() {
        return Err(other_role(folder, "an upstream".to_owned(), role));
    }
    if owner.is_none() && holds_repositories(folder) {
        let unknown = "a server that has left repositories in it".to_owned();
        return Err(other_database(folder, unknown, database, role));
    }
    Ok(())
}

/// Whether there is at least one repository. What cannot be read may well hold some.
fn holds_repositories(folder: &Path) -> bool {
    let below = |path: &Path| match std::fs::read_dir(path) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    };
    let Ok(folders) = below(&folder.join(REPOSITORIES_FOLDER)) else { return true };
    folders.iter().any(|folder| match below(folder) {
        Ok(found) => found.iter().any(|path| path.extension().is_some_and(|extension| extension == "git")),
        Err(_) => true,
    })
}

fn read_mark(folder: &Path) -> Result<Option<Mark>, OwnerConflict> {
    let path = folder.join(MARK_FILE);
    let unreadable = |error| OwnerConflict::Mark { path: path.clone(), error };
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| unreadable(error.into())),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(unreadable(error)),
    }
}

fn other_role(folder: &Path, owner: String, role: Role) -> OwnerConflict {
    let role = match role {
        Role::Upstream => "an upstream",
        Role::Mirror => "a mirror",
    };
    OwnerConflict::OtherRole { folder: folder.to_owned(), owner, role }
}

fn other_database(folder: &Path, owner: String, database: &DatabaseOwners, role: Role) -> OwnerConflict {
    let other = database.of_role(role).or(database.owners.first());
    OwnerConflict::OtherDatabase {
        folder: folder.to_owned(),
        owner,
        database: database.address.clone(),
        other: other.map_or_else(|| "no server yet".to_owned(), ToString::to_string),
        role,
        mark: folder.join(MARK_FILE),
    }
}

impl Mark {
    fn role(&self) -> Role {
        match self.role {
            MarkedRole::Upstream => Role::Upstream,
            MarkedRole::Mirror => Role::Mirror,
        }
    }

    fn owner(&self) -> String {
        match &self.server {
            Some(server) => Owner { role: self.role(), name: server.clone() }.to_string(),
            None => match self.role {
                MarkedRole::Upstream => "an upstream".to_owned(),
                MarkedRole::Mirror => "a mirror".to_owned(),
            },
        }
    }
}

impl From<Role> for MarkedRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Upstream => Self::Upstream,
            Role::Mirror => Self::Mirror,
        }
    }
}
