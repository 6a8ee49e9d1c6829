//! What the readers of several clients have in common: pages, links, and following a link as it stands.

use std::net::TcpStream;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::harness::{Answer, Client, Identity};

/// A page as clients read it: one without `start` is a page, too.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadPage<T> {
    /// What is on it.
    pub values: Vec<T>,
    /// The most that it could hold.
    pub limit: u32,
    /// Whether none follows.
    pub is_last_page: bool,
    /// Where the next one starts.
    #[serde(default)]
    pub next_page_start: Option<u64>,
}

/// A link without a name.
#[derive(Debug, Deserialize)]
pub struct ReadLink {
    /// Where it leads.
    pub href: String,
}

/// A link to clone by, `http` or `ssh`.
#[derive(Debug, Deserialize)]
pub struct ReadNamedLink {
    /// The kind of transport.
    pub name: String,
    /// Where it leads.
    pub href: String,
}

/// The links of a thing to itself.
#[derive(Debug, Deserialize)]
pub struct ReadSelfLinks {
    /// A list that must not be empty.
    #[serde(rename = "self")]
    pub itself: Vec<ReadLink>,
}

/// Reads a body with a client's eyes.
pub fn read<T: DeserializeOwned>(body: &Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(body.clone())
}

/// Reads every page of a list, as long as there are any, with the client's own limit.
pub async fn every_page<T: DeserializeOwned>(client: &Client, path: &str, limit: u32) -> Vec<T> {
    let (mut start, mut all) = (0, Vec::new());
    loop {
        let body = client.get(&format!("{path}?start={start}&limit={limit}")).await.expect(200).json();
        let page: ReadPage<T> = read(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"));
        assert_eq!(page.limit, limit, "{path}: the limit was cut down");
        all.extend(page.values);
        match page.next_page_start {
            Some(next) if !page.is_last_page => start = next,
            _ => return all,
        }
    }
}

/// Asks the address in a link as it stands, with no credentials but those in it; `None` when nothing listens there.
pub async fn follow(href: &str) -> Option<Answer> {
    let (client, path) = client_at(href);
    let url = Url::parse(href).expect("was parsed before");
    let sockets = url.socket_addrs(|| None).expect("the tests name hosts by their numbers");
    TcpStream::connect(sockets.as_slice()).ok()?;
    // A mirror made by hand for a test does not answer by the contract.
    Some(client.unjudged().get(&path).await)
}

/// A client without credentials at the origin of a link, and the path with query that the link names there.
pub fn client_at(href: &str) -> (Client, String) {
    let url = Url::parse(href).unwrap_or_else(|error| panic!("{href}: {error}"));
    let origin = Url::parse(&url.origin().ascii_serialization()).expect("an origin is a URL");
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    (Client::new(&origin, Identity::Anonymous), format!("{}{query}", url.path()))
}

/// The addresses of links in a body: every `href` at any depth.
pub fn every_href(body: &Value) -> Vec<String> {
    match body {
        Value::Array(items) => items.iter().flat_map(every_href).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value.as_str() {
                Some(text) if name == "href" => vec![text.to_owned()],
                _ => every_href(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The names of all fields that the reader of a client cannot do without, found by leaving out one after the other.
pub fn fields_it_cannot_do_without<T: DeserializeOwned>(body: &Value) -> Vec<String> {
    let fields = body.as_object().expect("is an object");
    let fails_without = |name: &&String| {
        let mut less = fields.clone();
        less.remove(*name);
        read::<T>(&Value::Object(less)).is_err()
    };
    fields.keys().filter(fails_without).cloned().collect()
}

/// A URL with the administrator's name and password in it, as a job gives them to git.
pub fn with_credentials(href: &str) -> Url {
    let mut url = Url::parse(href).expect("is a URL");
    url.set_username("admin").expect("http URLs have users");
    url.set_password(Some(crate::harness::ADMIN_PASSWORD)).expect("http URLs have passwords");
    url
}
