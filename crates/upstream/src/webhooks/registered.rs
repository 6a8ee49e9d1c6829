//! Webhooks of repositories, for those who administer the repository.

use std::sync::Arc;

use heliostat_downstream::Announcer;
use heliostat_refusal::Refusal;
use heliostat_storage::{
    Exchange, Invocation, InvocationCounts, InvocationId, InvocationOutcome, Page, PageRequest, Repository,
    Webhook, WebhookId, WebhookSecrets, WebhookSettings, WebhookStore,
};
use serde_json::Value;
use uuid::Uuid;

use super::delivery_counts::{DeliveryCounts, WebhookCounters};
use super::webhook_client::{Message, WebhookClient};
use super::webhook_events::{PING, WebhookEvents};
use super::webhook_settings::{WebhookCredentials, WebhookFields, known_event, set_credentials};
use crate::permit::RepositoryAdministrator;

/// Webhooks that one repository may have.
const MAX_WEBHOOKS_PER_REPOSITORY: u64 = 50;
/// Calls that the log of one webhook keeps.
pub(super) const MAX_LOGGED_INVOCATIONS: u64 = 200;

/// How the calls of a webhook have gone, as far back as its log reaches.
#[derive(Debug, Clone)]
pub struct InvocationHistory {
    /// How many ended in which way.
    pub counts: InvocationCounts,
    /// The last that was taken in.
    pub last_success: Option<Invocation>,
    /// The last that was refused.
    pub last_failure: Option<Invocation>,
    /// The last that was not answered.
    pub last_error: Option<Invocation>,
    /// When this was looked at, in epoch milliseconds.
    pub now_ms: i64,
}

/// What to test: either a webhook that exists, with its secrets, or an address.
#[derive(Debug, Clone)]
pub struct WebhookTest {
    /// A webhook.
    pub webhook: Option<WebhookId>,
    /// Where to post.
    pub address: Option<String>,
    /// Whether the certificate of the address must be valid.
    pub certificate_required: bool,
    /// Who the receiver at the address is to take this server for.
    pub credentials: WebhookCredentials,
}

/// The webhooks of all repositories.
pub struct Webhooks {
    pub(super) store: WebhookStore,
    pub(super) client: WebhookClient,
    pub(super) announcer: Arc<Announcer>,
    pub(super) deliveries: DeliveryCounts,
}

impl Webhooks {
    pub(crate) fn new(store: WebhookStore, client: WebhookClient, announcer: Arc<Announcer>) -> Self {
        Self { store, client, announcer, deliveries: DeliveryCounts::default() }
    }

    /// How telling webhooks of events has gone since the start.
    pub fn delivery_counters(&self) -> WebhookCounters {
        self.deliveries.counters()
    }

