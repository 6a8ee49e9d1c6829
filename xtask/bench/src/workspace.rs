//! Where things lie in this repository.

use std::path::{Path, PathBuf};

/// The repository's root folder.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    xtask.and_then(Path::parent).expect("this package lies two folders below the root")
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Programs that are installed for benchmarks.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// Large generated repositories, made once.
pub fn kept_repositories() -> PathBuf {
    target().join("bench")
}
