//! Reads the OpenAPI document into the model, and names everything in it that lies outside the profile.

use std::collections::BTreeMap;
use std::fmt;

use openapiv3::{
    AdditionalProperties, IntegerFormat, MediaType, OpenAPI, ParameterSchemaOrContent, ReferenceOr,
    Schema as ApiSchema, SchemaKind as ApiSchemaKind, StatusCode, Type, VariantOrUnknownOrEmpty,
};

use super::model::{
    Body, Contract, Field, Method, Operation, Parameter, ParameterPlace, Response, ResponseContent, Schema,
    SchemaKind, Tag, TextLimits, ValueType,
};
use super::same_as;

/// Names the schemas of the events that a body may be, by their kinds.
const EVENTS: &str = "x-events";

/// Says that an operation is another address of an earlier one, or under which name a parameter is known there.
const SAME_AS: &str = "x-same-as";

/// Names values of a text that may have others, each with its meaning.
const NAMES: &str = "x-names";

/// A place in the document that the profile does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where: a path of names in the document.
    pub place: String,
    /// What is not allowed there.
    pub problem: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.problem)
    }
}

/// Reads a document; either the whole of it lies within the profile, or every violation is told.
pub fn read(text: &str) -> Result<Contract, Vec<Violation>> {
    let document: OpenAPI = yaml_serde::from_str(text).map_err(|error| {
        vec![Violation { place: "document".into(), problem: format!("is not OpenAPI 3.0: {error}") }]
    })?;
    let mut reader = Reader { document: &document, violations: Vec::new() };
    let contract =
        Contract { tags: reader.tags(), schemas: reader.schemas(), operations: reader.operations() };
    let mut violations = reader.violations;
    violations.extend(same_as::violations(&contract));
    if violations.is_empty() { Ok(contract) } else { Err(violations) }
}

struct Reader<'document> {
    document: &'document OpenAPI,
    violations: Vec<Violation>,
}

impl<'document> Reader<'document> {
    fn violation(&mut self, place: &str, problem: impl Into<String>) {
        self.violations.push(Violation { place: place.to_owned(), problem: problem.into() });
    }

    fn tags(&mut self) -> Vec<Tag> {
        let document = self.document;
        let tag = |tag: &openapiv3::Tag| Tag {
            name: tag.name.clone(),
            description: tag.description.clone().unwrap_or_default(),
        };
        document.tags.iter().map(tag).collect()
    }

    fn schemas(&mut self) -> BTreeMap<String, Schema> {
        let document = self.document;
        let mut schemas = BTreeMap::new();
        for (name, schema) in document.components.iter().flat_map(|components| &components.schemas) {
            let place = format!("components.schemas.{name}");
            let ReferenceOr::Item(schema) = schema else {
                self.violation(&place, "a named schema must not be a mere reference");
                continue;
            };
            let Some(kind) = self.schema_kind(&place, schema) else {
                continue;
            };
            let description = schema.schema_data.description.clone().unwrap_or_default();
            let is_closed = is_closed(schema);
            schemas.insert(name.clone(), Schema { name: name.clone(), description, kind, is_closed });
        }
        schemas
    }

