//! Whose work a request is: an account, once its credentials are right, else the network that it comes from.

use std::net::IpAddr;

use heliostat_auth::Caller;
use heliostat_foreign::Credentials;
use heliostat_git_serve::ClientKey;
use heliostat_peer::AddressPrefix;

/// The key of a caller, whichever token and address they use.
pub fn key_of_caller(caller: &Caller, address: Option<IpAddr>) -> ClientKey {
    match caller {
        Caller::Anonymous => key_of_address(address),
        Caller::User(user) | Caller::LimitedUser { user, .. } => key_of_account("user", user.id),
        Caller::Mirror { id } => key_of_account("mirror", id),
        Caller::Upstream { id } => key_of_account("upstream", id),
    }
}

/// The key of a user or another server whose credentials are right, wherever they call from.
pub fn key_of_account(kind: &str, id: impl std::fmt::Display) -> ClientKey {
    ClientKey::verified(&format!("{kind} {id}"))
}

/// The key of any other client, whatever name it sends: everybody in one network shares it.
pub fn key_of_address(address: Option<IpAddr>) -> ClientKey {
    match address {
        Some(address) => ClientKey::unverified(&AddressPrefix::from(address).to_string()),
        None => ClientKey::unverified("unknown"),
    }
}

/// Keys of readers whose credentials another server judges: there is no account, so that equal credentials have one key.
pub struct OriginClientKeys {
    /// New at each start, so that a key tells nothing of the credentials.
    secret: [u8; 32],
}

impl OriginClientKeys {
    /// With a secret of its own.
    pub fn new() -> Self {
        Self { secret: rand::random() }
    }

    /// The key of a reader to whom the origin has shown a repository; without credentials it is that of the network.
    pub fn of_reader(&self, credentials: &Credentials, address: Option<IpAddr>) -> ClientKey {
        match credentials.is_anonymous() {
            true => key_of_address(address),
            false => {
                let fingerprint = credentials.fingerprint(&self.secret);
                key_of_account("reader", format_args!("{fingerprint:02x?}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use heliostat_auth::UserIdentity;

    use super::*;

    fn key(caller: &Caller, address: &str) -> ClientKey {
        key_of_caller(caller, Some(address.parse().expect("an address")))
    }

    #[test]
    fn readers_are_told_apart_by_what_the_origin_has_accepted() {
        let keys = OriginClientKeys::new();
        let of = |name: Option<&str>, address: &str| {
            let credentials = name.map_or_else(Credentials::anonymous, |name| {
                Credentials::basic(name, "secret").expect("plain text")
            });
            keys.of_reader(&credentials, Some(address.parse().expect("an address")))
        };
        assert_eq!(of(Some("ann"), "192.0.2.1"), of(Some("ann"), "192.0.3.1"));
        assert_ne!(of(Some("ann"), "192.0.2.1"), of(Some("bob"), "192.0.2.1"));
        assert_eq!(of(None, "192.0.2.1"), of(None, "192.0.2.2"));
        assert_ne!(of(None, "192.0.2.1"), of(None, "192.0.3.1"));
    }

    #[test]
    fn users_are_told_apart_by_account_and_others_by_network() {
        let user = |id| {
            let text = || "ada".to_owned();
            Caller::User(UserIdentity { id, name: text(), slug: text(), display_name: text(), global: None })
        };
        assert_eq!(key(&user(7), "192.0.2.1"), key(&user(7), "192.0.3.2"));
        assert_ne!(key(&user(7), "192.0.2.1"), key(&user(8), "192.0.2.1"));
        let mirror = Caller::Mirror { id: "7".to_owned() };
        assert_ne!(key(&user(7), "192.0.2.1"), key(&mirror, "192.0.2.1"));
        assert_eq!(key(&Caller::Anonymous, "192.0.2.1"), key(&Caller::Anonymous, "::ffff:192.0.2.2"));
        assert_ne!(key(&Caller::Anonymous, "192.0.2.1"), key(&Caller::Anonymous, "192.0.3.1"));
    }
}
