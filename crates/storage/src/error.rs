//! What can go wrong when a store is asked, and how the database's own words for it are understood.

use sea_orm::sqlx::Error as SqlxError;
use sea_orm::{DbErr, RuntimeErr, SqlErr};
use thiserror::Error;

use crate::ids::Generation;

/// Why a store did not do what it was asked. Nothing was changed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Something else already has this value, of which there may be only one.
    #[error("{what} {value:?} is already taken")]
    Conflict {
        /// The plain name of the field, such as "project key".
        what: &'static str,
        /// The value that is taken.
        value: String,
    },
    /// It cannot be deleted or changed as long as other rows refer to it or it is in this state.
    #[error("{what} {value:?} is still in use")]
    InUse {
        /// What it is, such as "project".
        what: &'static str,
        /// Which one.
        value: String,
    },
    /// There are as many of them as there may be.
    #[error("there may be {limit} {what} at most")]
    LimitReached {
        /// What they are, such as "webhooks of a repository".
        what: &'static str,
        /// How many there may be.
        limit: u64,
    },
    /// It would leave no active user with this permission.
    #[error("one user with {permission} must remain")]
    LastHolder {
        /// The permission.
        permission: &'static str,
    },
    /// There is no such thing.
    #[error("{what} {value:?} does not exist")]
    NotFound {
        /// What was looked for, such as "repository".
        what: &'static str,
        /// By which id or name.
        value: String,
    },
    /// The repository's refs were changed by another request in the meantime.
    #[error("repository is at generation {actual}, not {expected}")]
    StaleGeneration {
        /// What the caller had seen.
        expected: Generation,
        /// What is stored.
        actual: Generation,
    },
    /// The database could not be asked or holds something unexpected.
    #[error("database does not answer as expected")]
    Unavailable(#[source] DbErr),
}

/// SQLSTATE classes and states of PostgreSQL that are about the server and not about what it was asked: connections,
/// resources, shutting down, and not writing for the time being.
const ABOUT_THE_SERVER: [&str; 4] = ["08", "53", "57P0", "25006"];
/// Results of SQLite that are about the file and not about what was asked: busy, locked, read-only, unreadable, full,
/// missing.
const ABOUT_THE_FILE: [i32; 6] = [5, 6, 8, 10, 13, 14];

impl StoreError {
    /// Whether the database itself is the matter, so that the same call may succeed later.
    pub fn is_about_the_database(&self) -> bool {
        let Self::Unavailable(error) = self else { return false };
        let error = match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => return true,
            DbErr::Exec(error) | DbErr::Query(error) => error,
            _ => return false,
        };
        let RuntimeErr::SqlxError(error) = error else { return false };
        match &**error {
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            // What comes over a connection that breaks.
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed => true,
            SqlxError::Database(error) => error.code().is_some_and(|code| is_code_of_the_database(&code)),
            _ => false,
        }
    }

    /// There is no such thing.
    pub(crate) fn not_found(what: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        Self::NotFound { what, value: value.to_string() }
    }

    /// Tells which of the unique fields a failed change has violated, if that is why it failed.
    pub(crate) fn or_conflict(self, fields: &[UniqueField<'_>]) -> Self {
        let Some(SqlErr::UniqueConstraintViolation(message)) = self.sql_error() else {
            return self;
        };
        match fields.iter().find(|field| field.is_named_in(&message)) {
            Some(field) => Self::Conflict { what: field.what, value: field.value.to_owned() },
            None => self,
        }
    }

    /// Tells that something referred to does not exist, if that is why a row was not written.
    pub(crate) fn or_missing_reference(self, what: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        match self.sql_error() {
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => Self::not_found(what, value),
            _ => self,
        }
    }

    /// Tells that others refer to a row, if that is why it was not deleted.
    pub(crate) fn or_in_use(self, what: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        match self.sql_error() {
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => Self::InUse { what, value: value.to_string() },
            _ => self,
        }
    }

    /// Tells that the row to update does not exist, if that is why it was not updated.
    pub(crate) fn or_missing_row(self, what: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        match self {
            Self::Unavailable(DbErr::RecordNotUpdated | DbErr::RecordNotFound(_)) => {
                Self::not_found(what, value)
            }
            other => other,
        }
    }

    fn sql_error(&self) -> Option<SqlErr> {
        match self {
            Self::Unavailable(error) => error.sql_err(),
            _ => None,
        }
    }
}

/// PostgreSQL has five letters and digits, SQLite a number whose lowest byte says what kind it is.
fn is_code_of_the_database(code: &str) -> bool {
    match code.parse::<i32>() {
        Ok(number) if code.len() != 5 => ABOUT_THE_FILE.contains(&(number & 0xff)),
        _ => ABOUT_THE_SERVER.iter().any(|beginning| code.starts_with(beginning)),
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Self::Unavailable(error)
    }
}

/// A column of which each value may occur once.
///
/// SQLite reports a violation by table and column, PostgreSQL by the name of the index; the
/// migrations name their indexes so that both lead to the same column.
pub(crate) struct UniqueField<'a> {
    pub what: &'static str,
    pub table: &'static str,
    pub column: &'static str,
    pub value: &'a str,
}

impl UniqueField<'_> {
    fn is_named_in(&self, message: &str) -> bool {
        let Self { table, column, .. } = self;
        let index = match *column {
            // PostgreSQL names a primary key's index itself.
            "id" => format!("\"{table}_pkey\""),
            column => format!("\"unique_{table}_{column}\""),
        };
        message.ends_with(&format!("{table}.{column}")) || message.contains(&index)
    }
}

/// Turns "no row was affected" into the error that it means.
pub(crate) fn require_row(
    rows_affected: u64,
    what: &'static str,
    value: &(impl ToString + ?Sized),
) -> Result<(), StoreError> {
    if rows_affected == 0 { Err(StoreError::not_found(what, value)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_database_is_told_from_what_was_asked() {
        for code in ["57P01", "53300", "08006", "25006", "5", "517", "13", "1802"] {
            assert!(is_code_of_the_database(code), "{code}");
        }
        for code in ["23505", "42P01", "40001", "19", "2067", "1"] {
            assert!(!is_code_of_the_database(code), "{code}");
        }
        assert!(
            StoreError::Unavailable(DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout))
                .is_about_the_database()
        );
        assert!(!StoreError::Unavailable(DbErr::RecordNotInserted).is_about_the_database());
        assert!(!StoreError::not_found("user", "ada").is_about_the_database());
    }
}
