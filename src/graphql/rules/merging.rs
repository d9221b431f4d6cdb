//! Field Selection Merging (GraphQL September 2025, section 5.3.2): fields of one response name are answered as one.
//!
//! The specification compares pairs, and pairs of pairs below them. Here fields are grouped by their response names, as in
//! S. Adameit, "GraphQL: Overlapping fields can be merged fast": all fields of a group are of one shape when each is of the shape of
//! the first, and what is selected below them is looked at as one set. That is done twice. All fields of a name must be of one shape,
//! for a client cannot know which it will meet (SameResponseShape); and those that can belong to one object must be the same field with the same
//! arguments (FieldsInSetCanMerge). A field is looked at as often as the document has it with its fragments expanded, at most, and
//! once more for each object type beside which it stands where its own parent is an interface; each time is a step of validation.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{BaseType, ExecutableDocument, Field, Selection, SelectionSet, Type};
use async_graphql::{Pos, Positioned};

use super::{Invalid, MOST_FAULTS, shown};
use crate::graphql::guard::{Limits, Refused, check_steps};
use crate::graphql::sdl::SchemaTypes;

/// Finds the fields that cannot be merged.
///
/// # Errors
///
/// The guard's refusal, where it takes more steps than validation may.
pub(super) fn check(
    document: &ExecutableDocument,
    types: &SchemaTypes,
    limits: &Limits,
    steps: u64,
) -> Result<Vec<Invalid>, Refused> {
    let mut merging = Merging {
        document,
        types,
        limits,
        steps,
        told: HashSet::new(),
        faults: Vec::new(),
    };
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let root = (&operation.selection_set.node, types.root(operation.ty));
        merging.compare(root, Merging::same_shapes)?;
        merging.compare(root, Merging::same_fields)?;
    }
    Ok(merging.faults)
}

/// A field where it stands.
#[derive(Clone, Copy)]
struct Found<'a> {
    field: &'a Positioned<Field>,
    parent: Option<&'a str>,
}

/// Fields of one response name.
type Group<'a> = Vec<Found<'a>>;

struct Merging<'a> {
    document: &'a ExecutableDocument,
    types: &'a SchemaTypes,
    limits: &'a Limits,
    steps: u64,
    /// Response names and places of those that were told.
    told: HashSet<(&'a str, Pos)>,
    faults: Vec<Invalid>,
}

