//! What an operation's variables come to where they are used. An argument that is made of variables is copied together from
//! their values, so that a large one, used a thousand times in one list, would take a thousand times its memory.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Name, Positioned, Value, Variables};
use async_graphql_value::Value as Literal;

use super::{Limit, Limits, Refused, check};

/// What a value takes besides its text.
const VALUE_BYTES: u64 = 32;

/// Checks what the variables of a request come to, each as often as the operation uses it.
pub(in crate::graphql) fn check_variables(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    limits: &Limits,
    variables: &Variables,
) -> Result<(), Refused> {
    let sizes: HashMap<&str, u64> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), size(value)))
        .collect();
    let once = sizes.values().copied().fold(0, u64::saturating_add);
    // No document within its limits uses one so often that small ones would come to much.
    if once.saturating_mul(limits.tokens) <= limits.variable_bytes {
        return Ok(());
    }
    let mut walk = Walk {
        document,
        sizes,
        fragments: HashMap::new(),
    };
    let found = walk.selection(&operation.selection_set.node);
    check(Limit::VariableBytes, limits.variable_bytes, found)
}

/// Checks what the variables of a subscription take while they are kept.
pub(in crate::graphql) fn check_kept_variables(
    limits: &Limits,
    variables: &Variables,
) -> Result<(), Refused> {
    let all = variables.values().map(size).fold(0, u64::saturating_add);
    check(
        Limit::SubscriptionVariableBytes,
        limits.subscription_variable_bytes,
        all,
    )
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    sizes: HashMap<&'a str, u64>,
    /// What those come to that have been walked; validated documents have no cycles.
    fragments: HashMap<&'a str, u64>,
}

impl<'a> Walk<'a> {
    /// Recurses as deep as selections are nested, which the guard has limited.
    fn selection(&mut self, set: &'a SelectionSet) -> u64 {
        let mut bytes = 0_u64;
        for item in &set.items {
            for directive in item.node.directives() {
                bytes = bytes.saturating_add(self.arguments(&directive.node.arguments));
            }
            let inner = match &item.node {
                Selection::Field(field) => {
                    bytes = bytes.saturating_add(self.arguments(&field.node.arguments));
                    self.selection(&field.node.selection_set.node)
                }
                Selection::InlineFragment(inline) => self.selection(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            };
            bytes = bytes.saturating_add(inner);
        }
        bytes
    }

    fn fragment(&mut self, name: &'a Name) -> u64 {
        if let Some(bytes) = self.fragments.get(name.as_str()) {
            return *bytes;
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return 0;
        };
        let bytes = self.selection(&fragment.node.selection_set.node);
        self.fragments.insert(name.as_str(), bytes);
        bytes
    }

    fn arguments(&self, arguments: &'a [(Positioned<Name>, Positioned<Literal>)]) -> u64 {
        let values = arguments.iter().map(|(_, value)| self.value(&value.node));
        values.fold(0, u64::saturating_add)
    }

    fn value(&self, value: &Literal) -> u64 {
        match value {
            Literal::Variable(name) => self.sizes.get(name.as_str()).copied().unwrap_or_default(),
            Literal::List(items) => items.iter().map(|v| self.value(v)).fold(0, u64::saturating_add),
            Literal::Object(fields) => fields
                .values()
                .map(|v| self.value(v))
                .fold(0, u64::saturating_add),
            _ => 0,
        }
    }
}

/// Roughly the memory of a value.
fn size(value: &Value) -> u64 {
    let inner = match value {
        Value::String(text) => text.len() as u64,
        Value::Enum(name) => name.len() as u64,
        Value::Binary(bytes) => bytes.len() as u64,
        Value::List(items) => items.iter().map(size).fold(0, u64::saturating_add),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| size(value).saturating_add(name.len() as u64));
            fields.fold(0, u64::saturating_add)
        }
        Value::Null | Value::Number(_) | Value::Boolean(_) => 0,
    };
    inner.saturating_add(VALUE_BYTES)
}
