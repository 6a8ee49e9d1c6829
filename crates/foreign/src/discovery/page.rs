//! One page of an organisation's repositories, in the shape that each provider publishes.

use std::time::Duration;

use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::organisation::Organisation;
use crate::RepositoryPath;
use crate::provider::{Bitbucket, Provider, bitbucket_name};

/// How many repositories are asked for at once, as many as each provider gives: GitHub, GitLab and Bitbucket Cloud, Gitea
/// and Forgejo, Bitbucket Data Center.
const PAGE_SIZES: (&str, &str, &str) = ("100", "50", "1000");

/// How long after a push GitLab may still show the time of an earlier one, and a little more.
const GITLAB_DELAY: Duration = Duration::from_mins(70);

/// A repository that a provider lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundRepository {
    pub(super) path: RepositoryPath,
    /// What is another text after each push; `None` if the provider does not say, or not in time.
    pub(super) changed: Option<String>,
}

/// A page as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) found: Vec<FoundRepository>,
    /// Where the next one is; `None` after the last.
    pub(super) next: Option<Url>,
    /// How many repositories there are on all pages, if the provider says so.
    pub(super) total: Option<u64>,
}

/// Where the first page is, and where it is if there is no such organisation: people have repositories as well.
pub(super) fn first_pages(
    organisation: &Organisation,
    api: &Url,
    by_app: bool,
    bitbucket: Bitbucket,
) -> Vec<Url> {
    let (hundred, fifty, thousand) = PAGE_SIZES;
    let name = organisation.name.as_str();
    let url = |parts: &[&str], query: &[(&str, &str)]| {
        let mut url = api.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // What stands in a part is encoded, slashes as well.
            path.pop_if_empty().extend(parts);
        }
        url.query_pairs_mut().extend_pairs(query);
        url
    };
    match organisation.provider {
        Provider::GitHub if by_app => vec![url(&["installation", "repositories"], &[("per_page", hundred)])],
        Provider::GitHub => vec![
            url(&["orgs", name, "repos"], &[("per_page", hundred), ("sort", "full_name")]),
            url(&["users", name, "repos"], &[("per_page", hundred), ("sort", "full_name")]),
        ],
        Provider::GitLab => {
            let order = [("per_page", hundred), ("order_by", "id"), ("sort", "asc"), ("simple", "true")];
            let with_subgroups = [&[("include_subgroups", "true")][..], &order[..]].concat();
            vec![
                url(&["groups", name, "projects"], &with_subgroups),
                url(&["users", name, "projects"], &order),
            ]
        }
        Provider::Gitea | Provider::Forgejo | Provider::Generic => vec![
            url(&["orgs", name, "repos"], &[("limit", fifty)]),
            url(&["users", name, "repos"], &[("limit", fifty)]),
        ],
        Provider::Bitbucket => vec![match bitbucket {
            Bitbucket::DataCenter { .. } => url(&["projects", name, "repos"], &[("limit", thousand)]),
            Bitbucket::Cloud => url(&["repositories", name], &[("pagelen", hundred)]),
        }],
    }
}

