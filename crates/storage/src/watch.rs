//! Whether the database is there: watched beside the work, so that no request has to find it out by waiting.
//!
//! Only a server of its own can be away, so an SQLite file is not watched.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};

use crate::database::Database;
use crate::location::Location;

/// Pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// How long the database may take to answer a look.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

impl Database {
    /// Its name, for those who may not know where it is.
    pub fn name(&self) -> String {
        self.location().name()
    }

    /// That the database does not answer, for those who wait for it; `None` while it does.
    pub fn absence(&self) -> Option<String> {
        let is_away = self.away().load(Ordering::Relaxed);
        is_away.then(|| {
            format!("The database {:?} of this server does not answer; try again later.", self.name())
        })
    }

    /// Looks whether the database answers, again and again, and never ends: to be dropped when the role stops.
    pub async fn watch(&self) {
        let Location::Postgres { .. } = self.location() else {
            return std::future::pending().await;
        };
        let mut own = None;
        loop {
            let found = self.look(&mut own).await;
            let was_away = self.away().swap(found.is_err(), Ordering::Relaxed);
            match found {
                Err(error) if !was_away => {
                    tracing::error!(database = %self.location(), error, "the database does not answer");
                }
                Ok(()) if was_away => {
                    tracing::info!(database = %self.location(), "the database answers again");
                }
                _ => {}
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Looks over a connection of its own, which no work keeps busy. A server that lets nobody else in may still answer
    /// those who are.
    async fn look(&self, own: &mut Option<DatabaseConnection>) -> Result<(), String> {
        let ping = async {
            let connection = match own.take() {
                Some(connection) => connection,
                None => sea_orm::Database::connect(self.location().options_to_watch(LOOK_LIMIT)).await?,
            };
            connection.ping().await?;
            *own = Some(connection);
            Ok::<_, DbErr>(())
        };
        let error = match tokio::time::timeout(LOOK_LIMIT, ping).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", LOOK_LIMIT.as_secs()),
        };
        match tokio::time::timeout(LOOK_LIMIT, self.connection().ping()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(error),
        }
    }
}
