use std::time::{Duration, Instant};

use async_graphql::Variables;
use async_graphql::parser::parse_query;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::graphql::sdl::{SchemaHints, SchemaTypes};

const SDL: &str = "
    schema { query: Query mutation: Mutation }
    interface Node { id: ID! }
    type Query {
        node(id: ID!): Node
        nodes(ids: [ID!]!): [Node]!
        branch(id: ID): Branch
        branches(first: Int, after: String, last: Int, before: String): BranchConnection!
        leaderboard(first: Int! = 20): [Branch!]!
    }
    type Mutation { award(id: ID!): Branch }
    type BranchConnection { edges: [BranchEdge!]! nodes: [Branch!]! pageInfo: PageInfo! totalCount: Int! }
    type BranchEdge { cursor: String! node: Branch! }
    type PageInfo { hasNextPage: Boolean! endCursor: String }
    type Branch implements Node {
        id: ID! code: String! name: String! brand: Brand organization: Organization! term: Term
        self: Branch
        pairings(first: Int, last: Int): PairingConnection!
    }
    type Brand { id: ID! name: String! slogan: String themes: [String!]! }
    type Organization { id: ID! name: String! }
    type Term { electedOn: String! endsOn: String! extendedTo: String }
    type PairingConnection { edges: [PairingEdge!]! nodes: [Pairing!]! pageInfo: PageInfo! }
    type PairingEdge { cursor: String! node: Pairing! }
    type Pairing { id: ID! title: String! state: String! members: [Member!]! }
    type Member { role: String! branch: Branch! }
";

/// What GraphiQL 3 and 4 send (graphql-js `getIntrospectionQuery` with every option).
const INTROSPECTION: &str = "
    query IntrospectionQuery {
      __schema {
        description
        queryType { name } mutationType { name } subscriptionType { name }
        types { ...FullType }
        directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
      }
    }
    fragment FullType on __Type {
      kind name description specifiedByURL isOneOf
      fields(includeDeprecated: true) {
        name description
        args(includeDeprecated: true) { ...InputValue }
        type { ...TypeRef }
        isDeprecated deprecationReason
      }
      inputFields(includeDeprecated: true) { ...InputValue }
      interfaces { ...TypeRef }
      enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
      possibleTypes { ...TypeRef }
    }
    fragment InputValue on __InputValue {
      name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
    }
    fragment TypeRef on __Type {
      kind name
      ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
        ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
    }
";

fn types() -> SchemaTypes {
    SchemaTypes::new(SDL, &SchemaHints::new()).unwrap()
}

/// Both stages; what the parser does not take is nothing for the guard to judge.
fn judge(document: &str) -> Result<DocumentFacts, Refused> {
    let limits = Limits::default();
    scan(document, &limits)?;
    measure(&parse_query(document).unwrap(), &types(), &limits)
}

fn over(document: &str) -> (Limit, u64) {
    match judge(document) {
        Err(Refused::Over { limit, found, .. }) => (limit, found),
        other => panic!("{other:?}"),
    }
}

fn cost(document: &str) -> u64 {
    judge(document).unwrap().operations[0].cost
}

#[test]
fn the_introspection_of_graphiql_passes() {
    let facts = judge(INTROSPECTION).unwrap();
    assert!(facts.operations[0].introspects);
    // But not many at once.
    let many = INTROSPECTION.replace(
        "types { ...FullType }",
        "types { ...FullType } b: types { ...FullType } c: types { ...FullType }",
    );
    assert_eq!(over(&many).0, Limit::IntrospectionCost);
}

#[test]
fn a_page_of_fifty_branches_with_all_around_them_passes() {
    let page = "{ branches(first: 50) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node {
        id code name brand { id name slogan themes } organization { id name }
        term { electedOn endsOn extendedTo }
        pairings(first: 10) { edges { node { id title state members { role branch { id name } } } } }
    } } } }";
    let cost = cost(page);
    assert!((10_000..50_000).contains(&cost), "{cost}");
    assert_eq!(over(&page.replace("first: 50", "first: 200")).0, Limit::Cost);
}

