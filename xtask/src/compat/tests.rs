//! Each kind of change is planted in a small contract: what breaks clients must be found, what adds must pass.

use std::fs;

use super::{check, release};
use crate::outcome::Outcome;

const RELEASED: &str = r##"
openapi: 3.0.3
info: {title: T, version: 1.2.0}
servers: [{url: /rest}]
paths:
  /mirrors/{id}:
    put:
      operationId: putMirror
      security: [{}, {basic: []}, {bearer: []}]
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, maxLength: 9}}
        - {name: size, in: query, schema: {type: integer, format: int32, minimum: 0, default: 25}}
        - {name: state, in: query, schema: {$ref: "#/components/schemas/Asked"}}
      requestBody:
        content: {application/json: {schema: {$ref: "#/components/schemas/MirrorUpdate"}}}
      responses:
        "200": {description: Ok, content: {application/json: {schema: {$ref: "#/components/schemas/Mirror"}}}}
        "404": {$ref: "#/components/responses/NotFound"}
    get:
      operationId: getMirror
      security: []
      responses:
        "200": {description: Ok, content: {application/json: {schema: {$ref: "#/components/schemas/Mirror"}}, text/html: {schema: {type: string}}}}
components:
  securitySchemes: {basic: {type: http, scheme: basic}, bearer: {type: http, scheme: bearer}}
  responses: {NotFound: {description: None, content: {application/json: {schema: {$ref: "#/components/schemas/Errors"}}}}}
  schemas:
    Asked: {type: string, enum: [NEW, OLD]}
    Told: {type: string, enum: [UP, DOWN]}
    Errors: {type: object, required: [message], properties: {message: {type: string}}}
    Basic: {type: object, required: [user], properties: {user: {type: string}}}
    Token: {type: object, required: [token], properties: {token: {type: string}}}
    Credentials: {oneOf: [{$ref: "#/components/schemas/Basic"}, {$ref: "#/components/schemas/Token"}]}
    MirrorUpdate:
      type: object
      required: [name]
      properties:
        name: {type: string, minLength: 1, maxLength: 99, pattern: "^[a-z]+$"}
        note: {type: string, nullable: true}
        count: {type: integer, format: int64}
        tags: {type: array, maxItems: 5, items: {type: string}}
        credentials: {$ref: "#/components/schemas/Credentials"}
    Mirror:
      type: object
      required: [name]
      properties:
        name: {type: string, maxLength: 50}
        seen: {type: integer, format: int32}
        link: {type: string, format: uri}
        state: {$ref: "#/components/schemas/Told"}
        parts: {type: array, items: {$ref: "#/components/schemas/Mirror"}}
"##;

/// The problems that the gate tells of a contract, when `RELEASED` was promised.
fn problems(current: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    fs::write(folder.path().join("1.2.0.yaml"), RELEASED).expect("a file can be written");
    match check(current, folder.path()).expect("both documents can be read") {
        Outcome::Broken(findings) => findings.into_iter().map(|finding| finding.problem).collect(),
        _ => Vec::new(),
    }
}

fn planted(found: &str, replaced: &str) -> Vec<String> {
    let text = RELEASED.replacen(found, replaced, 1);
    assert_ne!(text, RELEASED, "{found:?} is not in the document");
    problems(&text)
}

/// Fails unless each change is found, and nothing else with it.
fn each_breaks(changes: &[(&str, &str, &str)]) {
    for (found, replaced, expected) in changes {
        let problems = planted(found, replaced);
        assert_eq!(problems, [*expected], "{found:?} -> {replaced:?}");
    }
}

#[test]
fn the_released_contract_keeps_its_own_promises() {
    assert!(problems(RELEASED).is_empty(), "{:?}", problems(RELEASED));
}

#[test]
fn operations_may_not_go() {
    each_breaks(&[
        ("    get:\n", "    post:\n", "GET /mirrors/{id}: the operation is gone"),
        (
            "putMirror",
            "setMirror",
            r#"PUT /mirrors/{id}: the operationId was "putMirror", and is "setMirror""#,
        ),
        ("\"404\": {$ref", "\"410\": {$ref", "PUT /mirrors/{id} 404: the status is gone"),
        (
            ", text/html: {schema: {type: string}}",
            "",
            "GET /mirrors/{id} 200: the media type text/html is gone",
        ),
        ("url: /rest", "url: /api", "servers: the address below which everything lies has changed"),
    ]);
    let paths = planted("  /mirrors/{id}:", "  /replicas/{id}:");
    assert_eq!(paths.len(), 2, "both operations of a path go with it: {paths:?}");
}

#[test]
fn callers_may_not_be_locked_out() {
    each_breaks(&[
        ("[{}, {basic", "[{basic", "PUT /mirrors/{id}: credentials became necessary"),
        (", {bearer: []}]", "]", "PUT /mirrors/{id}: the credentials bearer do not do any more"),
        ("security: []", "security: [{basic: []}]", "GET /mirrors/{id}: credentials became necessary"),
        (
            "bearer: {type: http, scheme: bearer}",
            "bearer: {type: apiKey, in: header, name: X-Token}",
            "security scheme bearer: is sent in another way than before",
        ),
    ]);
}

