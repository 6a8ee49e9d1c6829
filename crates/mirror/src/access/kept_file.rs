//! Decisions of the upstream on the disk, so that a mirror which restarts while the upstream is away knows its users.
//!
//! One file, sealed (ChaCha20-Poly1305) by a key in a file beside it that only its owner can read: a stray copy of either
//! is worth nothing. Who has both can still not tell passwords, because credentials stand there as Argon2id hashes
//! of their salted hashes. The file is bound to one upstream, and is thrown away when it cannot be read.

use std::io;
use std::path::{Path, PathBuf};

use heliostat_auth::{GlobalPermission, RepositoryPermission, UserIdentity, slow_hash};
use heliostat_git::{remove_if_there, sync_folder, write_durably};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::error::Unspecified;
use serde::{Deserialize, Serialize};

use super::decision_cache::{CredentialKey, LoginKey};

/// The sealed decisions, in the data folder.
const DECISIONS_FILE: &str = "access-decisions";
/// What opens them, and the salt of the hashes in them.
const KEY_FILE: &str = "access-decisions.key";
/// The layout of the file; what another version has written is thrown away.
const FORMAT: &str = "heliostat access decisions 2";
/// Most that is written or read, in bytes; the newest decisions come first.
const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;
/// For how many repositories decisions are written; about 50 bytes each.
const MAX_KEPT_REPOSITORIES: usize = 200_000;

/// The name of credentials on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct KeptName([u8; 32]);

impl KeptName {
    #[cfg(test)]
    pub(super) fn of(name: [u8; 32]) -> Self {
        Self(name)
    }
}

/// What is kept about one set of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptDecisions {
    pub(super) name: KeptName,
    pub(super) login: LoginKey,
    pub(super) user: UserIdentity,
    /// When the upstream accepted them last, in epoch milliseconds.
    pub(super) verified_at: i64,
    /// By the upstream's id: what they may do there, and when the upstream said so.
    pub(super) repositories: Vec<(String, RepositoryPermission, i64)>,
}

/// The file and what opens it.
pub(super) struct KeptFile {
    path: PathBuf,
    key: LessSafeKey,
    salt: [u8; 32],
    upstream_id: String,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    name: String,
    login: String,
    id: i32,
    user: String,
    slug: String,
    display_name: String,
    global: Option<String>,
    verified_at: i64,
    repositories: Vec<(String, String, i64)>,
}

impl KeptFile {
    /// Finds the key of the data folder, or makes one.
    pub(super) fn open(data: &Path, upstream_id: &str) -> io::Result<Self> {
        let path = data.join(KEY_FILE);
        let secret: [u8; 64] = match std::fs::read(&path).map(<[u8; 64]>::try_from) {
            Ok(Ok(secret)) => secret,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {
                let mut secret = [0; 64];
                rand::fill(&mut secret);
                write_durably(&path, &secret)?;
                secret
            }
        };
        let (key, salt) = secret.split_at(32);
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).map_err(unusable)?;
        let salt = salt.try_into().map_err(io::Error::other)?;
        let (path, key, upstream_id) =
            (data.join(DECISIONS_FILE), LessSafeKey::new(key), upstream_id.to_owned());
        Ok(Self { path, key, salt, upstream_id })
    }

    /// The salt for the hashes of credentials.
    pub(super) fn salt(&self) -> [u8; 32] {
        self.salt
    }

    /// The name of credentials. Blocks for tens of milliseconds.
    pub(super) fn name(&self, key: CredentialKey) -> KeptName {
        KeptName(slow_hash(key.digest(), &self.salt))
    }

    /// What is kept; nothing if there is no file, or one that cannot be used.
    pub(super) fn read(&self) -> Vec<KeptDecisions> {
        match self.try_read() {
            Ok(kept) => kept,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "the upstream's decisions of an earlier run cannot be used");
                Vec::new()
            }
        }
    }

    fn try_read(&self) -> io::Result<Vec<KeptDecisions>> {
        if std::fs::metadata(&self.path)?.len() > MAX_FILE_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut sealed = std::fs::read(&self.path)?;
        let invalid = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
        let (nonce, sealed) =
            sealed.split_at_mut_checked(NONCE_LEN).ok_or_else(|| invalid("it is too short"))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| invalid("it is too short"))?;
        let opened = self.key.open_in_place(nonce, self.bound_to(), sealed);
        let opened =
            opened.map_err(|_| invalid("it was not sealed by this folder's key for this upstream"))?;
        let lines: Vec<Line> = serde_json::from_slice(opened)?;
        lines
            .into_iter()
            .map(|line| line.read().ok_or_else(|| invalid("a line cannot be understood")))
            .collect()
    }

    /// Replaces what is kept, durably. What cannot be replaced is removed, so that it does not outlive a revocation;
    /// an error means that it may still be there.
    pub(super) fn write(&self, kept: &[KeptDecisions]) -> io::Result<()> {
        if kept.is_empty() {
            return self.remove();
        }
        self.try_write(kept).or_else(|error| {
            tracing::warn!(path = %self.path.display(), %error, "the upstream's decisions cannot be kept");
            self.remove()
        })
    }

    fn try_write(&self, kept: &[KeptDecisions]) -> io::Result<()> {
        let mut room = MAX_KEPT_REPOSITORIES;
        let lines: Vec<Line> = kept
            .iter()
            .take_while(|kept| {
                let fits = kept.repositories.len() <= room;
                room = room.saturating_sub(kept.repositories.len());
                fits
            })
            .map(Line::of)
            .collect();
        let mut sealed = serde_json::to_vec(&lines)?;
        let nonce: [u8; NONCE_LEN] = rand::random();
        let sealing = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(sealing, self.bound_to(), &mut sealed).map_err(unusable)?;
        sealed.splice(..0, nonce);
        if sealed.len() as u64 > MAX_FILE_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        write_durably(&self.path, &sealed)
    }

    fn remove(&self) -> io::Result<()> {
        if !self.path.try_exists()? {
            return Ok(());
        }
        remove_if_there(&self.path)?;
        self.path.parent().map_or(Ok(()), sync_folder)
    }

    /// Sealed in, so that the file of another upstream or another layout does not open.
    fn bound_to(&self) -> Aad<Vec<u8>> {
        Aad::from(format!("{FORMAT}\n{}", self.upstream_id).into_bytes())
    }
}

