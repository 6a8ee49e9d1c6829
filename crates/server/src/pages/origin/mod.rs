//! The page of a mirror of another Git server: which one, how things are, and how to let git read from here.

use std::sync::Arc;

use askama::Template;
use heliostat_origin::Origin;
use poem::endpoint::make_sync;
use poem::{Response, Route, get};
use url::Url;

use super::mirror_answer::GREEN;
use super::origin_answer::OriginAnswer;
use super::page::{Frame, Site, redirect_to_folder, respond};
use super::state_words::state_word;

/// The first page. The state of this moment is in the page itself; its script takes over from there.
#[derive(Template)]
#[template(path = "origin/home.html")]
struct Home<'a> {
    frame: Frame<'a>,
    script: &'static str,
    origin_url: &'a str,
    state: &'a str,
    mood: &'static str,
    repositories: String,
    reason: Option<&'a str>,
}

/// The first page; the name is the host of the origin unless there is one.
pub fn origin_home(
    name: Option<&str>,
    origin: &Arc<Origin>,
    base_url: &Url,
    cleartext_notice: Option<&'static str>,
) -> Route {
    let name = name.or_else(|| origin.base_url().host_str()).unwrap_or_default();
    let site = Site::new(name, base_url, cleartext_notice);
    let origin = Arc::clone(origin);
    let page = make_sync(move |request| {
        let told = || OriginAnswer::of(origin.status(), origin.engine().room(), None);
        redirect_to_folder(&request).unwrap_or_else(|| home(&site, &told()))
    });
    Route::new().at("/", get(page))
}

fn home(site: &Site, told: &OriginAnswer) -> Response {
    let frame = Frame::new(site);
    let nonce = frame.nonce.clone();
    let page = Home {
        frame,
        script: include_str!("home.js"),
        origin_url: told.origin.base_url.trim_end_matches('/'),
        state: state_word(told.state),
        mood: if told.health == GREEN { "good" } else { "wait" },
        repositories: told.repositories.to_string(),
        reason: told.reason.as_deref(),
    };
    respond(&nonce, &page)
}

#[cfg(test)]
mod tests {
    use super::super::origin_answer::tests::status;
    use super::*;
    use crate::pages::page::tests::site;

    #[tokio::test]
    async fn the_page_is_complete_and_its_texts_are_escaped() {
        let told = OriginAnswer::of(status(), None, Some("<script>alert(1)</script>".to_owned()));
        let page = home(&site(), &told).into_body().into_string().await.expect("the page is text");
        assert!(page.contains("alert(1)") && !page.contains("<script>alert(1)"), "{page}");
        assert!(!page.contains("<h1><b></h1>") && page.contains("Running"), "{page}");
        assert!(
            page.contains(
                "git-setup --origin https://git.example.com --mirror-url https://git.example.com/x"
            ),
            "{page}"
        );
    }
}
