//! Which webhooks are acceptable: names, addresses, events and secrets, and how a change is merged into them.

use heliostat_auth::Secret;
use heliostat_downstream::{MAX_LONG_NAME_LENGTH, one_line};
use heliostat_refusal::Refusal;
use heliostat_storage::{WebhookSecrets, WebhookSettings};
use url::Url;

use super::registered::Webhooks;
use super::webhook_events::KNOWN_EVENTS;

/// Longest address of a webhook, in characters.
const MAX_WEBHOOK_URL_LENGTH: usize = 2_048;
/// Longest secret, user name and password, in characters.
const MAX_SECRET_LENGTH: usize = 255;

/// What a webhook is to be; `None` leaves it as it is, or as it usually is.
#[derive(Debug, Clone, Default)]
pub struct WebhookFields {
    /// What it is for.
    pub name: Option<String>,
    /// Where events are posted.
    pub url: Option<String>,
    /// Which events.
    pub events: Option<Vec<String>>,
    /// Whether any are.
    pub active: Option<bool>,
    /// Whether the receiver's certificate must be valid.
    pub certificate_required: Option<bool>,
    /// What bodies are signed with; empty for none.
    pub secret: Option<Secret>,
    /// Who the receiver is to take this server for.
    pub credentials: WebhookCredentials,
}

/// Who the receiver of a webhook is to take this server for.
#[derive(Debug, Clone, Default)]
pub struct WebhookCredentials {
    /// The user name; empty for no credentials.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
}

impl Webhooks {
    /// The settings of a new webhook.
    pub(super) fn new_webhook_settings(&self, fields: WebhookFields) -> Result<WebhookSettings, Refusal> {
        let missing = |field: &str| Refusal::invalid(field, format!("The field {field} is needed."));
        let mut settings = WebhookSettings {
            name: one_line("name", &fields.name.ok_or_else(|| missing("name"))?, MAX_LONG_NAME_LENGTH)?,
            url: self.webhook_url(&fields.url.ok_or_else(|| missing("url"))?)?,
            events: known_events(&fields.events.ok_or_else(|| missing("events"))?)?,
            active: fields.active.unwrap_or(true),
            certificate_required: fields.certificate_required.unwrap_or(true),
            secrets: WebhookSecrets::default(),
        };
        set_secret(&mut settings.secrets, fields.secret)?;
        set_credentials(&mut settings.secrets, fields.credentials)?;
        Ok(settings)
    }

    /// The settings of a webhook after a change.
    pub(super) fn changed_webhook_settings(
        &self,
        mut settings: WebhookSettings,
        fields: WebhookFields,
    ) -> Result<WebhookSettings, Refusal> {
        if let Some(name) = fields.name {
            settings.name = one_line("name", &name, MAX_LONG_NAME_LENGTH)?;
        }
        if let Some(url) = fields.url {
            let url = self.webhook_url(&url)?;
            if !same_server(&settings.url, &url) {
                // Or a user who may change the address could have the password sent to a server of their own.
                settings.secrets.password = None;
                if fields.credentials.username.is_none() {
                    settings.secrets.username = None;
                }
            }
            settings.url = url;
        }
        if let Some(events) = fields.events {
            settings.events = known_events(&events)?;
        }
        settings.active = fields.active.unwrap_or(settings.active);
        settings.certificate_required = fields.certificate_required.unwrap_or(settings.certificate_required);
        set_secret(&mut settings.secrets, fields.secret)?;
        set_credentials(&mut settings.secrets, fields.credentials)?;
        Ok(settings)
    }

