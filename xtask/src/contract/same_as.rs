//! What `x-same-as` may say: an operation that is another address of an earlier one promises the same.
//!
//! Such an operation has no handler of its own: its route calls the original's. So it takes the same method, query and
//! body and answers alike. Its path may name a parameter differently, which the parameter then says by an `x-same-as`
//! of its own, or may leave a parameter out: then the handlers must know what is meant.

use super::model::{Contract, Operation, Parameter, ParameterPlace, Response, ValueType};
use super::read::Violation;

/// The status that only the original may promise, when its path has more parts that can be malformed.
const BAD_REQUEST: u16 = 400;

/// Every operation that says `x-same-as` and is not the same.
pub fn violations(contract: &Contract) -> Vec<Violation> {
    let mut found = Vec::new();
    for operation in &contract.operations {
        let place = format!("{} {}", operation.method, operation.path);
        let problems = match &operation.same_as {
            Some(id) => problems_of(contract, operation, id),
            None => problems_of_parameters(operation),
        };
        found.extend(problems.into_iter().map(|problem| Violation { place: place.clone(), problem }));
    }
    found
}

fn problems_of_parameters(operation: &Operation) -> Vec<String> {
    let renamed = operation.parameters.iter().filter(|parameter| parameter.same_as.is_some());
    renamed
        .map(|parameter| {
            format!("the parameter {} says x-same-as, and its operation does not", parameter.name)
        })
        .collect()
}

fn problems_of(contract: &Contract, operation: &Operation, id: &str) -> Vec<String> {
    let Some(original) = contract.original_of(operation) else {
        return vec![format!("x-same-as names {id}, which is no operation of this contract")];
    };
    if let Some(further) = &original.same_as {
        return vec![format!("x-same-as names {id}, which itself is the same as {further}; name {further}")];
    }
    let mut problems = Vec::new();
    let mut require = |fine: bool, problem: String| {
        if !fine {
            problems.push(format!("x-same-as: {id} {problem}"));
        }
    };
    require(original.method == operation.method, format!("is called by {}", original.method));
    require(original.tag == operation.tag, format!("has the tag {:?}", original.tag));
    require(original.body == operation.body, "takes another body".to_owned());
    for parameter in &operation.parameters {
        let name = parameter.original_name();
        match original.parameters.iter().find(|candidate| candidate.name == name) {
            None => require(false, format!("has no parameter {name}")),
            Some(counterpart) => require(
                are_alike(parameter, counterpart),
                format!("takes another type of {name}, in another place or with another default"),
            ),
        }
    }
    for parameter in &original.parameters {
        let is_implied = parameter.place == ParameterPlace::Path && is_text(parameter);
        let is_given = operation.parameter_for(parameter).is_some();
        require(
            is_given || is_implied,
            format!("needs {}, which is no text in its path, so it cannot be left out here", parameter.name),
        );
    }
    for response in &original.responses {
        let promised = operation.responses.iter().any(|own| own.status == response.status);
        let status = response.status;
        require(promised || status == BAD_REQUEST, format!("answers {status} as well"));
    }
    for response in &operation.responses {
        let status = response.status;
        require(
            original.responses.iter().any(|other| answers_alike(response, other)),
            format!("does not answer {status}, or not with the same content"),
        );
    }
    problems
}

fn are_alike(one: &Parameter, other: &Parameter) -> bool {
    (one.place, &one.value, one.required, &one.default)
        == (other.place, &other.value, other.required, &other.default)
}

fn answers_alike(one: &Response, other: &Response) -> bool {
    (one.status, &one.content) == (other.status, &other.content)
}

fn is_text(parameter: &Parameter) -> bool {
    matches!(parameter.value, ValueType::Text(_))
}

#[cfg(test)]
mod tests {
    use crate::contract::read;

    const GOOD: &str = r##"
openapi: 3.0.3
info: {title: T, version: "1"}
tags: [{name: Mirrors}]
paths:
  /upstreams/{upstreamId}/repos/{repoId}:
    get:
      operationId: getRepo
      tags: [Mirrors]
      security: []
      parameters:
        - {name: upstreamId, in: path, required: true, schema: {type: string}}
        - {name: repoId, in: path, required: true, schema: {type: string}}
        - {name: limit, in: query, schema: {type: integer, format: int32}}
      responses:
        "200": {description: Ok, content: {application/json: {schema: {type: boolean}}}}
        "400": {description: Bad}
        "404": {description: None}
  /repos/{externalId}:
    get:
      operationId: getRepo_1
      x-same-as: getRepo
      tags: [Mirrors]
      security: []
      parameters:
        - {name: externalId, in: path, required: true, schema: {type: string}, x-same-as: repoId}
        - {name: limit, in: query, schema: {type: integer, format: int32}}
      responses:
        "200": {description: Ok, content: {application/json: {schema: {type: boolean}}}}
        "404": {description: None}
"##;

    fn problems(text: &str) -> Vec<String> {
        match read(text) {
            Ok(_) => Vec::new(),
            Err(violations) => violations.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn another_address_may_rename_and_leave_out_parts_of_the_path() {
        assert_eq!(problems(GOOD), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_the_same_is_told_with_the_difference() {
        let later = GOOD.find("  /repos/").expect("the later operation is there");
        let planted = [
            ("x-same-as: getRepo\n", "x-same-as: getRep\n", "names getRep, which is no operation"),
            ("x-same-as: getRepo\n", "x-same-as: getRepo_1\n", "which itself is the same as"),
            ("x-same-as: getRepo\n", "x-same-as: 7\n", "must be a name, not 7"),
            ("      x-same-as: getRepo\n", "", "the parameter externalId says x-same-as, and its operation"),
            ("    get:", "    delete:", "is called by GET"),
            ("tags: [Mirrors]", "tags: [Others]", "has the tag"),
            (", x-same-as: repoId}", "}", "has no parameter externalId"),
            ("format: int32", "format: int64", "takes another type of limit"),
            (
                "        - {name: limit, in: query, schema: {type: integer, format: int32}}\n",
                "",
                "needs limit, which is no text in its path",
            ),
            ("        \"404\": {description: None}\n", "", "answers 404 as well"),
            ("\"404\": {description: None}", "\"410\": {description: Gone}", "does not answer 410"),
            ("{type: boolean}", "{type: string}", "does not answer 200, or not with the same content"),
        ];
        for (found, replaced, expected) in planted {
            let (before, after) = GOOD.split_at(later);
            let text = format!("{before}{}", after.replacen(found, replaced, 1));
            assert_ne!(text, GOOD, "{found:?} is not in the later operation");
            let problems = problems(&text);
            assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
        }
    }
}
