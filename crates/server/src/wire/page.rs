//! Pages: which one a client asks for, and how one is written.

use heliostat_api::{PageBounds, WirePage};
use heliostat_storage::{Page, PageRequest};

/// How many values a page holds when the client does not say.
const DEFAULT_PAGE_LIMIT: u64 = 25;
/// How many values a page holds at most, whatever the client says.
const MAX_PAGE_LIMIT: u64 = 1_000;

/// The page that a client asks for. The contract has refused negative numbers before; a limit of 0 asks for
/// nothing in particular and is read as the default, so that following the pages always comes to an end.
pub fn page_request(start: i64, limit: i32) -> PageRequest {
    let limit = match u64::try_from(limit) {
        Ok(0) | Err(_) => DEFAULT_PAGE_LIMIT,
        Ok(limit) => limit.min(MAX_PAGE_LIMIT),
    };
    PageRequest { start: u64::try_from(start).unwrap_or(0), limit }
}

/// A page of values of the contract, as the contract writes it.
pub fn page<P: WirePage>(page: Page<P::Value>) -> P {
    let bounds = PageBounds {
        size: int32(page.values.len()),
        limit: int32(page.limit),
        start: int64(page.start),
        is_last_page: page.is_last,
        next_page_start: page.next_start.map(int64),
    };
    P::of(bounds, page.values)
}

/// The same page of other values, if all of them can be made.
pub fn try_map<T, U, E>(page: Page<T>, convert: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
    let Page { values, start, limit, is_last, next_start } = page;
    let values = values.into_iter().map(convert).collect::<Result<_, E>>()?;
    Ok(Page { values, start, limit, is_last, next_start })
}

/// Page bounds are small numbers; one that is not shows as the largest that fits.
fn int32(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

fn int64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use heliostat_api::models::{PageOfRestUpstreamServer, RestUpstreamServer};

    use super::*;

    #[test]
    fn limits_are_capped_and_zero_means_the_default() {
        assert_eq!(page_request(0, 25), PageRequest { start: 0, limit: 25 });
        assert_eq!(page_request(50, 0), PageRequest { start: 50, limit: 25 });
        assert_eq!(page_request(i64::MAX, 1_001), PageRequest { start: i64::MAX as u64, limit: 1_000 });
    }

    #[test]
    fn only_pages_that_are_followed_say_where_the_next_one_starts() {
        let value = |id: i32| RestUpstreamServer {
            id: id.to_string(),
            base_url: String::new(),
            api_base_url: String::new(),
            state: heliostat_api::models::UpstreamServerState::Installed,
            kind: heliostat_api::models::UpstreamServerType::BitbucketServer,
            reachable: None,
            last_contact_date: None,
            last_comparison_date: None,
            not_known_since: None,
            clock_skew_millis: None,
            last_sync_date: None,
            lag_millis: None,
            failing_repos: None,
            problem: None,
        };
        let first = Page { values: vec![value(1)], start: 0, limit: 1, is_last: false, next_start: Some(1) };
        let first: PageOfRestUpstreamServer = page(first);
        let json = serde_json::to_value(&first).expect("plain data");
        assert_eq!(
            (&json["size"], &json["isLastPage"], &json["nextPageStart"]),
            (&1.into(), &false.into(), &1.into())
        );

        let last = Page { values: vec![value(2)], start: 1, limit: 1, is_last: true, next_start: None };
        let last: PageOfRestUpstreamServer = page(last);
        let json = serde_json::to_value(&last).expect("plain data");
        assert!(json["isLastPage"] == true && json.get("nextPageStart").is_none(), "{json}");
    }
}
