//! The first page of a mirror of another Git server: which one, how things are, and how to let git read from here.

use std::sync::Arc;

use heliostat_origin::Origin;
use poem::endpoint::make_sync;
use poem::{Response, Route, get};
use url::Url;

use super::mirror_answer::GREEN;
use super::origin_answer::OriginAnswer;
use super::page::{Template, redirect_to_folder};

const TEMPLATE: Template =
    Template { html: include_str!("home_origin.html"), script: include_str!("home_origin.js") };

/// What the page says about its server, besides its state.
struct Home {
    name: String,
    base_url: String,
    /// That clients reach it without encryption.
    cleartext_notice: Option<&'static str>,
}

/// The first page; the name is the host of the origin unless there is one.
pub fn origin_home(
    name: Option<&str>,
    origin: &Arc<Origin>,
    base_url: &Url,
    cleartext_notice: Option<&'static str>,
) -> Route {
    let name = name.or_else(|| origin.base_url().host_str()).unwrap_or_default().to_owned();
    let home = Home { name, base_url: base_url.as_str().trim_end_matches('/').to_owned(), cleartext_notice };
    let origin = Arc::clone(origin);
    let page = make_sync(move |request| {
        let told = || OriginAnswer::of(origin.status(), origin.engine().room(), None);
        redirect_to_folder(&request).unwrap_or_else(|| home.page(&told()))
    });
    Route::new().at("/", get(page))
}

impl Home {
    /// The state of this moment is in the page itself; its script takes over from there.
    fn page(&self, told: &OriginAnswer) -> Response {
        TEMPLATE.respond(&[
            ("name", &self.name),
            ("base_url", &self.base_url),
            ("version", env!("CARGO_PKG_VERSION")),
            ("cleartext", self.cleartext_notice.unwrap_or_default()),
            ("cleartext_hidden", if self.cleartext_notice.is_some() { "" } else { "hidden" }),
            ("state", told.state),
            ("mood", if told.health == GREEN { "good" } else { "wait" }),
            ("origin_url", told.origin.base_url.trim_end_matches('/')),
            ("repositories", &told.repositories.to_string()),
            ("reason", told.reason.as_deref().unwrap_or_default()),
            ("reason_hidden", if told.reason.is_some() { "" } else { "hidden" }),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::super::origin_answer::tests::status;
    use super::*;

    #[tokio::test]
    async fn the_page_is_complete_and_its_texts_are_escaped() {
        let home = Home {
            name: "<b>git</b>".to_owned(),
            base_url: "http://mirror.example.com".to_owned(),
            cleartext_notice: Some("in clear"),
        };
        let told = OriginAnswer::of(status(), None, Some("<script>alert(1)</script>".to_owned()));
        let page = home.page(&told).into_body().into_string().await.expect("the page is text");
        assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("&lt;b&gt;git"), "{page}");
        assert!(
            page.contains(
                "git-setup --origin https://git.example.com --mirror-url http://mirror.example.com"
            )
        );
        assert!(!page.contains("{{"), "a placeholder was left");
    }
}