    fn schema_kind(&mut self, place: &str, schema: &ApiSchema) -> Option<SchemaKind> {
        match &schema.schema_kind {
            ApiSchemaKind::Type(Type::String(text)) if !text.enumeration.is_empty() => {
                Some(SchemaKind::Enumeration(text.enumeration.iter().flatten().cloned().collect()))
            }
            ApiSchemaKind::Type(Type::Object(object)) if object.properties.is_empty() => {
                match object.additional_properties {
                    Some(AdditionalProperties::Any(true)) => Some(SchemaKind::FreeForm),
                    _ => {
                        self.violation(
                            place,
                            "an object without properties must say `additionalProperties: true`",
                        );
                        None
                    }
                }
            }
            ApiSchemaKind::Type(Type::Object(object)) => {
                let mut fields = Vec::new();
                for (name, property) in &object.properties {
                    let place = format!("{place}.{name}");
                    let property = property.clone().unbox();
                    let (description, nullable, names) = match &property {
                        ReferenceOr::Item(schema) => {
                            let data = &schema.schema_data;
                            let names = self.names(&place, data.extensions.get(NAMES));
                            (data.description.clone().unwrap_or_default(), data.nullable, names)
                        }
                        ReferenceOr::Reference { .. } => (String::new(), false, Vec::new()),
                    };
                    let Some(value) = self.value_type(&place, &property) else {
                        continue;
                    };
                    let required = object.required.contains(name);
                    fields.push(Field { name: name.clone(), description, value, required, nullable, names });
                }
                Some(SchemaKind::Object(fields))
            }
            ApiSchemaKind::OneOf { one_of } => {
                let names = one_of.iter().map(|item| match item {
                    ReferenceOr::Reference { reference } => Some(last_segment(reference)),
                    ReferenceOr::Item(_) => None,
                });
                let names: Option<Vec<String>> = names.collect();
                if names.is_none() {
                    self.violation(place, "oneOf must list named schemas");
                }
                names.map(SchemaKind::OneOf)
            }
            _ => {
                self.violation(
                    place,
                    "a named schema must be a string enum, an object or a oneOf of named objects",
                );
                None
            }
        }
    }

    fn names(&mut self, place: &str, names: Option<&serde_json::Value>) -> Vec<(String, String)> {
        let Some(names) = names else {
            return Vec::new();
        };
        let meanings = names.as_object().into_iter().flatten();
        let known: Option<Vec<_>> =
            meanings.map(|(name, meaning)| Some((name.clone(), meaning.as_str()?.to_owned()))).collect();
        known.filter(|known| !known.is_empty()).unwrap_or_else(|| {
            self.violation(place, format!("{NAMES} must give each word a meaning, not {names}"));
            Vec::new()
        })
    }

    fn value_type(&mut self, place: &str, schema: &ReferenceOr<ApiSchema>) -> Option<ValueType> {
        let schema = match schema {
            ReferenceOr::Reference { reference } => return Some(ValueType::Named(last_segment(reference))),
            ReferenceOr::Item(schema) => schema,
        };
        match &schema.schema_kind {
            ApiSchemaKind::Type(Type::String(text)) if text.enumeration.is_empty() => {
                Some(ValueType::Text(TextLimits {
                    min_length: text.min_length,
                    max_length: text.max_length,
                    pattern: text.pattern.clone(),
                }))
            }
            ApiSchemaKind::Type(Type::Integer(integer)) => match integer.format {
                VariantOrUnknownOrEmpty::Item(IntegerFormat::Int32) => {
                    Some(ValueType::Int32 { minimum: integer.minimum, maximum: integer.maximum })
                }
                VariantOrUnknownOrEmpty::Item(IntegerFormat::Int64) => {
                    Some(ValueType::Int64 { minimum: integer.minimum, maximum: integer.maximum })
                }
                _ => {
                    self.violation(place, "an integer must say its format, int32 or int64");
                    None
                }
            },
            ApiSchemaKind::Type(Type::Boolean(_)) => Some(ValueType::Boolean),
            ApiSchemaKind::Type(Type::Array(array)) => {
                let Some(items) = &array.items else {
                    self.violation(place, "an array must say what it holds");
                    return None;
                };
                let item = self.value_type(&format!("{place}[]"), &items.clone().unbox())?;
                Some(ValueType::List { item: Box::new(item), max_items: array.max_items })
            }
            ApiSchemaKind::Type(Type::Object(object)) if object.properties.is_empty() => {
                Some(ValueType::FreeForm)
            }
            // The way of 3.0 to say more of a reference, such as that it may be null.
            ApiSchemaKind::Any(schema) if matches!(schema.all_of[..], [ReferenceOr::Reference { .. }]) => {
                self.value_type(place, &schema.all_of[0])
            }
            _ => {
                self.violation(
                    place,
                    "must be a primitive, a list, a free-form object or a reference; name the schema",
                );
                None
            }
        }
    }

