//! What the edge needs to know of the schema, read once from its printed SDL: input types, to check
//! variables against, and the shapes of fields, to say what a document may cost.

use std::collections::HashMap;

use async_graphql::Value;
use async_graphql::parser::types::{
    BaseType, ConstDirective, FieldDefinition, InputValueDefinition, OperationType, Type, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::parser::{self, Positioned};

use crate::kernel::page::{DEFAULT_PAGE, MAX_PAGE};

/// How many items a list without paging arguments is taken to have.
const LIST_SIZE: u64 = 5;

/// Whether a value is one of a custom scalar's.
pub type ScalarCheck = fn(&Value) -> bool;

/// What the caller of [`SchemaTypes::new`] knows and the SDL does not say.
#[derive(Clone, Debug, Default)]
pub struct SchemaHints {
    scalars: HashMap<&'static str, ScalarCheck>,
    costs: HashMap<&'static str, u64>,
}

impl SchemaHints {
    /// Nothing beyond the SDL.
    pub fn new() -> Self {
        Self::default()
    }

    /// How variables of a custom scalar are checked; scalars without a check take any value.
    #[must_use]
    pub fn scalar(mut self, name: &'static str, check: ScalarCheck) -> Self {
        self.scalars.insert(name, check);
        self
    }

    /// What one call of a field costs by itself (`"Query.board"`); 1 unless said otherwise, 10 for mutations.
    #[must_use]
    pub fn cost(mut self, field: &'static str, cost: u64) -> Self {
        self.costs.insert(field, cost);
        self
    }
}

/// An input type.
pub(super) enum InputType {
    Scalar(Option<ScalarCheck>),
    Enum(Vec<String>),
    Object {
        fields: HashMap<String, InputField>,
        one_of: bool,
    },
}

/// A field of an input object.
pub(super) struct InputField {
    pub ty: Type,
    pub has_default: bool,
}

/// What a field gives and costs.
#[derive(Clone, Debug)]
pub(super) struct OutputField {
    /// The named type, lists and non-null taken off.
    pub ty: String,
    /// The field's own cost.
    pub cost: u64,
    /// How many times its selection runs.
    pub repeats: Repeats,
    /// The types of its arguments.
    pub arguments: HashMap<String, Type>,
}

/// How many times a field's selection runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeats {
    Fixed(u64),
    /// By `first` or `last`: this many when neither is given, at most `most`.
    Page {
        default: u64,
        most: u64,
    },
    /// Once for each of `ids`.
    Ids,
}

/// The schema as the edge knows it.
pub struct SchemaTypes {
    inputs: HashMap<String, InputType>,
    outputs: HashMap<String, HashMap<String, OutputField>>,
    query: String,
    mutation: Option<String>,
    subscription: Option<String>,
}

impl SchemaTypes {
    /// Reads a printed schema.
    ///
    /// # Errors
    ///
    /// The parser's, if `sdl` is not what `Schema::sdl` prints.
    pub fn new(sdl: &str, hints: &SchemaHints) -> Result<Self, parser::Error> {
        let document = parser::parse_schema(sdl)?;
        let mut types = Self {
            inputs: HashMap::new(),
            outputs: HashMap::new(),
            query: "Query".to_owned(),
            mutation: None,
            subscription: None,
        };
        for name in ["Int", "Float", "String", "Boolean", "ID"] {
            types
                .inputs
                .insert(name.to_owned(), InputType::Scalar(Some(builtin(name))));
        }
        for definition in &document.definitions {
            if let TypeSystemDefinition::Schema(schema) = definition {
                let name =
                    |n: &Option<Positioned<async_graphql::Name>>| n.as_ref().map(|n| n.node.to_string());
                types.query = name(&schema.node.query).unwrap_or(types.query);
                types.mutation = name(&schema.node.mutation);
                types.subscription = name(&schema.node.subscription);
            }
        }
        for definition in &document.definitions {
            if let TypeSystemDefinition::Type(ty) = definition {
                types.add(
                    ty.node.name.node.as_str(),
                    &ty.node.directives,
                    &ty.node.kind,
                    hints,
                );
            }
        }
        types.add_introspection();
        Ok(types)
    }

    fn add(
        &mut self,
        name: &str,
        directives: &[Positioned<ConstDirective>],
        kind: &TypeKind,
        hints: &SchemaHints,
    ) {
        let input = match kind {
            TypeKind::Scalar => InputType::Scalar(hints.scalars.get(name).copied()),
            TypeKind::Enum(ty) => {
                InputType::Enum(ty.values.iter().map(|v| v.node.value.node.to_string()).collect())
            }
            TypeKind::InputObject(ty) => InputType::Object {
                fields: ty.fields.iter().map(|f| input_field(&f.node)).collect(),
                one_of: directives.iter().any(|d| d.node.name.node == "oneOf"),
            },
            TypeKind::Object(ty) => return self.add_output(name, &ty.fields, hints),
            TypeKind::Interface(ty) => return self.add_output(name, &ty.fields, hints),
            TypeKind::Union(_) => return,
        };
        self.inputs.insert(name.to_owned(), input);
    }