    /// The webhooks of a repository, or those of them that ask for an event.
    pub async fn webhooks(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        event: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Webhook>, Refusal> {
        let repository = administrator.repository();
        if let Some(event) = event {
            known_event("event", event)?;
        }
        let mut webhooks = self.store.webhooks_of(repository.id).await?;
        webhooks.retain(|webhook| event.is_none_or(|key| webhook.settings.events.iter().any(|e| e == key)));
        Ok(Page::of(&webhooks, page))
    }

    /// Registers a webhook.
    pub async fn create_webhook(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        fields: WebhookFields,
    ) -> Result<Webhook, Refusal> {
        let repository = administrator.repository();
        let settings = self.new_webhook_settings(fields)?;
        let created = self
            .store
            .create_webhook(repository.id, settings, self.announcer.now_ms(), MAX_WEBHOOKS_PER_REPOSITORY)
            .await?;
        tracing::info!(webhook.id = created.id.0, repository.id = repository.id.0, "created a webhook");
        Ok(created)
    }

    /// One webhook.
    pub async fn webhook(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        id: &str,
    ) -> Result<Webhook, Refusal> {
        let repository = administrator.repository();
        self.webhook_of(repository, id).await
    }

    /// Changes a webhook.
    pub async fn update_webhook(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        id: &str,
        fields: WebhookFields,
    ) -> Result<Webhook, Refusal> {
        let webhook = self.webhook(administrator, id).await?;
        let settings = self.changed_webhook_settings(webhook.settings, fields)?;
        Ok(self.store.update_webhook(webhook.id, settings, self.announcer.now_ms()).await?)
    }

    /// Deletes a webhook with its log.
    pub async fn delete_webhook(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        id: &str,
    ) -> Result<(), Refusal> {
        let webhook = self.webhook(administrator, id).await?;
        self.store.delete_webhook(webhook.id).await?;
        tracing::info!(
            webhook.id = webhook.id.0,
            repository.id = webhook.repository_id.0,
            "deleted a webhook"
        );
        Ok(())
    }

    /// Sends a ping and returns what came back.
    pub async fn test_webhook(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        test: WebhookTest,
    ) -> Result<Exchange, Refusal> {
        let repository = administrator.repository();
        let settings = match (test.webhook, test.address) {
            (Some(id), None) => self.webhook_of(repository, &id.to_string()).await?.settings,
            (None, Some(url)) => {
                let mut secrets = WebhookSecrets::default();
                set_credentials(&mut secrets, test.credentials)?;
                let (name, url, events) = (String::new(), self.webhook_url(&url)?, Vec::new());
                let certificate_required = test.certificate_required;
                WebhookSettings { name, url, events, active: true, certificate_required, secrets }
            }
            // Together they would send the secrets of the one to the other.
            _ => {
                return Err(Refusal::invalid(
                    "url",
                    "Name either a webhook by webhookId or an address by url.",
                ));
            }
        };
        let context = self.announcer.context(administrator.caller());
        let body = WebhookEvents(context).ping(repository).to_string();
        let request_id = Uuid::new_v4().to_string();
        let message = Message {
            settings: &settings,
            event_key: PING,
            request_id: &request_id,
            attempt: 1,
            body: &body,
        };
        let exchange = self.client.post_test(message).await;
        Ok(exchange)
    }

    /// Sends once more what a call in the log has sent, as one more attempt, and returns what came back. It does not wait
    /// behind what is to be delivered, and changes nothing of that.
    pub async fn redeliver(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        id: &str,
        invocation: &str,
    ) -> Result<Exchange, Refusal> {
        let webhook = self.webhook(administrator, id).await?;
        let unknown = || {
            let message =
                format!("The log of the webhook {id} has no call {invocation}; it keeps the last ones only.");
            Refusal::not_found("invocation", message)
        };
        let number: InvocationId = invocation.parse().map_err(|_| unknown())?;
        let sent = self.store.find_invocation(webhook.id, number).await?.ok_or_else(unknown)?.exchange;
        // What was cut is no JSON any more.
        if serde_json::from_str::<Value>(&sent.request_body).is_err() {
            return Err(Refusal::conflict(format!(
                "The body of the call {invocation} was too long for the log, which has only its beginning; push again, or \
                 look at the repository, to tell the receiver of the change."
            )));
        }
        let message = Message {
            settings: &webhook.settings,
            event_key: &sent.event_key,
            request_id: &sent.request_id,
            attempt: sent.attempt.saturating_add(1),
            body: &sent.request_body,
        };
        let exchange = self.client.post_test(message).await;
        self.store.record_call(webhook.id, exchange.clone(), MAX_LOGGED_INVOCATIONS).await?;
        tracing::info!(webhook.id = %webhook.id, "sent an event to a webhook once more");
        Ok(exchange)
    }

    /// The calls of a webhook that told of an event and ended in a way, or all, the newest first.
    pub async fn invocations(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        id: &str,
        filter: (Option<&str>, Option<InvocationOutcome>),
        page: PageRequest,
    ) -> Result<(Webhook, Page<Invocation>), Refusal> {
        let webhook = self.webhook(administrator, id).await?;
        let (event, outcome) = filter;
        event.map_or(Ok(()), |event| known_event("event", event))?;
        let found = self.store.list_invocations(webhook.id, event, outcome, page).await;
        Ok((webhook, found?))
    }

    /// The newest of these calls.
    pub async fn latest_invocation(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        id: &str,
        filter: (Option<&str>, Option<InvocationOutcome>),
    ) -> Result<(Webhook, Option<Invocation>), Refusal> {
        let newest = PageRequest { start: 0, limit: 1 };
        let (webhook, found) = self.invocations(administrator, id, filter, newest).await?;
        Ok((webhook, found.values.into_iter().next()))
    }

    /// How the calls of a webhook that told of an event, or all, have gone.
    pub async fn invocation_history(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        webhook: &Webhook,
        event: Option<&str>,
    ) -> Result<InvocationHistory, Refusal> {
        let repository = administrator.repository();
        if webhook.repository_id != repository.id {
            return Err(no_webhook(repository, &webhook.id.to_string()));
        }
        event.map_or(Ok(()), |event| known_event("event", event))?;
        let last = async |outcome| {
            let found = self.store.latest_invocation(webhook.id, event, Some(outcome)).await;
            found.map_err(Refusal::from)
        };
        Ok(InvocationHistory {
            counts: self.store.count_invocations(webhook.id, event).await?,
            last_success: last(InvocationOutcome::Success).await?,
            last_failure: last(InvocationOutcome::Failure).await?,
            last_error: last(InvocationOutcome::Error).await?,
            now_ms: self.announcer.now_ms(),
        })
    }

    async fn webhook_of(&self, repository: &Repository, id: &str) -> Result<Webhook, Refusal> {
        let unknown = || no_webhook(repository, id);
        let number: WebhookId = id.parse().map_err(|_| unknown())?;
        let found = self.store.find_webhook(number).await?;
        found.filter(|webhook| webhook.repository_id == repository.id).ok_or_else(unknown)
    }
}

fn no_webhook(repository: &Repository, id: &str) -> Refusal {
    let place = format!("{}/{}", repository.project.key, repository.slug);
    Refusal::not_found("webhook", format!("The repository {place} has no webhook {id}."))
}