#[test]
fn what_is_hostile_is_refused_in_milliseconds() {
    let wide = |n: usize, field: &str| format!("{{ {} }}", field.repeat(n));
    let aliases: String = (0..10_000).map(|n| format!("a{n}:branch{{id}} ")).collect();
    let mut chain = "{ ...F0 } ".to_owned();
    for n in 0..40 {
        chain += &format!("fragment F{n} on Query {{ ...F{} ...F{} }} ", n + 1, n + 1);
    }
    chain += "fragment F40 on Query { branch { id } }";
    let unreachable = chain.replace("{ ...F0 }", "{ branch { id } }");
    let mut tree = "{ branch { ...F0 } } fragment F12 on Branch { id } ".to_owned();
    for n in 0..12 {
        let below = format!("self {{ ...F{} }} ", n + 1).repeat(3);
        tree += &format!("fragment F{n} on Branch {{ {below} }} ");
    }
    let ring = "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }";
    for (document, limit) in [
        ("x".repeat(100_000), Some(Limit::DocumentBytes)),
        (
            format!("{{ a(b: {}1{}) }}", "[".repeat(2_000), "]".repeat(2_000)),
            Some(Limit::Nesting),
        ),
        (
            format!("{}{}", "{ a ".repeat(2_000), "}".repeat(2_000)),
            Some(Limit::Nesting),
        ),
        (
            format!("query($a: {}Int{}) {{ a }}", "[".repeat(2_000), "]".repeat(2_000)),
            Some(Limit::Nesting),
        ),
        (
            format!("{{ {aliases} }}")[..65_000].to_owned(),
            Some(Limit::Tokens),
        ),
        (wide(10_000, "id "), Some(Limit::Tokens)),
        (wide(101, "branch { id } "), Some(Limit::Repeats)),
        (chain, Some(Limit::Repeats)),
        (tree, Some(Limit::Cost)),
        (unreachable, Some(Limit::Repeats)),
        (ring.to_owned(), None),
    ] {
        let started = Instant::now();
        let judged = judge(&document);
        assert!(
            started.elapsed() < Duration::from_millis(200),
            "{:?}",
            &document[..40]
        );
        match (judged, limit) {
            (Err(Refused::Over { limit, .. }), Some(expected)) => assert_eq!(limit, expected),
            (Ok(facts), None) => assert!(facts.cycle.is_some()),
            (other, _) => panic!("{other:?} for {:?}", &document[..40]),
        }
    }
}

#[test]
fn every_limit_says_what_it_found() {
    let nest = |n: usize, field: &str| {
        format!(
            "{{ branch {}id{} }}",
            format!("{{ {field} ").repeat(n),
            "}".repeat(n)
        )
    };
    let times = |n: usize, text: &str| {
        (0..n)
            .map(|i| text.replace('#', &i.to_string()))
            .collect::<String>()
    };
    assert_eq!(
        over(&nest(15, "self").replace("self id", "self { id }")),
        (Limit::Depth, 17)
    );
    assert_eq!(
        over(&format!("{{ branch {{ {} }} }}", times(61, "a#: id "))),
        (Limit::Aliases, 61)
    );
    assert_eq!(
        over(&format!(
            "{{ branch {{ {} }} }}",
            times(61, "id @skip(if: true) ")
        )),
        (Limit::Directives, 61)
    );
    assert_eq!(
        over(&format!("{{ {} }}", times(21, "a#: node(id: 1) { id } "))),
        (Limit::RootFields, 21)
    );
    assert_eq!(
        over(&format!("{{ branch {{ {} }} }}", times(101, "id "))),
        (Limit::Repeats, 101)
    );
    let message = match judge(&format!("{{ {} }}", times(21, "a#: node(id: 1) { id } "))) {
        Err(refused) => refused.error(),
        Ok(facts) => panic!("{facts:?}"),
    };
    assert_eq!(
        message.message().en,
        "The operation's number of root fields is 21, the limit is 20"
    );
    assert_eq!(message.message().zh, "根字段数为 21，超过上限 20");
    assert_eq!(message.code(), ErrorCode::QueryTooComplex);
}

#[test]
fn fragments_count_as_often_as_they_are_spread() {
    let spread = |n: usize, fragment: &str| {
        format!(
            "{{ branch {{ {} }} }} fragment F on Branch {{ {fragment} }}",
            "...F ".repeat(n)
        )
    };
    assert_eq!(over(&spread(61, "a: id")), (Limit::Aliases, 61));
    assert_eq!(over(&spread(51, "id id")), (Limit::Repeats, 102));
    assert_eq!(cost(&spread(10, "id name")), 21);
    // Inline fragments belong to the selection they stand in.
    assert_eq!(
        over(&format!(
            "{{ branch {{ {} }} }}",
            "... on Branch { id } ".repeat(101)
        ))
        .0,
        Limit::Repeats
    );
    assert_eq!(
        over(&format!(
            "{{ ...R }} fragment R on Query {{ {} }}",
            (0..21)
                .map(|i| format!("a{i}: node(id: 1) {{ id }} "))
                .collect::<String>()
        ))
        .0,
        Limit::RootFields
    );
}

