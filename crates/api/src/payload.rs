//! JSON bodies.
//!
//! poem-openapi's own `Json` announces another media type than the contract, takes any `+json`, and turns a
//! number into a string where the schema says string. [`ApiJson`] lets serde decide first, which is strict about
//! types and knows the field at fault, and only then asks poem-openapi's validators for lengths and patterns.

use std::fmt;

use poem::error::{ReadBodyError, ResponseError};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, IntoResponse, Request, RequestBody, Response, Result};
use poem_openapi::error::ContentTypeError;
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{
    MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ParseFromJSON, ToJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::limit_in_words::limit_in_words;

/// The longest JSON body that is read.
pub const MAX_JSON_BODY_BYTES: usize = 1024 * 1024;

pub(crate) const MEDIA_TYPE: &str = "application/json";

/// A JSON body, read strictly and written by serde.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiJson<T>(pub T);

/// A JSON body that is one text. Clients send a single word without quotes as well.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiText(pub String);

/// A JSON body that may be absent.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionalJson<T>(pub Option<T>);

/// A body that is not what the contract asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidBody {
    /// The field at fault, as a dotted path; empty for the body as a whole.
    pub context: String,
    /// What is wrong with it.
    pub message: String,
    /// What stands there instead of what is asked for.
    pub found: Found,
}

/// What stands where a field of a body is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The field is missing.
    Nothing,
    /// A value, in words.
    Value(String),
    /// Something that was not told.
    Unknown,
}

impl InvalidBody {
    /// A field that is missing or wrong.
    pub fn of_field(context: &str, message: &str) -> Self {
        InvalidBody { context: context.to_owned(), message: message.to_owned(), found: Found::Unknown }
    }
}

impl fmt::Display for InvalidBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for InvalidBody {}

impl ResponseError for InvalidBody {
    fn status(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }
}

/// Parses JSON text: serde first, then the validators of the schema.
fn parse<T: DeserializeOwned + ParseFromJSON>(text: &[u8]) -> Result<T, InvalidBody> {
    let value: Value = serde_json::from_slice(text).map_err(|error| InvalidBody {
        context: String::new(),
        message: format!("the body is not JSON: {error}"),
        found: Found::Unknown,
    })?;
    read_value(value)
}

/// Reads a text in quotes, or a word that is no JSON.
fn parse_text(text: &[u8]) -> Result<String, InvalidBody> {
    match serde_json::from_slice(text) {
        Ok(value) => read_value(value),
        Err(_) => bare_word(text).map_or_else(|| parse(text), Ok),
    }
}

fn bare_word(text: &[u8]) -> Option<String> {
    let word = text.trim_ascii();
    let is_word = word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte));
    (is_word && !word.is_empty()).then(|| String::from_utf8_lossy(word).into_owned())
}

/// Reads a JSON value: serde first, then the validators of the schema.
pub(crate) fn read_value<T: DeserializeOwned + ParseFromJSON>(value: Value) -> Result<T, InvalidBody> {
    serde_path_to_error::deserialize::<_, T>(&value).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        let reason = error.into_inner().to_string();
        let (message, found) = in_words(&reason);
        InvalidBody { context: with_missing_field(path, &reason), message, found }
    })?;
    T::parse_from_json(Some(value)).map_err(|error| {
        let message = error.into_message();
        let context = field_of(&message);
        InvalidBody { context, message: limit_of(&message).unwrap_or(message), found: Found::Unknown }
    })
}

/// serde gives the path of the object whose field is missing, and the field only in its message.
fn with_missing_field(path: String, message: &str) -> String {
    match missing_field(message) {
        Some(field) if path.is_empty() => field.to_owned(),
        Some(field) => format!("{path}.{field}"),
        None => path,
    }
}

fn missing_field(message: &str) -> Option<&str> {
    Some(message.strip_prefix("missing field `")?.split_once('`')?.0)
}

/// What serde says of a value, without the names that types have here.
fn in_words(message: &str) -> (String, Found) {
    if let Some(field) = missing_field(message) {
        return (format!("The field {field} is missing."), Found::Nothing);
    }
    let Some((found, expected)) = message.split_once(", expected ") else {
        return (message.to_owned(), Found::Unknown);
    };
    let listed = || expected.trim_start_matches("one of ").replace(" or ", ", ").replace('`', "");
    if let Some(found) = found.strip_prefix("unknown field ") {
        let found = found.replace('`', "\"");
        return (format!("There is no field {found}; there are {}.", listed()), Found::Unknown);
    }
    if let Some(found) = found.strip_prefix("unknown variant ") {
        let known = listed();
        let found = found.replace('`', "\"");
        return (format!("It must be one of {known}, not {found}."), Found::Value(found));
    }
    if let Some(number) = found.strip_prefix("invalid value: integer `") {
        let number = number.trim_end_matches('`');
        let message = format!("The number {number} is greater or smaller than it may be.");
        return (message, Found::Value(number.to_owned()));
    }
    let expected = match expected {
        "i32" | "i64" | "u32" | "u64" => "a whole number",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") => "an object",
        other => other,
    };
    let found = match found.strip_prefix("invalid type: ").unwrap_or_default() {
        "" => return (format!("It must be {expected}."), Found::Unknown),
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        other => other.replace('`', ""),
    };
    (format!("It must be {expected}, not {found}."), Found::Value(found))
}

