//! The credential that a mirror has of its own: a token from a file, or one that a GitHub App is given for an hour.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use heliostat_auth::Secret;
use heliostat_peer::Clock;
use reqwest::Method;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::api::{Api, ApiOptions, DiscoveryFailure};
use super::app_key::AppKey;
use crate::provider::Bitbucket;
use crate::smart_http::UnusableServer;
use crate::{Credentials, MAX_AUTHORIZATION_BYTES, RepositoryPath};

/// The user name that goes with a token where the file names none: GitHub asks for it, and others take any.
const TOKEN_USER: &str = "x-access-token";
/// The one that Bitbucket Cloud asks for.
const BITBUCKET_CLOUD_TOKEN_USER: &str = "x-token-auth";
/// How long a token of an app is used. It is good for an hour.
const TOKEN_TIME: Duration = Duration::from_secs(50 * 60);
/// For how long it is believed that an app is not installed at an account.
const NOT_INSTALLED_TIME: Duration = Duration::from_mins(10);
/// Of how many accounts tokens are kept.
const MAX_ACCOUNTS: usize = 1_000;

/// Where a credential comes from.
#[derive(Debug, Clone)]
pub enum CredentialSource {
    /// A file that holds a token, or a user name, a colon and a token. It is read each time, so that a token can be
    /// replaced at any time.
    File(PathBuf),
    /// A GitHub App.
    App {
        /// Its id, or its client id.
        id: String,
        /// Its private key.
        key: AppKey,
    },
}

/// A credential for Git and for the provider's interface.
#[derive(Debug)]
pub struct ServiceCredential {
    source: CredentialSource,
    api: Api,
    /// By account, in lower case. One asks for a token, and the others wait for it.
    tokens: Mutex<HashMap<String, AppToken>>,
}

#[derive(Debug, Clone)]
struct AppToken {
    /// None where the app is not installed.
    token: Option<Secret>,
    /// In epoch milliseconds.
    received_at: i64,
}

/// A token with the user name that goes with it, if one is set.
struct Token {
    user: Option<String>,
    secret: Secret,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct InstallationToken {
    token: Secret,
}

impl ServiceCredential {
    /// Prepares to use it; nothing is read or asked yet.
    pub fn new(source: CredentialSource, api: ApiOptions, clock: Clock) -> Result<Self, UnusableServer> {
        Ok(Self { source, api: Api::new(api, clock)?, tokens: Mutex::default() })
    }

    /// What Git shows for a repository; nothing where an app is not installed at its account.
    pub async fn for_git(&self, path: &RepositoryPath) -> Result<Option<Credentials>, DiscoveryFailure> {
        let account = path.parts().next().unwrap_or_default();
        let Some(token) = self.token(account).await? else { return Ok(None) };
        let token_user = match self.api.options.bitbucket {
            Bitbucket::Cloud => BITBUCKET_CLOUD_TOKEN_USER,
            Bitbucket::DataCenter { .. } => TOKEN_USER,
        };
        let user = token.user.as_deref().unwrap_or(token_user);
        Credentials::basic(user, token.secret.expose()).map(Some).map_err(|error| unusable(&error))
    }

    /// What is shown to the provider's interface for an account.
    pub(super) async fn for_interface(&self, account: &str) -> Result<Credentials, DiscoveryFailure> {
        let Some(token) = self.token(account).await? else {
            let reason = format!("the GitHub App is not installed at {account}: install it there");
            return Err(DiscoveryFailure::NoCredential(reason));
        };
        let credentials = match &token.user {
            Some(user) => Credentials::basic(user, token.secret.expose()),
            None => Credentials::bearer(token.secret.expose()),
        };
        credentials.map_err(|error| unusable(&error))
    }

    /// Gives up what was not accepted.
    pub(super) async fn forget(&self, account: &str) {
        self.tokens.lock().await.remove(&account.to_lowercase());
    }

    /// Whether it is that of an app.
    pub(super) fn is_of_app(&self) -> bool {
        matches!(self.source, CredentialSource::App { .. })
    }

    async fn token(&self, account: &str) -> Result<Option<Token>, DiscoveryFailure> {
        match &self.source {
            CredentialSource::File(path) => {
                let cannot = |reason: String| {
                    DiscoveryFailure::NoCredential(format!(
                        "the token in {} cannot be used: {reason}",
                        path.display()
                    ))
                };
                let text =
                    tokio::fs::read_to_string(path).await.map_err(|error| cannot(error.to_string()))?;
                let line = text.trim();
                if line.is_empty() || line.len() > MAX_AUTHORIZATION_BYTES || line.contains(['\r', '\n']) {
                    return Err(cannot("it has to be one line with a token, or user:token".to_owned()));
                }
                Ok(Some(match line.split_once(':') {
                    Some((user, token)) => Token { user: Some(user.to_owned()), secret: Secret::new(token) },
                    None => Token { user: None, secret: Secret::new(line) },
                }))
            }
            CredentialSource::App { id, key } => {
                let secret = self.token_of_app(id, key, &account.to_lowercase()).await?;
                Ok(secret.map(|secret| Token { user: None, secret }))
            }
        }
    }

    async fn token_of_app(
        &self,
        id: &str,
        key: &AppKey,
        account: &str,
    ) -> Result<Option<Secret>, DiscoveryFailure> {
        // Held meanwhile: who else needs a token waits for this one.
        let mut tokens = self.tokens.lock().await;
        let now = self.api.clock.now_ms();
        let is_good = |known: &AppToken| {
            let time = if known.token.is_some() { TOKEN_TIME } else { NOT_INSTALLED_TIME };
            now.abs_diff(known.received_at) < millis(time)
        };
        if let Some(known) = tokens.get(account).filter(|known| is_good(known)) {
            return Ok(known.token.clone());
        }
        let token = self.ask_for_token(id, key, account).await?;
        if tokens.len() >= MAX_ACCOUNTS {
            tokens.retain(|_, known| is_good(known));
        }
        if tokens.len() < MAX_ACCOUNTS {
            tokens.insert(account.to_owned(), AppToken { token: token.clone(), received_at: now });
        }
        Ok(token)
    }

    async fn ask_for_token(
        &self,
        id: &str,
        key: &AppKey,
        account: &str,
    ) -> Result<Option<Secret>, DiscoveryFailure> {
        let app = Credentials::bearer(key.token(id, self.api.clock.now_seconds()).expose());
        let app = app.map_err(|error| unusable(&error))?;
        for kind in ["orgs", "users"] {
            let parts = [kind, account, "installation"];
            let installed = match self.api.json::<Installation>(Method::GET, &parts, &app).await {
                Err(DiscoveryFailure::NotFound(..)) => continue,
                installed => installed?.id.to_string(),
            };
            let parts = ["app", "installations", &installed, "access_tokens"];
            let given = self.api.json::<InstallationToken>(Method::POST, &parts, &app).await?;
            return Ok(Some(given.token));
        }
        Ok(None)
    }
}

fn unusable(error: &crate::InvalidCredentials) -> DiscoveryFailure {
    DiscoveryFailure::NoCredential(format!("the mirror's own credential cannot be used: {error}"))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
