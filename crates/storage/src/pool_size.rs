//! How many connections a role opens, and whether the server of its database gives it as many.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

use crate::location::Location;

/// Readers run beside each other, writers queue; more connections only cost memory.
const SQLITE_CONNECTIONS: u32 = 8;
/// A share of PostgreSQL's default of 100 that leaves room for several nodes.
const POSTGRES_CONNECTIONS: u32 = 16;
/// What is opened beside the pool: one to see whether the server answers.
const OTHER_CONNECTIONS: u32 = 1;

/// The most that PostgreSQL gives this role in this database; limits that are not set are left out.
const MOST_CONNECTIONS: &str = "SELECT least(\
     current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int \
     - coalesce(current_setting('reserved_connections', true)::int, 0), \
     nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)) AS most \
     FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()";

/// How many connections to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolSize {
    pub(crate) connections: u32,
    /// What the server gives, if that is less than what is wanted.
    pub(crate) given: Option<u32>,
}

impl PoolSize {
    /// Asks the server.
    pub(crate) async fn find(location: &Location, connection: &DatabaseConnection) -> Result<Self, DbErr> {
        if matches!(location, Location::Sqlite { .. }) {
            return Ok(Self { connections: SQLITE_CONNECTIONS, given: None });
        }
        let asked = Statement::from_string(DbBackend::Postgres, MOST_CONNECTIONS);
        let row = connection.query_one_raw(asked).await?;
        let most = row.map(|row| row.try_get::<Option<i32>>("", "most")).transpose()?.flatten();
        Ok(Self::within(most.and_then(|most| u32::try_from(most).ok())))
    }

    fn within(most: Option<u32>) -> Self {
        match most {
            Some(most) if most < POSTGRES_CONNECTIONS + OTHER_CONNECTIONS => {
                let connections = most.saturating_sub(OTHER_CONNECTIONS).max(1);
                Self { connections, given: Some(most) }
            }
            _ => Self { connections: POSTGRES_CONNECTIONS, given: None },
        }
    }

    /// What an operator should know; `None` when all is well.
    pub(crate) fn complaint(self, location: &Location) -> Option<String> {
        let wanted = POSTGRES_CONNECTIONS + OTHER_CONNECTIONS;
        self.given.map(|given| {
            format!(
                "the database {location} gives {given} of the {wanted} connections that are wanted, so requests wait for \
                 each other: raise max_connections of the server, or the limit of the role or the database"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_opened_than_is_given() {
        assert_eq!(PoolSize::within(None), PoolSize { connections: 16, given: None });
        assert_eq!(PoolSize::within(Some(97)), PoolSize { connections: 16, given: None });
        assert_eq!(PoolSize::within(Some(5)), PoolSize { connections: 4, given: Some(5) });
        assert_eq!(PoolSize::within(Some(0)), PoolSize { connections: 1, given: Some(0) });
        let location = Location::parse("postgres://app:secret@db/heliostat").expect("an address");
        let told = PoolSize::within(Some(5)).complaint(&location).expect("it is too few");
        assert!(told.contains("gives 5 of the 17 connections") && !told.contains("secret"), "{told}");
    }
}
