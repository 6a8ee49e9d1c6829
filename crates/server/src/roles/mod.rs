//! How a role is put together, started and stopped: everything else in this crate is a part of it.
//!
//! Callers get futures behind pointers: those are compiled here, and others where they are waited for, which is in the binary.

mod data_folder;
mod mirror_role;
mod options;
mod origin_doors;
mod origin_hints;
mod origin_role;
mod own_credential;
mod owner_mark;
mod privacy;
mod reset_password;
mod running_role;
mod tools;
mod upstream_role;

pub use data_folder::{DATABASE_FILE, database_url, repositories_in};
pub use mirror_role::start_mirror;
pub use options::{
    ListenOptions, MirrorOptions, OriginMirrorOptions, StartError, UpstreamOptions, check_database,
    check_owners, copy_database, folder_role,
};
pub use origin_hints::HintOptions;
pub use origin_role::start_origin_mirror;
pub use reset_password::{PasswordReset, PasswordResetError, reset_password};
pub use running_role::RunningRole;
pub use upstream_role::start_upstream;
