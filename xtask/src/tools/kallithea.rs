//! A forge with users and private repositories, to be an origin: in an environment of its own, because it wants other versions of
//! what the other tools need.

use std::path::PathBuf;

use super::{folder, python};
use crate::workspace;

/// The folder of its environment.
pub fn find_or_install() -> anyhow::Result<PathBuf> {
    let list = workspace::outside_folder().join("forges/kallithea.txt");
    python::install(&folder()?, "kallithea", &list)
}
