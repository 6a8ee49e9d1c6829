//! Which server a command talks to, as whom, and how it prints.

use clap::Args;
use url::Url;

use crate::client::Client;
use crate::client::credentials::{Account, Authorization, CONNECTION_HEADING};
use crate::options::parse_http_url;
use crate::output::OutputFormat;

/// An upstream to administer.
#[derive(Debug, Args)]
pub struct UpstreamConnection {
    /// The upstream.
    #[arg(
        long, value_name = "URL", env = "HELIOSTAT_URL", default_value = "http://127.0.0.1:7990",
        value_parser = parse_http_url, help_heading = CONNECTION_HEADING
    )]
    pub url: Url,
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    form: Form,
}

/// A mirror to administer.
#[derive(Debug, Args)]
pub struct MirrorConnection {
    /// The mirror; its users are those of its upstream.
    #[arg(
        long, visible_alias = "url", value_name = "URL", env = "HELIOSTAT_MIRROR_URL",
        default_value = "http://127.0.0.1:7991", value_parser = parse_http_url, help_heading = CONNECTION_HEADING
    )]
    pub mirror_url: Url,
    /// Which of the mirror's upstreams is meant, by id [default: the only one].
    #[arg(long, value_name = "ID", help_heading = CONNECTION_HEADING)]
    pub upstream_id: Option<String>,
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    form: Form,
}

/// How a command prints.
#[derive(Debug, Args)]
struct Form {
    /// What is printed on standard output.
    #[arg(
        long, short = 'o', value_name = "FORM", env = "HELIOSTAT_OUTPUT", default_value = "table",
        help_heading = CONNECTION_HEADING
    )]
    output: OutputFormat,
}

/// A server that can be called, and the form of what is printed.
pub struct Session {
    /// Calls the server.
    pub client: Client,
    /// Prints what it says.
    pub output: OutputFormat,
    authorization: Authorization,
}

impl UpstreamConnection {
    /// Finds the credentials; nothing is sent yet.
    pub async fn open(self) -> anyhow::Result<Session> {
        let authorization = self.account.authorization().await?;
        let client = Client::new(self.url, Some(&authorization));
        Ok(Session { client, output: self.form.output, authorization })
    }

    /// The user who calls, for commands that are about oneself; unknown when a token calls.
    pub fn user(&self) -> Option<&str> {
        self.account.caller()
    }
}

impl MirrorConnection {
    /// Finds the credentials; nothing is sent yet.
    pub async fn open(self) -> anyhow::Result<Session> {
        let authorization = self.account.authorization().await?;
        let client = Client::new(self.mirror_url, Some(&authorization));
        Ok(Session { client, output: self.form.output, authorization })
    }

    /// Calls with the credentials that are given, or with none: what is public needs none.
    pub fn open_as_given(&self) -> anyhow::Result<(Client, OutputFormat)> {
        let authorization = self.account.given_authorization()?;
        Ok((Client::new(self.mirror_url.clone(), authorization.as_ref()), self.form.output))
    }
}

impl Session {
    /// The same caller at another server.
    pub fn client_of(&self, base_url: Url) -> Client {
        Client::new(base_url, Some(&self.authorization))
    }

    /// For git, which speaks to the same server.
    pub fn authorization(&self) -> &Authorization {
        &self.authorization
    }
}
