//! A JSON answer that is written while it is made, so that its length costs no memory.
//!
//! The contract marks such a response with `x-streamed: true`. The type says what the whole document will be; that
//! the pieces add up to it is up to the code that makes them.

use std::marker::PhantomData;

use poem::http::{HeaderValue, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;

use crate::payload::{MEDIA_TYPE, answer_meta};

/// A body that will turn out to be the JSON of a `T`.
pub struct StreamedJson<T> {
    body: Body,
    document: PhantomData<fn() -> T>,
}

impl<T> StreamedJson<T> {
    /// The answer with this body. If the body ends with an error, so does the connection, and a client cannot take
    /// what it has for the whole.
    pub fn of(body: Body) -> Self {
        StreamedJson { body, document: PhantomData }
    }
}

impl<T: Type> Payload for StreamedJson<T> {
    const CONTENT_TYPE: &'static str = MEDIA_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T> IntoResponse for StreamedJson<T> {
    fn into_response(self) -> Response {
        Response::builder().header(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)).body(self.body)
    }
}

impl<T: Type> ApiResponse for StreamedJson<T> {
    fn meta() -> MetaResponses {
        answer_meta::<T>()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}
