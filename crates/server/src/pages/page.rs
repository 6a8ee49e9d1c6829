//! Fills an HTML template and sends it so that nothing but its own style and script can run in it.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{Request, Response};
use uuid::Uuid;

/// Shared by all pages.
const STYLE: &str = include_str!("page.css");

/// Shared by all pages, in front of their own script.
const SCRIPT: &str = include_str!("page.js");

/// A template with `{{name}}` placeholders and the script that brings it to life.
#[derive(Clone, Copy)]
pub(super) struct Template {
    pub(super) html: &'static str,
    pub(super) script: &'static str,
}

/// What stands in the place of a placeholder.
enum Filling<'a> {
    /// Text of any origin; it is escaped.
    Text(&'a str),
    /// Our own style or script, compiled in.
    Ours(&'static str),
}

impl Template {
    /// The page with these texts in it, for one response only: its nonce must not be used again.
    pub(super) fn respond(&self, texts: &[(&str, &str)]) -> Response {
        let nonce = new_nonce();
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, policy)
            .body(self.html(&nonce, texts))
    }

    /// The page as text, for one response only; the policy that goes with the nonce is the caller's to state.
    pub(super) fn html(&self, nonce: &str, texts: &[(&str, &str)]) -> String {
        let filling = |name: &str| match name {
            "nonce" => Some(Filling::Text(nonce)),
            "style" => Some(Filling::Ours(STYLE)),
            "shared_script" => Some(Filling::Ours(SCRIPT)),
            "script" => Some(Filling::Ours(self.script)),
            _ => texts.iter().find(|(text, _)| *text == name).map(|(_, text)| Filling::Text(text)),
        };
        fill(self.html, filling)
    }
}

/// What marks the style and script of one response as ours.
pub(super) fn new_nonce() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The redirect to the same page with a slash at its end, if the request came without one: the links on the
/// page are relative to the base URL.
pub(super) fn redirect_to_folder(request: &Request) -> Option<Response> {
    let folder = HeaderValue::from_str(&folder_of(request.original_uri().path())?).ok()?;
    let redirect = Response::builder().status(StatusCode::PERMANENT_REDIRECT);
    Some(redirect.header(header::LOCATION, folder).finish())
}

/// With one slash first: what follows two is the name of another server.
fn folder_of(path: &str) -> Option<String> {
    let is_folder = path.is_empty() || path.ends_with('/');
    (!is_folder).then(|| format!("/{}/", path.trim_start_matches('/')))
}

/// Replaces each `{{name}}` once; what is put in is not looked at again.
fn fill<'a>(template: &str, filling: impl Fn(&str) -> Option<Filling<'a>>) -> String {
    let mut page = String::with_capacity(template.len() + STYLE.len() + SCRIPT.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            rest = after;
            break;
        };
        match filling(name) {
            Some(Filling::Text(text)) => push_escaped(&mut page, text),
            Some(Filling::Ours(markup)) => page.push_str(markup),
            None => debug_assert!(false, "nothing is given for {name}"),
        }
        rest = after;
    }
    page.push_str(rest);
    page
}

fn push_escaped(page: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            other => page.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_not_looked_at_again() {
        let filling = |name: &str| match name {
            "name" => Some(Filling::Text("<script>'{{style}}'&\"")),
            "style" => Some(Filling::Ours("a > b {}")),
            _ => None,
        };
        let page = fill("<p title=\"{{name}}\">{{style}}</p>", filling);
        assert_eq!(page, "<p title=\"&lt;script&gt;&#39;{{style}}&#39;&amp;&quot;\">a > b {}</p>");
    }

    #[test]
    fn the_policy_allows_this_response_only() {
        let template = Template { html: "<script nonce=\"{{nonce}}\">{{script}}</script>", script: "1" };
        let policy = |response: &Response| {
            let value = response.headers().get(header::CONTENT_SECURITY_POLICY).expect("a policy is set");
            value.to_str().expect("the policy is ASCII").to_owned()
        };
        let (first, second) = (template.respond(&[]), template.respond(&[]));
        assert!(policy(&first).starts_with("default-src 'none'"));
        assert_ne!(policy(&first), policy(&second));
    }

    #[test]
    fn relative_links_need_a_slash() {
        assert_eq!(folder_of("/git").as_deref(), Some("/git/"));
        assert_eq!(folder_of("//git").as_deref(), Some("/git/"));
        assert_eq!(folder_of("/git/"), None);
        assert_eq!(folder_of("/"), None);
    }
}