/// Reads a page that was fetched from `address` at `now_ms`.
pub(super) fn read_page(
    provider: Provider,
    address: &Url,
    headers: &HeaderMap,
    body: &[u8],
    bitbucket: Bitbucket,
    now_ms: i64,
) -> Result<Page, String> {
    let unreadable = |error: serde_json::Error| format!("its list of repositories cannot be read: {error}");
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let linked = || {
        let links = headers.get_all(LINK).iter().filter_map(|links| links.to_str().ok());
        links.flat_map(next_of).next().and_then(|next| address.join(next).ok())
    };
    // Where a proxy hides its host from a provider, the provider names another; credentials stay where they are.
    let here = |next: Url| {
        let mut url = address.clone();
        url.set_path(next.path());
        url.set_query(next.query());
        url
    };
    match (provider, bitbucket) {
        (Provider::Bitbucket, Bitbucket::DataCenter { projects_below }) => {
            let page: BitbucketPage = serde_json::from_slice(body).map_err(unreadable)?;
            let next = page.next_page_start.filter(|_| !page.is_last_page).map(|start| {
                let mut url = address.clone();
                let kept: Vec<(String, String)> =
                    address.query_pairs().filter(|(name, _)| name != "start").map(owned).collect();
                url.query_pairs_mut().clear().extend_pairs(kept).append_pair("start", &start.to_string());
                url
            });
            let found = page.values.into_iter().filter_map(|repository| {
                found(&bitbucket_name(projects_below, &repository.project.key, &repository.slug), None)
            });
            Ok(Page { found: found.collect(), next, total: None })
        }
        (Provider::Bitbucket, Bitbucket::Cloud) => {
            let page: CloudPage = serde_json::from_slice(body).map_err(unreadable)?;
            // When its `updated_on` moves is not documented, so it does not tell that nothing was pushed.
            let found = page.values.iter().filter_map(|repository| found(&repository.full_name, None));
            let next = page.next.and_then(|next| address.join(&next).ok());
            Ok(Page { found: found.collect(), next: next.map(here), total: page.size })
        }
        _ => {
            let (listed, counted) = match serde_json::from_slice(body).map_err(unreadable)? {
                Listed::Plain(listed) => (listed, None),
                Listed::Counted { repositories, total_count } => (repositories, Some(total_count)),
            };
            let found = listed.into_iter().filter_map(|repository| {
                let name = repository.full_name.or(repository.path_with_namespace)?;
                let quiet = repository.last_activity_at.filter(|time| is_long_ago(time, now_ms));
                found(&name, repository.pushed_at.or(repository.updated_at).or(quiet))
            });
            let total = counted.or_else(|| number("x-total")).or_else(|| number("x-total-count"));
            Ok(Page { found: found.collect(), next: linked().map(here), total })
        }
    }
}

/// Whether nothing can have happened since that such a time would not show yet.
fn is_long_ago(time: &str, now_ms: i64) -> bool {
    let delay_seconds = i64::try_from(GITLAB_DELAY.as_secs()).unwrap_or(i64::MAX);
    let time = OffsetDateTime::parse(time, &Rfc3339);
    time.is_ok_and(|time| time.unix_timestamp() < now_ms / 1_000 - delay_seconds)
}

/// What goes by a name that cannot be one is not there for Git either.
fn found(name: &str, changed: Option<String>) -> Option<FoundRepository> {
    RepositoryPath::parse(&format!("{name}.git")).ok().map(|path| FoundRepository { path, changed })
}

fn owned((name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)) -> (String, String) {
    (name.into_owned(), value.into_owned())
}

/// The target of `rel="next"` in a `Link` header.
fn next_of(links: &str) -> Option<&str> {
    links.split('<').skip(1).find_map(|link| {
        let (target, parameters) = link.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().trim_end_matches([',', ' ']);
            matches!(parameter, "rel=\"next\"" | "rel=next")
        });
        is_next.then_some(target)
    })
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Plain(Vec<ListedRepository>),
    /// What an app is told.
    Counted {
        repositories: Vec<ListedRepository>,
        total_count: u64,
    },
}

#[derive(Deserialize)]
struct ListedRepository {
    /// GitHub, Gitea and Forgejo.
    full_name: Option<String>,
    /// GitLab.
    path_with_namespace: Option<String>,
    /// GitLab. A push within an hour of another one does not touch it.
    last_activity_at: Option<String>,
    /// GitHub.
    pushed_at: Option<String>,
    /// Gitea and Forgejo. At GitHub a push does not touch it.
    updated_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BitbucketPage {
    values: Vec<BitbucketRepository>,
    is_last_page: bool,
    next_page_start: Option<u64>,
}

#[derive(Deserialize)]
struct BitbucketRepository {
    slug: String,
    project: BitbucketProject,
}

#[derive(Deserialize)]
struct BitbucketProject {
    key: String,
}

/// A page of Bitbucket Cloud.
#[derive(Deserialize)]
struct CloudPage {
    values: Vec<CloudRepository>,
    /// The whole address of the next page.
    next: Option<String>,
    size: Option<u64>,
}

#[derive(Deserialize)]
struct CloudRepository {
    full_name: String,
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::super::organisation::interface_at;
    use super::*;

