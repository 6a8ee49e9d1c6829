//! Who calls: a user with a password, or a token. Neither is ever an argument, because argument lists are public.

use std::ffi::OsString;
use std::fmt;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use reqwest::header::HeaderValue;

use super::prompt;
use crate::exit_code::{RefusalKind, Refused};

/// A file with a password or token that is larger is some other file.
const MAX_SECRET_BYTES: u64 = 4096;

/// Under this the help lists what is the same in most commands, after what a command is about.
pub const CONNECTION_HEADING: &str = "Connection";

/// No credentials were given.
#[derive(Debug, thiserror::Error)]
#[error(
    "no password for {user}: set HELIOSTAT_PASSWORD or HELIOSTAT_TOKEN, or use --password-file or --token-file"
)]
pub struct NoCredentials {
    user: String,
}

/// How a command says who calls.
#[derive(Debug, Args)]
pub struct Account {
    /// User who calls; the password comes from --password-file, else HELIOSTAT_PASSWORD, else it is asked for.
    #[arg(
        long, short = 'u', value_name = "NAME", env = "HELIOSTAT_USER", default_value = "admin",
        help_heading = CONNECTION_HEADING
    )]
    pub user: String,
    /// File that holds the password, - for standard input [default: none].
    #[arg(long, value_name = "FILE", env = "HELIOSTAT_PASSWORD_FILE", help_heading = CONNECTION_HEADING)]
    pub password_file: Option<PathBuf>,
    /// File that holds an access token, used instead of user and password; without the file, HELIOSTAT_TOKEN may hold the
    /// token itself [default: none].
    #[arg(long, value_name = "FILE", env = "HELIOSTAT_TOKEN_FILE", help_heading = CONNECTION_HEADING)]
    pub token_file: Option<PathBuf>,
}

impl Account {
    /// Finds the secret: a token, else a password, each from its file, else from its variable; else the terminal.
    pub async fn authorization(&self) -> anyhow::Result<Authorization> {
        if let Some(given) = self.given_authorization()? {
            return Ok(given);
        }
        if !std::io::stdin().is_terminal() {
            return Err(NoCredentials { user: self.user.clone() }.into());
        }
        let password = prompt::secret(&format!("Password of {}: ", self.user)).await?;
        Authorization::basic(&self.user, &password)
    }

    /// The user who calls. A token does not tell whose it is.
    pub fn caller(&self) -> Option<&str> {
        let is_token = self.token_file.is_some() || variable("HELIOSTAT_TOKEN").is_some();
        (!is_token || password_is_nearer()).then_some(self.user.as_str())
    }

    /// The authorization, without asking at the terminal: none if none is given.
    pub fn given_authorization(&self) -> anyhow::Result<Option<Authorization>> {
        let token = match &self.token_file {
            _ if password_is_nearer() => None,
            Some(file) => Some(read_secret(file)?),
            None => variable("HELIOSTAT_TOKEN"),
        };
        if let Some(token) = token {
            return Authorization::bearer(&token).map(Some);
        }
        let password = given_password(self.password_file.as_deref(), "HELIOSTAT_PASSWORD")?;
        password.map(|password| Authorization::basic(&self.user, &password)).transpose()
    }
}

/// How a command says who another server is to take its caller for, from which something is copied.
#[derive(Debug, Args)]
pub struct SourceAccount {
    /// User name at the source; the password comes from --source-password-file, else HELIOSTAT_SOURCE_PASSWORD, else it is
    /// asked for [default: none].
    #[arg(long, value_name = "NAME")]
    pub source_user: Option<String>,
    /// File that holds the password or token for the source, - for standard input [default: none].
    #[arg(long, value_name = "FILE", requires = "source_user")]
    pub source_password_file: Option<PathBuf>,
}

impl SourceAccount {
    /// User name and password, if there are any: file, variable, terminal, in this order.
    pub async fn name_and_password(&self) -> anyhow::Result<Option<(String, String)>> {
        let Some(user) = &self.source_user else { return Ok(None) };
        let given = given_password(self.source_password_file.as_deref(), "HELIOSTAT_SOURCE_PASSWORD")?;
        let password = match given {
            Some(password) => password,
            None if std::io::stdin().is_terminal() => {
                prompt::secret(&format!("Password of {user} at the source: ")).await?
            }
            None => {
                let message = format!(
                    "no password for {user} at the source: set HELIOSTAT_SOURCE_PASSWORD, or use --source-password-file"
                );
                return Err(Refused::new(RefusalKind::NotAllowed, message).into());
            }
        };
        Ok(Some((user.clone(), password)))
    }
}

