//! The key of the hashes that stand for credentials.

use std::io;
use std::path::Path;

use heliostat_git::{blocking, write_durably};

/// In the data folder; only its owner can read it.
const KEY_FILE: &str = "origin-readers.key";

/// What turns credentials into what is kept of them.
pub(crate) type FingerprintKey = [u8; 32];

/// Finds the key of the data folder, or makes one.
pub(crate) async fn fingerprint_key(data: &Path) -> io::Result<FingerprintKey> {
    let path = data.join(KEY_FILE);
    blocking(move || match std::fs::read(&path).map(FingerprintKey::try_from) {
        Ok(Ok(key)) => Ok(key),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        // One that was cut off knows no reader any more; neither does a new one.
        Ok(Err(_)) | Err(_) => {
            let key: FingerprintKey = rand::random();
            write_durably(&path, &key)?;
            Ok(key)
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn the_key_stays_and_is_its_owners() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = fingerprint_key(folder.path()).await.expect("made");
        assert_eq!(fingerprint_key(folder.path()).await.expect("found"), key);
        let mode = std::fs::metadata(folder.path().join(KEY_FILE)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(folder.path().join(KEY_FILE), "short").expect("written");
        assert_ne!(fingerprint_key(folder.path()).await.expect("made anew"), key);
    }
}
