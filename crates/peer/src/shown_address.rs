//! An address as messages and logs show it.

use url::Url;

/// The address without what may be secret, and may be long: user info, query and fragment.
pub fn shown_address(url: &Url) -> String {
    let mut url = url.clone();
    // An address that can have no user info has none.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_may_be_secret() {
        for (address, shown) in [
            ("http://a/b?jwt=secret", "http://a/b"),
            ("https://ann:secret@host:8443/b?token=secret#secret", "https://host:8443/b"),
            ("mailto:ann@host?subject=secret", "mailto:ann@host"),
        ] {
            assert_eq!(shown_address(&Url::parse(address).expect("a valid URL")), shown);
        }
    }
}