/// The value of an `Authorization` header.
#[derive(Clone)]
pub struct Authorization(HeaderValue);

impl Authorization {
    /// A user with a password.
    pub fn basic(user: &str, password: &str) -> anyhow::Result<Self> {
        if user.contains(':') {
            bail!("the user name {user:?} contains a colon");
        }
        Self::new(&format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
    }

    /// An access token.
    pub fn bearer(token: &str) -> anyhow::Result<Self> {
        Self::new(&format!("Bearer {token}"))
    }

    fn new(value: &str) -> anyhow::Result<Self> {
        let mut header =
            HeaderValue::from_str(value).context("the token has characters that no token has")?;
        header.set_sensitive(true);
        Ok(Self(header))
    }

    /// For a request.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// For git, which takes headers as text.
    pub fn header_text(&self) -> &str {
        self.0.to_str().expect("it was made of text")
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(..)")
    }
}

/// The secret that a user is to get: from a file, a variable, or typed twice.
pub async fn new_password(user: &str, file: Option<&Path>) -> anyhow::Result<String> {
    let password = match given_password(file, "HELIOSTAT_NEW_PASSWORD")? {
        Some(password) => password,
        None if std::io::stdin().is_terminal() => {
            let typed = prompt::secret(&format!("New password of {user}: ")).await?;
            if prompt::secret("The same again: ").await? != typed {
                bail!("the two passwords differ");
            }
            typed
        }
        None => {
            bail!("no new password for {user}: set HELIOSTAT_NEW_PASSWORD or use --new-password-file")
        }
    };
    if password.is_empty() {
        bail!("the new password of {user} is empty");
    }
    Ok(password)
}

/// The password in a file, else in a variable, if it is in either.
fn given_password(file: Option<&Path>, name: &str) -> anyhow::Result<Option<String>> {
    match file {
        Some(file) => read_secret(file).map(Some),
        None => Ok(variable(name)),
    }
}

/// The first line of a file that holds one secret.
pub fn read_secret(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().take(MAX_SECRET_BYTES + 1).read_to_string(&mut text),
        false => std::fs::File::open(file)
            .and_then(|open| open.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text)),
    };
    let size = read.with_context(|| format!("cannot read a secret from {}", file.display()))?;
    if size as u64 > MAX_SECRET_BYTES {
        bail!("{} is larger than {MAX_SECRET_BYTES} bytes and cannot hold a secret", file.display());
    }
    let secret =
        text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if secret.is_empty() || secret.contains('\n') {
        bail!("{} must hold one line, the secret", file.display());
    }
    Ok(secret.to_owned())
}

/// Whether the command line names a file of a password and none of a token: it is nearer than what variables and the settings
/// file say of tokens. A password that those name is not: a caller who gives a token must not be taken for the
/// administrator.
fn password_is_nearer() -> bool {
    let is_typed = |option: &str| {
        let names_it = |word: OsString| {
            let word = word.to_string_lossy();
            word.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        };
        std::env::args_os().any(names_it)
    };
    is_typed("--password-file") && !is_typed("--token-file")
}

/// The value of a variable that is set and not empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn secret_of(content: &[u8]) -> anyhow::Result<String> {
        let mut file = tempfile::NamedTempFile::new().expect("the temporary directory is writable");
        file.write_all(content).expect("the temporary directory has space");
        read_secret(file.path())
    }

    #[test]
    fn a_secret_is_one_line() {
        assert_eq!(secret_of(b"pass word\n").expect("one line"), "pass word");
        assert_eq!(secret_of(b"pass word").expect("one line"), "pass word");
        assert_eq!(secret_of(b"windows\r\n").expect("one line"), "windows");
        assert!(secret_of(b"").is_err());
        assert!(secret_of(b"one\ntwo\n").is_err());
        assert!(secret_of(&[b'x'; 5000]).is_err());
    }

    #[test]
    fn an_authorization_does_not_show_itself() {
        let basic = Authorization::basic("ann", "pw").expect("plain text");
        assert_eq!(basic.header_text(), "Basic YW5uOnB3");
        assert!(!format!("{basic:?}{:?}", basic.header()).contains("YW5uOnB3"));
        assert!(Authorization::basic("a:b", "pw").is_err());
        assert!(Authorization::bearer("line\nbreak").is_err());
    }
}
