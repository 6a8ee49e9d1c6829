//! What the tests stand on: servers as processes, HTTP clients with an identity, real git, and waiting.
//!
//! `pair` runs both roles; `joined_by_hand` and `upstream_by_hand` run one and play the other, which lists what
//! `repository_by_hand` makes; `furnish` puts users,
//! projects and repositories on an upstream; `database_backup` copies databases; `attempt` asks who may do what; `heliostat_contract` judges every answer, `documented`
//! reads the contract's examples and `operations` requests off it, and `statuses` notes what was answered; `history` makes
//! repositories, `git_programs` and `git_wire` read them as clients do, `watched_git` tells what their users see meanwhile, `hand_made_pack` pushes what no client would, and `reference_git` answers as git itself would;
//! `certificates` are for servers that speak TLS; `database_line` is a line to the database that can be cut, `read_along` one on which a test reads along, and `faulty_proxy` spoils answers; `tools` runs other people's programs, `program` those that are servers, and `script` writes those that stand in the place of others. Disks that forget or fill up come
//! from the package `heliostat-machines`.

mod attempt;
mod certificates;
mod client;
mod database_backup;
mod database_line;
mod documented;
mod fake_ssh;
mod faulty_proxy;
mod furnish;
mod git;
mod git_daemon;
mod git_origin;
mod git_programs;
mod git_wire;
mod hand_made_pack;
mod history;
mod http_backend;
mod joined_by_hand;
mod on_disk;
mod operations;
mod pair;
mod program;
mod raw_clone;
mod read_along;
mod receiver;
mod reference_git;
mod repository_by_hand;
mod script;
mod server;
mod statuses;
mod tiny_http;
mod tools;
mod upstream_by_hand;
mod wait;
mod watched_git;

pub use heliostat_machines::{
    BLOB, ForgetfulDisk, HandMadePack, KeptAddress, ShiftedClock, SmallDisk, bare_repositories, unhex,
};

pub use attempt::Attempt;
pub use certificates::{Certified, another_authority};
pub use client::{Answer, Client, Identity, http, http_client, now_seconds, signed};
pub use database_backup::DatabaseBackup;
pub use database_line::relay_to_the_database;
pub use documented::{Documented, documented};
pub use fake_ssh::{FakeSsh, NoSsh};
pub use faulty_proxy::FaultyProxy;
pub use furnish::{USER_PASSWORD, every_value, project_path, repository_path, unique, walk};
pub use git::{Checkout, git, git_command, git_fails, git_output, refs_hash};
pub use git_daemon::GitDaemon;
pub use git_origin::{GitOrigin, Manner, Readers};
pub use git_programs::{GitProgram, git_programs};
pub use git_wire::{
    DELIMITER, FLUSH, GitAnswer, GitRequest, command_v2, is_said_late, objects_of_pack, packet, packets,
};
pub use hand_made_pack::push_pack;
pub use history::{History, Mark, Source};
pub use joined_by_hand::{
    FakeMirror, JoinedByHand, good_descriptor, request_of, shared_joined_by_hand, start_joined_by_hand,
};
pub use on_disk::{
    copy_folder, lay_on_disk, make_pipe, place_of, remove_folder, replace_folder_by_file, take_off_disk,
};
pub use operations::Promised;
pub use pair::{Pair, clone_url, shared_pair};
pub use program::Program;
pub use raw_clone::{NOISE_BYTES, begin_clone, commit_noise, noise, post_fetch};
pub use read_along::ReadAlong;
pub use receiver::{Receiver, webhooks_path};
pub use reference_git::{judged_fetches, reference_url};
pub use repository_by_hand::{repository_of_nothing, unreachable_repository};
pub use script::make_script;
pub use server::{ADMIN_PASSWORD, Server, ServerOptions, binary, kept_address, said};
pub use tiny_http::{Received, Reply, TinyHttp};
pub use tools::{artefacts, must_succeed, tool};
pub use upstream_by_hand::{UpstreamByHand, shared_upstream_by_hand};
pub use wait::{eventually, within};
pub use watched_git::WatchedGit;