impl<'a> Merging<'a> {
    /// Looks at all groups of a set and of the sets below; `judge` looks at one, and says which of its fields are to be looked at
    /// together further down.
    fn compare(
        &mut self,
        root: (&'a SelectionSet, Option<&'a str>),
        judge: fn(&mut Self, Group<'a>) -> Vec<Group<'a>>,
    ) -> Result<(), Refused> {
        let mut open = vec![vec![root]];
        while let Some(sets) = open.pop() {
            for group in self.groups(sets)? {
                for together in judge(self, group) {
                    let below: Vec<_> = together
                        .iter()
                        .filter(|found| !found.field.node.selection_set.node.items.is_empty())
                        .map(|found| (&found.field.node.selection_set.node, self.type_below(found)))
                        .collect();
                    if !below.is_empty() {
                        open.push(below);
                    }
                }
                if self.faults.len() >= MOST_FAULTS {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The fields of some selection sets as one, fragments opened, each once: by response name, in the order of the document.
    fn groups(&mut self, sets: Vec<(&'a SelectionSet, Option<&'a str>)>) -> Result<Vec<Group<'a>>, Refused> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        let mut opened: HashSet<&str> = HashSet::new();
        let mut open: Vec<_> = sets
            .into_iter()
            .rev()
            .map(|(set, on)| (set.items.iter(), on))
            .collect();
        while let Some((items, parent)) = open.last_mut() {
            let parent = *parent;
            let Some(item) = items.next() else {
                open.pop();
                continue;
            };
            self.steps = self.steps.saturating_add(1);
            match &item.node {
                Selection::Field(field) => {
                    let found = Found { field, parent };
                    let name = field.node.response_key().node.as_str();
                    let at = *by_name.entry(name).or_insert(groups.len());
                    match groups.get_mut(at) {
                        Some(group) => group.push(found),
                        None => groups.push(vec![found]),
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let on = fragment.type_condition.as_ref();
                    let on = on.map(|on| on.node.on.node.as_str());
                    open.push((fragment.selection_set.node.items.iter(), on.or(parent)));
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name)
                        && opened.insert(name)
                    {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        open.push((fragment.node.selection_set.node.items.iter(), Some(on)));
                    }
                }
            }
        }
        check_steps(self.limits, self.steps)?;
        Ok(groups)
    }

    /// All of one name are of one shape, whatever they belong to.
    fn same_shapes(&mut self, group: Group<'a>) -> Vec<Group<'a>> {
        let (first, others) = match group.split_first() {
            Some((first, others)) if !others.is_empty() => (first, others),
            _ => return vec![group],
        };
        for other in others {
            let (Some(one), Some(another)) = (self.type_of(first), self.type_of(other)) else {
                continue;
            };
            if !self.is_one_shape(one, another) {
                let (one, another) = (one.to_string(), another.to_string());
                self.conflict(
                    (first, other),
                    &format!("类型为 {one} 与 {another}"),
                    &format!("they are of types {one} and {another}"),
                );
            }
        }
        vec![group]
    }

    /// Those of one name that can belong to one object are one field with the same arguments.
    fn same_fields(&mut self, group: Group<'a>) -> Vec<Group<'a>> {
        if group.len() == 1 {
            return vec![group];
        }
        let mut anywhere = Vec::new();
        let mut by_parent: Vec<(&str, Group<'a>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for found in group {
            match found.parent.filter(|parent| self.types.is_object(parent)) {
                Some(parent) => {
                    let at = *places.entry(parent).or_insert(by_parent.len());
                    match by_parent.get_mut(at) {
                        Some((_, group)) => group.push(found),
                        None => by_parent.push((parent, vec![found])),
                    }
                }
                None => anywhere.push(found),
            }
        }
        let together: Vec<Group<'a>> = match by_parent.is_empty() {
            true => vec![anywhere],
            false => by_parent
                .into_iter()
                .map(|(_, group)| anywhere.iter().copied().chain(group).collect())
                .collect(),
        };
        for group in &together {
            self.steps = self.steps.saturating_add(group.len() as u64);
            let Some((first, others)) = group.split_first() else {
                continue;
            };
            for other in others {
                let (one, another) = (&first.field.node, &other.field.node);
                if one.name.node != another.name.node {
                    let (one, another) = (shown(&one.name.node), shown(&another.name.node));
                    self.conflict(
                        (first, other),
                        &format!("{one} 与 {another} 是不同的字段"),
                        &format!("{one} and {another} are different fields"),
                    );
                } else if !same_arguments(one, another) {
                    self.conflict((first, other), "参数不同", "their arguments differ");
                }
            }
        }
        together
    }

    fn conflict(&mut self, (one, other): (&Found<'a>, &Found<'a>), zh: &str, en: &str) {
        let name = one.field.node.response_key().node.as_str();
        if self.faults.len() < MOST_FAULTS && self.told.insert((name, other.field.pos)) {
            let name = shown(name);
            self.faults.push(Invalid::new(
                [one.field.pos, other.field.pos],
                format!("同名的字段 {name} 不能合并：{zh}；请用别名分开"),
                format!("Fields named {name} cannot be merged: {en}; give them different aliases"),
            ));
        }
    }

    fn type_of(&self, found: &Found<'a>) -> Option<&'a Type> {
        self.types.type_of(found.parent?, &found.field.node.name.node)
    }

    fn type_below(&self, found: &Found<'a>) -> Option<&'a str> {
        let known = self.types.output(found.parent?, &found.field.node.name.node)?;
        Some(known.ty.as_str())
    }

    fn is_one_shape(&self, one: &Type, another: &Type) -> bool {
        let (mut one, mut another) = (one, another);
        loop {
            if one.nullable != another.nullable {
                return false;
            }
            match (&one.base, &another.base) {
                (BaseType::List(of_one), BaseType::List(of_another)) => (one, another) = (of_one, of_another),
                (BaseType::Named(one), BaseType::Named(another)) => {
                    let are_composite = self.types.is_composite(one) && self.types.is_composite(another);
                    return one == another || are_composite;
                }
                _ => return false,
            }
        }
    }
}

/// Whether they are given the same arguments, in whatever order.
fn same_arguments(one: &Field, another: &Field) -> bool {
    one.arguments.len() == another.arguments.len()
        && one.arguments.iter().all(|(name, value)| {
            let other = another.get_argument(&name.node);
            other.is_some_and(|other| other.node == value.node)
        })
}
