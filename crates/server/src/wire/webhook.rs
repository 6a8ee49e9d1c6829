//! Webhooks and their calls on the wire: never with a secret or a password.

use heliostat_api::models::{
    InvocationOutcome as WireOutcome, RestDetailedInvocation, RestInvocation, RestInvocationCounts,
    RestInvocationHistory, RestInvocationRequest, RestInvocationResult, RestInvocationScope,
    RestInvocationWindow, RestWebhook, RestWebhookConfiguration, RestWebhookCredentials, RestWebhookRequest,
    RestWebhookUpdate,
};
use heliostat_auth::Secret;
use heliostat_storage::{Exchange, Invocation, InvocationId, InvocationOutcome, RepositoryId, Webhook};
use heliostat_upstream::{InvocationHistory, WebhookCredentials, WebhookFields};

use super::UpstreamWire;

/// What webhooks and their events belong to.
const SCOPE: &str = "repository";

impl UpstreamWire {
    /// A webhook, with its statistics if they were asked for.
    pub fn webhook(&self, webhook: Webhook, history: Option<InvocationHistory>) -> RestWebhook {
        let settings = webhook.settings;
        RestWebhook {
            id: webhook.id.0,
            name: settings.name,
            created_date: webhook.created_at,
            updated_date: webhook.updated_at,
            events: settings.events,
            configuration: RestWebhookConfiguration {
                secret: None,
                secret_set: Some(settings.secrets.secret.is_some()),
            },
            url: settings.url,
            active: settings.active,
            scope_type: SCOPE.to_owned(),
            ssl_verification_required: settings.certificate_required,
            credentials: settings
                .secrets
                .username
                .map(|username| RestWebhookCredentials { username: Some(username), password: None }),
            statistics: history.map(|history| self.invocation_history(history)),
        }
    }

    /// A call from the log of a webhook.
    pub fn invocation(&self, repository_id: RepositoryId, invocation: Invocation) -> RestDetailedInvocation {
        self.exchange(repository_id, Some(invocation.id), invocation.exchange)
    }

    /// A call, whether it is in a log or not.
    pub fn exchange(
        &self,
        repository_id: RepositoryId,
        id: Option<InvocationId>,
        exchange: Exchange,
    ) -> RestDetailedInvocation {
        RestDetailedInvocation {
            id: id.map(|id| id.0),
            event: exchange.event_key,
            event_scope: RestInvocationScope { id: repository_id.to_string(), kind: SCOPE.to_owned() },
            request_id: exchange.request_id,
            attempt: exchange.attempt,
            start: exchange.started_at,
            finish: exchange.finished_at,
            duration: exchange.finished_at - exchange.started_at,
            request: RestInvocationRequest {
                method: "POST".to_owned(),
                url: exchange.url,
                headers: exchange.request_headers.into_iter().collect(),
                body: exchange.request_body,
            },
            result: RestInvocationResult {
                outcome: outcome(exchange.outcome),
                status_code: exchange.status_code,
                description: exchange.description,
                headers: exchange.response_headers.map(|headers| headers.into_iter().collect()),
                body: exchange.response_body,
            },
        }
    }

    /// How the calls of a webhook have gone.
    pub fn invocation_history(&self, history: InvocationHistory) -> RestInvocationHistory {
        let counts = history.counts;
        let start = counts.since.unwrap_or(history.now_ms);
        RestInvocationHistory {
            counts: RestInvocationCounts {
                errors: counts.errors,
                failures: counts.failures,
                successes: counts.successes,
                window: RestInvocationWindow { start, duration: (history.now_ms - start).max(0) },
            },
            last_error: history.last_error.map(summary),
            last_failure: history.last_failure.map(summary),
            last_success: history.last_success.map(summary),
        }
    }
}

/// A webhook to create, as the domain takes it in.
pub fn creation(body: RestWebhookRequest) -> WebhookFields {
    WebhookFields {
        name: Some(body.name),
        url: Some(body.url),
        events: Some(body.events),
        active: body.active,
        certificate_required: body.ssl_verification_required,
        secret: secret(body.configuration),
        credentials: credentials(body.credentials),
    }
}

/// What to change of a webhook, as the domain takes it in.
pub fn change(body: RestWebhookUpdate) -> WebhookFields {
    WebhookFields {
        name: body.name,
        url: body.url,
        events: body.events,
        active: body.active,
        certificate_required: body.ssl_verification_required,
        secret: secret(body.configuration),
        credentials: credentials(body.credentials),
    }
}

/// What the receiver asks for, as the domain takes it in.
pub fn credentials(credentials: Option<RestWebhookCredentials>) -> WebhookCredentials {
    credentials.map_or_else(WebhookCredentials::default, |credentials| WebhookCredentials {
        username: credentials.username,
        password: credentials.password.map(Secret::new),
    })
}

/// How a call ended, as the store calls it.
pub fn stored_outcome(outcome: WireOutcome) -> InvocationOutcome {
    match outcome {
        WireOutcome::Success => InvocationOutcome::Success,
        WireOutcome::Failure => InvocationOutcome::Failure,
        WireOutcome::Error => InvocationOutcome::Error,
    }
}

fn outcome(outcome: InvocationOutcome) -> WireOutcome {
    match outcome {
        InvocationOutcome::Success => WireOutcome::Success,
        InvocationOutcome::Failure => WireOutcome::Failure,
        InvocationOutcome::Error => WireOutcome::Error,
    }
}

fn secret(configuration: Option<RestWebhookConfiguration>) -> Option<Secret> {
    configuration?.secret.map(Secret::new)
}

fn summary(invocation: Invocation) -> RestInvocation {
    let exchange = invocation.exchange;
    RestInvocation {
        id: invocation.id.0,
        event: exchange.event_key,
        request_id: exchange.request_id,
        attempt: exchange.attempt,
        start: exchange.started_at,
        finish: exchange.finished_at,
        duration: exchange.finished_at - exchange.started_at,
        outcome: outcome(exchange.outcome),
        status_code: exchange.status_code,
        description: exchange.description,
    }
}
