//! The second stage: the parsed document, each fragment once.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Value, Variables};
use async_graphql_value::Value as Literal;

use super::{Limit, Limits, Refused, check};
use crate::graphql::reads::Reads;
use crate::graphql::reads_table;
use crate::graphql::sdl::{OutputField, Repeats, SchemaTypes, page_size};

/// What is known of one operation once its document has passed.
#[derive(Clone, Debug)]
pub struct OperationFacts {
    /// Its name, if it has one.
    pub name: Option<Name>,
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// Fields of the root, fragments expanded, `__typename` included.
    pub root_fields: u64,
    /// Whether it reads `__schema` or `__type`.
    pub introspects: bool,
    /// Its cost, that of introspection too, page sizes that variables give taken as their default.
    pub cost: u64,
    /// Whether variables decide on the cost, which is then checked for each request.
    pub cost_varies: bool,
    /// What it reads.
    pub reads: Reads,
    /// The id of the one branch that it asks for.
    pub branch: Option<Literal>,
    /// The field that a subscription subscribes to.
    pub subscribes_to: Option<Name>,
}

/// A document's operations and whether a fragment reaches itself, which validation is to report.
#[derive(Clone, Debug)]
pub struct DocumentFacts {
    /// In no particular order.
    pub operations: Vec<Arc<OperationFacts>>,
    /// A fragment that spreads itself, directly or through others.
    pub cycle: Option<Name>,
    /// What async-graphql's validation has to look at.
    pub steps: u64,
}

/// Checks everything that a document's structure decides; the cost only where no variable has a say.
pub fn measure(
    document: &ExecutableDocument,
    types: &SchemaTypes,
    limits: &Limits,
) -> Result<DocumentFacts, Refused> {
    let mut walk = Walk::new(document, types, limits, None);
    let mut operations = Vec::new();
    let mut steps = 0_u64;
    for (name, operation) in document.operations.iter() {
        let operation = &operation.node;
        let m = walk.operation(operation)?;
        check(Limit::RootFields, limits.root_fields, m.fields)?;
        steps = steps.saturating_add(m.steps());
        if !m.varies {
            check_costs(&m, limits)?;
        }
        operations.push(Arc::new(OperationFacts {
            name: name.cloned(),
            kind: operation.ty,
            root_fields: m.fields,
            introspects: m.introspection > 0,
            cost: m.cost.saturating_add(m.introspection),
            cost_varies: m.varies,
            reads: match m.fields {
                1 => m.reads,
                // Which branch would it be?
                _ => m.reads.anywhere(),
            },
            branch: match m.fields {
                1 => walk
                    .root(&operation.selection_set.node, 0)
                    .and_then(branch_id)
                    .cloned(),
                _ => None,
            },
            subscribes_to: match operation.ty {
                OperationType::Subscription => {
                    let root = walk.root(&operation.selection_set.node, 0);
                    root.map(|field| field.name.node.clone())
                }
                OperationType::Query | OperationType::Mutation => None,
            },
        }));
    }
    // Validation walks every fragment, also those that no operation reaches.
    for name in document.fragments.keys() {
        steps = steps.saturating_add(walk.fragment(name, 0)?.compared);
    }
    check(Limit::ValidationSteps, limits.validation_steps, steps)?;
    Ok(DocumentFacts {
        operations,
        cycle: walk.cycle.cloned(),
        steps,
    })
}

/// Checks the cost of an operation with the variables it is given.
pub(in crate::graphql) fn cost_with(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    types: &SchemaTypes,
    limits: &Limits,
    variables: &Variables,
) -> Result<u64, Refused> {
    let mut walk = Walk::new(document, types, limits, Some((operation, variables)));
    let m = walk.operation(operation)?;
    check_costs(&m, limits)?;
    Ok(m.cost.saturating_add(m.introspection))
}

fn check_costs(m: &Measure, limits: &Limits) -> Result<(), Refused> {
    check(Limit::Cost, limits.cost, m.cost)?;
    check(
        Limit::IntrospectionCost,
        limits.introspection_cost,
        m.introspection,
    )
}

