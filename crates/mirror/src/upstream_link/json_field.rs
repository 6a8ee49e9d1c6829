//! Reads single fields out of JSON that another server sent, and names the field that is wrong.
//!
//! Events are free-form objects whose shape may grow, so they are not bound to one struct: what is needed
//! is read, checked and bounded, the rest is ignored.

use serde_json::Value;
use thiserror::Error;

/// The longest text that is taken over from an upstream, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 1024;

/// A field that is missing or makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {problem}")]
pub(crate) struct FieldError {
    /// Where, as in `repository.project.id`.
    pub(crate) path: String,
    /// What is wrong.
    pub(crate) problem: String,
}

/// A value together with the path that led to it.
#[derive(Debug, Clone)]
pub(crate) struct Field<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { path: String::new(), value }
    }

    /// The member with this name; a missing one and `null` are the same.
    pub(crate) fn member(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { path, value: self.value.get(name).unwrap_or(&Value::Null) }
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.value.is_null()
    }

    /// The field, or nothing when it is absent.
    pub(crate) fn optional(self) -> Option<Self> {
        if self.is_absent() { None } else { Some(self) }
    }

    pub(crate) fn object(&self) -> Result<(), FieldError> {
        if self.value.is_object() { Ok(()) } else { Err(self.wrong("an object is expected")) }
    }

    pub(crate) fn items(&self) -> Result<impl Iterator<Item = Field<'a>> + use<'a>, FieldError> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("an array is expected"))?;
        let path = self.path.clone();
        Ok(items
            .iter()
            .enumerate()
            .map(move |(position, value)| Field { path: format!("{path}[{position}]"), value }))
    }

    /// A text without control characters, of bounded length.
    pub(crate) fn text(&self) -> Result<&'a str, FieldError> {
        let text = self.value.as_str().ok_or_else(|| self.wrong("a text is expected"))?;
        if text.len() > MAX_TEXT_BYTES {
            return Err(self.wrong(&format!("at most {MAX_TEXT_BYTES} bytes are accepted")));
        }
        if text.chars().any(char::is_control) {
            return Err(self.wrong("control characters are not accepted"));
        }
        Ok(text)
    }

    /// A text that can stand as one segment of a path.
    pub(crate) fn path_segment(&self) -> Result<&'a str, FieldError> {
        let text = self.text()?;
        let unfit = text.is_empty()
            || text == "."
            || text == ".."
            || text.contains(|c: char| c.is_whitespace() || "/\\?#%:".contains(c));
        if unfit { Err(self.wrong("this cannot be part of a path")) } else { Ok(text) }
    }

    pub(crate) fn flag(&self) -> Result<bool, FieldError> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false is expected"))
    }

    pub(crate) fn integer(&self) -> Result<i64, FieldError> {
        self.value.as_i64().ok_or_else(|| self.wrong("an integer is expected"))
    }

    /// An id: a non-negative 32-bit integer, written as a number or as digits.
    pub(crate) fn id(&self) -> Result<String, FieldError> {
        let number = match self.value {
            Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            other => other.as_i64(),
        };
        number
            .and_then(|number| i32::try_from(number).ok())
            .filter(|number| *number >= 0)
            .map(|number| number.to_string())
            .ok_or_else(|| self.wrong("an id is expected: an integer from 0 to 2147483647"))
    }

    /// Every text in the value, however deep: the members and items of a free-form object.
    pub(crate) fn texts(&self) -> Vec<&'a str> {
        let mut found = Vec::new();
        let mut open = vec![self.value];
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) => found.push(text.as_str()),
                Value::Array(items) => open.extend(items),
                Value::Object(members) => open.extend(members.values()),
                _ => {}
            }
        }
        found
    }

    pub(crate) fn wrong(&self, problem: &str) -> FieldError {
        let path = if self.path.is_empty() { "body".to_owned() } else { self.path.clone() };
        FieldError { path, problem: problem.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_names_the_way_to_the_field() {
        let body = json!({ "changes": [{ "refId": 7 }] });
        let change =
            Field::root(&body).member("changes").items().expect("an array").next().expect("one item");
        let error = change.member("refId").text().expect_err("a number is no text");
        assert_eq!(error.to_string(), "changes[0].refId: a text is expected");
    }

    #[test]
    fn ids_are_integers_in_either_spelling() {
        let id = |value: Value| Field::root(&value).id();
        assert_eq!(id(json!(12)), Ok("12".to_owned()));
        assert_eq!(id(json!("012")), Ok("12".to_owned()));
        for bad in [json!(-1), json!(1.5), json!("x"), json!(""), json!(4_294_967_296_i64), json!(null)] {
            assert!(id(bad).is_err());
        }
    }

    #[test]
    fn a_path_segment_stays_where_it_is() {
        for bad in ["", "..", "a/b", "a b", "a\u{0}", "a%2f"] {
            let value = json!(bad);
            assert!(Field::root(&value).path_segment().is_err(), "{bad:?} should be refused");
        }
    }
}
