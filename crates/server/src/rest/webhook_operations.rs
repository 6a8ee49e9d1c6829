//! The webhooks of an upstream: each operation is handed to its own file, in document order.

use heliostat_api::models::{
    InvocationOutcome, RestWebhookCredentials, RestWebhookRequest, RestWebhookUpdate,
};
use heliostat_api::{Call, webhooks as contract};

use super::upstream_operations::UpstreamOperations;
use super::webhooks::{self, InvocationsInQuery, TestInQuery, WebhooksInQuery};

impl contract::WebhooksOperations for UpstreamOperations {
    async fn find_webhooks(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        event: Option<String>,
        statistics: bool,
        start: i64,
        limit: i32,
    ) -> poem::Result<contract::FindWebhooksResponse> {
        let query = WebhooksInQuery { event, statistics };
        let repository = (project_key.as_str(), repository_slug.as_str());
        Ok(webhooks::find_webhooks(self, call, repository, query, start, limit).await?)
    }

    async fn create_webhook(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        body: RestWebhookRequest,
    ) -> poem::Result<contract::CreateWebhookResponse> {
        Ok(webhooks::create_webhook(self, call, (&project_key, &repository_slug), body).await?)
    }

    async fn test_webhook(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        webhook_id: Option<i32>,
        url: Option<String>,
        ssl_verification_required: bool,
        body: Option<RestWebhookCredentials>,
    ) -> poem::Result<contract::TestWebhookResponse> {
        let query = TestInQuery { webhook_id, url, certificate_required: ssl_verification_required };
        Ok(webhooks::test_webhook(self, call, (&project_key, &repository_slug), query, body).await?)
    }

    async fn get_webhook(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        webhook_id: String,
        statistics: bool,
    ) -> poem::Result<contract::GetWebhookResponse> {
        let repository = (project_key.as_str(), repository_slug.as_str());
        Ok(webhooks::get_webhook(self, call, repository, &webhook_id, statistics).await?)
    }

    async fn update_webhook(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        webhook_id: String,
        body: RestWebhookUpdate,
    ) -> poem::Result<contract::UpdateWebhookResponse> {
        let repository = (project_key.as_str(), repository_slug.as_str());
        Ok(webhooks::update_webhook(self, call, repository, &webhook_id, body).await?)
    }

    async fn delete_webhook(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        webhook_id: String,
    ) -> poem::Result<contract::DeleteWebhookResponse> {
        let repository = (project_key.as_str(), repository_slug.as_str());
        Ok(webhooks::delete_webhook(self, call, repository, &webhook_id).await?)
    }

    async fn get_latest_invocation(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        webhook_id: String,
        event: Option<String>,
        outcome: Option<InvocationOutcome>,
    ) -> poem::Result<contract::GetLatestInvocationResponse> {
        let query = InvocationsInQuery { event, outcome };
        let repository = (project_key.as_str(), repository_slug.as_str());
        Ok(webhooks::get_latest_invocation(self, call, repository, &webhook_id, query).await?)
    }

    async fn get_statistics(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        webhook_id: String,
        event: Option<String>,
    ) -> poem::Result<contract::GetStatisticsResponse> {
        let repository = (project_key.as_str(), repository_slug.as_str());
        Ok(webhooks::get_statistics(self, call, repository, &webhook_id, event).await?)
    }

    async fn list_invocations(
        &self,
        call: Call,
        project_key: String,
        repository_slug: String,
        webhook_id: String,
        event: Option<String>,
        outcome: Option<InvocationOutcome>,
        start: i64,
        limit: i32,
    ) -> poem::Result<contract::ListInvocationsResponse> {
        let query = InvocationsInQuery { event, outcome };
        let repository = (project_key.as_str(), repository_slug.as_str());
        Ok(webhooks::list_invocations(self, call, repository, &webhook_id, query, start, limit).await?)
    }
}