/// What the cipher says is nothing but that it failed.
fn unusable(_: Unspecified) -> io::Error {
    io::Error::other("the cipher refuses")
}

impl Line {
    fn of(kept: &KeptDecisions) -> Self {
        let KeptDecisions { name, login, user, verified_at, repositories } = kept;
        Self {
            name: hex::encode(name.0),
            login: hex::encode(login),
            id: user.id,
            user: user.name.clone(),
            slug: user.slug.clone(),
            display_name: user.display_name.clone(),
            global: user.global.map(|permission| permission.to_string()),
            verified_at: *verified_at,
            repositories: repositories
                .iter()
                .map(|(id, permission, at)| (id.clone(), permission.to_string(), *at))
                .collect(),
        }
    }

    fn read(self) -> Option<KeptDecisions> {
        let (mut name, mut login) = ([0; 32], LoginKey::default());
        hex::decode_to_slice(&self.name, &mut name).ok()?;
        hex::decode_to_slice(&self.login, &mut login).ok()?;
        let global: Option<GlobalPermission> = self.global.map(|name| name.parse()).transpose().ok()?;
        let user = UserIdentity {
            id: self.id,
            name: self.user,
            slug: self.slug,
            display_name: self.display_name,
            global,
        };
        let repositories = self.repositories.into_iter().map(|(id, permission, at)| {
            let permission: RepositoryPermission = permission.parse().ok()?;
            Some((id, permission, at))
        });
        let (name, verified_at) = (KeptName(name), self.verified_at);
        Some(KeptDecisions {
            name,
            login,
            user,
            verified_at,
            repositories: repositories.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn kept(name: u8) -> KeptDecisions {
        KeptDecisions {
            name: KeptName([name; 32]),
            login: [1; 8],
            user: UserIdentity {
                id: 7,
                name: "ada".to_owned(),
                slug: "ada".to_owned(),
                display_name: "Ada".to_owned(),
                global: Some(GlobalPermission::Admin),
            },
            verified_at: 5,
            repositories: vec![
                ("42".to_owned(), RepositoryPermission::Read, 5),
                ("43".to_owned(), RepositoryPermission::Write, 4),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read_by_the_same_folder_for_the_same_upstream_only() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = KeptFile::open(folder.path(), "upstream").expect("a key");
        assert_eq!(file.read(), []);
        file.write(&[kept(1), kept(2)]).expect("written");
        let again = KeptFile::open(folder.path(), "upstream").expect("the same key");
        assert_eq!(again.salt(), file.salt());
        assert_eq!(again.read(), [kept(1), kept(2)]);
        assert_eq!(KeptFile::open(folder.path(), "other").expect("the same key").read(), []);

        let text = std::fs::read(folder.path().join(DECISIONS_FILE)).expect("there");
        assert!(!text.windows(3).any(|bytes| bytes == b"ada"), "it is sealed");
        for name in [DECISIONS_FILE, KEY_FILE] {
            let mode = std::fs::metadata(folder.path().join(name)).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        std::fs::remove_file(folder.path().join(KEY_FILE)).expect("removed");
        assert_eq!(KeptFile::open(folder.path(), "upstream").expect("a new key").read(), []);
    }

    #[test]
    fn what_is_damaged_or_revoked_is_gone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = KeptFile::open(folder.path(), "upstream").expect("a key");
        let path = folder.path().join(DECISIONS_FILE);
        for content in [&b""[..], b"short", &[7; 100]] {
            std::fs::write(&path, content).expect("written");
            assert_eq!(file.read(), []);
        }
        file.write(&[kept(1)]).expect("written");
        file.write(&[]).expect("removed");
        assert!(!path.exists());
    }

    #[test]
    fn what_cannot_be_written_is_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = KeptFile::open(folder.path(), "upstream").expect("a key");
        file.write(&[kept(1)]).expect("written");
        let many = KeptDecisions {
            repositories: vec![("x".repeat(200), RepositoryPermission::Read, 0); MAX_KEPT_REPOSITORIES],
            ..kept(2)
        };
        file.write(&[many]).expect("too large, so it is removed");
        assert_eq!(file.read(), []);
        assert!(!folder.path().join(DECISIONS_FILE).exists());
    }
}
