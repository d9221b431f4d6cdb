//! Where values stand in a document: each argument of a field or a directive that the schema knows, with what it expects.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;

use crate::graphql::sdl::{InputField, SchemaTypes};

/// One argument.
pub(super) struct Place<'a> {
    /// The field or directive.
    pub of: &'a str,
    pub is_directive: bool,
    pub argument: &'a str,
    pub expects: &'a InputField,
    pub value: &'a Positioned<Value>,
}

/// Those of an operation or a fragment, without those of the fragments that it spreads.
pub(super) struct Scope<'a> {
    pub of: Of<'a>,
    pub places: Vec<Place<'a>>,
    pub spreads: Vec<&'a str>,
}

/// Whose they are.
#[derive(Clone, Copy)]
pub(super) enum Of<'a> {
    Operation(Option<&'a Name>, &'a OperationDefinition),
    Fragment(&'a str),
}

/// All of a document; each selection is visited once, and nothing recurses.
pub(super) fn scopes<'a>(document: &'a ExecutableDocument, types: &'a SchemaTypes) -> Vec<Scope<'a>> {
    let operations = document.operations.iter().map(|(name, operation)| {
        let operation = &operation.node;
        let mut scope = Scope::new(Of::Operation(name, operation));
        scope.directives(&operation.directives, types);
        scope.selections(&operation.selection_set.node, types.root(operation.ty), types);
        scope
    });
    let fragments = document.fragments.iter().map(|(name, fragment)| {
        let fragment = &fragment.node;
        let mut scope = Scope::new(Of::Fragment(name));
        scope.directives(&fragment.directives, types);
        let parent = fragment.type_condition.node.on.node.as_str();
        scope.selections(&fragment.selection_set.node, Some(parent), types);
        scope
    });
    operations.chain(fragments).collect()
}

impl<'a> Scope<'a> {
    fn new(of: Of<'a>) -> Self {
        Self {
            of,
            places: Vec::new(),
            spreads: Vec::new(),
        }
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>], types: &'a SchemaTypes) {
        for directive in directives {
            let directive = &directive.node;
            let name = directive.name.node.as_str();
            self.arguments(name, true, &directive.arguments, types.directive(name));
        }
    }

    fn arguments(
        &mut self,
        of: &'a str,
        is_directive: bool,
        arguments: &'a [(Positioned<Name>, Positioned<Value>)],
        known: Option<&'a HashMap<String, InputField>>,
    ) {
        let places = arguments.iter().filter_map(|(name, value)| {
            let expects = known?.get(name.node.as_str())?;
            Some(Place {
                of,
                is_directive,
                argument: name.node.as_str(),
                expects,
                value,
            })
        });
        self.places.extend(places);
    }

    fn selections(&mut self, set: &'a SelectionSet, parent: Option<&'a str>, types: &'a SchemaTypes) {
        let mut open = vec![(set, parent)];
        while let Some((set, parent)) = open.pop() {
            for selection in &set.items {
                self.directives(selection.node.directives(), types);
                match &selection.node {
                    Selection::Field(field) => {
                        let field = &field.node;
                        let name = field.name.node.as_str();
                        let known = parent.and_then(|parent| types.output(parent, name));
                        self.arguments(name, false, &field.arguments, known.map(|known| &known.arguments));
                        open.push((&field.selection_set.node, known.map(|known| known.ty.as_str())));
                    }
                    Selection::InlineFragment(fragment) => {
                        let fragment = &fragment.node;
                        let on = fragment.type_condition.as_ref();
                        let on = on.map(|on| on.node.on.node.as_str());
                        open.push((&fragment.selection_set.node, on.or(parent)));
                    }
                    Selection::FragmentSpread(spread) => {
                        self.spreads.push(spread.node.fragment_name.node.as_str());
                    }
                }
            }
        }
    }
}