#[test]
fn parameters_must_be_accepted_as_before() {
    let size = "PUT /mirrors/{id} query parameter size";
    each_breaks(&[
        ("name: size, in: query", "name: length, in: query", &format!("{size}: is gone")),
        ("size, in: query,", "size, in: query, required: true,", &format!("{size}: became required")),
        ("default: 25", "default: 50", &format!("{size}: the default was 25, and is 50")),
        ("minimum: 0", "minimum: 1", &format!("{size}: minimum was 0, and is 1")),
        ("minimum: 0", "minimum: 0, maximum: 9", &format!("{size}: maximum was none, and is 9")),
        (
            "type: integer, format: int32, minimum",
            "type: string, minimum",
            &format!(r#"{size}: the type was "integer", and is "string""#),
        ),
        ("maxLength: 9}", "maxLength: 8}", "PUT /mirrors/{id} path parameter id: maxLength was 9, and is 8"),
        ("[NEW, OLD]", "[NEW]", r#"Asked in requests: "OLD" is not accepted any more"#),
        (
            "        - {name: state,",
            "        - {name: new, in: query, required: true, schema: {type: string}}\n        - {name: state,",
            "PUT /mirrors/{id} query parameter new: is new and required",
        ),
    ]);
}

#[test]
fn bodies_must_be_accepted_as_before() {
    let body = "PUT /mirrors/{id} body";
    let update = "MirrorUpdate in requests";
    each_breaks(&[
        ("requestBody:\n", "requestBody:\n        required: true\n", &format!("{body}: became required")),
        (
            "content: {application/json: {schema: {$ref: \"#/components/schemas/MirrorUpdate\"",
            "content: {text/plain: {schema: {$ref: \"#/components/schemas/MirrorUpdate\"",
            &format!("{body}: the media type application/json is gone"),
        ),
        (
            "      requestBody:\n        content: {application/json: {schema: {$ref: \"#/components/schemas/MirrorUpdate\"}}}\n",
            "",
            &format!("{body}: is not read any more"),
        ),
        (
            "      security: []\n",
            "      security: []\n      requestBody: {required: true, content: {}}\n",
            "GET /mirrors/{id} body: is new and required",
        ),
        (
            "required: [name]\n      properties:\n        name: {type: string, minL",
            "required: [name, count]\n      properties:\n        name: {type: string, minL",
            &format!("{update}.count: became required"),
        ),
        (
            "required: [name]\n      properties:\n        name: {type: string, minL",
            "required: [name, new]\n      properties:\n        new: {type: string}\n        name: {type: string, minL",
            &format!("{update}.new: is new and required"),
        ),
        ("        count: {type: integer, format: int64}\n", "", &format!("{update}.count: is gone")),
        ("minLength: 1", "minLength: 2", &format!("{update}.name: minLength was 1, and is 2")),
        ("maxLength: 99", "maxLength: 98", &format!("{update}.name: maxLength was 99, and is 98")),
        ("^[a-z]+$", "^[a-y]+$", &format!(r#"{update}.name: pattern was "^[a-z]+$", and is "^[a-y]+$""#)),
        (
            "note: {type: string, nullable: true}",
            "note: {type: string}",
            &format!("{update}.note: may not be null any more"),
        ),
        (
            "note: {type: string,",
            "note: {type: string, enum: [A],",
            &format!("{update}.note: accepts listed words only"),
        ),
        (
            "format: int64",
            "format: int32",
            &format!(r#"{update}.count: the format was "int64", and is "int32""#),
        ),
        ("maxItems: 5", "maxItems: 4", &format!("{update}.tags: maxItems was 5, and is 4")),
        (
            "items: {type: string}",
            "items: {type: boolean}",
            &format!(r#"{update}.tags[]: the type was "string", and is "boolean""#),
        ),
        (
            ", {$ref: \"#/components/schemas/Token\"}]",
            "]",
            "Credentials in requests: Token is not accepted any more",
        ),
        ("required: [user]", "required: [user, key]", "Basic in requests.key: is new and required"),
    ]);
}

#[test]
fn answers_must_be_what_clients_were_built_for() {
    let mirror = "Mirror in responses";
    let required = "required: [name]\n      properties:\n        name: {type: string, maxLength: 50}";
    each_breaks(&[
        (
            required,
            &required.replace("required: [name]\n      ", ""),
            &format!("{mirror}.name: may be missing now"),
        ),
        ("        seen: {type: integer, format: int32}\n", "", &format!("{mirror}.seen: is gone")),
        (
            "seen: {type: integer",
            "seen: {type: number",
            &format!(r#"{mirror}.seen: the type was "integer", and is "number""#),
        ),
        (
            "int32}\n        link",
            "int64}\n        link",
            &format!(r#"{mirror}.seen: the format was "int32", and is "int64""#),
        ),
        (", format: uri", "", &format!(r#"{mirror}.link: the format was "uri", and is null"#)),
        (", format: uri", ", format: uri, nullable: true", &format!("{mirror}.link: may be null now")),
        ("maxLength: 50", "maxLength: 51", &format!("{mirror}.name: maxLength was 50, and is 51")),
        (
            "[UP, DOWN]",
            "[UP, DOWN, SIDEWAYS]",
            r#"Told in responses: "SIDEWAYS" is a word that clients do not know"#,
        ),
        (", enum: [UP, DOWN]", "", "Told in responses: may be any word now"),
        (
            "required: [message], properties: {message",
            "properties: {message",
            "Errors in responses.message: may be missing now",
        ),
    ]);
}

#[test]
fn a_reference_to_another_schema_is_compared_by_what_it_is() {
    let parts = "parts: {type: array, items: {$ref: \"#/components/schemas/Mirror\"}}";
    let other = planted(parts, &parts.replace("schemas/Mirror", "schemas/Token"));
    assert!(other.contains(&"Token in responses.name: is gone".to_owned()), "{other:?}");
    let renamed =
        RELEASED.replace("schemas/Mirror\"", "schemas/Replica\"").replace("    Mirror:", "    Replica:");
    assert_eq!(problems(&renamed), Vec::<String>::new(), "names of schemas are not on the wire");
}

#[test]
fn what_adds_passes() {
    let changes = [
        ("  /mirrors/{id}:", "  /new:\n    get: {operationId: new, responses: {}}\n  /mirrors/{id}:"),
        ("\"404\": {$ref", "\"409\": {description: New}\n        \"404\": {$ref"),
        (", {bearer: []}]", ", {bearer: []}, {token: []}]"),
        ("[{}, {basic: []}, {bearer: []}]", "[]"),
        (
            "        - {name: state,",
            "        - {name: new, in: query, schema: {type: string}}\n        - {name: state,",
        ),
        ("minimum: 0", "minimum: -1"),
        ("format: int32, minimum: 0", "format: int64"),
        ("maxLength: 9}", "maxLength: 10}"),
        ("[NEW, OLD]", "[NEW, OLD, NEWER]"),
        (
            "type: object\n      required: [name]\n      properties:\n        name: {type: string, minL",
            "type: object\n      properties:\n        new: {type: string}\n        name: {type: string, minL",
        ),
        (", pattern: \"^[a-z]+$\"", ""),
        ("count: {type: integer, format: int64}", "count: {type: integer, format: int64, nullable: true}"),
        (
            "{$ref: \"#/components/schemas/Token\"}]",
            "{$ref: \"#/components/schemas/Token\"}, {$ref: \"#/components/schemas/Errors\"}]",
        ),
        (
            "        seen: {type: integer, format: int32}\n",
            "        seen: {type: integer, format: int32}\n        new: {type: string}\n",
        ),
        ("        name: {type: string, maxLength: 50}", "        name: {type: string, maxLength: 49}"),
        ("required: [message]", "required: [message, context]"),
        ("[UP, DOWN]", "[UP]"),
        ("title: T", "title: Another"),
        ("version: 1.2.0", "version: 1.3.0"),
    ];
    for (found, replaced) in changes {
        assert_eq!(planted(found, replaced), Vec::<String>::new(), "{found:?} -> {replaced:?}");
    }
}

#[test]
fn only_a_new_major_version_may_break() {
    let broken = RELEASED.replacen("putMirror", "setMirror", 1);
    assert_eq!(problems(&broken.replacen("1.2.0", "1.3.0", 1)).len(), 1);
    assert!(problems(&broken.replacen("1.2.0", "2.0.0", 1)).is_empty());
    assert_eq!(problems(&RELEASED.replacen("1.2.0", "1.1.9", 1)).len(), 1, "versions do not go back");
}

#[test]
fn a_release_is_kept_and_not_replaced_by_mistake() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let folder = folder.path().join("released");
    assert!(matches!(check(RELEASED, &folder), Ok(Outcome::Broken(_))), "nothing is promised yet");
    assert!(matches!(release(RELEASED, &folder, false), Ok(Outcome::Good(_))));
    let written = fs::read_to_string(folder.join("1.2.0.yaml")).expect("was written");
    assert!(written.starts_with('#') && written.ends_with(RELEASED));

    let grown = RELEASED.replacen("title: T", "title: Grown", 1);
    assert!(release(&grown, &folder, false).is_err(), "the version has not grown");
    assert!(matches!(release(&grown, &folder, true), Ok(Outcome::Good(_))));
    assert!(matches!(release(&grown.replacen("1.2.0", "1.10.0", 1), &folder, false), Ok(Outcome::Good(_))));
    assert!(release(&grown.replacen("1.2.0", "1.9.0", 1), &folder, false).is_err(), "a later one is there");

    let broken = grown.replacen("putMirror", "setMirror", 1).replacen("1.2.0", "1.11.0", 1);
    assert!(matches!(release(&broken, &folder, false), Ok(Outcome::Broken(_))));
    assert!(!folder.join("1.11.0.yaml").exists());
    let breaking = broken.replacen("1.11.0", "2.0.0", 1);
    assert!(matches!(release(&breaking, &folder, false), Ok(Outcome::Good(_))));
}
