//! Branches on the wire.

use heliostat_api::models::{RefType, RestBranch, RestMinimalRef};
use heliostat_git::RefName;
use heliostat_upstream::Branch;

use super::UpstreamWire;

impl UpstreamWire {
    /// A branch and the commit at its tip, which older clients read under another name.
    pub fn branch(&self, branch: &Branch) -> RestBranch {
        RestBranch {
            id: branch.name.to_string(),
            display_id: branch.name.short().to_owned(),
            kind: RefType::Branch,
            latest_commit: branch.tip.to_string(),
            latest_changeset: branch.tip.to_string(),
            default: branch.is_default,
            is_default: branch.is_default,
        }
    }

    /// A branch by name alone.
    pub fn minimal_ref(&self, branch: &RefName) -> RestMinimalRef {
        RestMinimalRef {
            id: branch.to_string(),
            display_id: branch.short().to_owned(),
            kind: RefType::Branch,
        }
    }
}
