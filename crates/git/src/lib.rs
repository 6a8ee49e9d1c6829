//! What a repository is on disk, and everything that `git` does with it.
//!
//! The only crate of a server that starts processes. It knows no users, no database and no HTTP framework: callers
//! decide who may do what, this crate makes sure that a repository is created whole, read consistently, changed
//! atomically, and that no `git` outlives the caller that wanted it.
//!
//! Each folder uses only those before it: `process` (running `git`), `refs` (references and the feed of their changes),
//! `repository` (one on disk, and the store of all), `remote` (other servers), `service` (clients).

mod disk;
mod disk_room;
mod process;
mod refs;
mod remote;
mod repository;
mod service;

#[cfg(any(test, feature = "testing"))]
pub mod fixture;
#[cfg(any(test, feature = "testing"))]
pub mod fixture_http;

pub use disk::{
    FileSigns, age_of, blocking, entries, files_below, make_folder_durably, remove_if_there, sync_folder,
    sync_tree, write_durably, write_note,
};
pub use disk_room::{DiskRoom, DiskState};
/// The names of Git that callers need to say what they want.
pub use heliostat_git_wire::{
    ContentHash, GitProtocol, GitService, Given, Head, INTERNAL_NAMESPACE, InvalidContentHash,
    InvalidObjectId, InvalidRefName, MAX_REF_LIST_BYTES, ObjectFormat, ObjectId, ObjectInfoRequest,
    RefChange, RefChangeKind, RefName, RefRoom, RefSnapshot, RefStep, RemoteCapabilities, RemoteListError,
    RemoteMessage,
};
pub use process::{
    ByteStream, ClientKey, Durability, FairQueue, Fault, Finished, Fsck, Git, GitCommand, GitError,
    GitProcess, GitUnavailable, GitVersion, InvalidDurability, InvalidFsck, InvalidHeader,
    MAX_FETCH_PROCESSES, MAX_OWN_GIT_PROCESSES, MAX_PUSH_PROCESSES, MINIMUM_GIT_VERSION, MemoryLimits,
    Moment, OnProgress, Permit, ProgressLine, QueueCounters, Reader, Readers, SaidLines, SecretHeader,
    Shares, authority_settings, cpu_time, trust_authorities,
};
pub use refs::{DEFAULT_REF_MEMORY_BYTES, RefListener, RefUpdate, UpdateRefsError};
pub use remote::{
    ABANDONED_FETCH_LIMIT, Connection, CopyError, FetchError, FetchPlan, FetchProgress, FetchSource,
    FetchTurn, FetchTurns, ForwardedPack, ImportError, IndexedPack, InvalidAddress, PackForwarder,
    SourceAccess, SshConversation, SshEnd, SshError, SshIdentity, SshPlace, clone_mirror, copy_repository,
    fetch_everything, fetch_mirror, fetch_objects, fetch_objects_after, fetch_wanted, forwarded_pack,
    index_whole_pack, push_mirror, ssh_version,
};
pub use repository::{
    CommonIndex, CreateError, DEFAULT_TRASH_TIME, FillError, LeftTip, LeftTips, NewObject, NewObjects,
    NoRemoval, NotTaken, OpenError, Origin, PackIndex, RecordedState, Removal, Removals, Repository,
    RepositoryDraft, RepositoryNotes, RepositoryStore, STALE_LOCK_AGE, STALE_TRANSFER_AGE, SearchFor,
    StaleLocks, SwapRefsError, TakeBackError, TrashReason, TrashedRepository, Unreached,
};
pub use service::{
    GitOutput, MAX_FETCH_REQUEST_BYTES, MAX_PUSH_BYTES, MAX_RECEIVE_REPORT_BYTES, ReceivedPack,
    RunningService, ServeMode, ServeOptions, ServiceEnd, UnsupportedEncoding, advertise_by_git,
    answer_of_upload_pack, decode_request_body, exchange, pack_objects, receive_pack, serve,
    upload_pack_by_git,
};
