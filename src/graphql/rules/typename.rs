//! `__typename`, which async-graphql's validation passes over, and its directives with it.

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, InlineFragment, Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned};

use super::{Invalid, MOST_FAULTS, shown};
use crate::graphql::sdl::SchemaTypes;

/// Finds arguments (5.4.1) and selections (5.3.3) where there cannot be any.
pub(super) fn check(document: &ExecutableDocument) -> Vec<Invalid> {
    let mut faults = Vec::new();
    let mut open = sets(document);
    while let Some(set) = open.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    if field.node.name.node == "__typename" && faults.len() < MOST_FAULTS {
                        faults.extend(fault(field));
                    }
                    open.push(&field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => open.push(&fragment.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    faults
}

fn sets(document: &ExecutableDocument) -> Vec<&SelectionSet> {
    let operations = document.operations.iter();
    let operations = operations.map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values();
    let fragments = fragments.map(|fragment| &fragment.node.selection_set.node);
    operations.chain(fragments).collect()
}

fn fault(field: &Positioned<Field>) -> Option<Invalid> {
    if let Some((name, _)) = field.node.arguments.first() {
        let argument = shown(&name.node);
        return Some(Invalid::new(
            [name.pos],
            format!("__typename 没有参数 {argument}"),
            format!("__typename has no argument {argument}"),
        ));
    }
    let set = &field.node.selection_set;
    (!set.node.items.is_empty()).then(|| {
        Invalid::new(
            [field.pos],
            "__typename 是 String!，没有可选的字段".to_owned(),
            "__typename is a String! and has no fields to select".to_owned(),
        )
    })
}

/// The same document as async-graphql's validation sees all of it: `__typename @include(if: $x)` as
/// `... on T @include(if: $x) { __typename }`, and `... { }` as `... on T { }`, for it takes fields of fragments without a type to stand
/// in one set, whatever is around them.
pub(in crate::graphql) fn as_fragments(
    document: &ExecutableDocument,
    types: &SchemaTypes,
) -> ExecutableDocument {
    let mut document = document.clone();
    let fragments = document.fragments.values_mut().map(|fragment| {
        let fragment = &mut fragment.node;
        let parent = fragment.type_condition.node.on.node.clone();
        (&mut fragment.selection_set.node, Some(parent))
    });
    let mut open: Vec<(&mut SelectionSet, Option<Name>)> = fragments.collect();
    let operations: Vec<_> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
    };
    for operation in operations {
        let parent = types.root(operation.node.ty).map(Name::new);
        open.push((&mut operation.node.selection_set.node, parent));
    }
    while let Some((set, parent)) = open.pop() {
        let on = parent.as_ref().filter(|parent| types.is_composite(parent));
        for selection in &mut set.items {
            let is_open = matches!(&selection.node, Selection::Field(field)
                if field.node.name.node == "__typename" && !field.node.directives.is_empty());
            if is_open {
                enclose(selection, on);
                continue;
            }
            match &mut selection.node {
                Selection::Field(field) => {
                    let field = &mut field.node;
                    let known = parent.as_ref();
                    let known = known.and_then(|parent| types.output(parent, &field.name.node));
                    let ty = known.map(|known| Name::new(&known.ty));
                    open.push((&mut field.selection_set.node, ty));
                }
                Selection::InlineFragment(fragment) => {
                    let pos = fragment.pos;
                    let fragment = &mut fragment.node;
                    if fragment.type_condition.is_none() {
                        fragment.type_condition = on.map(|on| condition(on, pos));
                    }
                    let inner = fragment.type_condition.as_ref();
                    let inner = inner.map(|inner| inner.node.on.node.clone());
                    open.push((&mut fragment.selection_set.node, inner));
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    document
}

fn condition(on: &Name, pos: Pos) -> Positioned<TypeCondition> {
    let on = Positioned::new(on.clone(), pos);
    Positioned::new(TypeCondition { on }, pos)
}

fn enclose(selection: &mut Positioned<Selection>, on: Option<&Name>) {
    let pos = selection.pos;
    let directives = std::mem::take(selection.node.directives_mut());
    let inner = SelectionSet {
        items: vec![selection.clone()],
    };
    let fragment = InlineFragment {
        type_condition: on.map(|on| condition(on, pos)),
        directives,
        selection_set: Positioned::new(inner, pos),
    };
    selection.node = Selection::InlineFragment(Positioned::new(fragment, pos));
}
