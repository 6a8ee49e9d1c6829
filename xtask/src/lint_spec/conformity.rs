//! Whether a JSON value is one that a schema of the profile describes; a field that it does not know is a fault.

use serde_json::Value;

/// Where a reference leads, also one with more said of it, which is an `allOf` of one; anything else is itself.
pub fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    if let Some([only]) = value.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        return resolve(document, only);
    }
    let reference = value.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
    match reference.and_then(|pointer| document.pointer(pointer)) {
        Some(found) => resolve(document, found),
        None => value,
    }
}

/// Fails with the place inside the value and what is wrong there.
pub fn conforms(document: &Value, place: &str, value: &Value, schema: &Value) -> Result<(), String> {
    let schema = resolve(document, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting =
            choices.iter().filter(|choice| conforms(document, place, value, choice).is_ok()).count();
        return require(fitting == 1, || format!("{place} fits {fitting} of the choices instead of one"));
    }
    if let Some(words) = schema["enum"].as_array() {
        return require(words.contains(value), || format!("{place} is {value}, none of the known words"));
    }
    match schema["type"].as_str().unwrap_or_default() {
        "object" => object(document, place, value, schema),
        "array" => {
            let items = value.as_array().ok_or_else(|| format!("{place} is {value}, not a list"))?;
            let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
            require(items.len() as u64 <= most, || format!("{place} has more than {most} items"))?;
            items.iter().enumerate().try_for_each(|(index, item)| {
                conforms(document, &format!("{place}[{index}]"), item, &schema["items"])
            })
        }
        "string" => text(place, value, schema),
        "boolean" => require(value.is_boolean(), || format!("{place} is {value}, not true or false")),
        "integer" => integer(place, value, schema),
        other => Err(format!("{place} has a schema of the type {other:?}")),
    }
}

fn object(document: &Value, place: &str, value: &Value, schema: &Value) -> Result<(), String> {
    let fields = value.as_object().ok_or_else(|| format!("{place} is {value}, not an object"))?;
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        require(fields.contains_key(name), || format!("{place} lacks {name}"))?;
    }
    for (name, field) in fields {
        match schema["properties"].get(name) {
            Some(known) => conforms(document, &format!("{place}.{name}"), field, known)?,
            None => require(schema["additionalProperties"] == true, || {
                format!("{place}.{name} is not in the schema")
            })?,
        }
    }
    Ok(())
}

fn text(place: &str, value: &Value, schema: &Value) -> Result<(), String> {
    let text = value.as_str().ok_or_else(|| format!("{place} is {value}, not a text"))?;
    let length = text.chars().count() as u64;
    let (least, most) =
        (schema["minLength"].as_u64().unwrap_or(0), schema["maxLength"].as_u64().unwrap_or(u64::MAX));
    require((least..=most).contains(&length), || format!("{place} has {length} characters"))?;
    let address = schema["format"] != "uri" || text.contains("://");
    require(address, || format!("{place} is {value}, not an absolute address"))
}

fn integer(place: &str, value: &Value, schema: &Value) -> Result<(), String> {
    let number = value.as_i64().ok_or_else(|| format!("{place} is {value}, not a whole number"))?;
    let fits = schema["format"] != "int32" || i32::try_from(number).is_ok();
    require(fits, || format!("{place} is {number}, too large for int32"))?;
    let least = schema["minimum"].as_i64().unwrap_or(i64::MIN);
    require(number >= least, || format!("{place} is {number}, less than {least}"))
}

fn require(fine: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    if fine { Ok(()) } else { Err(fault()) }
}
