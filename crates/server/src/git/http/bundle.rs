//! Answers `GET .../bundles/list` and `GET .../bundles/<id>.bundle`: plain downloads that may be resumed.
//!
//! The content behind an address never changes, so a client may keep it and may ask for any part of it. When the
//! repository offers another bundle by now, the address is gone and the client fetches as usual.

use std::ops::Range;

use heliostat_git::GitVersion;
use heliostat_git_serve::{Bundle, ServedRepository};
use heliostat_refusal::Refusal;
use poem::http::{HeaderMap, Method, StatusCode, header};
use poem::{Body, Response};

use super::request::BundleId;

/// What may be asked of a bundle.
pub(super) struct Wanted {
    /// Whether the body is wanted as well.
    has_body: bool,
    range: Option<String>,
    if_range: Option<String>,
    if_none_match: Option<String>,
}

impl Wanted {
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let text = |name: header::HeaderName| Some(headers.get(name)?.to_str().ok()?.to_owned());
        Self {
            has_body: method != Method::HEAD,
            range: text(header::RANGE),
            if_range: text(header::IF_RANGE),
            if_none_match: text(header::IF_NONE_MATCH),
        }
    }
}

/// Which part of a content is sent.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Range(Range<u64>),
    OutOfRange,
}

/// The bundle with this id, or the part of it that is wanted.
pub(super) async fn answer(
    repository: &ServedRepository,
    id: BundleId,
    wanted: &Wanted,
) -> Result<Response, Refusal> {
    let gone = || Refusal::not_found("bundle", "This bundle is not offered any more; fetch without it.");
    let found = repository.bundle_to_download(id.as_str()).await;
    let bundle = found.map_err(Refusal::internal)?.ok_or_else(gone)?;
    let (total, tag) = (bundle.total_bytes(), entity_tag(&bundle));
    let response = Response::builder()
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, max-age=86400, immutable")
        .header(header::ETAG, &tag);
    if wanted.if_none_match.as_deref().is_some_and(|known| known == "*" || known.contains(&tag)) {
        return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    // A client that has the beginning of another content gets all of this one.
    let range =
        wanted.range.as_deref().filter(|_| wanted.if_range.as_deref().is_none_or(|known| known == tag));
    let (status, range) = match range.map_or(Part::Whole, |range| part_of(range, total)) {
        Part::Whole => (StatusCode::OK, 0..total),
        Part::Range(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::OutOfRange => {
            let response = response.status(StatusCode::RANGE_NOT_SATISFIABLE);
            return Ok(response.header(header::CONTENT_RANGE, format!("bytes */{total}")).finish());
        }
    };
    let mut response = response
        .status(status)
        .content_type("application/x-git-bundle")
        .header(header::CONTENT_LENGTH, range.end - range.start);
    if status == StatusCode::PARTIAL_CONTENT {
        let place = format!("bytes {}-{}/{total}", range.start, range.end - 1);
        response = response.header(header::CONTENT_RANGE, place);
    }
    if !wanted.has_body {
        return Ok(response.finish());
    }
    let reader = bundle.open(range).await.map_err(|_| gone())?;
    Ok(response.body(Body::from_bytes_stream(reader.into_stream())))
}

/// The list of bundles in the form of a file, for `git clone --bundle-uri`. It may be empty. Bundles are named beside
/// the list, which is right behind any proxy; a client that cannot follow such a name is told where `repository_url` is.
pub(super) fn list(repository: &ServedRepository, headers: &HeaderMap, repository_url: &str) -> Response {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let folder = match follows_relative_names(agent.unwrap_or_default()) {
        true => String::new(),
        false => format!("{repository_url}/bundles/"),
    };
    Response::builder()
        .content_type("text/plain; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-cache, max-age=0, must-revalidate")
        .header(header::VARY, "User-Agent")
        .body(repository.bundle_list_file(&folder))
}

/// Versions of git before this one take a name in a list for a file of their own machine.
const FOLLOWS_RELATIVE_NAMES: GitVersion = GitVersion::new(2, 40, 0);

fn follows_relative_names(agent: &str) -> bool {
    GitVersion::of_agent(agent).is_none_or(|version| version >= FOLLOWS_RELATIVE_NAMES)
}

fn entity_tag(bundle: &Bundle) -> String {
    format!("\"{}\"", bundle.id())
}

/// Reads the header `Range`. What is not understood counts as not sent, and so do several ranges at once.
fn part_of(range: &str, total: u64) -> Part {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Part::Whole;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), _) if first >= total && is_number_or_empty(last) => Part::OutOfRange,
        (Ok(first), Ok(last)) if first <= last => Part::Range(first..last.saturating_add(1).min(total)),
        (Ok(first), Err(_)) if last.trim().is_empty() => Part::Range(first..total),
        (Err(_), Ok(0)) if first.trim().is_empty() => Part::OutOfRange,
        (Err(_), Ok(count)) if first.trim().is_empty() => Part::Range(total.saturating_sub(count)..total),
        _ => Part::Whole,
    }
}

fn is_number_or_empty(text: &str) -> bool {
    text.trim().bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_git_is_told_whole_addresses() {
        for agent in ["git/2.39.5", "git/2.38.0.windows.1", "git/1.9.1", "git/2.39.5 (Apple Git-154)"] {
            assert!(!follows_relative_names(agent), "{agent}");
        }
        for agent in ["git/2.40.0", "git/2.47.3.linux", "git/3.0.0", "git/2.next", "JGit/6.1", "curl/8", ""] {
            assert!(follows_relative_names(agent), "{agent}");
        }
    }

    #[test]
    fn ranges_are_read_as_http_says() {
        let cases = [
            ("bytes=0-", Part::Range(0..100)),
            ("bytes=10-19", Part::Range(10..20)),
            ("bytes=90-200", Part::Range(90..100)),
            ("bytes=-10", Part::Range(90..100)),
            ("bytes=-1000", Part::Range(0..100)),
            ("bytes=99-99", Part::Range(99..100)),
            ("bytes=100-", Part::OutOfRange),
            ("bytes=100-200", Part::OutOfRange),
            ("bytes=-0", Part::OutOfRange),
            ("bytes=5-4", Part::Whole),
            ("bytes=0-1,5-6", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=x-5", Part::Whole),
            ("items=0-5", Part::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(part_of(range, 100), expected, "{range}");
        }
    }
}
