//! The first page of a mirror: whom it follows, how far it is, and how to clone from it.

use std::sync::Arc;

use heliostat_mirror::Mirror;
use poem::endpoint::make_sync;
use poem::{Response, Route, get};

use super::mirror_answer::{GREEN, LAGGING, MirrorAnswer};
use super::page::{Template, redirect_to_folder};

const TEMPLATE: Template =
    Template { html: include_str!("home_mirror.html"), script: include_str!("home_mirror.js") };

/// What the page says about its server, besides its state.
struct Home {
    name: String,
    base_url: String,
    /// That clients reach it without encryption.
    cleartext_notice: Option<&'static str>,
}

/// The first page of a mirror.
pub fn mirror_home(mirror: Arc<Mirror>, cleartext_notice: Option<&'static str>) -> Route {
    let options = &mirror.options;
    let home = Home { name: options.name.clone(), base_url: options.base_url.clone(), cleartext_notice };
    let page = make_sync(move |request| {
        redirect_to_folder(&request).unwrap_or_else(|| home.page(&MirrorAnswer::of(mirror.status.now())))
    });
    Route::new().at("/", get(page))
}

impl Home {
    /// The state of this moment is in the page itself; its script takes over from there.
    fn page(&self, status: &MirrorAnswer) -> Response {
        TEMPLATE.respond(&[
            ("name", &self.name),
            ("base_url", &self.base_url),
            ("version", env!("CARGO_PKG_VERSION")),
            ("cleartext", self.cleartext_notice.unwrap_or_default()),
            ("cleartext_hidden", if self.cleartext_notice.is_some() { "" } else { "hidden" }),
            ("state", status.state),
            ("mood", mood(status)),
            ("upstream_url", &status.upstream.base_url),
            ("upstream_state", &status.upstream.state),
            ("available", &status.available_repos.to_string()),
            ("in_error", &status.repositories_in_error.to_string()),
            ("members", &status.member_count),
            ("reason", status.reason.as_deref().unwrap_or_default()),
            ("reason_hidden", if status.reason.is_some() { "" } else { "hidden" }),
        ])
    }
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

    #[tokio::test]
    async fn the_page_is_complete_and_its_texts_are_escaped() {
        let home = Home {
            name: "saigon".to_owned(),
            base_url: "https://saigon.example.com".to_owned(),
            cleartext_notice: None,
        };
        let mut status = status();
        status.reason = Some("<script>alert(1)</script>".to_owned());
        let page =
            home.page(&MirrorAnswer::of(status)).into_body().into_string().await.expect("the page is text");
        assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("SYNCHRONIZED"));
        assert!(!page.contains("{{"), "a placeholder was left");
    }
}