    fn operations(&mut self) -> Vec<Operation> {
        let document = self.document;
        let mut operations = Vec::new();
        for (path, item) in &document.paths.paths {
            let ReferenceOr::Item(item) = item else {
                self.violation(path, "a path must not be a reference");
                continue;
            };
            let methods = [
                (Method::Get, &item.get),
                (Method::Put, &item.put),
                (Method::Post, &item.post),
                (Method::Delete, &item.delete),
            ];
            for (method, operation) in methods {
                if let Some(operation) = operation {
                    operations.extend(self.operation(path, method, operation, &item.parameters));
                }
            }
        }
        operations
    }

    fn operation(
        &mut self,
        path: &str,
        method: Method,
        operation: &openapiv3::Operation,
        shared: &[ReferenceOr<openapiv3::Parameter>],
    ) -> Option<Operation> {
        let place = format!("{method} {path}");
        let [tag] = operation.tags.as_slice() else {
            self.violation(&place, "must have exactly one tag");
            return None;
        };
        let Some(id) = operation.operation_id.clone() else {
            self.violation(&place, "must have an operationId");
            return None;
        };
        Some(Operation {
            id,
            method,
            path: path.to_owned(),
            tag: tag.clone(),
            same_as: self.same_as(&place, operation.extensions.get(SAME_AS)),
            summary: operation.summary.clone().unwrap_or_default(),
            description: operation.description.clone().unwrap_or_default(),
            deprecated: operation.deprecated,
            security: self.security(&place, operation),
            parameters: self.parameters(&place, path, shared.iter().chain(&operation.parameters)),
            body: self.body(&place, operation),
            responses: self.responses(&place, operation),
        })
    }

    fn same_as(&mut self, place: &str, original: Option<&serde_json::Value>) -> Option<String> {
        let original = original?;
        let name = original.as_str().map(str::to_owned);
        if name.is_none() {
            self.violation(place, format!("{SAME_AS} must be a name, not {original}"));
        }
        name
    }

    fn security(&mut self, place: &str, operation: &openapiv3::Operation) -> Vec<Option<String>> {
        let Some(requirements) = &operation.security else {
            self.violation(place, "must say its security, `[]` when anyone may call it");
            return Vec::new();
        };
        let mut schemes = Vec::new();
        for requirement in requirements {
            if requirement.len() > 1 {
                self.violation(place, "must not ask for two kinds of credentials at once");
            }
            schemes.push(requirement.keys().next().cloned());
        }
        schemes
    }

