//! What a mirror's answers are made with: its address, its name, and its id.

use url::Url;

/// Makes the wire types of a mirror; one block of methods for each kind of thing, in the files beside this one.
#[derive(Debug, Clone)]
pub struct MirrorWire {
    pub(super) base: String,
    pub(super) name: String,
    pub(super) server_id: String,
}

impl MirrorWire {
    /// For the mirror `name` that clients reach at `base_url`.
    pub fn new(base_url: &str, name: &str, server_id: &str) -> Self {
        MirrorWire {
            base: base_url.trim_end_matches('/').to_owned(),
            name: name.to_owned(),
            server_id: server_id.to_owned(),
        }
    }

    /// The context path of the base URL: empty, or with a slash at its start and none at its end.
    pub fn context_path(&self) -> &str {
        let below_scheme = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        below_scheme.find('/').map_or("", |slash| &below_scheme[slash..])
    }

    /// A text without the base URL at its beginning: of a URL of this mirror its path.
    pub fn below_base<'a>(&self, text: &'a str) -> &'a str {
        text.strip_prefix(&self.base).unwrap_or(text)
    }

    /// The host and port of the base URL.
    pub(super) fn authority(&self) -> (String, u16) {
        let url = Url::parse(&self.base).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned();
        (host, url.and_then(|url| url.port_or_known_default()).unwrap_or_default())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::wire) fn wire() -> MirrorWire {
        MirrorWire::new("https://saigon.example.com/git/", "Saigon", "B0F5-CS21-45C2-CCK3")
    }

    #[test]
    fn the_parts_of_the_base_url_are_found() {
        assert_eq!(wire().context_path(), "/git");
        assert_eq!(wire().below_base("https://saigon.example.com/git/scm/a/b.git"), "/scm/a/b.git");
        assert_eq!(wire().below_base("/scm/a/b.git"), "/scm/a/b.git");
        assert_eq!(wire().authority(), ("saigon.example.com".to_owned(), 443));
        let at_root = MirrorWire::new("http://127.0.0.1:7991", "Saigon", "id");
        assert_eq!(at_root.context_path(), "");
        assert_eq!(at_root.authority(), ("127.0.0.1".to_owned(), 7991));
    }
}