    fn add_output(&mut self, name: &str, fields: &[Positioned<FieldDefinition>], hints: &SchemaHints) {
        let base = if self.mutation.as_deref() == Some(name) {
            10
        } else {
            1
        };
        let fields = fields
            .iter()
            .map(|field| {
                let field_name = field.node.name.node.to_string();
                let cost = hints.costs.get(format!("{name}.{field_name}").as_str());
                let shape = OutputField {
                    ty: named(&field.node.ty.node).to_owned(),
                    cost: cost.copied().unwrap_or(base),
                    repeats: repeats(name, &field.node),
                    arguments: field
                        .node
                        .arguments
                        .iter()
                        .map(|argument| input_field(&argument.node))
                        .map(|(name, argument)| (name, argument.ty))
                        .collect(),
                };
                (field_name, shape)
            })
            .collect();
        self.outputs.insert(name.to_owned(), fields);
    }

    // The meta-schema is in no SDL. The numbers are what a schema of this size has of each.
    fn add_introspection(&mut self) {
        const FIELDS: &[(&str, &str, &str, u64)] = &[
            ("__Schema", "types", "__Type", 100),
            ("__Schema", "queryType", "__Type", 1),
            ("__Schema", "mutationType", "__Type", 1),
            ("__Schema", "subscriptionType", "__Type", 1),
            ("__Schema", "directives", "__Directive", 5),
            ("__Directive", "args", "__InputValue", 2),
            ("__Type", "fields", "__Field", 10),
            ("__Type", "inputFields", "__InputValue", 5),
            ("__Type", "enumValues", "__EnumValue", 5),
            ("__Type", "interfaces", "__Type", 1),
            ("__Type", "possibleTypes", "__Type", 5),
            ("__Type", "ofType", "__Type", 1),
            ("__Field", "args", "__InputValue", 2),
            ("__Field", "type", "__Type", 1),
            ("__InputValue", "type", "__Type", 1),
        ];
        for &(parent, field, ty, times) in FIELDS {
            let shape = OutputField {
                ty: ty.to_owned(),
                cost: 1,
                repeats: Repeats::Fixed(times),
                arguments: HashMap::new(),
            };
            self.outputs
                .entry(parent.to_owned())
                .or_default()
                .insert(field.to_owned(), shape);
        }
        let query = self.outputs.entry(self.query.clone()).or_default();
        for (field, ty) in [("__schema", "__Schema"), ("__type", "__Type")] {
            let shape = OutputField {
                ty: ty.to_owned(),
                cost: 1,
                repeats: Repeats::Fixed(1),
                arguments: HashMap::new(),
            };
            query.insert(field.to_owned(), shape);
        }
    }

    pub(super) fn input(&self, name: &str) -> Option<&InputType> {
        self.inputs.get(name)
    }

    /// Whether a scalar takes a value; one without a check takes any.
    pub(super) fn takes(&self, scalar: &str, value: &Value) -> bool {
        match self.input(scalar) {
            Some(InputType::Scalar(Some(check))) => check(value),
            _ => true,
        }
    }

    pub(super) fn output(&self, parent: &str, field: &str) -> Option<&OutputField> {
        self.outputs.get(parent)?.get(field)
    }

    pub(super) fn root(&self, operation: OperationType) -> Option<&str> {
        match operation {
            OperationType::Query => Some(&self.query),
            OperationType::Mutation => self.mutation.as_deref(),
            OperationType::Subscription => self.subscription.as_deref(),
        }
    }
}

/// The named type under lists and non-null.
pub(super) fn named(ty: &Type) -> &str {
    let mut base = &ty.base;
    loop {
        match base {
            BaseType::Named(name) => return name,
            BaseType::List(inner) => base = &inner.base,
        }
    }
}

fn input_field(field: &InputValueDefinition) -> (String, InputField) {
    let shape = InputField {
        ty: field.ty.node.clone(),
        has_default: field.default_value.is_some(),
    };
    (field.name.node.to_string(), shape)
}

fn repeats(parent: &str, field: &FieldDefinition) -> Repeats {
    let argument = |name: &str| field.arguments.iter().find(|a| a.node.name.node == name);
    let is_list = matches!(field.ty.node.base, BaseType::List(_));
    let connection = named(&field.ty.node).ends_with("Connection");
    if let Some(size) = argument("first").or_else(|| argument("last")) {
        let default = match &size.node.default_value {
            Some(value) => page_size(&value.node),
            None => None,
        };
        // A connection refuses more than its limit by itself, and says so better.
        let most = if connection { u64::from(MAX_PAGE) } else { u64::MAX };
        return Repeats::Page {
            default: default.unwrap_or(u64::from(DEFAULT_PAGE)),
            most,
        };
    }
    match is_list {
        true if argument("ids").is_some() => Repeats::Ids,
        // The connection above has counted these already.
        true if parent.ends_with("Connection") => Repeats::Fixed(1),
        true => Repeats::Fixed(LIST_SIZE),
        false => Repeats::Fixed(1),
    }
}

/// A page size that was given; negative ones are refused by the field itself.
pub(super) fn page_size(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(n) => u64::try_from(n.max(0)).ok(),
            None => Some(u64::MAX),
        },
        _ => None,
    }
}

fn builtin(name: &str) -> ScalarCheck {
    match name {
        "Int" => {
            |value| matches!(value, Value::Number(n) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()))
        }
        "Float" => |value| matches!(value, Value::Number(n) if n.as_f64().is_some_and(f64::is_finite)),
        "Boolean" => |value| matches!(value, Value::Boolean(_)),
        "ID" => |value| match value {
            Value::String(_) => true,
            Value::Number(n) => n.is_i64(),
            _ => false,
        },
        _ => |value| matches!(value, Value::String(_)),
    }
}
