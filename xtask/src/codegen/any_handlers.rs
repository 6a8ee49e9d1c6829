//! The operations of a tag behind one pointer. With handlers as a parameter, all routes would be compiled where the handlers are,
//! once for each role: in the crate that is compiled last. Behind a pointer they are compiled where they stand.

use super::names::snake_case;
use super::operations::{request_type, response_type, takes_anything, trait_name};
use super::routes::{implied_method, implied_names, implied_trait};
use crate::contract::{Contract, Operation};

/// The trait of the pointer, which all handlers of the tag have.
pub fn generate(name: &str, contract: &Contract, operations: &[&Operation]) -> String {
    let mut declared = String::new();
    let mut passed_on = String::new();
    for operation in operations.iter().filter(|operation| operation.same_as.is_none()) {
        let method = snake_case(&operation.id);
        let (parameter, argument) = if takes_anything(operation) {
            (format!(", request: {}", request_type(operation)), ", request")
        } else {
            (String::new(), "")
        };
        let head = format!(
            "    fn {method}(&self, call: Call{parameter}) -> Answer<'_, {}>",
            response_type(operation)
        );
        declared.push_str(&format!("{head};\n"));
        passed_on.push_str(&format!(
            "{head} {{\n        answer({}::{method}(self, call{argument}))\n    }}\n",
            trait_name(operation)
        ));
    }
    for implied in implied_names(contract, operations) {
        let method = implied_method(&implied);
        let head = format!("    fn {method}(&self) -> poem::Result<String>");
        declared.push_str(&format!("{head};\n"));
        passed_on.push_str(&format!(
            "{head} {{\n        {}::{method}(self).map_err(Into::into)\n    }}\n",
            implied_trait(&implied)
        ));
    }
    format!(
        "\n/// The handlers of these operations: with a pointer to them, the routes are compiled here and once.\n\
         trait Any{name}: Send + Sync {{\n{declared}}}\n\n\
         impl<H: {name}Operations> Any{name} for H {{\n{passed_on}}}\n"
    )
}
