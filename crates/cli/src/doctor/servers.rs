//! Whether the other servers are where they are looked for: the upstream and its clock, and the role itself at the URL that
//! its clients see.

use std::cmp::Ordering;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heliostat_peer::http::{NoAnswer, cause_of, read_at_most};
use heliostat_peer::{Authorities, DOUBTFUL_SKEW_SECONDS, MAX_SKEW_SECONDS};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use serde_json::Value;
use url::Url;

use super::finding::Finding;
use crate::client::is_loopback;

/// How long a server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const MAX_STATUS_BYTES: usize = 64 * 1024;

/// What Heliostat, nginx, Go and Apache say where TLS is spoken and a client speaks plain HTTP.
const WORDS_OF_TLS: [&str; 4] = ["speaks TLS", "HTTPS port", "HTTPS server", "SSL-enabled"];

/// What `/status` of a server said.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    /// What it says of itself; `None` if that is no server of this kind.
    said: Option<Value>,
    /// Whether it says that TLS is spoken there.
    wants_tls: bool,
}

/// Whether the upstream answers and is one, how it is called and which version it is, and whether its clock agrees with ours.
/// `public` is what the mirror would be told that it calls itself, if that is another address.
pub async fn upstream(url: Option<&Url>, public: Option<&Url>) -> Vec<Finding> {
    const ITEM: &str = "upstream";
    const CLOCK: &str = "clock";
    let Some(url) = url else {
        return vec![
            Finding::skipped(ITEM, "no --upstream given"),
            Finding::skipped(CLOCK, "no --upstream to compare with"),
        ];
    };
    let asked_at = now_s();
    let answer = ask(url).await;
    let answered_at = now_s();
    match answer {
        Ok(answer) => {
            let here = asked_at + (answered_at - asked_at) / 2;
            let date = answer.text(DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
            let clock = match date {
                Some(there) => judge_skew(CLOCK, epoch_s(there) - here),
                None => Finding::skipped(CLOCK, "the upstream's answer has no date"),
            };
            let mut findings = vec![judge_upstream(ITEM, url, &answer)];
            findings.extend(judge_name("upstream's name", url, public, &answer));
            findings.extend(judge_version("version", &answer));
            findings.extend(judge_cleartext("upstream's TLS", url));
            findings.push(clock);
            findings
        }
        Err(reason) => vec![
            Finding::failed(
                ITEM,
                format!("cannot reach {url}: {reason}"),
                "check --upstream, that the upstream runs, and name service, proxy and firewall on the way",
            ),
            Finding::skipped(CLOCK, "the upstream cannot be asked"),
        ],
    }
}

/// Whether the Git server answers that a mirror would stand in front of. Whatever it answers there: it may show nothing at
/// that place, or want credentials first.
pub async fn origin(url: Option<&Url>, ca_file: Option<&Path>) -> Finding {
    const ITEM: &str = "origin";
    let Some(url) = url else { return Finding::skipped(ITEM, "no --origin given") };
    let authorities = match ca_file.map(Authorities::read).transpose() {
        Ok(authorities) => authorities.unwrap_or_default(),
        Err(error) => {
            return Finding::failed(ITEM, error.to_string(), "name another file by --origin-ca-file");
        }
    };
    match get(url.clone(), &authorities).await {
        Ok(answer) => judge_origin(ITEM, url, &answer),
        Err(reason) => Finding::failed(
            ITEM,
            format!("cannot reach {url}: {reason}"),
            "check --origin, name service, proxy and firewall on the way, and name its authority by --origin-ca-file if that \
             is a private one",
        ),
    }
}

/// Where the clients of a role look for it, as far as that was given.
pub fn place_of_role(base_url: Option<&Url>, listen: Option<SocketAddr>, speaks_tls: bool) -> Option<Url> {
    let scheme = if speaks_tls { "https" } else { "http" };
    let listening = || Url::parse(&format!("{scheme}://{}/", listen?)).ok();
    base_url.cloned().or_else(listening)
}

/// Whether anything that is one of our servers answers at an address.
pub async fn answers(url: &Url) -> bool {
    ask(url).await.is_ok_and(|answer| answer.said.is_some())
}

/// Whether the role answers where its clients look for it, and what it says of itself.
pub async fn role(place: Option<&Url>) -> Finding {
    const ITEM: &str = "role";
    let Some(url) = place else {
        return Finding::skipped(ITEM, "neither --base-url nor --listen given");
    };
    match ask(url).await {
        Ok(answer) => judge_role(ITEM, url, &answer),
        Err(reason) => Finding::doubtful(
            ITEM,
            format!("nothing answers at {url}: {reason}"),
            "start the role; if it runs, --base-url or the proxy in front of it is wrong",
        ),
    }
}

async fn ask(url: &Url) -> Result<Answer, String> {
    let mut place = url.clone();
    if let Ok(mut path) = place.path_segments_mut() {
        path.pop_if_empty().push("status");
    }
    get(place, &Authorities::default()).await
}

/// Asks at an address, and trusts these authorities as well.
async fn get(place: Url, authorities: &Authorities) -> Result<Answer, String> {
    let words = |error: reqwest::Error| match cause_of(&error.without_url()) {
        NoAnswer::AddressRefused(refused) => refused.to_string(),
        NoAnswer::Other(reason) => reason,
    };
    let http = heliostat_peer::with_authorities(reqwest::Client::builder());
    let http = authorities.trusted_by(http).timeout(ANSWER_TIMEOUT).redirect(Policy::none());
    let answer = http.build().map_err(words)?.get(place).send().await.map_err(words)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let (body, _) = read_at_most(answer, MAX_STATUS_BYTES).await.map_err(words)?;
    let said = serde_json::from_slice::<Value>(&body).ok().filter(|said| said["state"].is_string());
    let wants_tls = status == StatusCode::BAD_REQUEST && {
        let text = String::from_utf8_lossy(&body);
        WORDS_OF_TLS.into_iter().any(|words| text.contains(words))
    };
    Ok(Answer { status, headers, said, wants_tls })
}

impl Answer {
    fn text(&self, header: &str) -> Option<&str> {
        self.headers.get(header)?.to_str().ok()
    }

    fn said(&self, field: &str) -> Option<&str> {
        self.said.as_ref()?[field].as_str()
    }

    /// Which server it follows, if it is a mirror.
    fn followed(&self) -> Option<&str> {
        let said = self.said.as_ref()?;
        ["/upstream/baseUrl", "/origin/baseUrl"].into_iter().find_map(|place| said.pointer(place)?.as_str())
    }

    /// What is there if it is no server of this kind, and what to do about it.
    fn is_another_one(&self, item: &'static str, url: &Url, option: &str) -> Option<Finding> {
        if self.said.is_some() {
            return None;
        }
        let mut encrypted = url.clone();
        if self.wants_tls && url.scheme() == "http" && encrypted.set_scheme("https").is_ok() {
            return Some(Finding::failed(
                item,
                format!("what answers at {url} speaks TLS, and was asked without"),
                format!("give the address that begins with https as {option}: {encrypted}"),
            ));
        }
        Some(match self.text(LOCATION.as_str()).filter(|_| self.status.is_redirection()) {
            Some(location) => Finding::failed(
                item,
                format!("{url} leads to {location}"),
                format!(
                    "give the address to which it leads as {option}: calls between servers follow no redirects"
                ),
            ),
            None => Finding::failed(
                item,
                format!("something else answers at {url}, with {}", self.status),
                format!("check host, port and path of {option}, and where a proxy there leads"),
            ),
        })
    }
}

fn judge_upstream(item: &'static str, url: &Url, answer: &Answer) -> Finding {
    if let Some(other) = answer.is_another_one(item, url, "--upstream") {
        return other;
    }
    if let Some(followed) = answer.followed() {
        return Finding::failed(
            item,
            format!("{url} is no upstream, but a mirror of {followed}"),
            format!(
                "give the upstream's own address, --upstream {followed}; for any other Git server it is --origin {followed}"
            ),
        );
    }
    match answer.status.is_server_error() {
        false => Finding::good(item, format!("{url} answers")),
        true => {
            let reason = answer.said("reason").unwrap_or("it does not say why");
            let detail = format!("{url} answers with {}: {reason}", answer.status);
            Finding::doubtful(item, detail, "look at the upstream's log")
        }
    }
}

/// Whether the upstream calls itself as the mirror will know it; else the mirror refuses to be installed. Nothing where the
/// upstream does not say.
fn judge_name(item: &'static str, url: &Url, public: Option<&Url>, answer: &Answer) -> Option<Finding> {
    let told = Url::parse(answer.said("baseUrl")?).ok()?;
    let same = |a: &Url, b: &Url| a.as_str().trim_end_matches('/') == b.as_str().trim_end_matches('/');
    Some(match public {
        _ if same(&told, url) => Finding::good(item, format!("it calls itself {url} as well")),
        Some(public) if same(&told, public) => {
            Finding::good(item, format!("it calls itself {told}, as --upstream-public-url says"))
        }
        _ => Finding::failed(
            item,
            format!("it calls itself {told}, and --upstream is {url}: the mirror would not be installed"),
            format!(
                "give --upstream {told}, or start the upstream with --base-url {url}; if {url} is an address for servers only, add \
                 --upstream-public-url {told}"
            ),
        ),
    })
}

/// Whether the upstream is of the same version as this program, or newer: it is the one to be upgraded first.
fn judge_version(item: &'static str, answer: &Answer) -> Option<Finding> {
    let (there, here) = (answer.said("version")?, env!("CARGO_PKG_VERSION"));
    let numbers = |version: &str| -> Vec<u64> {
        version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
    };
    Some(match numbers(there).cmp(&numbers(here)) {
        Ordering::Less => Finding::doubtful(
            item,
            format!("the upstream is version {there}, and this program {here}"),
            "upgrade the upstream first, then its mirrors",
        ),
        Ordering::Equal | Ordering::Greater => {
            Finding::good(item, format!("the upstream is version {there}, this program {here}"))
        }
    })
}

/// That users' passwords travel in the clear, where that is so.
fn judge_cleartext(item: &'static str, url: &Url) -> Option<Finding> {
    (url.scheme() == "http" && !is_loopback(url)).then(|| {
        Finding::doubtful(
            item,
            format!("{url} is not encrypted, and the mirror sends users' passwords there"),
            "give the upstream a certificate (--tls-certificate), or let the two meet in a network that encrypts",
        )
    })
}

fn judge_origin(item: &'static str, url: &Url, answer: &Answer) -> Finding {
    let location = answer.text(LOCATION.as_str()).filter(|_| answer.status.is_redirection());
    let elsewhere = location.and_then(|to| url.join(to).ok()).filter(|to| to.origin() != url.origin());
    match elsewhere {
        Some(to) => Finding::doubtful(
            item,
            format!("{url} leads to {}", to.origin().ascii_serialization()),
            "give the address to which it leads as --origin if Git is served there: no credentials go to another server",
        ),
        None if answer.status.is_server_error() => {
            let detail = format!("{url} answers with {}", answer.status);
            Finding::doubtful(item, detail, "look whether the Git server is well")
        }
        None => Finding::good(item, format!("{url} answers")),
    }
}

fn judge_role(item: &'static str, url: &Url, answer: &Answer) -> Finding {
    if let Some(other) = answer.is_another_one(item, url, "--base-url") {
        return other;
    }
    let state = answer.said("state").unwrap_or_default();
    let Some(reason) = answer.said("reason") else {
        return Finding::good(item, format!("{url} answers: {state}"));
    };
    let (detail, remedy) = (format!("{url} answers: {state}"), reason.to_owned());
    match answer.status.is_success() {
        true => Finding::doubtful(item, detail, remedy),
        false => Finding::failed(item, detail, remedy),
    }
}

fn judge_skew(item: &'static str, skew_s: i64) -> Finding {
    const REMEDY: &str = "keep the clocks of both machines in step, by NTP or chrony";
    let direction = if skew_s < 0 { "ahead of" } else { "behind" };
    let detail = match skew_s.abs() {
        // The header counts whole seconds, so one second is no difference.
        0..=1 => "agrees with the upstream's".to_owned(),
        seconds => format!("this machine is {seconds} s {direction} the upstream"),
    };
    match skew_s.abs() {
        0..=DOUBTFUL_SKEW_SECONDS => Finding::good(item, detail),
        seconds if seconds <= MAX_SKEW_SECONDS => Finding::doubtful(item, detail, REMEDY),
        _ => Finding::failed(item, detail, REMEDY),
    }
}

fn now_s() -> i64 {
    epoch_s(SystemTime::now())
}

fn epoch_s(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use serde_json::json;

    use super::super::finding::Outcome;
    use super::*;

    fn answer(status: u16, said: Option<Value>) -> Answer {
        let status = StatusCode::from_u16(status).expect("a status");
        Answer { status, headers: HeaderMap::new(), said, wants_tls: false }
    }

    fn url() -> Url {
        Url::parse("https://git.example.com/").expect("a URL")
    }

    #[test]
    fn skew_is_judged_by_what_signed_calls_allow() {
        for (skew, outcome) in [
            (0, Outcome::Good),
            (-5, Outcome::Good),
            (6, Outcome::Doubtful),
            (-30, Outcome::Doubtful),
            (31, Outcome::Failed),
        ] {
            assert_eq!(judge_skew("clock", skew).outcome, outcome, "{skew}");
        }
        assert_eq!(judge_skew("clock", -40).detail, "this machine is 40 s ahead of the upstream");
    }

    #[test]
    fn another_server_in_the_place_of_the_upstream_is_told() {
        let well = answer(200, Some(json!({"state": "RUNNING"})));
        assert_eq!(judge_upstream("upstream", &url(), &well).outcome, Outcome::Good);
        let away = answer(503, Some(json!({"state": "ERROR", "reason": "the database is away"})));
        let finding = judge_upstream("upstream", &url(), &away);
        assert!(finding.outcome == Outcome::Doubtful && finding.detail.ends_with("is away"), "{finding:?}");
        let other = judge_upstream("upstream", &url(), &answer(404, None));
        assert!(other.outcome == Outcome::Failed && other.detail.starts_with("something else"), "{other:?}");
        let mut moved = answer(301, None);
        moved.headers.insert(LOCATION, HeaderValue::from_static("https://code.example.com/status"));
        let moved = judge_upstream("upstream", &url(), &moved);
        assert!(moved.detail.ends_with("leads to https://code.example.com/status"), "{moved:?}");
        let encrypted = Answer { wants_tls: true, ..answer(400, None) };
        let plain = Url::parse("http://git.example.com:7990/").expect("a URL");
        let finding = judge_upstream("upstream", &plain, &encrypted);
        assert!(finding.detail.contains("speaks TLS"), "{finding}");
        let remedy = finding.remedy.unwrap_or_default();
        assert!(remedy.ends_with("--upstream: https://git.example.com:7990/"), "{remedy}");
    }

    #[test]
    fn an_upstream_must_be_one_and_be_called_as_the_mirror_knows_it() {
        let mirror = answer(
            200,
            Some(json!({"state": "SYNCHRONIZED", "upstream": {"baseUrl": "https://up.example.com"}})),
        );
        let finding = judge_upstream("upstream", &url(), &mirror);
        assert!(
            finding.outcome == Outcome::Failed && finding.detail.contains("a mirror of https://up"),
            "{finding}"
        );

        let told = answer(
            200,
            Some(json!({"state": "RUNNING", "baseUrl": "https://git.example.com", "version": "0.0.1"})),
        );
        let inner = Url::parse("http://10.0.0.7:7990/").expect("a URL");
        let judged = |followed: &Url, public: Option<&Url>| {
            judge_name("name", followed, public, &told).expect("it says")
        };
        assert_eq!(judged(&url(), None).outcome, Outcome::Good);
        assert_eq!(judged(&inner, Some(&url())).outcome, Outcome::Good);
        let differs = judged(&inner, None);
        assert_eq!(differs.outcome, Outcome::Failed);
        for word in
            ["http://10.0.0.7:7990/", "https://git.example.com/", "--base-url", "--upstream-public-url"]
        {
            assert!(differs.to_string().contains(word), "{differs}");
        }
        assert_eq!(judge_version("version", &told).map(|finding| finding.outcome), Some(Outcome::Doubtful));
        assert_eq!(judge_cleartext("TLS", &url()), None);
        assert!(judge_cleartext("TLS", &inner).is_some());
    }

    #[test]
    fn an_origin_may_answer_as_it_likes_unless_it_is_elsewhere() {
        for status in [200, 302, 401, 404] {
            assert_eq!(judge_origin("origin", &url(), &answer(status, None)).outcome, Outcome::Good);
        }
        let mut moved = answer(302, None);
        moved.headers.insert(LOCATION, HeaderValue::from_static("/users/sign_in"));
        assert_eq!(judge_origin("origin", &url(), &moved).outcome, Outcome::Good);
        moved.headers.insert(LOCATION, HeaderValue::from_static("https://login.example.com/x?token=y"));
        let moved = judge_origin("origin", &url(), &moved);
        assert!(moved.detail.ends_with("leads to https://login.example.com"), "{moved:?}");
        assert_eq!(judge_origin("origin", &url(), &answer(502, None)).outcome, Outcome::Doubtful);
    }

    #[test]
    fn a_role_that_runs_says_itself_what_is_wrong() {
        let judged = |status, said| judge_role("role", &url(), &answer(status, Some(said)));
        assert_eq!(judged(200, json!({"state": "SYNCHRONIZED"})).outcome, Outcome::Good);
        let yellow = judged(200, json!({"state": "UNVERIFIED", "reason": "check the address"}));
        assert_eq!(yellow.outcome, Outcome::Doubtful);
        let red = judged(503, json!({"state": "UNKNOWN", "reason": "remove this mirror"}));
        assert_eq!((red.outcome, red.remedy.as_deref()), (Outcome::Failed, Some("remove this mirror")));
    }
}
