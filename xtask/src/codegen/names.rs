//! Wire names to Rust names.

/// `mirrorBaseUrl`, `mirrorType`, `Access tokens` -> `mirror_base_url`, `mirror_type`, `access_tokens`.
pub fn snake_case(name: &str) -> String {
    let mut text = String::new();
    let mut previous_lower = false;
    for character in name.chars() {
        if !character.is_ascii_alphanumeric() {
            if !text.ends_with('_') && !text.is_empty() {
                text.push('_');
            }
            previous_lower = false;
        } else if character.is_ascii_uppercase() {
            if previous_lower {
                text.push('_');
            }
            text.push(character.to_ascii_lowercase());
            previous_lower = false;
        } else {
            text.push(character);
            previous_lower = true;
        }
    }
    text.trim_end_matches('_').to_owned()
}

/// `ALL_PROJECTS`, `getMirror`, `serverJwt` -> `AllProjects`, `GetMirror`, `ServerJwt`.
pub fn pascal_case(name: &str) -> String {
    let capital = |word: &str| {
        let mut characters = word.chars();
        let first = characters.next().map(|c| c.to_ascii_uppercase()).into_iter();
        first.chain(characters).collect::<String>()
    };
    snake_case(name).split('_').map(capital).collect()
}

/// The name of a status in a response enum.
pub fn status_name(status: u16) -> &'static str {
    match status {
        200 => "Ok",
        201 => "Created",
        202 => "Accepted",
        204 => "NoContent",
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        410 => "Gone",
        413 => "PayloadTooLarge",
        415 => "UnsupportedMediaType",
        429 => "TooManyRequests",
        503 => "Unavailable",
        _ => "Unnamed",
    }
}

/// Text as doc comment lines at an indentation.
pub fn doc_comment(indent: &str, text: &str) -> String {
    let line = |line: &str| match line.trim_end() {
        "" => format!("{indent}///\n"),
        line => format!("{indent}/// {line}\n"),
    };
    text.trim().lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_converted() {
        assert_eq!(snake_case("mirrorBaseUrl"), "mirror_base_url");
        assert_eq!(snake_case("getAllContentHashes"), "get_all_content_hashes");
        assert_eq!(snake_case("ALL_PROJECTS"), "all_projects");
        assert_eq!(snake_case("Access tokens"), "access_tokens");
        assert_eq!(pascal_case("ALL_PROJECTS"), "AllProjects");
        assert_eq!(pascal_case("getPanelHtml"), "GetPanelHtml");
        assert_eq!(pascal_case("true"), "True");
    }
}
