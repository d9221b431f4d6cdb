//! What the edge needs to know of the schema, read once from its printed SDL: input types, to check
//! variables against, and the shapes of fields, to say what a document may cost.

mod introspection;

use std::collections::{HashMap, HashSet};

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

/// A field of an input object, or an argument.
#[derive(Clone, Debug)]
pub(super) struct InputField {
    pub ty: Type,
    pub has_default: bool,
}

/// What a field gives and costs.
#[derive(Clone, Debug)]
pub(super) struct OutputField {
    /// The named type, lists and non-null taken off.
    pub ty: String,
    /// The whole type.
    pub full: Type,
    /// The field's own cost.
    pub cost: u64,
    /// How many times its selection runs.
    pub repeats: Repeats,
    /// Its arguments.
    pub arguments: HashMap<String, InputField>,
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
    /// Those of the outputs that are objects, not interfaces.
    objects: HashSet<String>,
    /// The arguments of directives.
    directives: HashMap<String, HashMap<String, InputField>>,
    typename: Type,
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
            objects: HashSet::new(),
            directives: HashMap::new(),
            typename: introspection::typename(),
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
            match definition {
                TypeSystemDefinition::Type(ty) => types.add(
                    ty.node.name.node.as_str(),
                    &ty.node.directives,
                    &ty.node.kind,
                    hints,
                ),
                TypeSystemDefinition::Directive(directive) => {
                    let arguments = input_fields(&directive.node.arguments);
                    types
                        .directives
                        .insert(directive.node.name.node.to_string(), arguments);
                }
                TypeSystemDefinition::Schema(_) => {}
            }
        }
        types.add_introspection()?;
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
                fields: input_fields(&ty.fields),
                one_of: directives.iter().any(|d| d.node.name.node == "oneOf"),
            },
            TypeKind::Object(ty) => {
                self.objects.insert(name.to_owned());
                return self.add_output(name, &ty.fields, hints);
            }
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
                    full: field.node.ty.node.clone(),
                    cost: cost.copied().unwrap_or(base),
                    repeats: repeats(name, &field.node),
                    arguments: input_fields(&field.node.arguments),
                };
                (field_name, shape)
            })
            .collect();
        self.outputs.insert(name.to_owned(), fields);
    }

    pub(super) fn input(&self, name: &str) -> Option<&InputType> {
        self.inputs.get(name)
    }

    pub(super) fn output(&self, parent: &str, field: &str) -> Option<&OutputField> {
        self.outputs.get(parent)?.get(field)
    }

    /// The type of a field, `__typename` among them, which every composite type has.
    pub(super) fn type_of(&self, parent: &str, field: &str) -> Option<&Type> {
        match field {
            "__typename" => Some(&self.typename),
            _ => Some(&self.output(parent, field)?.full),
        }
    }

    /// The arguments of a directive.
    pub(super) fn directive(&self, name: &str) -> Option<&HashMap<String, InputField>> {
        self.directives.get(name)
    }

    /// Whether a type has fields to select: an object or an interface.
    pub(super) fn is_composite(&self, name: &str) -> bool {
        self.outputs.contains_key(name)
    }

    /// Whether a type is an object.
    pub(super) fn is_object(&self, name: &str) -> bool {
        self.objects.contains(name)
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

fn input_fields(fields: &[Positioned<InputValueDefinition>]) -> HashMap<String, InputField> {
    let shapes = fields.iter().map(|field| {
        let shape = InputField {
            ty: field.node.ty.node.clone(),
            has_default: field.node.default_value.is_some(),
        };
        (field.node.name.node.to_string(), shape)
    });
    shapes.collect()
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