/// The field that a validator complains of: its message reads "failed to parse ... field `name` verification failed".
fn field_of(message: &str) -> String {
    let quoted = message.split_once("field `").and_then(|(_, rest)| rest.split_once('`'));
    quoted.map_or_else(String::new, |(field, _)| field.to_owned())
}

/// What a validator asks for, without the Rust name of the type that it looked at.
fn limit_of(message: &str) -> Option<String> {
    let (_, limit) = message.rsplit_once("` verification failed. ")?;
    // Of a field of an inner object, the names of the types around it follow.
    let limit = limit.split(" (occurred while parsing").next().unwrap_or(limit);
    Some(format!("The field {} is not valid: {}.", field_of(message), limit_in_words(limit)))
}

async fn read_body(request: &Request, body: &mut RequestBody) -> Result<Option<Vec<u8>>> {
    let text = match body.take() {
        Ok(body) => body.into_bytes_limit(MAX_JSON_BODY_BYTES).await?,
        Err(ReadBodyError::BodyHasBeenTaken) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let content_type = request.headers().get(header::CONTENT_TYPE);
    if text.is_empty() && content_type.is_none() {
        return Ok(None);
    }
    let Some(content_type) = content_type else {
        return Err(ContentTypeError::ExpectContentType.into());
    };
    let content_type = content_type.to_str().unwrap_or_default();
    if !is_json(content_type) {
        return Err(ContentTypeError::NotSupported { content_type: content_type.to_owned() }.into());
    }
    Ok(Some(text.into()))
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(MEDIA_TYPE)
}

impl<T: Type + Send> Payload for ApiJson<T> {
    const CONTENT_TYPE: &'static str = MEDIA_TYPE;

    fn check_content_type(content_type: &str) -> bool {
        is_json(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: DeserializeOwned + ParseFromJSON + Send> ParsePayload for ApiJson<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> Result<Self> {
        match read_body(request, body).await? {
            Some(text) => Ok(ApiJson(parse(&text)?)),
            None => Err(ContentTypeError::ExpectContentType.into()),
        }
    }
}

impl<T: Serialize + Send> IntoResponse for ApiJson<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(text) => Response::builder()
                .header(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))
                .body(Body::from_vec(text)),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

impl<T: ToJSON> ApiResponse for ApiJson<T> {
    fn meta() -> MetaResponses {
        answer_meta::<T>()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<'a, T: DeserializeOwned + ParseFromJSON + Send> ApiExtractor<'a> for ApiJson<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta::<T>(true))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        <Self as ParsePayload>::from_request(request, body).await
    }
}

impl<'a> ApiExtractor<'a> for ApiText {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <String as Type>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta::<String>(true))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        match read_body(request, body).await? {
            Some(text) => Ok(ApiText(parse_text(&text)?)),
            None => Err(ContentTypeError::ExpectContentType.into()),
        }
    }
}

impl<'a, T: DeserializeOwned + ParseFromJSON + Send> ApiExtractor<'a> for OptionalJson<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta::<T>(false))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        match read_body(request, body).await? {
            Some(text) if !text.is_empty() => Ok(OptionalJson(Some(parse(&text)?))),
            _ => Ok(OptionalJson(None)),
        }
    }
}

/// What is said of an answer that is the JSON of a `T`.
pub(crate) fn answer_meta<T: Type>() -> MetaResponses {
    let content = vec![MetaMediaType { content_type: MEDIA_TYPE, schema: T::schema_ref() }];
    let response =
        MetaResponse { description: "", status: Some(200), status_range: None, content, headers: Vec::new() };
    MetaResponses { responses: vec![response] }
}

