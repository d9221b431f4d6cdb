use async_graphql::parser::parse_query;
use async_graphql::{Value, Variables};
use serde_json::json;

use super::*;
use crate::graphql::guard::{Limit, Refused};
use crate::graphql::sdl::SchemaHints;

const SDL: &str = r#"
    schema { query: Query }
    type Query {
        pet(by: By, name: String): Pet
        dogs(first: Int! = 10, tags: [String!]): [Dog!]!
        any: Any
        find(filter: Filter!): [Dog!]!
    }
    interface Pet { id: ID! name(long: Boolean): String owner: Person }
    type Dog implements Pet { id: ID! name(long: Boolean): String owner: Person barks: Boolean! kennel: Kennel! age: Int }
    type Cat implements Pet { id: ID! name(long: Boolean): String owner: Person purrs: Boolean! box: Box age: Int! ages: [Int] }
    type Person { id: ID! name: String pet: Pet }
    type Kennel { id: ID! size: Int! }
    type Box { id: ID! size: Float! }
    scalar Any
    enum Size { SMALL LARGE }
    input By @oneOf { id: ID name: String filter: Filter }
    input Filter { size: Size sizes: [Size!] limit: Int! = 5 name: String! within: Filter by: By any: Any }
"#;

fn types() -> SchemaTypes {
    SchemaTypes::new(SDL, &SchemaHints::new()).unwrap()
}

fn run_within(document: &str, limits: &Limits) -> Result<Uses, Fault> {
    check(&parse_query(document).unwrap(), &types(), limits, 0)
}

