//! Why a database cannot be used, in words for who runs the server.

use std::error::Error as _;
use std::io;

use sea_orm::sqlx::Error as SqlxError;
use sea_orm::{DbErr, RuntimeErr};
use thiserror::Error;

/// Why a database cannot be used.
#[derive(Debug, Error)]
pub enum DatabaseUnavailable {
    /// The address has none of the known forms.
    #[error("database address {address:?} is neither sqlite:PATH nor postgres://USER@HOST/NAME")]
    UnknownAddress {
        /// What was given, without the password.
        address: String,
    },
    /// The address cannot be taken apart.
    #[error("database address {address:?} is not understood: {reason}")]
    MalformedAddress {
        /// What was given, without the password.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be created or opened.
    #[error("cannot open database file {address}")]
    File {
        /// Which database.
        address: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The server cannot be reached or refuses.
    #[error("cannot reach database {address}")]
    Unreachable {
        /// Which database, without the password.
        address: String,
        /// What the driver says.
        #[source]
        error: DbErr,
    },
    /// A later version of the program has changed the tables.
    #[error(
        "database {address} was used by a newer version of Heliostat, which this one does not know ({step}): start that \
         version again, or restore the backup from before the upgrade with `heliostat restore`"
    )]
    Newer {
        /// Which database, without the password.
        address: String,
        /// A step that was taken, and that is not known here.
        step: String,
    },
    /// The tables cannot be brought up to date.
    #[error("cannot update the tables of database {address}")]
    NotMigrated {
        /// Which database, without the password.
        address: String,
        /// What the database says.
        #[source]
        error: DbErr,
    },
}

impl DatabaseUnavailable {
    /// What is wrong, with the reason at the bottom of it: what stands in between says the same once more.
    pub fn with_reason(&self) -> String {
        if self.is_late() {
            return format!(
                "{self}: there was no connection in time: nothing listens there, or it takes no further ones"
            );
        }
        let mut reason = self.source();
        while let Some(deeper) = reason.and_then(std::error::Error::source) {
            reason = Some(deeper);
        }
        match reason {
            Some(reason) => format!("{self}: {reason}"),
            None => self.to_string(),
        }
    }

    /// Whether connecting was tried again and again: the driver keeps to itself what it met.
    fn is_late(&self) -> bool {
        let Self::Unreachable { error, .. } = self else { return false };
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(error)) => matches!(**error, SqlxError::PoolTimedOut),
            DbErr::ConnectionAcquire(_) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::database::{Database, Flush, Role};

    #[test]
    fn a_pool_that_waited_in_vain_is_told_in_words() {
        let error = DbErr::Conn(RuntimeErr::SqlxError(Arc::new(SqlxError::PoolTimedOut)));
        let told =
            DatabaseUnavailable::Unreachable { address: "postgres://db".to_owned(), error }.with_reason();
        assert!(told.contains("postgres://db") && told.contains("nothing listens there"), "{told}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_told_with_the_reason_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        std::fs::write(&path, "another file that lies there").unwrap();
        let url = format!("sqlite:{}", path.display());
        let refused =
            Database::open(&url, Role::Upstream, Flush::NowAndThen).await.unwrap_err().with_reason();
        assert_eq!(refused.matches("file is not a database").count(), 1, "{refused}");
    }
}
