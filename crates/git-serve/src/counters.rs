//! What serving has done so far, as plain numbers to be shown.

use std::time::Duration;

/// What the answers of a store's repositories have cost and saved since the start of the process.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServingCounters {
    /// Answers that were stored when they were asked for.
    pub hits: u64,
    /// Answers that were being computed for another client already.
    pub joins: u64,
    /// Answers that had to be computed.
    pub misses: u64,
    /// Answers that were computed before a client asked.
    pub prepared: u64,
    /// Clones whose pack began with the one behind the repository's bundle, so that little had to be computed.
    pub from_bundle: u64,
    /// Computations that were given up because no client waited any more.
    pub abandoned: u64,
    /// Answers that were passed on but could not be stored.
    pub not_stored: u64,
    /// Stored answers that were found damaged, and thrown away.
    pub damaged: u64,
    /// Bytes of stored answers that were read by clients.
    pub served_bytes: u64,
    /// Bytes that were computed.
    pub generated_bytes: u64,
    /// Processor time that clients would have cost if each answer had been computed again.
    pub saved: Duration,
    /// Stored answers that were removed to make room.
    pub evictions: u64,
    /// Computations that are under way now.
    pub running: u64,
    /// Computations that wait for a permit now.
    pub waiting: u64,
    /// Computations that have had their permit.
    pub turns: u64,
    /// Those of them that had to wait for it.
    pub waits: u64,
    /// How long they had waited for it, all together.
    pub waited: Duration,
    /// What is stored now, by repository.
    pub repositories: Vec<StoredAnswers>,
}

/// What is stored of one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredAnswers {
    /// Its number in its store.
    pub repository: u64,
    /// How many answers.
    pub entries: u64,
    /// How long they are together.
    pub bytes: u64,
}
