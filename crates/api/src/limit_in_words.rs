//! Says in words what a validator asks for that a value was not let through by.

/// The names of commits and other objects.
const OBJECT_NAME: &str = "^([0-9a-f]{40}|[0-9a-f]{64})$";

/// What a validator of poem-openapi asks for: `minimum(0, exclusive: false)`, `maxLength(128)`, `pattern("^a$")`.
pub fn limit_in_words(limit: &str) -> String {
    let (kind, value) = limit.trim_end_matches(')').split_once('(').unwrap_or((limit, ""));
    let value = value.strip_suffix(", exclusive: false").unwrap_or(value).trim_matches('"');
    match kind {
        "minimum" => format!("it must be at least {value}"),
        "maximum" => format!("it must be at most {value}"),
        "minLength" => format!("it must have at least {}", counted(value, "character", "characters")),
        "maxLength" => format!("it must have at most {}", counted(value, "character", "characters")),
        "minItems" => format!("it must have at least {}", counted(value, "entry", "entries")),
        "maxItems" => format!("it must have at most {}", counted(value, "entry", "entries")),
        "pattern" if value == OBJECT_NAME => {
            "it must be the full name of an object, 40 or 64 lower case hex digits".to_owned()
        }
        "pattern" => format!("it must match {value}"),
        _ => format!("it does not keep to {limit}"),
    }
}

/// A number as a validator writes it, with its noun.
fn counted(count: &str, one: &str, many: &str) -> String {
    format!("{count} {}", if count == "1" { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_in_words() {
        for (limit, words) in [
            ("minimum(0, exclusive: false)", "it must be at least 0"),
            ("maxLength(128)", "it must have at most 128 characters"),
            ("minLength(1)", "it must have at least 1 character"),
            ("maxItems(100)", "it must have at most 100 entries"),
            (r#"pattern("^([0-9a-f]{40})$")"#, "it must match ^([0-9a-f]{40})$"),
            ("uniqueItems()", "it does not keep to uniqueItems()"),
        ] {
            assert_eq!(limit_in_words(limit), words);
        }
        let of_commit = limit_in_words(&format!("pattern({OBJECT_NAME:?})"));
        assert!(of_commit.contains("the full name of an object, 40 or 64"), "{of_commit}");
    }
}
