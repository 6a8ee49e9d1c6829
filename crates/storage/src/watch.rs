//! Whether the database is there, and used by no other process: watched beside the work, so that no request has to find
//! it out by waiting.
//!
//! Only a server of its own can be away, or be used from two data directories, so an SQLite file is not watched.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use uuid::Uuid;

use crate::database::{Database, Role};
use crate::location::Location;

/// Pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// How long the database may take to answer a look.
const LOOK_LIMIT: Duration = Duration::from_secs(1);
/// How long it may then take to answer the work: one that is busy for a moment is not away, and what waits for it is answered.
const WORK_LIMIT: Duration = Duration::from_secs(3);
/// Another process counts when it has asked so often: one that has ended may be there for a while longer, the longer the
/// slower the database is, and asks no more.
const ASKS_OF_A_DOUBLE: u32 = 2;
/// Names, with a number for the role, the advisory lock that is shared by all processes which work with a database.
const SHARED_LOCK: i32 = 0x4845_4c49;

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

    /// That another process works with this database as the same server; `None` while none is known to.
    pub fn double(&self) -> Option<String> {
        let is_doubled = self.doubled().load(Ordering::Relaxed);
        is_doubled.then(|| {
            format!(
                "another process works with the database {:?} of this server; stop one of the two, each undoes what the \
                 other does",
                self.name()
            )
        })
    }

    /// Looks whether the database answers, and who else works with it, again and again, and never ends: to be dropped when
    /// the role stops.
    pub async fn watch(&self) {
        let Location::Postgres { .. } = self.location() else {
            return std::future::pending().await;
        };
        let (mut own, mut double) = (None, Double::default());
        let name = format!("heliostat {}", Uuid::new_v4());
        loop {
            let found = self.look(&name, &mut own).await;
            if let Ok(others) = &found {
                double.take_in(others);
            }
            self.note_double(double.is_there());
            let was_away = self.away().swap(found.is_err(), Ordering::Relaxed);
            match found {
                Err(error) if !was_away => {
                    tracing::error!(database = %self.location(), error, "the database does not answer");
                }
                Ok(_) if was_away => {
                    tracing::info!(database = %self.location(), "the database answers again");
                }
                _ => {}
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    fn note_double(&self, is_doubled: bool) {
        let was_doubled = self.doubled().swap(is_doubled, Ordering::Relaxed);
        match self.double() {
            Some(double) if !was_doubled => tracing::error!("{double}"),
            None if was_doubled => tracing::info!("no other process works with the database any more"),
            _ => {}
        }
    }

    /// Looks over a connection of its own, which no work keeps busy, and says who else works with the database. A server that
    /// accepts no new connection may still answer on those that are open.
    async fn look(&self, name: &str, own: &mut Option<DatabaseConnection>) -> Result<Others, String> {
        let ping = async {
            let connection = match own.take() {
                Some(connection) => connection,
                None => sea_orm::Database::connect(self.location().options_to_watch(LOOK_LIMIT)).await?,
            };
            let others = find_others(&connection, self.role(), name).await?;
            *own = Some(connection);
            Ok::<_, DbErr>(others)
        };
        let error = match tokio::time::timeout(LOOK_LIMIT, ping).await {
            Ok(Ok(others)) => return Ok(others),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", LOOK_LIMIT.as_secs()),
        };
        match tokio::time::timeout(WORK_LIMIT, self.connection().ping()).await {
            Ok(Ok(())) => Ok(Others::NotKnown),
            _ => Err(error),
        }
    }
}

/// What a look has found of other processes that work with the database for the same role.
enum Others {
    /// None has asked lately.
    Absent,
    /// One has asked, the last time then, in epoch milliseconds of the database.
    AskedAt(i64),
    /// The database answers, and was too slow to say.
    NotKnown,
}

/// What looks have found so far.
#[derive(Default)]
struct Double {
    asked_at: Option<i64>,
    asks: u32,
}

impl Double {
    fn take_in(&mut self, others: &Others) {
        match others {
            Others::Absent => *self = Self::default(),
            Others::AskedAt(at) if self.asked_at.is_none_or(|before| before < *at) => {
                self.asked_at = Some(*at);
                self.asks = ASKS_OF_A_DOUBLE.min(self.asks + 1);
            }
            Others::AskedAt(_) | Others::NotKnown => {}
        }
    }

    fn is_there(&self) -> bool {
        self.asks == ASKS_OF_A_DOUBLE
    }
}

/// Who else works with the database for this role: who has a session that shares a lock and has asked this lately. The session
/// of a process that has vanished without a word may be there for hours, and asks nothing. One that this process has given up
/// may be there for a moment: it has the name of the one after it.
async fn find_others(connection: &DatabaseConnection, role: Role, name: &str) -> Result<Others, DbErr> {
    let role = match role {
        Role::Upstream => 1,
        Role::Mirror => 2,
    };
    // Each time, because the session may be another one by now. The lock ends with the session.
    let lock = format!(
        "SELECT set_config('application_name', '{name}', false), pg_advisory_lock_shared({SHARED_LOCK}, {role})"
    );
    connection.execute_unprepared(&lock).await?;
    let asked = format!(
        "SELECT (extract(epoch FROM max(query_start)) * 1000)::bigint AS asked_at \
         FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name <> '{name}' \
         AND locktype = 'advisory' AND objsubid = 2 AND classid::bigint = {SHARED_LOCK} AND objid::bigint = {role} \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND query_start > clock_timestamp() - interval '5 seconds'"
    );
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, asked)).await?;
    let asked_at: Option<i64> = row.map_or(Ok(None), |row| row.try_get("", "asked_at"))?;
    Ok(asked_at.map_or(Others::Absent, Others::AskedAt))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
mod tests {
    use super::*;
    use crate::test_databases::TestDatabase;

    #[test]
    fn another_process_counts_from_when_it_asks_again_until_it_is_known_to_ask_no_more() {
        let mut double = Double::default();
        let mut is_there = |others| {
            double.take_in(&others);
            double.is_there()
        };
        assert!(!is_there(Others::AskedAt(10)));
        assert!(!is_there(Others::AskedAt(10)), "it may have ended");
        assert!(is_there(Others::AskedAt(11)));
        assert!(is_there(Others::NotKnown), "the database is slow");
        assert!(is_there(Others::AskedAt(11)));
        assert!(!is_there(Others::Absent));
        assert!(!is_there(Others::AskedAt(12)));
    }

    #[tokio::test]
    async fn another_process_at_the_same_database_is_noticed_by_both() {
        for test in TestDatabase::each(Role::Upstream).await {
            let (first, second) = (test.database.clone(), test.open_again().await);
            let closing = second.clone();
            let noticed = async {
                while first.double().is_none() || second.double().is_none() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let watched = async { tokio::join!(first.watch(), second.watch()) };
            if test.url.starts_with("postgres") {
                tokio::select! {
                    () = noticed => {}
                    _ = watched => unreachable!("it never ends"),
                    () = tokio::time::sleep(Duration::from_mins(4)) => panic!("it was not noticed"),
                }
                let alone = async {
                    while first.double().is_some() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                };
                tokio::select! {
                    () = alone => {}
                    () = first.watch() => unreachable!("it never ends"),
                    () = tokio::time::sleep(Duration::from_mins(4)) => panic!("the other one has ended"),
                }
            }
            closing.close().await.unwrap();
            test.remove().await;
        }
    }
}
