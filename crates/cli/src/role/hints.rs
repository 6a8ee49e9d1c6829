//! The options by which a mirror of another Git server hears of changes sooner: webhooks, and a credential of its own.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use heliostat_server::{
    AppKey, CredentialSource, HintOptions, HookSecrets, Organisation, Provider, UnknownProvider,
};
use url::Url;

use crate::exit_code::WrongUsage;
use crate::options::{duration, first_given, parse_http_url};

/// A file with secrets or a key that is larger is some other file.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// What makes a mirror of another Git server quicker, and no truer: it asks that server each time in any case.
#[derive(Debug, Args)]
pub struct HintFlags {
    /// Files with the secrets of webhooks, each as PROVIDER=FILE and separated by commas, for github, gitlab, gitea,
    /// forgejo, bitbucket or generic; each line of a file is a secret. The webhooks are sent to /hooks/PROVIDER
    /// [default: none, and webhooks are not received].
    #[arg(long, value_name = "PROVIDER=FILE", env = "HELIOSTAT_HOOK_SECRET_FILE", value_delimiter = ',')]
    pub hook_secret_file: Vec<SecretFile>,
    /// File with a token of the mirror's own for the origin, alone or as user:token; it is read again each time
    /// [default: none, and only what readers show is used].
    #[arg(long, value_name = "FILE", env = "HELIOSTAT_ORIGIN_TOKEN_FILE")]
    pub origin_token_file: Option<PathBuf>,
    /// Id of a GitHub App that the mirror asks in the name of, instead of a token file [default: none].
    #[arg(long, value_name = "ID", env = "HELIOSTAT_GITHUB_APP_ID")]
    pub github_app_id: Option<String>,
    /// File with the private key of the GitHub App in PEM, as GitHub hands it out [default: none].
    #[arg(long, value_name = "FILE", env = "HELIOSTAT_GITHUB_APP_KEY_FILE")]
    pub github_app_key_file: Option<PathBuf>,
    /// Whose repositories are listed again and again, so that changes are found whose webhooks were lost, separated by
    /// commas: github:ORGANISATION, gitlab:GROUP, gitea:ORGANISATION, forgejo:ORGANISATION or bitbucket:PROJECT,
    /// at bitbucket.org bitbucket:WORKSPACE [default: none].
    #[arg(long, value_name = "PROVIDER:NAME", env = "HELIOSTAT_DISCOVER", value_delimiter = ',')]
    pub discover: Vec<Organisation>,
    /// Where the provider's REST interface is [default: where the provider has it at the origin, api.github.com for
    /// github.com, api.bitbucket.org for bitbucket.org].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_DISCOVERY_URL", value_parser = parse_http_url)]
    pub discovery_url: Option<Url>,
    /// How long after one listing the next begins; later if the provider asks for it.
    #[arg(
        long, value_name = "TIME", env = "HELIOSTAT_DISCOVERY_INTERVAL", default_value = "5m",
        value_parser = duration::parse_positive
    )]
    pub discovery_interval: Duration,
}

/// Where the secrets of one provider's webhooks are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    provider: Provider,
    file: PathBuf,
}

impl FromStr for SecretFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (provider, file) =
            text.split_once('=').ok_or("must be PROVIDER=FILE, as in github=/etc/hook-secret")?;
        let provider: Provider = provider.parse().map_err(|error: UnknownProvider| error.to_string())?;
        if file.is_empty() {
            return Err(format!("must name a file, as in {provider}=/etc/hook-secret"));
        }
        Ok(Self { provider, file: file.into() })
    }
}

impl HintFlags {
    /// One of the options that were given. Only the interval has a default, and says nothing alone.
    pub fn given(&self) -> Option<&'static str> {
        first_given([
            (!self.hook_secret_file.is_empty(), "--hook-secret-file"),
            (self.origin_token_file.is_some(), "--origin-token-file"),
            (self.github_app_id.is_some(), "--github-app-id"),
            (self.github_app_key_file.is_some(), "--github-app-key-file"),
            (!self.discover.is_empty(), "--discover"),
            (self.discovery_url.is_some(), "--discovery-url"),
        ])
    }

    /// What the server needs of them; reads the files.
    pub fn hint_options(&self) -> anyhow::Result<HintOptions> {
        let mut secrets = HookSecrets::default();
        for SecretFile { provider, file } in &self.hook_secret_file {
            let cannot = || format!("cannot use the secrets in {}", file.display());
            let text = String::from_utf8(read(file)?).with_context(cannot)?;
            secrets.add(*provider, &text).with_context(cannot)?;
        }
        Ok(HintOptions {
            secrets,
            credential: self.credential()?,
            organisations: self.discover.clone(),
            interface: self.discovery_url.clone(),
            discovery_interval: self.discovery_interval,
        })
    }

    fn credential(&self) -> anyhow::Result<Option<CredentialSource>> {
        match (&self.origin_token_file, &self.github_app_id, &self.github_app_key_file) {
            (None, None, None) => Ok(None),
            (Some(file), None, None) => {
                // That it cannot be read is said at once; what it holds may change later.
                read(file)?;
                Ok(Some(CredentialSource::File(file.clone())))
            }
            (None, Some(id), Some(file)) => {
                let key = AppKey::from_pem(&read(file)?);
                let key = key.with_context(|| format!("cannot use the key in {}", file.display()))?;
                Ok(Some(CredentialSource::App { id: id.clone(), key }))
            }
            (Some(_), ..) => Err(wrong_usage(
                "--origin-token-file and a GitHub App are two credentials: leave one of them out",
            )),
            (None, _, None) => {
                Err(wrong_usage("a GitHub App has an id and a key: give --github-app-key-file as well"))
            }
            (None, None, _) => {
                Err(wrong_usage("a GitHub App has an id and a key: give --github-app-id as well"))
            }
        }
    }
}

fn wrong_usage(message: &str) -> anyhow::Error {
    WrongUsage(message.to_owned()).into()
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let open = File::open(file).and_then(|open| open.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    let size = open.with_context(|| format!("cannot read {}", file.display()))?;
    if size as u64 > MAX_FILE_BYTES {
        bail!("{} is larger than {MAX_FILE_BYTES} bytes and cannot hold a secret", file.display());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_named_with_their_provider() {
        let read: SecretFile = "gitlab=/etc/a=b".parse().expect("valid");
        assert_eq!(read, SecretFile { provider: Provider::GitLab, file: "/etc/a=b".into() });
        for text in ["", "/etc/secret", "gitbucket=/etc/secret", "github="] {
            assert!(text.parse::<SecretFile>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_mirror_has_one_credential_of_its_own() {
        let flags = |token: Option<&str>, id: Option<&str>, key: Option<&str>| HintFlags {
            hook_secret_file: Vec::new(),
            origin_token_file: token.map(PathBuf::from),
            github_app_id: id.map(str::to_owned),
            github_app_key_file: key.map(PathBuf::from),
            discover: Vec::new(),
            discovery_url: None,
            discovery_interval: Duration::from_secs(1),
        };
        assert!(flags(None, None, None).credential().expect("none is needed").is_none());
        for (token, id, key, word) in [
            (Some("/nowhere"), Some("1"), Some("/nowhere"), "two credentials"),
            (Some("/nowhere"), None, None, "cannot read /nowhere"),
            (None, Some("1"), None, "--github-app-key-file"),
            (None, None, Some("/nowhere"), "--github-app-id"),
            (None, Some("1"), Some("/nowhere"), "cannot read /nowhere"),
        ] {
            let error = flags(token, id, key).credential().expect_err(word).to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
