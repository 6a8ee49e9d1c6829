//! The first page of an upstream: where things are, and for administrators who joins and how mirrors stand.

use std::sync::Arc;

use heliostat_upstream::Upstream;
use poem::endpoint::make_sync;
use poem::{Response, Route, get};

use super::page::{Template, redirect_to_folder};

const TEMPLATE: Template =
    Template { html: include_str!("home_upstream.html"), script: include_str!("home_upstream.js") };

/// What the page says about its server.
struct Home {
    name: String,
    base_url: String,
    /// That clients reach it without encryption.
    cleartext_notice: Option<&'static str>,
}

/// The first page of the upstream with this display name.
pub fn upstream_home(
    display_name: &str,
    upstream: &Upstream,
    cleartext_notice: Option<&'static str>,
) -> Route {
    let base_url = upstream.base_url().as_str().trim_end_matches('/').to_owned();
    let home = Arc::new(Home { name: display_name.to_owned(), base_url, cleartext_notice });
    let page = make_sync(move |request| redirect_to_folder(&request).unwrap_or_else(|| home.page()));
    Route::new().at("/", get(page))
}

impl Home {
    fn page(&self) -> Response {
        TEMPLATE.respond(&[
            ("name", &self.name),
            ("base_url", &self.base_url),
            ("version", env!("CARGO_PKG_VERSION")),
            ("cleartext", self.cleartext_notice.unwrap_or_default()),
            ("cleartext_hidden", if self.cleartext_notice.is_some() { "" } else { "hidden" }),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_page_is_complete_and_its_texts_are_escaped() {
        let home = Home {
            name: "<b>".to_owned(),
            base_url: "https://git.example.com/x".to_owned(),
            cleartext_notice: Some("a & b"),
        };
        let page = home.page().into_body().into_string().await.expect("the page is text");
        assert!(
            page.contains("<h1>&lt;b&gt;</h1>") && page.contains("git clone https://git.example.com/x/scm/")
        );
        assert!(page.contains("id=\"cleartext\" >a &amp; b</p>"));
        assert!(!page.contains("{{"), "a placeholder was left");
    }
}
