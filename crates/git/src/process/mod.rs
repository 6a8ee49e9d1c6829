//! The one place that starts processes: `git`, in a clean environment, bounded in number, and never left behind.
//!
//! It knows nothing of what its callers do with it. What must live as long as a process is a guard that is handed in.

mod child;
mod client_key;
mod command;
mod cpu_time;
mod durability;
mod environment;
mod error;
mod executable;
mod fair_queue;
mod fault;
mod fsck;
mod lines;
mod memory;
mod niceness;
mod orphans;
mod output;
mod progress;
mod readers;
mod secret_header;
mod shares;
mod transfer;
mod usage;
mod version;

pub use child::GitProcess;
pub(crate) use child::{Guard, OUTPUT_CHUNK_BYTES, PIPE_BYTES};
pub use client_key::ClientKey;
pub(crate) use command::{Ended, keep_tail, read_tail, write_input};
pub use command::{Finished, GitCommand};
pub(crate) use cpu_time::WorkWatch;
pub use cpu_time::cpu_time;
pub use durability::{Durability, InvalidDurability};
pub use environment::{authority_settings, trust_authorities};
pub(crate) use environment::{clean_environment, settings_as_environment};
pub use error::GitError;
pub(crate) use error::{STDERR_TAIL_BYTES, is_about_a_lock, is_about_damage, readable_tail};
pub(crate) use executable::Lane;
pub use executable::{Git, GitUnavailable, MAX_FETCH_PROCESSES, MAX_OWN_GIT_PROCESSES, MAX_PUSH_PROCESSES};
pub use fair_queue::{FairQueue, Permit, QueueCounters};
pub use fault::Fault;
pub(crate) use fault::is_about_content;
pub use fsck::{Fsck, InvalidFsck};
pub use memory::MemoryLimits;
pub(crate) use memory::{MemoryLimit, MemoryUse};
pub(crate) use orphans::{SERVER_VARIABLE, end_orphans, server_mark};
pub use output::ByteStream;
pub(crate) use output::pieces;
pub(crate) use progress::read_said;
pub use progress::{OnProgress, ProgressLine, SaidLines};
pub use readers::{Moment, Reader, Readers};
pub(crate) use secret_header::without_credentials;
pub use secret_header::{InvalidHeader, SecretHeader};
pub use shares::Shares;
pub(crate) use transfer::{Patience, Progress, read_progress, transfer};
pub use version::{GitVersion, MINIMUM_GIT_VERSION};