    fn parameters<'a>(
        &mut self,
        place: &str,
        path: &str,
        parameters: impl Iterator<Item = &'a ReferenceOr<openapiv3::Parameter>>,
    ) -> Vec<Parameter> {
        let mut found = Vec::new();
        for parameter in parameters {
            let parameter = match parameter {
                ReferenceOr::Item(parameter) => parameter.clone(),
                ReferenceOr::Reference { reference } => {
                    let components = self.document.components.as_ref();
                    let named = components.and_then(|c| c.parameters.get(&last_segment(reference)));
                    let Some(ReferenceOr::Item(parameter)) = named else {
                        self.violation(place, format!("refers to the unknown parameter {reference}"));
                        continue;
                    };
                    parameter.clone()
                }
            };
            found.extend(self.parameter(place, &parameter));
        }
        let position = |name: &str| path.find(&format!("{{{name}}}")).unwrap_or(usize::MAX);
        found.sort_by_key(|parameter| position(&parameter.name));
        found
    }

    fn parameter(&mut self, place: &str, parameter: &openapiv3::Parameter) -> Option<Parameter> {
        let data = parameter.parameter_data_ref();
        let place = format!("{place}.{}", data.name);
        let parameter_place = match parameter {
            openapiv3::Parameter::Path { .. } => ParameterPlace::Path,
            openapiv3::Parameter::Query { .. } => ParameterPlace::Query,
            openapiv3::Parameter::Header { .. } => ParameterPlace::Header,
            openapiv3::Parameter::Cookie { .. } => {
                self.violation(&place, "a parameter must not be a cookie");
                return None;
            }
        };
        let ParameterSchemaOrContent::Schema(schema) = &data.format else {
            self.violation(&place, "must have a schema");
            return None;
        };
        let default = match schema {
            ReferenceOr::Item(schema) => schema.schema_data.default.clone(),
            ReferenceOr::Reference { reference } => self.named_default(reference),
        };
        Some(Parameter {
            name: data.name.clone(),
            description: data.description.clone().unwrap_or_default(),
            place: parameter_place,
            value: self.value_type(&place, schema)?,
            required: data.required,
            default,
            same_as: self.same_as(&place, data.extensions.get(SAME_AS)),
        })
    }

    fn named_default(&self, reference: &str) -> Option<serde_json::Value> {
        let schema = self.document.components.as_ref()?.schemas.get(&last_segment(reference))?;
        schema.as_item()?.schema_data.default.clone()
    }

    fn body(&mut self, place: &str, operation: &openapiv3::Operation) -> Option<Body> {
        let place = format!("{place}.requestBody");
        let ReferenceOr::Item(body) = operation.request_body.as_ref()? else {
            self.violation(&place, "must not be a reference");
            return None;
        };
        let [(media_type, content)] = body.content.iter().collect::<Vec<_>>()[..] else {
            self.violation(&place, "must have exactly one media type");
            return None;
        };
        if media_type != "application/json" {
            self.violation(&place, format!("must be application/json, not {media_type}"));
        }
        let value = self.content_type(&place, content)?;
        let events = self.events(&place, content.extensions.get(EVENTS));
        Some(Body { value, required: body.required, events })
    }

    fn events(&mut self, place: &str, events: Option<&serde_json::Value>) -> Vec<(String, String)> {
        let kinds = events.and_then(serde_json::Value::as_object).into_iter().flatten();
        let mut found = Vec::new();
        for (kind, schema) in kinds {
            let name = schema["$ref"].as_str().map(last_segment).unwrap_or_default();
            let components = self.document.components.as_ref();
            if components.is_some_and(|components| components.schemas.contains_key(&name)) {
                found.push((kind.clone(), name));
            } else {
                self.violation(place, format!("{EVENTS} must name a schema for {kind}, not {schema}"));
            }
        }
        found
    }

    fn content_type(&mut self, place: &str, content: &MediaType) -> Option<ValueType> {
        let Some(schema) = &content.schema else {
            self.violation(place, "must have a schema");
            return None;
        };
        self.value_type(place, schema)
    }

    fn responses(&mut self, place: &str, operation: &openapiv3::Operation) -> Vec<Response> {
        if operation.responses.default.is_some() {
            self.violation(place, "must name each status; `default` says nothing");
        }
        let mut found = Vec::new();
        for (status, response) in &operation.responses.responses {
            let StatusCode::Code(status) = *status else {
                self.violation(place, "must name each status, not a range");
                continue;
            };
            let place = format!("{place}.{status}");
            let response = match response {
                ReferenceOr::Item(response) => response,
                ReferenceOr::Reference { reference } => {
                    let components = self.document.components.as_ref();
                    let named = components.and_then(|c| c.responses.get(&last_segment(reference)));
                    let Some(ReferenceOr::Item(response)) = named else {
                        self.violation(&place, format!("refers to the unknown response {reference}"));
                        continue;
                    };
                    response
                }
            };
            let content = match response.content.iter().next() {
                None => ResponseContent::Empty,
                Some((media_type, _)) if media_type == "text/html" => ResponseContent::Html,
                Some((media_type, content)) if media_type == "application/json" => {
                    let is_streamed = content.extensions.get("x-streamed") == Some(&true.into());
                    match self.content_type(&place, content) {
                        Some(value) if is_streamed => ResponseContent::StreamedJson(value),
                        Some(value) => ResponseContent::Json(value),
                        None => continue,
                    }
                }
                Some((media_type, _)) => {
                    self.violation(
                        &place,
                        format!("must be application/json or text/html, not {media_type}"),
                    );
                    continue;
                }
            };
            found.push(Response { status, description: response.description.clone(), content });
        }
        found.sort_by_key(|response| response.status);
        found
    }
}

fn is_closed(schema: &ApiSchema) -> bool {
    match &schema.schema_kind {
        ApiSchemaKind::Type(Type::Object(object)) => {
            matches!(object.additional_properties, Some(AdditionalProperties::Any(false)))
        }
        _ => false,
    }
}

fn last_segment(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or(reference).to_owned()
}
