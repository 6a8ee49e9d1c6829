//! The parts of an OpenAPI document that the profile allows, resolved and in document order.

use std::collections::BTreeMap;
use std::fmt;

/// The whole contract.
#[derive(Debug)]
pub struct Contract {
    /// Tags in document order.
    pub tags: Vec<Tag>,
    /// Named schemas by name.
    pub schemas: BTreeMap<String, Schema>,
    /// Operations in document order.
    pub operations: Vec<Operation>,
}

impl Contract {
    /// The operation that this one is another address of.
    pub fn original_of(&self, operation: &Operation) -> Option<&Operation> {
        let id = operation.same_as.as_ref()?;
        self.operations.iter().find(|candidate| candidate.id == *id)
    }
}

/// A group of operations.
#[derive(Debug)]
pub struct Tag {
    /// The name, as published.
    pub name: String,
    /// What the group is for.
    pub description: String,
}

/// A named schema.
#[derive(Debug)]
pub struct Schema {
    /// The name, as published.
    pub name: String,
    /// What a value means.
    pub description: String,
    /// Its shape.
    pub kind: SchemaKind,
    /// Whether a value with fields that are not named is refused.
    pub is_closed: bool,
}

/// The shapes that a named schema may have.
#[derive(Debug)]
pub enum SchemaKind {
    /// A closed list of strings.
    Enumeration(Vec<String>),
    /// An object with named fields.
    Object(Vec<Field>),
    /// Exactly one of some named objects, told apart by their fields.
    OneOf(Vec<String>),
    /// Any JSON object.
    FreeForm,
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    /// The name on the wire.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Its type.
    pub value: ValueType,
    /// Whether it is always there.
    pub required: bool,
    /// Whether it may be `null`, which means the same as leaving it out. A field that is required as well is always
    /// there in answers, with or without a value.
    pub nullable: bool,
    /// Values that the contract names, each with what it means (`x-names`); the field may hold others.
    pub names: Vec<(String, String)>,
}

/// The type of a field, a parameter or a body.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueType {
    /// Text, with its limits.
    Text(TextLimits),
    /// A 32-bit integer and its bounds.
    Int32 { minimum: Option<i64>, maximum: Option<i64> },
    /// A 64-bit integer and its bounds.
    Int64 { minimum: Option<i64>, maximum: Option<i64> },
    /// True or false.
    Boolean,
    /// A named schema.
    Named(String),
    /// A list.
    List { item: Box<ValueType>, max_items: Option<usize> },
    /// Any JSON object.
    FreeForm,
}

/// What a text may be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TextLimits {
    /// Fewest characters.
    pub min_length: Option<usize>,
    /// Most characters.
    pub max_length: Option<usize>,
    /// A regular expression that it matches.
    pub pattern: Option<String>,
}

/// One method on one path.
#[derive(Debug)]
pub struct Operation {
    /// `operationId`.
    pub id: String,
    /// The HTTP method.
    pub method: Method,
    /// The path below the server's address, with `{name}` placeholders.
    pub path: String,
    /// Its tag.
    pub tag: String,
    /// The operation that it is another address of, from `x-same-as`.
    pub same_as: Option<String>,
    /// One line.
    pub summary: String,
    /// What it does.
    pub description: String,
    /// Whether it is kept for old clients only.
    pub deprecated: bool,
    /// Names of the security schemes, any of which will do. `None` stands for "no credentials at all".
    pub security: Vec<Option<String>>,
    /// Parameters: path first and in path order, then the others.
    pub parameters: Vec<Parameter>,
    /// The request body.
    pub body: Option<Body>,
    /// The responses by status.
    pub responses: Vec<Response>,
}

impl Operation {
    /// The parameter of this operation that stands for one of the original's, if it has one.
    pub fn parameter_for(&self, original: &Parameter) -> Option<&Parameter> {
        self.parameters.iter().find(|own| own.original_name() == original.name)
    }
}

/// The methods that the profile allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// GET
    Get,
    /// PUT
    Put,
    /// POST
    Post,
    /// DELETE
    Delete,
}

impl Method {
    /// Lower case, as the document spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "get",
            Method::Put => "put",
            Method::Post => "post",
            Method::Delete => "delete",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.as_str().to_uppercase())
    }
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterPlace {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
}

/// A parameter of the path, the query or a header.
#[derive(Debug)]
pub struct Parameter {
    /// The name on the wire.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Where it stands.
    pub place: ParameterPlace,
    /// Its type.
    pub value: ValueType,
    /// Whether it must be given.
    pub required: bool,
    /// What it is when it is not given, as JSON.
    pub default: Option<serde_json::Value>,
    /// The parameter of the original operation that it stands for, from `x-same-as`, where the names differ.
    pub same_as: Option<String>,
}

impl Parameter {
    /// The name that the parameter has in the operation that its own is another address of.
    pub fn original_name(&self) -> &str {
        self.same_as.as_deref().unwrap_or(&self.name)
    }
}

/// A JSON request body.
#[derive(Debug, PartialEq)]
pub struct Body {
    /// Its type.
    pub value: ValueType,
    /// Whether it must be there.
    pub required: bool,
    /// Kinds of events that the body may be, each with its schema (`x-events`); it may be others.
    pub events: Vec<(String, String)>,
}

/// One status of an operation.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// What it means.
    pub description: String,
    /// What is sent.
    pub content: ResponseContent,
}

/// What a response carries.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseContent {
    /// Nothing.
    Empty,
    /// JSON of this type.
    Json(ValueType),
    /// JSON of this type, written while it is made: marked `x-streamed: true`.
    StreamedJson(ValueType),
    /// A page for a browser.
    Html,
}