/// What a selection comes to with its fragments expanded.
#[derive(Clone, Copy, Debug, Default)]
struct Measure {
    /// Selections within it, itself not counted.
    nesting: u64,
    /// Fields within fields.
    depth: u64,
    aliases: u64,
    directives: u64,
    /// Fields directly in it.
    fields: u64,
    /// At least how often the most frequent response key stands directly in it.
    repeated: u64,
    /// Selections of any kind: what walks that do not memoize would visit.
    visited: u64,
    /// Selections directly in it, fragments opened: what validation compares with each other.
    direct: u64,
    /// The same of every selection set in it, each fragment's aside, which is validated once for itself.
    compared: u64,
    /// Variables in arguments and directives.
    usages: u64,
    cost: u64,
    /// The cost of what a connection has one of, however many items its page has: `totalCount` and `pageInfo`.
    once: u64,
    introspection: u64,
    varies: bool,
    reads: Reads,
}

impl Measure {
    /// What an operation adds to the work of validation.
    fn steps(&self) -> u64 {
        let walked = self.visited.saturating_add(self.usages);
        walked.saturating_add(self.compared)
    }

    /// Adds what stands beside this in the same selection.
    fn beside(&mut self, other: &Measure) {
        self.nesting = self.nesting.max(other.nesting);
        self.depth = self.depth.max(other.depth);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.fields = self.fields.saturating_add(other.fields);
        self.visited = self.visited.saturating_add(other.visited);
        self.direct = self.direct.saturating_add(other.direct);
        self.compared = self.compared.saturating_add(other.compared);
        self.usages = self.usages.saturating_add(other.usages);
        self.cost = self.cost.saturating_add(other.cost);
        self.once = self.once.saturating_add(other.once);
        self.introspection = self.introspection.saturating_add(other.introspection);
        self.varies |= other.varies;
        self.reads = self.reads.and(other.reads);
    }
}

enum Memo {
    Walking,
    Done(Measure),
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    types: &'a SchemaTypes,
    limits: &'a Limits,
    variables: Option<(&'a OperationDefinition, &'a Variables)>,
    fragments: HashMap<&'a str, Memo>,
    cycle: Option<&'a Name>,
}

impl<'a> Walk<'a> {
    fn new(
        document: &'a ExecutableDocument,
        types: &'a SchemaTypes,
        limits: &'a Limits,
        variables: Option<(&'a OperationDefinition, &'a Variables)>,
    ) -> Self {
        Self {
            document,
            types,
            limits,
            variables,
            fragments: HashMap::new(),
            cycle: None,
        }
    }

    fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Measure, Refused> {
        let mut m = self.selection(&operation.selection_set.node, self.types.root(operation.ty), 0)?;
        m.cost = m.cost.saturating_add(m.once);
        let on_variables = operation
            .variable_definitions
            .iter()
            .map(|d| d.node.directives.len());
        let directives = operation.directives.len() + on_variables.sum::<usize>();
        m.directives = m.directives.saturating_add(directives as u64);
        self.check(&m)?;
        Ok(m)
    }

    /// The limits that hold for operations and for fragments alike.
    fn check(&self, m: &Measure) -> Result<(), Refused> {
        let limits = self.limits;
        check(Limit::Nesting, limits.nesting, m.nesting)?;
        check(Limit::Depth, limits.depth, m.depth)?;
        check(Limit::Aliases, limits.aliases, m.aliases)?;
        check(Limit::Directives, limits.directives, m.directives)?;
        check(Limit::Cost, limits.cost, m.visited)
    }

