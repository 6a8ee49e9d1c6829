//! The database of a role: whether it answers, how large it is, and how writing to it goes.

use std::fmt;

use heliostat_storage::DatabaseCounters;

use super::encoder::Encoder;

pub fn encode(database: &DatabaseCounters, encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.gauge(
        "heliostat_database_up",
        "Whether the database answers: 1 if it does, else 0.",
        u64::from(database.answers),
    )?;
    encoder.gauge(
        "heliostat_database_owner_conflict",
        "Whether another process works with the database as the same server: 1 if one does, else 0.",
        u64::from(database.is_doubled),
    )?;
    encoder.gauge(
        "heliostat_database_size_bytes",
        "Bytes of the SQLite database and its log; NaN with PostgreSQL, which tells its size itself.",
        database.size_bytes.map_or(f64::NAN, |bytes| bytes as f64),
    )?;
    encoder.counters(
        "heliostat_database_writes_total",
        "Transactions that write, by how their commit ended: committed, failed.",
        &[([("result", "committed")], database.commits), ([("result", "failed")], database.failed_commits)],
    )?;
    encoder.counter(
        "heliostat_database_write_seconds_total",
        "Seconds that these transactions have taken, the wait for others included, all together.",
        database.write_time.as_secs_f64(),
    )?;
    encoder.counter(
        "heliostat_database_statements_total",
        "Statements that the database was given, those of such transactions included.",
        database.statements,
    )
}