    /// The address of a webhook: http or https, without credentials, and not one that must not be called.
    pub(super) fn webhook_url(&self, text: &str) -> Result<String, Refusal> {
        let invalid = |message: String| Refusal::invalid("url", message);
        let text = text.trim();
        if text.chars().count() > MAX_WEBHOOK_URL_LENGTH {
            return Err(invalid(format!("The URL has more than {MAX_WEBHOOK_URL_LENGTH} characters.")));
        }
        let url = Url::parse(text)
            .map_err(|_| invalid(format!("{text:?} is not a URL, as in https://ci.example.com/hook.")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid(format!("The URL starts with {}:, not with http: or https:.", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("The URL carries credentials; give them as credentials.".to_owned()));
        }
        let checked = self.client.check_address(&url);
        checked.map_err(|refused| invalid(format!("The address {refused}.")))?;
        // As it was given: clients look for their webhook by its address.
        Ok(text.to_owned())
    }
}

fn same_server(one: &str, other: &str) -> bool {
    let origin = |text: &str| Url::parse(text).map(|url| url.origin());
    matches!((origin(one), origin(other)), (Ok(one), Ok(other)) if one == other)
}

/// An event that a webhook can ask for.
pub(super) fn known_event(field: &str, key: &str) -> Result<(), Refusal> {
    if KNOWN_EVENTS.contains(&key) {
        return Ok(());
    }
    let known = KNOWN_EVENTS.join(", ");
    Err(Refusal::invalid(field, format!("{key:?} is not an event; the events are {known}.")))
}

/// Events without repetitions.
fn known_events(keys: &[String]) -> Result<Vec<String>, Refusal> {
    let mut events: Vec<String> = Vec::new();
    for key in keys {
        known_event("events", key)?;
        if !events.contains(key) {
            events.push(key.clone());
        }
    }
    if events.is_empty() {
        return Err(Refusal::invalid("events", "A webhook asks for one event at least."));
    }
    Ok(events)
}

fn set_secret(secrets: &mut WebhookSecrets, secret: Option<Secret>) -> Result<(), Refusal> {
    if let Some(secret) = secret {
        let secret = plain_text("configuration.secret", secret.expose())?;
        secrets.secret = Some(secret).filter(|secret| !secret.is_empty());
    }
    Ok(())
}

/// Merges credentials; a user name that changes does not inherit the other's password.
pub(super) fn set_credentials(
    secrets: &mut WebhookSecrets,
    credentials: WebhookCredentials,
) -> Result<(), Refusal> {
    if let Some(username) = credentials.username {
        let username = plain_text("credentials.username", &username)?;
        if username.contains(':') {
            let message = "A user name with a colon cannot be sent with HTTP Basic.";
            return Err(Refusal::invalid("credentials.username", message));
        }
        if secrets.username.as_deref() != Some(username.as_str()) {
            secrets.password = None;
        }
        secrets.username = Some(username).filter(|username| !username.is_empty());
    }
    if let Some(password) = credentials.password {
        secrets.password = Some(plain_text("credentials.password", password.expose())?);
    }
    if secrets.username.is_none() && secrets.password.is_some() {
        let message = "A password is sent together with a user name; give one.";
        return Err(Refusal::invalid("credentials.username", message));
    }
    Ok(())
}

fn plain_text(field: &str, text: &str) -> Result<String, Refusal> {
    if text.chars().count() > MAX_SECRET_LENGTH {
        let message = format!("The field {field} has more than {MAX_SECRET_LENGTH} characters.");
        return Err(Refusal::invalid(field, message));
    }
    if text.contains(char::is_control) {
        return Err(Refusal::invalid(field, format!("The field {field} contains control characters.")));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(username: Option<&str>, password: Option<&str>) -> WebhookCredentials {
        WebhookCredentials { username: username.map(str::to_owned), password: password.map(Secret::new) }
    }

    #[test]
    fn credentials_are_merged_without_mixing_users() {
        let mut secrets = WebhookSecrets::default();
        let mut set = |username, password| {
            set_credentials(&mut secrets, credentials(username, password))
                .map_err(|error| error.to_string())?;
            Ok::<_, String>((secrets.username.clone(), secrets.password.clone()))
        };
        let pair = |username: &str, password: Option<&str>| {
            Ok((Some(username.to_owned()), password.map(str::to_owned)))
        };
        assert_eq!(set(Some("ci"), Some("one")), pair("ci", Some("one")));
        assert_eq!(set(Some("ci"), None), pair("ci", Some("one")));
        assert_eq!(set(None, Some("two")), pair("ci", Some("two")));
        assert_eq!(set(Some("other"), None), pair("other", None));
        assert_eq!(set(Some(""), None), Ok((None, None)));
        assert!(set(None, Some("lonely")).is_err());
    }

    #[test]
    fn events_are_known_and_named_once() {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let twice = keys(&["repo:refs_changed", "pr:opened", "repo:refs_changed"]);
        assert_eq!(known_events(&twice).expect("known"), ["repo:refs_changed", "pr:opened"]);
        assert!(known_events(&[]).is_err());
        let error = known_events(&keys(&["repo:refs_changed", "repo:burnt"])).expect_err("unknown");
        assert!(error.to_string().contains("\"repo:burnt\""), "{error}");
    }
}
