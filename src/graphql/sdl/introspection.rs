//! The meta-schema (GraphQL September 2025, section 4), which is in no printed schema, as async-graphql serves it.

use async_graphql::Name;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, Type, TypeSystemDefinition};

use super::{OutputField, Repeats, SchemaHints, SchemaTypes, parser};

const SDL: &str = r#"
    type __Meta {
        __schema: __Schema!
        __type(name: String!): __Type
    }
    type __Schema {
        description: String
        types: [__Type!]!
        queryType: __Type!
        mutationType: __Type
        subscriptionType: __Type
        directives: [__Directive!]!
    }
    type __Type {
        kind: __TypeKind!
        name: String
        description: String
        fields(includeDeprecated: Boolean! = false): [__Field!]
        interfaces: [__Type!]
        possibleTypes: [__Type!]
        enumValues(includeDeprecated: Boolean! = false): [__EnumValue!]
        inputFields(includeDeprecated: Boolean! = false): [__InputValue!]
        ofType: __Type
        specifiedByURL: String
        isOneOf: Boolean
    }
    type __Field {
        name: String!
        description: String
        args(includeDeprecated: Boolean! = false): [__InputValue!]!
        type: __Type!
        isDeprecated: Boolean!
        deprecationReason: String
    }
    type __InputValue {
        name: String!
        description: String
        type: __Type!
        defaultValue: String
        isDeprecated: Boolean!
        deprecationReason: String
    }
    type __EnumValue {
        name: String!
        description: String
        isDeprecated: Boolean!
        deprecationReason: String
    }
    type __Directive {
        name: String!
        description: String
        locations: [__DirectiveLocation!]!
        args(includeDeprecated: Boolean! = false): [__InputValue!]!
        isRepeatable: Boolean!
    }
    enum __TypeKind { SCALAR OBJECT INTERFACE UNION ENUM INPUT_OBJECT LIST NON_NULL }
    enum __DirectiveLocation {
        QUERY MUTATION SUBSCRIPTION FIELD FRAGMENT_DEFINITION FRAGMENT_SPREAD INLINE_FRAGMENT VARIABLE_DEFINITION
        SCHEMA SCALAR OBJECT FIELD_DEFINITION ARGUMENT_DEFINITION INTERFACE UNION ENUM ENUM_VALUE INPUT_OBJECT
        INPUT_FIELD_DEFINITION
    }
    directive @skip(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
    directive @include(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
"#;

/// How many a schema of this size has of each list; one of everything else.
const TIMES: &[(&str, &str, u64)] = &[
    ("__Schema", "types", 100),
    ("__Schema", "directives", 5),
    ("__Directive", "args", 2),
    ("__Type", "fields", 10),
    ("__Type", "inputFields", 5),
    ("__Type", "enumValues", 5),
    ("__Type", "possibleTypes", 5),
    ("__Field", "args", 2),
];

/// The type of `__typename`.
pub(super) fn typename() -> Type {
    Type {
        base: BaseType::Named(Name::new("String")),
        nullable: false,
    }
}

impl SchemaTypes {
    pub(super) fn add_introspection(&mut self) -> Result<(), parser::Error> {
        for definition in &parse_schema(SDL)?.definitions {
            match definition {
                TypeSystemDefinition::Type(ty) => {
                    let name = ty.node.name.node.as_str();
                    self.add(name, &ty.node.directives, &ty.node.kind, &SchemaHints::new());
                    for (field, shape) in self.outputs.get_mut(name).into_iter().flatten() {
                        let times = TIMES.iter().find(|(of, list, _)| *of == name && *list == field);
                        shape.repeats = Repeats::Fixed(times.map_or(1, |(_, _, times)| *times));
                    }
                }
                TypeSystemDefinition::Directive(directive) => {
                    let arguments = super::input_fields(&directive.node.arguments);
                    self.directives
                        .insert(directive.node.name.node.to_string(), arguments);
                }
                TypeSystemDefinition::Schema(_) => {}
            }
        }
        // These two are fields of the query's root.
        let meta: Vec<(String, OutputField)> = self.outputs.remove("__Meta").into_iter().flatten().collect();
        self.objects.remove("__Meta");
        self.outputs.entry(self.query.clone()).or_default().extend(meta);
        Ok(())
    }
}