#[test]
fn a_long_chain_of_fragments_is_nesting() {
    let mut chain = "{ branch { ...F0 } } ".to_owned();
    for n in 0..300 {
        chain += &format!("fragment F{n} on Branch {{ ...F{} }} ", n + 1);
    }
    chain += "fragment F300 on Branch { id }";
    assert_eq!(over(&chain).0, Limit::Nesting);
}

#[test]
fn page_sizes_multiply_wherever_they_come_from() {
    // branches + 10 x (nodes + id)
    assert_eq!(cost("{ branches(first: 10) { nodes { id } } }"), 21);
    assert_eq!(cost("{ branches(last: 10) { nodes { id } } }"), 21);
    assert_eq!(cost("{ branches { nodes { id } } }"), 101);
    assert_eq!(cost("{ branches(first: 0) { nodes { id } } }"), 3);
    assert_eq!(cost("{ branches(first: -5) { nodes { id } } }"), 3);
    // A connection refuses more than 200 by itself.
    assert_eq!(cost("{ branches(first: 2147483647) { nodes { id } } }"), 401);
    assert_eq!(cost("{ leaderboard { id } }"), 21);
    assert_eq!(
        over("{ leaderboard(first: 99999999999999999999999) { id } }").0,
        Limit::Cost
    );
    assert_eq!(
        over("{ leaderboard(first: 9223372036854775807) { id name } }").0,
        Limit::Cost
    );
    assert_eq!(cost("{ nodes(ids: [1, 2, 3]) { id } }"), 4);
    assert_eq!(cost("mutation { award(id: 1) { id } }"), 11);

    let with = |query: &str, variables: serde_json::Value| {
        let document = parse_query(query).unwrap();
        let limits = Limits::default();
        let facts = measure(&document, &types(), &limits).unwrap();
        assert!(facts.operations[0].cost_varies);
        let (_, operation) = document.operations.iter().next().unwrap();
        let variables = Variables::from_json(variables);
        cost_with(&document, &operation.node, &types(), &limits, &variables)
    };
    let query = "query($n: Int = 4) { branches(first: $n) { nodes { id } } }";
    assert_eq!(with(query, json!({ "n": 10 })), Ok(21));
    assert_eq!(with(query, json!({})), Ok(9));
    assert_eq!(with(query, json!({ "n": null })), Ok(101));
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    assert_eq!(with(query, json!({ "ids": ["1", "2"] })), Ok(3));
    let query = "query($n: Int!) { leaderboard(first: $n) { id } }";
    assert!(with(query, json!({ "n": 2_000_000_000 })).is_err());
}