    /// 2026-01-01T12:00:00Z.
    const NOW_MS: i64 = 1_767_268_800_000;
    const BELOW_SCM: Bitbucket = Bitbucket::DataCenter { projects_below: "scm/" };

    fn link(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(LINK, HeaderValue::from_str(value).expect("a value"))])
    }

    fn address() -> Url {
        Url::parse("https://git.example.com/api/v1/orgs/acme/repos?limit=50").expect("a URL")
    }

    #[test]
    fn the_first_page_is_where_each_provider_has_it() {
        let first_at = |origin: &str, organisation: &str, by_app| {
            let organisation: Organisation = organisation.parse().expect("an organisation");
            let origin = Url::parse(origin).expect("a URL");
            let api = interface_at(organisation.provider, &origin);
            first_pages(&organisation, &api, by_app, Bitbucket::at(&origin))[0].as_str().to_owned()
        };
        let first = |organisation: &str, by_app| first_at("https://git.example.com/", organisation, by_app);
        for (organisation, by_app, expected) in [
            ("github:acme", true, "api/v3/installation/repositories?per_page=100"),
            ("github:acme", false, "api/v3/orgs/acme/repos?per_page=100&sort=full_name"),
            (
                "gitlab:acme/tools",
                false,
                "api/v4/groups/acme%2Ftools/projects?include_subgroups=true&per_page=100&order_by=id&sort=asc&simple=true",
            ),
            ("forgejo:acme", false, "api/v1/orgs/acme/repos?limit=50"),
            ("bitbucket:PRJ", false, "rest/api/latest/projects/PRJ/repos?limit=1000"),
        ] {
            assert_eq!(first(organisation, by_app), format!("https://git.example.com/{expected}"));
        }
        let cloud = first_at("https://bitbucket.org/", "bitbucket:acme", false);
        assert_eq!(cloud, "https://api.bitbucket.org/2.0/repositories/acme?pagelen=100");
    }

    #[test]
    fn the_next_page_is_where_the_link_leads_on_the_same_server() {
        let next = |links: &str| {
            let page = read_page(Provider::Gitea, &address(), &link(links), b"[]", BELOW_SCM, NOW_MS);
            page.expect("a page").next.map(String::from)
        };
        let both = r#"<http://inside:3000/api/v1/orgs/acme/repos?limit=50&page=2>; rel="next",<https://git.example.com/last>; rel="last""#;
        let second = "https://git.example.com/api/v1/orgs/acme/repos?limit=50&page=2";
        assert_eq!(next(both).as_deref(), Some(second));
        let other_order = r#"<https://a/1>; rel="prev", </api/v1/orgs/acme/repos?limit=50&page=2>; title="a"; rel="next", <https://a/9>; rel="last""#;
        assert_eq!(next(other_order).as_deref(), Some(second));
        for last in [r#"<https://a/1>; rel="prev""#, "", "rel=next", r#"<https://a/1; rel="next""#] {
            assert_eq!(next(last), None, "{last}");
        }
    }

    #[test]
    fn the_next_page_of_bitbucket_cloud_is_at_the_same_server_whatever_it_names() {
        let address =
            Url::parse("https://api.bitbucket.org/2.0/repositories/acme?pagelen=100").expect("a URL");
        let read = |body: &str| {
            let headers = HeaderMap::new();
            read_page(Provider::Bitbucket, &address, &headers, body.as_bytes(), Bitbucket::Cloud, NOW_MS)
        };
        let body = |next: &str| {
            format!(
                r#"{{"size": 101, "page": 1, "pagelen": 100, "next": {next},
                "values": [{{"full_name": "acme/tool", "slug": "tool", "updated_on": "2026-01-01T00:00:00+00:00"}}]}}"#
            )
        };
        for next in [
            r#""https://api.bitbucket.org/2.0/repositories/acme?pagelen=100&page=2""#,
            r#""http://other.example.com:8080/2.0/repositories/acme?pagelen=100&page=2""#,
            r#""https://ann:secret@other.example.com/2.0/repositories/acme?pagelen=100&page=2""#,
        ] {
            let page = read(&body(next)).expect("a page");
            let second = "https://api.bitbucket.org/2.0/repositories/acme?pagelen=100&page=2";
            assert_eq!(page.next.as_ref().map(Url::as_str), Some(second), "{next}");
            let path = RepositoryPath::parse("/acme/tool.git").expect("a path");
            assert_eq!(page.found, [FoundRepository { path, changed: None }]);
            assert_eq!(page.total, Some(101));
        }
        assert_eq!(read(&body("null")).expect("a page").next, None);
        assert_eq!(read(r#"{"values": []}"#).expect("a page"), Page::default());
        assert!(read("[]").is_err() && read("{}").is_err());
    }

    #[test]
    fn lists_are_read_in_each_shape() {
        let read = |provider, body: &str| {
            read_page(provider, &address(), &HeaderMap::new(), body.as_bytes(), BELOW_SCM, NOW_MS)
        };
        let found = |path: &str, changed: Option<&str>| FoundRepository {
            path: RepositoryPath::parse(path).expect("a path"),
            changed: changed.map(str::to_owned),
        };
        let app = r#"{"total_count": 2, "repositories": [{"full_name": "acme/a", "pushed_at": "2026-01-01T00:00:00Z",
            "updated_at": "x"}, {"full_name": "acme/../b"}]}"#;
        let page = read(Provider::GitHub, app).expect("a page");
        assert_eq!(
            (page.found, page.total),
            (vec![found("/acme/a.git", Some("2026-01-01T00:00:00Z"))], Some(2))
        );
        for (active_at, changed) in [
            ("2026-01-01T10:49:59.000Z", Some("2026-01-01T10:49:59.000Z")),
            ("2026-01-01T12:51:00.000+02:00", None),
            ("yesterday", None),
        ] {
            let gitlab = format!(
                r#"[{{"id": 4, "path_with_namespace": "acme/deep/tool", "last_activity_at": "{active_at}"}}]"#
            );
            let page = read(Provider::GitLab, &gitlab).expect("a page");
            assert_eq!(page.found, [found("/acme/deep/tool.git", changed)], "{active_at}");
        }
        let gitea = r#"[{"full_name": "acme/a", "updated_at": "2026-01-02"}]"#;
        assert_eq!(
            read(Provider::Gitea, gitea).expect("a page").found,
            [found("/acme/a.git", Some("2026-01-02"))]
        );
        let bitbucket = r#"{"values": [{"slug": "tool", "project": {"key": "PRJ"}}], "size": 1, "limit": 50,
            "isLastPage": false, "nextPageStart": 50}"#;
        let page = read(Provider::Bitbucket, bitbucket).expect("a page");
        assert_eq!(page.found, [found("/scm/prj/tool.git", None)]);
        let next = page.next.expect("there is one");
        assert_eq!(next.query(), Some("limit=50&start=50"));
        let last = bitbucket.replace("false", "true");
        let last =
            read_page(Provider::Bitbucket, &next, &HeaderMap::new(), last.as_bytes(), BELOW_SCM, NOW_MS)
                .expect("a page");
        assert_eq!(last.next, None);
        for (provider, body) in
            [(Provider::GitHub, "{}"), (Provider::Bitbucket, "[]"), (Provider::GitLab, "<html>")]
        {
            assert!(read(provider, body).is_err());
        }
    }
}
