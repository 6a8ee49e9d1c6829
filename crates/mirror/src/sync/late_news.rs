//! News of a repository that the upstream has said to have no longer.
//!
//! Events are repeated and overtake each other, and a list is read for as long as it is long. So what tells of a repository may
//! be older than the word that it was deleted. Whoever believed it would take the repository out of the trash, find that the
//! upstream does not have it, and hold it for an administrator as lost.

use std::borrow::Cow;

use heliostat_peer::CallError;

use crate::inventory::Inventory;
use crate::upstream_link::{UpstreamClient, UpstreamLink, UpstreamRepository};

/// What is to be mirrored of a repository that is not mirrored yet: what the news tells, or where that may be late, what the
/// upstream answers now. `None` if it does not have it.
pub(super) async fn as_it_is_now<'a>(
    client: &UpstreamClient,
    link: &UpstreamLink,
    inventory: &Inventory,
    news: &'a UpstreamRepository,
) -> Result<Option<Cow<'a, UpstreamRepository>>, CallError> {
    if !inventory.is_gone(news) {
        return Ok(Some(Cow::Borrowed(news)));
    }
    let Some(secret) = link.secret_in_force() else { return Ok(None) };
    let answer = client.repository_now(&news.external_id, &secret).await?;
    if answer.is_none() {
        tracing::debug!(
            repository.project = news.project.key,
            repository.slug = news.slug,
            "late news of a repository that the upstream has deleted"
        );
    }
    Ok(answer.map(Cow::Owned))
}
