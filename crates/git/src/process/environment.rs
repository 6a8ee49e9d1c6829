//! What every `git` of ours sees of the world: nothing but what is listed here.
//!
//! The environment is built from an allow-list, because one inherited `GIT_DIR`, `GIT_TRACE` or user configuration
//! would change whose repository is written or print a secret. Settings go by environment too: they then hold for
//! the helpers `git` starts, and values such as an authorization header never appear in a process list.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::process::{SERVER_VARIABLE, server_mark};

/// Inherited when set: finding programs, temporary files, proxies and certificates of this machine.
const INHERITED: &[&str] = &[
    "PATH",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// The same for every process.
const FIXED: &[(&str, &str)] = &[
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    // A repository of ours is complete; nothing may be fetched behind our back while reading it.
    ("GIT_NO_LAZY_FETCH", "1"),
    // What is stored, counted and served are the objects themselves, whatever a replacement says should stand for them.
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    // No helper such as `ext::`, which would run a command named in a URL.
    ("GIT_ALLOW_PROTOCOL", "file:http:https:ssh:git"),
    ("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
    // Messages are recognised by their English text.
    ("LC_ALL", "C"),
    ("HOME", "/nonexistent"),
];

/// Settings of every process.
const SETTINGS: &[(&str, &str)] = &[
    // Ownership of the folders is the business of the installation.
    ("safe.directory", "*"),
    // Each is told which repository it works on; one that looked around might find another.
    ("safe.bareRepository", "explicit"),
    ("core.hooksPath", "/dev/null"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    // Maintenance is ours to time; git must not start it by itself and leave it running.
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("receive.autogc", "false"),
    ("transfer.hideRefs", "refs/heliostat"),
    ("advice.detachedHead", "false"),
    ("init.defaultRefFormat", "files"),
    // References are packed while pushes arrive: each waits for the other's lock a moment instead of failing.
    ("core.filesRefLockTimeout", "2000"),
    ("core.packedRefsTimeout", "5000"),
    // Larger files are read and written in pieces, and only the client that sends them looks for deltas in them.
    ("core.bigFileThreshold", "64m"),
    // What each thread keeps of the objects that it compares.
    ("pack.windowMemory", "128m"),
];

/// The environment and the settings of a process, before anything that is particular to it.
pub(crate) fn clean_environment() -> Vec<(OsString, OsString)> {
    let inherited = INHERITED.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    let fixed = FIXED.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let server = (OsString::from(SERVER_VARIABLE), OsString::from(server_mark()));
    inherited.chain(fixed).chain([server]).collect()
}

/// Settings as the environment variables through which git takes them.
pub(crate) fn settings_as_environment(particular: &[(String, String)]) -> Vec<(OsString, OsString)> {
    let common = SETTINGS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let authorities = authority_settings().into_iter().map(|(key, value)| (key.to_owned(), value));
    let mut environment = Vec::new();
    let mut count = 0;
    for (key, value) in common.chain(authorities).chain(particular.iter().cloned()) {
        environment.push((format!("GIT_CONFIG_KEY_{count}").into(), key.into()));
        environment.push((format!("GIT_CONFIG_VALUE_{count}").into(), value.into()));
        count += 1;
    }
    environment.push(("GIT_CONFIG_COUNT".into(), count.to_string().into()));
    environment
}

/// The file of all authorities that are trusted, if these are more than the system's.
static AUTHORITIES: OnceLock<PathBuf> = OnceLock::new();

/// Has every git believe servers by the authorities in this file alone, which is named once, before the first git is started.
/// To git it stands in the place of the system's, so that it holds those as well.
pub fn trust_authorities(file: &Path) {
    AUTHORITIES.set(file.to_owned()).ok();
}

/// The settings by which git learns of them.
pub fn authority_settings() -> Vec<(&'static str, String)> {
    // A git that is linked with GnuTLS does not look at SSL_CERT_FILE by itself.
    let named = AUTHORITIES.get().map(|file| file.display().to_string());
    let file = named.or_else(|| std::env::var("SSL_CERT_FILE").ok());
    file.map(|file| ("http.sslCAInfo", file)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_counted_and_the_particular_ones_come_last() {
        let environment = settings_as_environment(&[("http.extraHeader".into(), "X: y".into())]);
        let value =
            |name: &str| environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let count: usize =
            value("GIT_CONFIG_COUNT").expect("count").to_str().expect("text").parse().expect("number");
        assert_eq!(environment.len(), 2 * count + 1);
        assert_eq!(value(&format!("GIT_CONFIG_KEY_{}", count - 1)), Some("http.extraHeader".into()));
        assert_eq!(value(&format!("GIT_CONFIG_VALUE_{}", count - 1)), Some("X: y".into()));
    }
}
