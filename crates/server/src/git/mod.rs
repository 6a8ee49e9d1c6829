//! Git as clients reach it: who may (`access`, and what each role says to it), and then each transport in a folder of
//! its own.

mod access;
mod mirror_git;
mod origin_git;
mod project_path;
mod upstream_git;

pub mod http;

pub use mirror_git::MirrorGit;
pub use origin_git::OriginGit;
pub use upstream_git::UpstreamGit;