    fn fragment(&mut self, name: &'a Name, nesting: u64) -> Result<Measure, Refused> {
        match self.fragments.get(name.as_str()) {
            Some(Memo::Done(m)) => return Ok(*m),
            Some(Memo::Walking) => {
                self.cycle.get_or_insert(name);
                return Ok(Measure::default());
            }
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Measure::default());
        };
        let fragment = &fragment.node;
        self.fragments.insert(name.as_str(), Memo::Walking);
        let parent = fragment.type_condition.node.on.node.as_str();
        let mut m = self.selection(&fragment.selection_set.node, Some(parent), nesting)?;
        m.directives = m.directives.saturating_add(fragment.directives.len() as u64);
        self.check(&m)?;
        self.fragments.insert(name.as_str(), Memo::Done(m));
        Ok(m)
    }

    fn selection(
        &mut self,
        set: &'a SelectionSet,
        parent: Option<&'a str>,
        nesting: u64,
    ) -> Result<Measure, Refused> {
        let mut keys = HashMap::new();
        let m = self.selection_into(set, parent, nesting, &mut keys)?;
        // Fragments are not opened to compare keys: their most frequent ones are added up, which is at least
        // as many as one key can have.
        let most = keys
            .values()
            .copied()
            .max()
            .unwrap_or(0)
            .saturating_add(m.repeated);
        check(Limit::Repeats, self.limits.repeats, most)?;
        Ok(Measure { repeated: most, ..m })
    }

    fn selection_into(
        &mut self,
        set: &'a SelectionSet,
        parent: Option<&'a str>,
        nesting: u64,
        keys: &mut HashMap<&'a str, u64>,
    ) -> Result<Measure, Refused> {
        // Bounds this recursion too, whatever order fragments refer to each other in.
        check(Limit::Nesting, self.limits.nesting, nesting)?;
        let mut m = Measure::default();
        for item in &set.items {
            let directives = item.node.directives().len() as u64;
            m.directives = m.directives.saturating_add(directives);
            m.visited = m.visited.saturating_add(1);
            m.direct = m.direct.saturating_add(1);
            let used = item.node.directives().iter().flat_map(|d| &d.node.arguments);
            let used = used
                .map(|(_, value)| uses(&value.node))
                .fold(0, u64::saturating_add);
            m.usages = m.usages.saturating_add(used);
            match &item.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    *keys.entry(key).or_insert(0) += 1;
                    let inner = self.field(&field.node, parent, nesting)?;
                    m.beside(&inner);
                }
                Selection::FragmentSpread(spread) => {
                    let mut inner = self.fragment(&spread.node.fragment_name.node, nesting + 1)?;
                    inner.compared = 0;
                    inner.nesting = inner.nesting.saturating_add(1);
                    m.beside(&inner);
                    m.repeated = m.repeated.saturating_add(inner.repeated);
                }
                Selection::InlineFragment(inline) => {
                    let inline = &inline.node;
                    let on = inline.type_condition.as_ref().map(|c| c.node.on.node.as_str());
                    let set = &inline.selection_set.node;
                    let mut inner = self.selection_into(set, on.or(parent), nesting + 1, keys)?;
                    inner.nesting = inner.nesting.saturating_add(1);
                    m.beside(&inner);
                    m.repeated = m.repeated.saturating_add(inner.repeated);
                }
            }
        }
        m.compared = m.compared.saturating_add(m.direct);
        Ok(m)
    }

    /// A field as one that stands in a selection.
    fn field(&mut self, field: &'a Field, parent: Option<&'a str>, nesting: u64) -> Result<Measure, Refused> {
        let shape = parent.and_then(|p| self.types.output(p, &field.name.node));
        let set = &field.selection_set.node;
        let mut m = if set.items.is_empty() {
            Measure::default()
        } else {
            let mut inner = self.selection(set, shape.map(|s| s.ty.as_str()), nesting + 1)?;
            inner.nesting = inner.nesting.saturating_add(1);
            inner
        };
        let times = self.times(field, shape, &mut m.varies);
        let own = shape.map_or(1, |s| s.cost);
        if shape.is_some_and(|s| s.ty.starts_with("__")) || parent.is_some_and(|p| p.starts_with("__")) {
            m.introspection = m.introspection.saturating_mul(times).saturating_add(own);
            m.depth = 0;
        } else {
            let items = m.cost.saturating_mul(times);
            let cost = items.saturating_add(m.once).saturating_add(own);
            (m.cost, m.once) = match parent.is_some_and(|parent| is_once(parent, &field.name.node)) {
                true => (0, cost),
                false => (cost, 0),
            };
            m.depth = m.depth.saturating_add(1);
        }
        m.aliases = m.aliases.saturating_add(u64::from(field.alias.is_some()));
        if shape.is_some_and(|s| s.ty == "Branch" || s.ty == "Node") && !self.is_branch_by_id(field, parent) {
            // It leads to another branch than the one that is asked for.
            m.reads = m.reads.anywhere();
        }
        // Also `__typename`: it tells that a thing is there.
        m.reads = m.reads.and(reads_table::of_field(parent, &field.name.node));
        let used = field.arguments.iter().map(|(_, value)| uses(&value.node));
        m.usages = m.usages.saturating_add(used.fold(0, u64::saturating_add));
        m.fields = 1;
        m.repeated = 0;
        // It has been counted as an item of its set.
        m.direct = 0;
        Ok(m)
    }

    /// Whether a field of the root asks for one branch by its id.
    fn is_branch_by_id(&self, field: &'a Field, parent: Option<&str>) -> bool {
        let roots = [OperationType::Query, OperationType::Subscription];
        let is_root = roots
            .iter()
            .any(|kind| parent.is_some() && self.types.root(*kind) == parent);
        is_root && branch_id(field).is_some()
    }

    /// The first field of a root, fragments opened; only where it has passed, which bounds the recursion.
    fn root(&self, set: &'a SelectionSet, nesting: u64) -> Option<&'a Field> {
        if nesting > self.limits.nesting {
            return None;
        }
        set.items.iter().find_map(|item| match &item.node {
            Selection::Field(field) => Some(&field.node),
            Selection::InlineFragment(inline) => self.root(&inline.node.selection_set.node, nesting + 1),
            Selection::FragmentSpread(spread) => {
                let fragment = self.document.fragments.get(&spread.node.fragment_name.node)?;
                self.root(&fragment.node.selection_set.node, nesting + 1)
            }
        })
    }

    /// How many times a field's selection runs; at least once, so that cost bounds every walk.
    fn times(&self, field: &'a Field, shape: Option<&OutputField>, varies: &mut bool) -> u64 {
        let repeats = shape.map_or(Repeats::Fixed(1), |s| s.repeats);
        let times = match repeats {
            Repeats::Fixed(times) => times,
            Repeats::Page { default, most } => {
                let sizes = ["first", "last"].map(|name| self.argument(field, name, varies));
                let given = sizes.into_iter().flatten().filter_map(|v| page_size(&v)).max();
                given.unwrap_or(default).min(most)
            }
            Repeats::Ids => self.ids(field, varies),
        };
        times.max(1)
    }

    /// How many ids are given; a list that is a variable's is counted where it lies.
    fn ids(&self, field: &'a Field, varies: &mut bool) -> u64 {
        match field.get_argument("ids").map(|ids| &ids.node) {
            Some(Literal::List(ids)) => ids.len() as u64,
            Some(Literal::Variable(name)) => {
                *varies = true;
                let given = self.variables.and_then(|(_, variables)| variables.get(name));
                match given {
                    Some(Value::List(ids)) => ids.len() as u64,
                    _ => 1,
                }
            }
            _ => 1,
        }
    }

    fn argument(&self, field: &'a Field, name: &str, varies: &mut bool) -> Option<Value> {
        let literal = &field.get_argument(name)?.node;
        if !has_variable(literal) {
            return literal.clone().into_const();
        }
        *varies = true;
        let (operation, variables) = self.variables?;
        let value = |name: Name| -> Result<Value, ()> {
            let given = variables.get(&name).cloned();
            let definitions = operation.variable_definitions.iter();
            let default = || {
                let mut definitions = definitions.filter(|d| d.node.name.node == name);
                definitions.find_map(|d| d.node.default_value.as_ref().map(|v| v.node.clone()))
            };
            Ok(given.or_else(default).unwrap_or_default())
        };
        literal.clone().into_const_with(value).ok()
    }
}

/// The id of the branch that a field of the root asks for: `branch(id: …)` or `branch(by: { id: … })`, as it is written.
fn branch_id(field: &Field) -> Option<&Literal> {
    if field.name.node != "branch" {
        return None;
    }
    match field.get_argument("id") {
        Some(id) => Some(&id.node),
        None => match &field.get_argument("by")?.node {
            Literal::Object(by) => by.get("id"),
            _ => None,
        },
    }
}

/// Whether a field stands beside a connection's items, and not for each of them.
fn is_once(parent: &str, field: &str) -> bool {
    parent.ends_with("Connection") && !matches!(field, "nodes" | "edges")
}

fn has_variable(value: &Literal) -> bool {
    uses(value) > 0
}

/// Variables in a value.
fn uses(value: &Literal) -> u64 {
    match value {
        Literal::Variable(_) => 1,
        Literal::List(items) => items.iter().map(uses).fold(0, u64::saturating_add),
        Literal::Object(fields) => fields.values().map(uses).fold(0, u64::saturating_add),
        _ => 0,
    }
}
