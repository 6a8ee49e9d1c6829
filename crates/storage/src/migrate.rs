//! Brings the tables of a role up to date, one process at a time, and leaves those of a later version alone.

use sea_orm::sea_query::{Func, Query};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr};
use sea_orm_migration::MigratorTrait;

use crate::database::Role;
use crate::migrations::{MirrorMigrator, UpstreamMigrator};

/// Names the advisory lock under which PostgreSQL databases are migrated. Any number will do, as long
/// as it stays the same.
const MIGRATION_LOCK: i64 = 0x4845_4c49_4f53_5441;

/// Why the tables are not up to date.
pub(crate) enum NotMigrated {
    /// They are those of a later version.
    Newer { step: String },
    /// A step cannot be taken.
    Failed(DbErr),
}

impl From<DbErr> for NotMigrated {
    fn from(error: DbErr) -> Self {
        Self::Failed(error)
    }
}

/// Takes the steps that are missing.
pub(crate) async fn migrate(connection: &DatabaseConnection, role: Role) -> Result<(), NotMigrated> {
    if connection.get_database_backend() == DbBackend::Postgres {
        // Several nodes may start at once on one database. The lock belongs to the session, so closing
        // the connection releases it, whatever happens.
        let lock = Query::select().expr(Func::cust("pg_advisory_lock").arg(MIGRATION_LOCK)).to_owned();
        connection.execute(&lock).await?;
    }
    match role {
        Role::Upstream => take_steps::<UpstreamMigrator>(connection).await,
        Role::Mirror => take_steps::<MirrorMigrator>(connection).await,
    }
}

async fn take_steps<M: MigratorTrait>(connection: &DatabaseConnection) -> Result<(), NotMigrated> {
    let taken = M::get_migration_models(connection).await?;
    let known = M::migrations();
    let is_known = |version: &str| known.iter().any(|step| step.name() == version);
    if let Some(unknown) = taken.into_iter().find(|step| !is_known(&step.version)) {
        return Err(NotMigrated::Newer { step: unknown.version });
    }
    drop(known);
    Ok(M::up(connection, None).await?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
mod tests {
    use super::*;
    use crate::database::{Database, Flush};
    use crate::test_databases::TestDatabase;

    #[tokio::test]
    async fn a_database_of_a_newer_version_is_left_alone_and_the_refusal_says_what_to_do() {
        for test in TestDatabase::each(Role::Upstream).await {
            let step =
                "INSERT INTO upstream_migration (version, applied_at) VALUES ('upstream_9999_later', 1)";
            test.database.connection().execute_unprepared(step).await.unwrap();
            let refused = Database::open(&test.url, Role::Upstream, Flush::NowAndThen).await.unwrap_err();
            let told = refused.with_reason();
            for word in ["newer version", "upstream_9999_later", "heliostat restore"] {
                assert!(told.contains(word), "{word}: {told}");
            }
            test.remove().await;
        }
    }

    #[tokio::test]
    async fn nodes_that_start_at_once_on_one_server_take_turns_with_the_migration() {
        // An upstream's database in which the mirror's tables are still missing.
        for test in TestDatabase::each(Role::Upstream).await {
            if test.url.starts_with("sqlite:") {
                test.remove().await;
                continue;
            }
            let opening: Vec<_> = (0..4)
                .map(|_| {
                    let url = test.url.clone();
                    tokio::spawn(async move { Database::open(&url, Role::Mirror, Flush::NowAndThen).await })
                })
                .collect();
            for opened in opening {
                opened.await.unwrap().unwrap().close().await.unwrap();
            }
            test.remove().await;
        }
    }
}