fn run(document: &str) -> Result<Uses, Vec<String>> {
    match run_within(document, &Limits::default()) {
        Ok(uses) => Ok(uses),
        Err(Fault::Invalid(faults)) => Err(faults
            .iter()
            .map(|fault| fault.error.message().en.to_string())
            .collect()),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn what_fits_passes() {
    for document in [
        "query($i: ID!) { pet(by: { id: $i }) { id } }",
        "query($i: ID = 1) { pet(by: { id: $i }) { id } }",
        "query($n: Int) { dogs(first: $n) { id } }",
        "query($n: Int!, $t: [String!]!) { dogs(first: $n, tags: $t) { id } }",
        "query($t: String!) { dogs(tags: [\"a\", $t]) { id } }",
        "query($n: String!, $l: Int, $s: [Size!]) { find(filter: { name: $n, limit: $l, sizes: $s }) { id } }",
        "query($n: String = \"a\") { find(filter: { name: $n, any: [1, { a: SMALL }] }) { id } }",
        "{ find(filter: { name: \"a\", sizes: SMALL, within: { name: \"b\" }, by: { name: \"c\" } }) { id } }",
        "{ pet { ... on Dog { x: barks } ... on Cat { x: purrs } } }",
        "{ pet { ... on Dog { x: kennel { id } } ... on Cat { y: box { id } } } }",
        "{ pet { ... on Dog { name(long: true) } ... on Cat { name(long: false) } } }",
        "{ pet { name owner { name } } ...F } fragment F on Query { pet { owner { name pet { id } } } }",
    ] {
        assert!(run(document).is_ok(), "{document}: {:?}", run(document).err());
    }
}

#[test]
fn what_does_not_fit_is_told() {
    for (document, told) in [
        (
            "query($i: ID) { pet(by: { id: $i }) { id } }",
            "Variable $i of type ID may be null and cannot be a field of By",
        ),
        (
            "query($i: Int!) { pet(by: { id: $i }) { id } }",
            "Variable $i of type Int! cannot be used where ID is expected",
        ),
        (
            "query($n: Int = null) { find(filter: { name: $n }) { id } }",
            "Variable $n of type Int cannot be used where String! is expected",
        ),
        (
            "query($t: String) { dogs(tags: [$t]) { id } }",
            "Variable $t of type String cannot be used where String! is expected",
        ),
        (
            "query($t: String!) { dogs(tags: $t) { id } }",
            "Variable $t of type String! cannot be used where [String!] is expected",
        ),
        (
            "query($b: Int!) { pet { id @skip(if: $b) } }",
            "Variable $b of type Int! cannot be used where Boolean! is expected",
        ),
        (
            "query($b: Int!) @include(if: $b) { pet { id } }",
            "Variable $b of type Int! cannot be used where Boolean! is expected",
        ),
        (
            "query($i: ID!) { pet(by: { id: $i, name: null }) { id } }",
            "Argument by of pet: By takes exactly one field, and not null",
        ),
        (
            "query($i: Int!) { find(filter: { limit: $i }) { id } }",
            "Argument filter of find: Filter requires name, a value of type String!",
        ),
        (
            "query($by: By = {}) { pet(by: $by) { id } }",
            "The default of $by: By takes exactly one field, and not null",
        ),
        (
            "{ find(filter: { name: \"a\", size: \"SMALL\" }) { id } }",
            "Argument filter of find: no value of Size",
        ),
        (
            "{ dogs(first: 2147483648) { id } }",
            "Argument first of dogs: 2147483648 does not fit an Int of 32 bits",
        ),
        (
            "{ dogs(tags: [[\"a\"]]) { id } }",
            "Argument tags of dogs: not a valid String",
        ),
        (
            "{ pet { x: id x: name } }",
            "Fields named x cannot be merged: they are of types ID! and String; give them different aliases",
        ),
        (
            "{ pet { name name(long: true) } }",
            "Fields named name cannot be merged: their arguments differ; give them different aliases",
        ),
        (
            "{ pet { name ... on Dog { name(long: true) } } }",
            "Fields named name cannot be merged: their arguments differ; give them different aliases",
        ),
        (
            "{ pet { ... on Dog { age } ... on Cat { age } } }",
            "Fields named age cannot be merged: they are of types Int and Int!; give them different aliases",
        ),
        (
            "{ pet { ... on Dog { age } ... on Cat { age: ages } } }",
            "Fields named age cannot be merged: they are of types Int and [Int]; give them different aliases",
        ),
        (
            // Below fields that never meet, too.
            "{ pet { ... on Dog { x: kennel { id y: size } } ... on Cat { x: kennel2 { id } } } a: pet { owner { z: id } } a: pet { owner { z: name } } }",
            "Fields named z cannot be merged: they are of types ID! and String; give them different aliases",
        ),
        (
            "{ pet { owner { x: name } } ...F } fragment F on Query { pet { ... on Dog { owner { x: id } } } }",
            "Fields named x cannot be merged: they are of types String and ID!; give them different aliases",
        ),
    ] {
        assert_eq!(run(document).unwrap_err().first().unwrap(), told, "{document}");
    }
}

#[test]
fn variables_in_fragments_are_held_against_each_operation() {
    let document = "query A($n: Int!) { ...F } query B($n: String!) { ...F } query C($n: Float!) { pet { id } } \
                    fragment F on Query { ...G } fragment G on Query { dogs(first: $n) { id } }";
    assert_eq!(
        run(document).unwrap_err(),
        ["Variable $n of type String! cannot be used where Int! is expected"]
    );
}

#[test]
fn a_subscription_has_one_root_field_in_every_operation() {
    let one = "A subscription has exactly one root field, and not in a fragment";
    for (document, told) in [
        ("query A { any } subscription B { a b }", one),
        ("subscription { ... { any } }", one),
        ("subscription { ...F } fragment F on Query { any }", one),
        (
            "query A { any } subscription B { any @include(if: true) }",
            "The root field of a subscription takes no @include",
        ),
        (
            "subscription { a: __typename }",
            "There is no subscribing to __typename",
        ),
    ] {
        assert_eq!(run(document).unwrap_err(), [told], "{document}");
    }
    assert!(run("query A { any ... { any } } subscription B { any }").is_ok());
}

#[test]
fn what_is_left_out_leaves_the_default_and_null_is_refused() {
    let text = "query($n: Int, $m: Int = 3) { dogs(first: $n) { id } ... { b: dogs(first: $m) { id } } }";
    let uses = run(text).unwrap();
    let arguments = |variables: serde_json::Value| {
        let mut document = parse_query(text).unwrap();
        uses.leave_out(&mut document, &Variables::from_json(variables));
        let text = format!("{document:?}");
        (
            text.contains("Variable(Name(\"n\"))"),
            text.contains("Variable(Name(\"m\"))"),
        )
    };
    assert_eq!(arguments(json!({})), (false, false));
    assert_eq!(arguments(json!({ "n": 1, "m": 2 })), (true, true));
    assert_eq!(arguments(json!({ "n": null, "m": 2 })), (true, true));
    let null = Variables::from_json(json!({ "n": null, "m": null }));
    let faults = uses.check(None, &null).unwrap_err();
    let told: Vec<_> = faults
        .iter()
        .map(|fault| fault.message().en.to_string())
        .collect();
    assert_eq!(
        told,
        [
            "Variable m: null is no Int!, which it is used for",
            "Variable n: null is no Int!, which it is used for"
        ]
    );
    assert!(uses.check(None, &Variables::default()).is_ok());
    let uses = run("query($i: ID = 1) { pet(by: { id: $i }) { id } }").unwrap();
    let faults = uses
        .check(None, &Variables::from_json(json!({ "i": null })))
        .unwrap_err();
    assert_eq!(
        faults[0].message().en,
        "Variable i: null is no ID!, which it is used for"
    );
    assert!(matches!(null.values().next(), Some(Value::Null)));
}

#[test]
fn comparing_takes_no_more_steps_than_validation_may() {
    // Each level stands beside two object types, so that what is below the interface is looked at once for each of them.
    let deep = (0..12).fold("id".to_owned(), |below, _| {
        format!(
            "owner {{ pet {{ {below} }} }} ... on Dog {{ owner {{ id }} }} ... on Cat {{ owner {{ id }} }}"
        )
    });
    let fault = run_within(&format!("{{ pet {{ {deep} }} }}"), &Limits::default());
    let refused = fault.err().map(|fault| match fault {
        Fault::Guard(Refused::Over { limit, .. }) => limit,
        other => panic!("{other:?}"),
    });
    assert_eq!(refused, Some(Limit::ValidationSteps));
    // A name a hundred times is looked at a hundred times, not ten thousand.
    let many = format!("{{ pet {{ {} }} }}", "owner { id } ".repeat(100));
    let limits = Limits {
        validation_steps: 1_000,
        ..Limits::default()
    };
    assert!(run_within(&many, &limits).is_ok());
}

#[test]
fn a_typename_takes_nothing_and_is_validated_as_a_fragment() {
    let check = |text: &str| check_unseen(text, &parse_query(text).unwrap()).is_ok();
    assert!(check("{ __typename @include(if: true) }"));
    assert!(!check("{ pet { __typename(a: 1) } }"));
    assert!(!check(
        "{ ...F } fragment F on Query { ... { __typename { id } } }"
    ));
    let seen = as_fragments(
        &parse_query("{ pet { ... { a: __typename @skip(if: true) } } }").unwrap(),
        &types(),
    );
    let text = format!("{seen:?}");
    assert_eq!(text.matches("TypeCondition").count(), 2, "{text}");
    assert_eq!(text.matches("Name(\"Pet\")").count(), 2, "{text}");
}

#[test]
fn an_input_has_each_field_once() {
    let faults = |text: &str| {
        let faults = keys::check(text);
        faults
            .into_iter()
            .map(|fault| (fault.error.message().en.to_string(), fault.at))
            .collect::<Vec<_>>()
    };
    for text in [
        "{ a: pet { id } a: pet { id } }",
        "query($a: By = { id: 1 }, $b: By = { id: 1 }) { pet(by: { id: 1 }) { id a: id a: id } }",
        "{ find(filter: { name: \"name: {name: name:\", within: { name: \"a\" }, any: [{ name: 1 }, { name: 2 }] }) { id } }",
        "{ find(filter: { size: size, name: name }) { id } } # { a: 1 a: 2 }",
    ] {
        assert_eq!(faults(text), [], "{text}");
    }
    assert_eq!(
        faults("{\n  pet(by: { # 名\n    id: 1, id: 2 }) { id }\n}"),
        [(
            "The input has its field id twice".to_owned(),
            vec![Pos { line: 3, column: 12 }]
        )]
    );
    assert_eq!(
        faults("query($a: By = { id: 1 b: [{ c: 1 c: 2 }] id: 1 }) { a }").len(),
        2
    );
}
