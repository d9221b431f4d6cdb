//! A subscription has one root field, whatever its variables say (GraphQL September 2025, section 5.2.4.1). The specification lets
//! fragments hold it; here they do not, so that it can be seen without looking for it.

use async_graphql::Positioned;
use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
};

use super::Invalid;

/// Finds subscriptions with another number of root fields, with one that asks for the schema, and with one that may be left out.
pub(super) fn check(document: &ExecutableDocument) -> Vec<Invalid> {
    let operations = document.operations.iter();
    let subscriptions = operations.filter(|(_, operation)| operation.node.ty == OperationType::Subscription);
    subscriptions
        .filter_map(|(_, operation)| fault(operation))
        .collect()
}

fn fault(operation: &Positioned<OperationDefinition>) -> Option<Invalid> {
    let Some(root) = root(&operation.node) else {
        return Some(Invalid::new(
            [operation.pos],
            "订阅只能有一个根字段，且不在片段中".to_owned(),
            "A subscription has exactly one root field, and not in a fragment".to_owned(),
        ));
    };
    if root.node.name.node.starts_with("__") {
        return Some(Invalid::new(
            [root.pos],
            format!("不能订阅 {}", root.node.name.node),
            format!("There is no subscribing to {}", root.node.name.node),
        ));
    }
    let mut directives = root.node.directives.iter().map(|directive| &directive.node.name);
    let name = directives.find(|name| ["skip", "include"].contains(&name.node.as_str()))?;
    Some(Invalid::new(
        [name.pos],
        format!("订阅的根字段不能带 @{}", name.node),
        format!("The root field of a subscription takes no @{}", name.node),
    ))
}

fn root(operation: &OperationDefinition) -> Option<&Positioned<Field>> {
    match operation.selection_set.node.items.as_slice() {
        [item] => match &item.node {
            Selection::Field(field) => Some(field),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
        },
        _ => None,
    }
}
