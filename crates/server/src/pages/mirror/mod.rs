//! The console of a mirror: whom it follows, how far it is, what it has, and how to clone from it.

use std::sync::Arc;

use askama::Template;
use heliostat_mirror::Mirror;
use poem::endpoint::make_sync;
use poem::{Response, Route, get};
use url::Url;

use super::mirror_answer::{GREEN, LAGGING, MirrorAnswer};
use super::page::{Frame, Site, redirect_to_folder, respond};
use super::state_words::state_word;

/// The first page. The state of this moment is in the page itself; its script takes over from there.
#[derive(Template)]
#[template(path = "mirror/home.html")]
struct Home<'a> {
    frame: Frame<'a>,
    script: &'static str,
    upstream_url: &'a str,
    state: &'a str,
    mood: &'static str,
    upstream_state: &'a str,
    available: usize,
    in_error: usize,
    members: &'a str,
    reason: Option<&'a str>,
    /// Whether anything can be cloned from here, now or soon.
    takes_readers: bool,
}

/// All that is mirrored, for administrators.
#[derive(Template)]
#[template(path = "mirror/repositories.html")]
struct Repositories<'a> {
    frame: Frame<'a>,
    script: &'static str,
    upstream_url: &'a str,
}

/// One repository.
#[derive(Template)]
#[template(path = "mirror/repository.html")]
struct Repository<'a> {
    frame: Frame<'a>,
    script: &'static str,
    upstream_url: &'a str,
}

/// The pages of a mirror.
pub fn mirror_home(mirror: Arc<Mirror>, cleartext_notice: Option<&'static str>) -> Route {
    let options = &mirror.options;
    let base_url = Url::parse(&options.base_url).expect("the server listens at this URL");
    let site = Arc::new(Site::new(&options.name, &base_url, cleartext_notice));
    let of = |page: fn(&Site, &str) -> Response| {
        let (site, mirror) = (Arc::clone(&site), Arc::clone(&mirror));
        get(make_sync(move |_| page(&site, &MirrorAnswer::of(mirror.status.now()).upstream.base_url)))
    };
    let routes = Route::new()
        .at("/repositories", of(repositories))
        .at("/repositories/:repository", of(repository))
        // The upstream's addresses of the same.
        .at("/projects", of(repositories))
        .at("/projects/:project", of(repositories))
        .at("/projects/:project/repos/:repository", of(repository))
        .at("/projects/:project/repos/:repository/browse", of(repository));
    let home = make_sync(move |request| {
        let page = || home(&site, &MirrorAnswer::of(mirror.status.now()));
        redirect_to_folder(&request).unwrap_or_else(page)
    });
    routes.at("/", get(home))
}

fn home(site: &Site, status: &MirrorAnswer) -> Response {
    let frame = Frame::new(site);
    let nonce = frame.nonce.clone();
    let page = Home {
        frame,
        script: include_str!("home.js"),
        upstream_url: status.upstream.base_url.trim_end_matches('/'),
        state: state_word(status.state),
        mood: mood(status),
        upstream_state: state_word(&status.upstream.state),
        available: status.available_repos,
        in_error: status.repositories_in_error,
        members: &status.member_count,
        reason: status.reason.as_deref(),
        takes_readers: !matches!(status.state, "PENDING" | "INITIALIZING" | "REMOVED"),
    };
    respond(&nonce, &page)
}

fn repositories(site: &Site, upstream_url: &str) -> Response {
    let frame = Frame::new(site);
    let nonce = frame.nonce.clone();
    let (script, upstream_url) = (include_str!("repositories.js"), upstream_url.trim_end_matches('/'));
    respond(&nonce, &Repositories { frame, script, upstream_url })
}

fn repository(site: &Site, upstream_url: &str) -> Response {
    let frame = Frame::new(site);
    let nonce = frame.nonce.clone();
    let (script, upstream_url) = (include_str!("repository.js"), upstream_url.trim_end_matches('/'));
    respond(&nonce, &Repository { frame, script, upstream_url })
}

/// How the state is coloured. What has only begun is no reason to worry.
fn mood(status: &MirrorAnswer) -> &'static str {
    match (status.health, status.state) {
        (GREEN, _) => "good",
        (_, LAGGING) => "bad",
        _ => "wait",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::mirror_answer::tests::status;
    use crate::pages::page::tests::site;

    #[tokio::test]
    async fn the_page_is_complete_and_its_texts_are_escaped() {
        let mut status = status();
        status.reason = Some("<script>alert(1)</script>".to_owned());
        let page = home(&site(), &MirrorAnswer::of(status));
        let page = page.into_body().into_string().await.expect("the page is text");
        assert!(page.contains("alert(1)") && !page.contains("<script>alert(1)"), "{page}");
        assert!(page.contains(">Synchronized</span>"), "{page}");
    }

    #[tokio::test]
    async fn a_mirror_that_was_not_accepted_does_not_offer_clones() {
        let mut answer = MirrorAnswer::of(status());
        answer.state = "PENDING";
        let page = home(&site(), &answer).into_body().into_string().await.expect("the page is text");
        assert!(page.contains("id=\"clone-here\" hidden") && page.contains("id=\"join-here\">"), "{page}");
    }

    #[tokio::test]
    async fn the_pages_of_repositories_name_the_upstream() {
        for page in [repositories, repository] {
            let page = page(&site(), "https://up.example.com/").into_body().into_string().await;
            let page = page.expect("the page is text");
            assert!(page.contains("href=\"https://up.example.com/\"") && page.contains("data-root=\"/x/\""));
        }
    }
}
