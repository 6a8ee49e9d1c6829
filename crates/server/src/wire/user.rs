//! Users on the wire: as everybody sees them, as administrators see them, and as mirrors see whom they asked about.

use heliostat_api::models::{
    RestApplicationUser, RestApplicationUserWithPermissions, RestDetailedUser, RestPermittedUser, UserType,
};
use heliostat_storage::{User, UserKind, UserPermission};
use heliostat_upstream::AuthenticatedUser;

use super::UpstreamWire;
use super::links::self_links;
use super::permission::permission;
use crate::http::problem::Problem;

/// Where accounts are kept: here, and nowhere else.
const DIRECTORY: &str = "Heliostat";

impl UpstreamWire {
    /// A user, as everybody sees one.
    pub fn user(&self, user: &User) -> RestApplicationUser {
        RestApplicationUser {
            id: user.id.0,
            name: user.name.clone(),
            slug: user.slug.clone(),
            display_name: user.display_name.clone(),
            email_address: user.email.clone(),
            active: user.active,
            kind: match user.kind {
                UserKind::Normal => UserType::Normal,
                UserKind::Service => UserType::Service,
            },
            links: self_links(format!("{}/users/{}", self.base(), user.slug)),
        }
    }

    /// A user, as administrators see one. The time of the last sign-in is not kept.
    pub fn detailed_user(&self, user: &User) -> RestDetailedUser {
        let user = self.user(user);
        RestDetailedUser {
            id: user.id,
            name: user.name,
            slug: user.slug,
            display_name: user.display_name,
            email_address: user.email_address,
            active: user.active,
            kind: user.kind,
            links: user.links,
            deletable: true,
            directory_name: DIRECTORY.to_owned(),
            mutable_details: false,
            mutable_groups: false,
            last_authentication_timestamp: None,
        }
    }

    /// A user and what was granted.
    pub fn permitted_user(&self, permitted: &UserPermission) -> Result<RestPermittedUser, Problem> {
        Ok(RestPermittedUser {
            user: self.user(&permitted.user),
            permission: permission(&permitted.permission)?,
        })
    }

    /// A user whose credentials hold, and the highest permission at each place, by the name of the place.
    pub fn authenticated_user(&self, found: &AuthenticatedUser) -> RestApplicationUserWithPermissions {
        let user = self.user(&found.user);
        let global = Some(("global", found.global.as_str()));
        let repository = found.repository.map(|permission| ("repository", permission.as_str()));
        let permissions = global.into_iter().chain(repository);
        RestApplicationUserWithPermissions {
            id: user.id,
            name: user.name,
            slug: user.slug,
            display_name: user.display_name,
            email_address: user.email_address,
            active: user.active,
            kind: user.kind,
            effective_permissions: permissions.map(|(place, name)| (place.to_owned(), name.into())).collect(),
            links: user.links,
        }
    }
}