#[test]
fn only_brackets_that_the_parser_sees_count() {
    let limits = Limits::default();
    let nesting = |text: &str| scan(text, &limits).map(|s| s.nesting);
    assert_eq!(nesting(r#"{ a(b: "[[[[") } # {{{{"#), Ok(2));
    assert_eq!(nesting(r#"{ a(b: "\"[[[") }"#), Ok(2));
    assert_eq!(nesting("{ a(b: \"\"\"[[ \\\"\"\" [[ \" [[\"\"\") }"), Ok(2));
    assert_eq!(nesting("# {{{\r{ a }"), Ok(1));
    // What is a string without an end to us must not hide brackets from the parser.
    assert_eq!(
        nesting("{ a(b: [\"\"\"\" [[[["),
        Err(Refused::Unterminated { at: 8 })
    );
    assert_eq!(nesting("{ a(b: \"[[\n\")"), Err(Refused::Unterminated { at: 7 }));
    assert_eq!(nesting("\"\\"), Err(Refused::Unterminated { at: 0 }));
    assert_eq!(
        scan("query Q($a: Int! = -1.5e3) { a(b: $a) ...F @d }", &limits)
            .unwrap()
            .tokens,
        24
    );
}

proptest! {
    #[test]
    fn no_bytes_whatsoever_make_it_panic(text in any::<String>()) {
        let _ = scan(&text, &Limits::default());
    }

    #[test]
    fn no_soup_of_brackets_and_strings_gets_past_it_to_the_parsers_stack(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", "(", ")", "\"", "\"\"\"", "\\", "\\\"", "\n", "#", " ", "a", ":", "$", "...", "on ",
                "fragment ", "query ", "@", "!", "=", "1", "-", "é", "\u{feff}", "[[[[[[[[[[", "{a{a{a{a{a{a",
            ]),
            0..400,
        )
    ) {
        let text = parts.concat();
        let limits = Limits::default();
        if scan(&text, &limits).is_ok()
            && let Ok(document) = parse_query(&text)
        {
            let _ = measure(&document, &types(), &limits);
        }
    }

    #[test]
    fn documents_of_fragments_in_any_order_are_measured_without_recursing_for_ever(
        spreads in prop::collection::vec((0..12_usize, 0..12_usize, prop::bool::ANY), 1..60)
    ) {
        let mut bodies = vec![String::from("id "); 12];
        for (from, to, nested) in spreads {
            bodies[from] += &if nested { format!("self {{ ...F{to} }} ") } else { format!("...F{to} ") };
        }
        let mut text = "{ branch { ...F0 } } ".to_owned();
        for (n, body) in bodies.iter().enumerate() {
            text += &format!("fragment F{n} on Branch {{ {body} }} ");
        }
        let _ = judge(&text);
    }
}

fn steps_found(document: &str) -> u64 {
    let none = Limits {
        validation_steps: 0,
        cost: u64::MAX,
        ..Limits::default()
    };
    match measure(&parse_query(document).unwrap(), &types(), &none) {
        Err(Refused::Over {
            limit: Limit::ValidationSteps,
            found,
            ..
        }) => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_validation_walks_again_is_counted_again() {
    // Two selections, each in a set of one.
    assert_eq!(steps_found("{ branch { id } }"), 4);
    // Fields of an inner selection are compared in each that stands around them.
    assert_eq!(
        steps_found("{ branch { ... { ... { id } } } }"),
        4 + 1 + 3 + 2 + 1
    );
    // A fragment is walked for each operation, and compared where it is spread and once for itself.
    let fragment = "fragment F on Query { branch { id } }";
    let one = steps_found(&format!("query A {{ ...F }} {fragment}"));
    let two = steps_found(&format!("query A {{ ...F }} query B {{ ...F }} {fragment}"));
    assert_eq!((one, two), (3 + 2 + 2, (3 + 2) * 2 + 2));
    // So are uses of variables.
    let used = steps_found("query($a: ID!, $b: ID!) { nodes(ids: [$a, $b, $a]) { id } }");
    assert_eq!(used, 4 + 3);
}

#[test]
fn variables_count_as_often_as_they_are_used() {
    let limits = Limits {
        variable_bytes: 1_000,
        ..Limits::default()
    };
    let check = |query: &str, variables: serde_json::Value| {
        let document = parse_query(query).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        check_variables(
            &document,
            &operation.node,
            &limits,
            &Variables::from_json(variables),
        )
    };
    let id = json!({ "id": "x".repeat(300) });
    assert_eq!(
        check("query($id: ID!) { nodes(ids: [$id, $id]) { id } }", id.clone()),
        Ok(())
    );
    let found = |query: &str| match check(query, id.clone()) {
        Err(Refused::Over {
            limit: Limit::VariableBytes,
            found,
            ..
        }) => found,
        other => panic!("{query}: {other:?}"),
    };
    assert_eq!(
        found("query($id: ID!) { nodes(ids: [$id, $id, $id, $id]) { id } }"),
        4 * 332
    );
    assert_eq!(
        found(
            "query($id: ID!) { ...F ...F } fragment F on Query { a: node(id: $id) { id } b: node(id: $id) { id } }"
        ),
        4 * 332
    );
    assert_eq!(
        found("query($id: ID!) { node(id: {a: [$id, {b: $id}]}) @skip(if: $id) { id @skip(if: $id) } }"),
        4 * 332
    );
    // One that is not used is not copied.
    assert_eq!(
        check(
            "query($id: ID!) { branch { id } }",
            json!({ "id": "x".repeat(5_000) })
        ),
        Ok(())
    );
}