fn request_meta<T: Type>(required: bool) -> MetaRequest {
    let content = vec![MetaMediaType { content_type: MEDIA_TYPE, schema: T::schema_ref() }];
    MetaRequest { description: None, content, required }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AddonEvent;
    use crate::models::{RestProjectRequest, RestRepositoryMirrorEvent};

    #[test]
    fn a_number_is_not_taken_for_a_string_and_the_field_is_named() {
        let found = parse::<RestRepositoryMirrorEvent>(br#"{"type":"SYNCHRONIZED","upstreamRepoId":7}"#);
        let error = found.expect_err("a number must be refused");
        assert_eq!(error.context, "upstreamRepoId");
    }

    #[test]
    fn a_missing_field_is_named() {
        let error =
            parse::<RestRepositoryMirrorEvent>(b"{\"type\":\"SYNCHRONIZED\"}").expect_err("must be refused");
        assert_eq!(error.context, "upstreamRepoId");
    }

    #[test]
    fn what_is_wrong_with_a_value_is_said_without_the_names_of_types() {
        let told = |text: &str| {
            let error = parse::<RestProjectRequest>(text.as_bytes()).expect_err("must be refused");
            (error.context, error.message)
        };
        let (context, message) = told(r#"{"key": "PRJ"}"#);
        assert_eq!((context.as_str(), message.as_str()), ("name", "The field name is missing."));
        let (context, message) = told(r#"{"key": 5, "name": "A"}"#);
        assert_eq!((context.as_str(), message.as_str()), ("key", "It must be a string, not integer 5."));
        assert_eq!(told("[]").1, "It must be an object.");
        assert_eq!(told("7").1, "It must be an object, not integer 7.");
        let (unknown, found) = in_words("unknown variant `REED`, expected one of `REPO_READ`, `REPO_WRITE`");
        assert_eq!(unknown, "It must be one of REPO_READ, REPO_WRITE, not \"REED\".");
        assert_eq!(found, Found::Value("\"REED\"".to_owned()));
        let (unknown, _) = in_words("unknown variant `UP`, expected `ALL` or `SOME`");
        assert_eq!(unknown, "It must be one of ALL, SOME, not \"UP\".");
        let (unknown, _) =
            in_words("unknown field `commit`, expected one of `repository`, `commits`, `wait`");
        assert_eq!(unknown, "There is no field \"commit\"; there are repository, commits, wait.");
        let (large, found) = in_words("invalid value: integer `99999999999`, expected i32");
        assert_eq!(large, "The number 99999999999 is greater or smaller than it may be.");
        assert_eq!(found, Found::Value("99999999999".to_owned()));
    }

    #[test]
    fn a_limit_that_is_not_kept_is_told() {
        let long = format!("{{\"key\":\"PRJ\",\"name\":\"{}\"}}", "x".repeat(129));
        let error = parse::<RestProjectRequest>(long.as_bytes()).expect_err("must be refused");
        assert_eq!(error.context, "name");
        assert_eq!(error.message, "The field name is not valid: it must have at most 128 characters.");
    }

    #[test]
    fn null_is_the_same_as_nothing_where_a_field_may_be_left_out() {
        let text = br#"{"key":"PRJ","name":"A project","description":null}"#;
        assert_eq!(parse::<RestProjectRequest>(text).expect("is accepted").description, None);
    }

    #[test]
    fn a_word_needs_no_quotes_where_a_text_is_all_that_is_sent() {
        for text in [r#""B0F5-CS21""#, "B0F5-CS21", " B0F5-CS21\r\n"] {
            assert_eq!(parse_text(text.as_bytes()).as_deref(), Ok("B0F5-CS21"), "{text}");
        }
        for other in ["", "7", "null", "[]", "{", "two words", "\"open", "a\u{0}b", "\u{e9}"] {
            assert!(parse_text(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn truncated_json_is_refused() {
        let error = parse::<RestRepositoryMirrorEvent>(br#"{"type":"#).expect_err("must be refused");
        assert_eq!(error.context, "");
        assert!(error.message.starts_with("the body is not JSON"), "{}", error.message);
    }

    #[test]
    fn an_event_is_read_by_its_kind_and_other_kinds_are_passed_over() {
        let read = |text: &str| AddonEvent::read(serde_json::from_str(text).expect("an object"));
        let known = read(r#"{"eventKey": "heliostat:permissions_changed", "user": null, "more": [1]}"#);
        let Ok(AddonEvent::HeliostatPermissionsChanged(changed)) = known else {
            panic!("the kind is known: {known:?}");
        };
        assert_eq!(changed.user, None);
        assert_eq!(read(r#"{"eventKey": "pr:opened"}"#), Ok(AddonEvent::Other("pr:opened".to_owned())));
        let fault = |text| read(text).map_err(|error| error.context);
        assert_eq!(fault("{}"), Err("eventKey".to_owned()));
        assert_eq!(
            fault(r#"{"eventKey": "project:created", "project": {"id": "x"}}"#),
            Err("project.id".to_owned())
        );
    }

    #[test]
    fn only_json_is_json() {
        assert!(is_json("application/json; charset=utf-8"));
        assert!(is_json("Application/JSON"));
        assert!(!is_json("application/vnd.api+json"));
        assert!(!is_json("text/plain"));
    }
}
