//! Where things lie in this repository.

use std::path::{Path, PathBuf};

/// The repository's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies below the root").to_path_buf()
}

/// The canonical contract.
pub fn contract_path() -> PathBuf {
    root().join("openapi/heliostat.yaml")
}

/// Naming and type decisions of the generator.
pub fn codegen_settings_path() -> PathBuf {
    root().join("openapi/codegen.toml")
}

/// The folder of generated Rust files.
pub fn generated_folder() -> PathBuf {
    root().join("crates/api/src/generated")
}

/// What the tests from outside need: pinned lists of tools, their settings and scripts.
pub fn outside_folder() -> PathBuf {
    root().join("tests/outside")
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
