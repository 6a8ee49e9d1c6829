//! Whose a database is: which roles have made themselves a name in it.

use std::fmt;

use sea_orm::{DatabaseConnection, DbErr, EntityTrait};
use sea_orm_migration::SchemaManager;

use crate::database::{Database, Role};
use crate::database_unavailable::DatabaseUnavailable;
use crate::entities::{mirror_setting, upstream_setting};
use crate::location::Location;

/// The setting that holds the name of an upstream towards its mirrors.
pub const CLIENT_KEY_SETTING: &str = "client_key";
/// The setting that holds the server id that a mirror made for itself.
pub const SERVER_ID_SETTING: &str = "server_id";

/// A server, by its role and by the name that it made for itself at its first start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// What it does.
    pub role: Role,
    /// The client key of an upstream, the server id of a mirror.
    pub name: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} {}", self.role, self.name)
    }
}

/// Whose a database is, as far as it says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseOwners {
    /// Where the database is, without the password.
    pub address: String,
    /// One of each role at most, because both may share a database.
    pub owners: Vec<Owner>,
}

impl DatabaseOwners {
    /// The server of this role that the database belongs to.
    pub fn of_role(&self, role: Role) -> Option<&Owner> {
        self.owners.iter().find(|owner| owner.role == role)
    }
}

impl Database {
    /// Whose the database with this URL is. Creates and changes nothing; a file that is not there belongs to no server.
    pub async fn owners(url: &str) -> Result<DatabaseOwners, DatabaseUnavailable> {
        let location = Location::parse(url)?;
        let address = location.to_string();
        if location.is_missing_file() {
            return Ok(DatabaseOwners { address, owners: Vec::new() });
        }
        let unreachable = |error| DatabaseUnavailable::Unreachable { address: address.clone(), error };
        let connection = sea_orm::Database::connect(location.options_to_look()).await.map_err(unreachable)?;
        let found = owners_in(&connection).await;
        connection.close().await.map_err(unreachable)?;
        let owners = found.map_err(unreachable)?;
        Ok(DatabaseOwners { address, owners })
    }

    /// The server of this role that this database belongs to, once it has made itself a name.
    pub async fn owner(&self, role: Role) -> Result<Option<Owner>, DatabaseUnavailable> {
        owner_in(self.connection(), role).await.map_err(|error| self.unavailable(error))
    }
}

async fn owners_in(connection: &DatabaseConnection) -> Result<Vec<Owner>, DbErr> {
    let schema = SchemaManager::new(connection);
    let mut owners = Vec::new();
    for (role, table) in [(Role::Upstream, "upstream_setting"), (Role::Mirror, "mirror_setting")] {
        if schema.has_table(table).await? {
            owners.extend(owner_in(connection, role).await?);
        }
    }
    Ok(owners)
}

async fn owner_in(connection: &DatabaseConnection, role: Role) -> Result<Option<Owner>, DbErr> {
    let name = match role {
        Role::Upstream => {
            let found = upstream_setting::Entity::find_by_id(CLIENT_KEY_SETTING).one(connection).await?;
            found.map(|setting| setting.value)
        }
        Role::Mirror => {
            let found = mirror_setting::Entity::find_by_id(SERVER_ID_SETTING).one(connection).await?;
            found.map(|setting| setting.value)
        }
    };
    Ok(name.map(|name| Owner { role, name }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
mod tests {
    use super::*;
    use crate::database::Flush;
    use crate::mirror_store::MirrorStore;
    use crate::test_databases::TestDatabase;
    use crate::upstream_store::UpstreamStore;

    #[tokio::test]
    async fn a_database_says_which_servers_it_belongs_to() {
        for test in TestDatabase::each(Role::Upstream).await {
            assert_eq!(Database::owners(&test.url).await.unwrap().owners, [], "no server has begun");
            UpstreamStore::new(test.database.clone()).set_setting(CLIENT_KEY_SETTING, "up").await.unwrap();
            let upstream = Owner { role: Role::Upstream, name: "up".to_owned() };
            assert_eq!(Database::owners(&test.url).await.unwrap().owners, std::slice::from_ref(&upstream));
            assert_eq!(test.database.owner(Role::Upstream).await.unwrap(), Some(upstream.clone()));

            let shared = Database::open(&test.url, Role::Mirror, Flush::EachCommit).await.unwrap();
            assert_eq!(shared.owner(Role::Mirror).await.unwrap(), None);
            MirrorStore::new(shared.clone()).set_setting(SERVER_ID_SETTING, "A-B").await.unwrap();
            let both = Database::owners(&test.url).await.unwrap();
            assert_eq!(both.of_role(Role::Mirror).unwrap().to_string(), "the mirror A-B");
            assert_eq!(both.of_role(Role::Upstream), Some(&upstream));
            shared.close().await.unwrap();
            test.remove().await;
        }
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.db");
        let asked = Database::owners(&format!("sqlite:{}", path.display())).await.unwrap();
        assert_eq!(asked.owners, []);
        assert!(!path.exists());
    }
}
