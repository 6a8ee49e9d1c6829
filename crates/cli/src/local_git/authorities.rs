//! Whom git trusts that a command calls for a person: the same servers as the command itself.

use std::io::{self, Write};

use heliostat_peer::Authorities;
use tempfile::NamedTempFile;

/// Tells git whom this process trusts, where that is more than the system says, by a file that lasts as long as what this
/// gives. A role does without: it has a folder of its own for the file.
pub fn share_authorities() -> io::Result<Option<NamedTempFile>> {
    let Some(pem) = Authorities::default().with_all_trusted() else { return Ok(None) };
    let mut file = tempfile::Builder::new().prefix("heliostat-authorities-").suffix(".pem").tempfile()?;
    file.write_all(pem.as_bytes())?;
    heliostat_git::trust_authorities(file.path());
    Ok(Some(file))
}
