//! What a client calls: operations, their parameters, bodies, statuses and credentials.

use std::collections::BTreeMap;

use serde_json::Value;

use super::schemas::{Comparison, Direction, Place, object, resolved};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Every promise of the released document that the current one does not keep, in document order.
pub fn broken_promises(released: &Value, current: &Value) -> Vec<String> {
    let mut comparison = Comparison::new(released, current);
    if released["servers"] != current["servers"] {
        comparison.broken("servers", "the address below which everything lies has changed");
    }
    for (path, then) in object(&released["paths"]) {
        for method in METHODS {
            let Some(operation) = then.get(method) else { continue };
            let place = format!("{} {path}", method.to_uppercase());
            match current["paths"].get(path).and_then(|item| Some((item, item.get(method)?))) {
                Some((item, now)) => {
                    let shared = (&then["parameters"], &item["parameters"]);
                    of_operation(&mut comparison, &place, operation, now, shared);
                }
                None => comparison.broken(&place, "the operation is gone"),
            }
        }
    }
    comparison.broken
}

fn of_operation(
    comparison: &mut Comparison<'_>,
    place: &str,
    then: &Value,
    now: &Value,
    shared: (&Value, &Value),
) {
    if then["operationId"] != now["operationId"] {
        // Generated clients name their methods by it.
        let message = format!("the operationId was {}, and is {}", then["operationId"], now["operationId"]);
        comparison.broken(place, message);
    }
    let released = parameters(comparison.released, &then["parameters"], shared.0);
    let current = parameters(comparison.current, &now["parameters"], shared.1);
    of_parameters(comparison, place, &released, &current);
    of_body(comparison, place, then.get("requestBody"), now.get("requestBody"));
    for (status, response) in object(&then["responses"]) {
        let place = format!("{place} {status}");
        let Some(now) = now["responses"].get(status) else {
            comparison.broken(&place, "the status is gone");
            continue;
        };
        let then = resolved(comparison.released, response);
        let now = resolved(comparison.current, now);
        of_content(comparison, &place, &then["content"], &now["content"], Direction::Response);
    }
    of_security(comparison, place, then, now);
}

/// Parameters by place and name; those of the operation override those of the path.
fn parameters<'document>(
    document: &'document Value,
    own: &'document Value,
    shared: &'document Value,
) -> BTreeMap<(String, String), &'document Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let both = [shared, own].into_iter().filter_map(Value::as_array).flatten();
    both.map(|parameter| resolved(document, parameter))
        .map(|parameter| ((text(&parameter["in"]), text(&parameter["name"])), parameter))
        .collect()
}

fn of_parameters(
    comparison: &mut Comparison<'_>,
    place: &str,
    released: &BTreeMap<(String, String), &Value>,
    current: &BTreeMap<(String, String), &Value>,
) {
    let is_required = |parameter: &Value| parameter["required"] == true;
    for ((location, name), then) in released {
        let place = format!("{place} {location} parameter {name}");
        let Some(now) = current.get(&(location.clone(), name.clone())) else {
            comparison.broken(&place, "is gone");
            continue;
        };
        if is_required(now) && !is_required(then) {
            comparison.broken(&place, "became required");
        }
        let default =
            |document, parameter: &Value| resolved(document, &parameter["schema"])["default"].clone();
        let (before, after) = (default(comparison.released, then), default(comparison.current, now));
        if before != after {
            // A client that leaves the parameter out gets another answer than before.
            comparison.broken(&place, format!("the default was {before}, and is {after}"));
        }
        comparison.compare(&Place::at(&place), &then["schema"], &now["schema"], Direction::Request);
    }
    for ((location, name), now) in current {
        if is_required(now) && !released.contains_key(&(location.clone(), name.clone())) {
            comparison.broken(&format!("{place} {location} parameter {name}"), "is new and required");
        }
    }
}

fn of_body(comparison: &mut Comparison<'_>, place: &str, then: Option<&Value>, now: Option<&Value>) {
    let place = format!("{place} body");
    let is_required = |body: &Value| body["required"] == true;
    match (then, now) {
        (None, Some(now)) if is_required(resolved(comparison.current, now)) => {
            comparison.broken(&place, "is new and required");
        }
        (None, _) => {}
        (Some(_), None) => comparison.broken(&place, "is not read any more"),
        (Some(then), Some(now)) => {
            let then = resolved(comparison.released, then);
            let now = resolved(comparison.current, now);
            if is_required(now) && !is_required(then) {
                comparison.broken(&place, "became required");
            }
            of_content(comparison, &place, &then["content"], &now["content"], Direction::Request);
        }
    }
}

fn of_content(comparison: &mut Comparison<'_>, place: &str, then: &Value, now: &Value, direction: Direction) {
    for (media_type, then) in object(then) {
        match now.get(media_type) {
            Some(now) => comparison.compare(&Place::at(place), &then["schema"], &now["schema"], direction),
            None => comparison.broken(place, format!("the media type {media_type} is gone")),
        }
    }
}

/// Each way to sign in must still do; calling without credentials is one of them.
fn of_security(comparison: &mut Comparison<'_>, place: &str, then: &Value, now: &Value) {
    let released = ways_in(comparison.released, then);
    let current = ways_in(comparison.current, now);
    if current.iter().all(Vec::is_empty) {
        // Credentials are not looked at any more, so everybody still gets in.
        return;
    }
    for way in &released {
        if way.is_empty() && !current.contains(way) {
            comparison.broken(place, "credentials became necessary");
        } else if !current.contains(way) {
            comparison.broken(place, format!("the credentials {} do not do any more", way.join(" with ")));
        }
    }
    for scheme in released.into_iter().flatten() {
        let wire = |document: &Value| {
            let scheme = resolved(document, &document["components"]["securitySchemes"][&scheme]);
            ["type", "scheme", "in", "name"].map(|key| scheme[key].clone())
        };
        if wire(comparison.released) != wire(comparison.current) {
            comparison.broken(&format!("security scheme {scheme}"), "is sent in another way than before");
        }
    }
}

/// The combinations of schemes that an operation accepts; an empty one is "no credentials".
fn ways_in(document: &Value, operation: &Value) -> Vec<Vec<String>> {
    let requirements = operation.get("security").or_else(|| document.get("security"));
    let requirements = requirements.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if requirements.is_empty() {
        return vec![Vec::new()];
    }
    let mut ways: Vec<Vec<String>> =
        requirements.iter().map(|way| object(way).map(|(scheme, _)| scheme.clone()).collect()).collect();
    ways.iter_mut().for_each(|way| way.sort_unstable());
    ways
}
