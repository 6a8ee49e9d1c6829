//! Lists for a reader of whom only a part of what they are shown is known: the origin is asked for what their client asks for.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_foreign::{Credentials, RepositoryPath};
use heliostat_git::{ClientKey, GitError, RefSnapshot};
use heliostat_git_serve::Lists;
use heliostat_git_wire::LsRefs;

use super::in_step::InStep;
use super::opening::Opening;
use crate::reader_access::{Heard, HeardRefs, ReaderAccess};
use crate::repositories::Entry;

const OPERATION: &str = "list references";

/// Asks for one reader of one repository.
pub(super) struct PartLists {
    reader_access: Arc<ReaderAccess>,
    in_step: Arc<InStep>,
    entry: Arc<Entry>,
    path: RepositoryPath,
    credentials: Credentials,
    client: ClientKey,
}

impl PartLists {
    pub(super) fn of(
        opening: &Opening,
        path: &RepositoryPath,
        credentials: &Credentials,
        client: ClientKey,
        entry: &Arc<Entry>,
    ) -> Self {
        Self {
            reader_access: Arc::clone(&opening.reader_access),
            in_step: Arc::clone(&opening.in_step),
            entry: Arc::clone(entry),
            path: path.clone(),
            credentials: credentials.clone(),
            client,
        }
    }

    async fn list_now(&self, list: &LsRefs) -> Result<RefSnapshot, GitError> {
        let Self { reader_access, in_step, entry, path, credentials, client } = self;
        let refused = |message: String| GitError::Refused { operation: OPERATION, message };
        let heard = reader_access.hear_part(path, credentials, list, *client).await;
        let Heard { refs, outage, part, .. } = heard.map_err(|refusal| refused(refusal.to_string()))?;
        // The client was told a moment ago that the origin answers, and would not learn that this is older.
        if let Some(outage) = outage {
            return Err(refused(format!("{outage}; try again")));
        }
        let HeardRefs::Told(shown) = refs else {
            return Err(refused("the origin was not asked; try again".to_owned()));
        };
        if part.is_none() {
            in_step.request(entry, &shown, path, credentials);
        }
        Ok(shown.listing.refs().clone())
    }
}

impl Lists for PartLists {
    fn refs_for<'a>(&'a self, list: &'a LsRefs) -> BoxFuture<'a, Result<RefSnapshot, GitError>> {
        self.list_now(list).boxed()
    }
}

impl fmt::Debug for PartLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartLists").field("path", &self.path).finish_non_exhaustive()
    }
}
