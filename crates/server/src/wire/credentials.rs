//! What a user has presented to a mirror, as the domain calls it.

use heliostat_api::models::RestCredentials;
use heliostat_auth::Secret;
use heliostat_upstream::UserCredentials;

/// The credentials that a mirror passes on.
pub fn user_credentials(credentials: RestCredentials) -> UserCredentials {
    match credentials {
        RestCredentials::RestUsernamePasswordCredentials(credentials) => UserCredentials::Password {
            username: credentials.username,
            password: Secret::new(credentials.password),
        },
        RestCredentials::RestBearerTokenCredentials(credentials) => {
            UserCredentials::Token(Secret::new(credentials.token))
        }
        RestCredentials::RestSshCredentials(credentials) => {
            UserCredentials::SshKey { public_key: credentials.public_key }
        }
    }
}
