//! Documents held against the specification (GraphQL September 2025, sections 5 and 6), rule by rule, as a client meets them: what is
//! valid is answered, what is not is refused before anything runs.

use serde_json::{Value, json};

use super::app;
use crate::support::socket::Socket;

struct Case {
    rule: &'static str,
    document: &'static str,
    variables: Value,
}

fn case(rule: &'static str, document: &'static str, variables: Value) -> Case {
    Case {
        rule,
        document,
        variables,
    }
}

fn plain(rule: &'static str, document: &'static str) -> Case {
    case(rule, document, json!({}))
}

const USAGES: &str = "5.8.5 All Variable Usages Are Allowed";
const USED: &str = "5.8.4 All Variables Used";
const MERGING: &str = "5.3.2 Field Selection Merging";
const VALUES: &str = "5.6.1 Values of Correct Type";
const ONE_OF: &str = "3.10.1 OneOf Input Objects";
const ARGUMENTS: &str = "6.4.1 Coercing Field Arguments";

fn valid() -> Vec<Case> {
    vec![
        case(
            USED,
            "query($x: Boolean!) { viewer { role __typename @include(if: $x) } }",
            json!({ "x": true }),
        ),
        case(
            USED,
            "query($x: Boolean!) { viewer { role t: __typename @skip(if: $x) } }",
            json!({ "x": true }),
        ),
        plain(
            "5.7 Directives",
            "{ __typename @include(if: true) @skip(if: false) viewer { role } }",
        ),
        case(
            USAGES,
            "query($b: ID!) { node(id: $b) { id } nodes(ids: [$b]) { id } }",
            json!({ "b": "none" }),
        ),
        case(
            USAGES,
            "query($b: ID = \"none\") { node(id: $b) { id } }",
            json!({}),
        ),
        case(
            USAGES,
            "query($c: String = \"none\") { branch(by: { code: $c }) { id } }",
            json!({}),
        ),
        case(
            USAGES,
            "query($a: Boolean = false) { viewer { role @skip(if: $a) } }",
            json!({}),
        ),
        case(
            USAGES,
            "query($d: [Domain!], $e: Domain!) { a: branches(filter: { domains: $d }) { totalCount } \
             b: branches(filter: { domains: [$e, RURAL] }) { totalCount } }",
            json!({ "e": "RURAL" }),
        ),
        case(
            USAGES,
            "query A($n: Int!) { ...F } query B($n: Int! = 2) { ...F } fragment F on Query { changes(first: $n) { hasMore } }",
            json!({ "n": 2 }),
        ),
        case(
            "5.8.5, a variable of the meta-schema",
            "query($n: String!, $d: Boolean) { __type(name: $n) { fields(includeDeprecated: $d) { name } } }",
            json!({ "n": "Viewer" }),
        ),
        plain(MERGING, "{ viewer { x: role } viewer { x: role y: subject } }"),
        plain(
            MERGING,
            "{ ...F viewer { role ... { role } ... on Viewer { role } } } fragment F on Query { viewer { role } }",
        ),
        plain(
            MERGING,
            "{ node(id: \"none\") { ... on Branch { ... { n: code } } ... on Organization { ... { n: name } } } }",
        ),
        plain(
            MERGING,
            "{ node(id: \"none\") { ... on Branch { x: brand { id } } ... on Organization { x: parent { id } } } }",
        ),
        case(
            MERGING,
            "query($n: Int!) { changes(first: $n, filter: {}) { hasMore } changes(filter: {}, first: $n) { cursor } }",
            json!({ "n": 1 }),
        ),
        plain(VALUES, "{ nodes(ids: 7) { id } branch(by: { id: 7 }) { id } }"),
        plain(ONE_OF, "{ branch(by: { code: \"none\" }) { id } }"),
        case(
            ONE_OF,
            "query($c: String!) { branch(by: { code: $c }) { id } }",
            json!({ "c": "none" }),
        ),
        case(
            ARGUMENTS,
            "query($n: Int) { changes(first: $n) { hasMore } }",
            json!({}),
        ),
        case(
            ARGUMENTS,
            "query($n: Int) { leaderboard(first: $n) { __typename } }",
            json!({}),
        ),
        case(
            ARGUMENTS,
            "query($n: Int) { viewer { todos(first: $n) { __typename } } }",
            json!({}),
        ),
        case(
            ARGUMENTS,
            "query($n: Int, $id: ID!) { suggestedPartners(branchId: $id, first: $n) { __typename } viewer { role } }",
            json!({ "id": "none" }),
        ),
        case(
            ARGUMENTS,
            "query($l: Language) { figures(year: 2022) { label(lang: $l) } }",
            json!({}),
        ),
    ]
}

fn invalid() -> Vec<Case> {
    vec![
        plain("5.3.1 Field Selections", "{ viewer { __typname } }"),
        plain("5.3.3 Leaf Field Selections", "{ __typename { x } }"),
        plain("5.4.1 Argument Names", "{ __typename(a: 1) }"),
        plain("5.7.1 Directives Are Defined", "{ __typename @nothing }"),
        plain(
            "5.8.3 All Variable Uses Defined",
            "{ viewer { role __typename @include(if: $undefined) } }",
        ),
        plain(
            "5.7.2 Directives Are in Valid Locations",
            "{ __typename @deprecated }",
        ),
        plain(
            "5.7.3 Directives Are Unique per Location",
            "{ __typename @include(if: true) @include(if: true) }",
        ),
        plain(VALUES, "{ __typename @include(if: 1) }"),
        plain(VALUES, "{ __typename @include(if: null) }"),
        plain("5.4.2.1 Required Arguments", "{ __typename @include }"),
        case(
            USAGES,
            "query($b: Boolean) { node(id: $b) { id } }",
            json!({ "b": true }),
        ),
        case(
            USAGES,
            "query($b: ID) { node(id: $b) { id } }",
            json!({ "b": "1" }),
        ),
        case(
            USAGES,
            "query($b: ID = null) { node(id: $b) { id } }",
            json!({ "b": "1" }),
        ),
        case(
            USAGES,
            "query($a: Boolean) { viewer { role @skip(if: $a) } }",
            json!({ "a": true }),
        ),
        case(
            USAGES,
            "query($a: Boolean) { viewer { role __typename @skip(if: $a) } }",
            json!({ "a": true }),
        ),
        case(
            USAGES,
            "query($b: Boolean!) { nodes(ids: [$b]) { id } }",
            json!({ "b": true }),
        ),
        case(
            USAGES,
            "query($b: ID!) { nodes(ids: $b) { id } }",
            json!({ "b": "1" }),
        ),
        case(
            USAGES,
            "query($b: [ID]!) { nodes(ids: $b) { id } }",
            json!({ "b": ["1"] }),
        ),
        case(
            USAGES,
            "query($f: BranchForm!) { branches(filter: { domains: [$f] }) { totalCount } }",
            json!({ "f": "SINGLE" }),
        ),
        case(
            USAGES,
            "query($f: Domain) { branches(filter: { domains: [$f] }) { totalCount } }",
            json!({ "f": "RURAL" }),
        ),
        case(
            USAGES,
            "query A($b: Boolean!) { ...F } fragment F on Query { ...G } fragment G on Query { node(id: $b) { id } }",
            json!({ "b": true }),
        ),
        case(
            USAGES,
            "query($n: Int) { __type(name: $n) { name } }",
            json!({ "n": 1 }),
        ),
        case(
            ONE_OF,
            "query($c: String) { branch(by: { code: $c }) { id } }",
            json!({ "c": "HC-01" }),
        ),
        case(
            ONE_OF,
            "query($c: String!, $i: ID!) { branch(by: { code: $c, id: $i }) { id } }",
            json!({ "c": "HC-01", "i": "1" }),
        ),
        plain(ONE_OF, "{ branch(by: {}) { id } }"),
        plain(ONE_OF, "{ branch(by: { code: null }) { id } }"),
        plain(ONE_OF, "{ branch(by: { code: \"a\", id: \"b\" }) { id } }"),
        case(
            ONE_OF,
            "query($by: BranchBy!) { branch(by: $by) { id } }",
            json!({ "by": { "code": "a", "id": null } }),
        ),
        plain(MERGING, "{ viewer { x: role } viewer { x: subject } }"),
        plain(MERGING, "{ viewer { x: role x: subject } }"),
        plain(
            MERGING,
            "{ viewer { x: role } ...F } fragment F on Query { viewer { x: subject } }",
        ),
        plain(
            MERGING,
            "{ changes(first: 1) { cursor } changes(first: 2) { cursor } }",
        ),
        plain(MERGING, "{ changes(first: 1) { cursor } changes { cursor } }"),
        plain(
            MERGING,
            "{ node(id: \"1\") { ... on Node { id } ... on Branch { id: code } } }",
        ),
        plain(
            MERGING,
            "{ node(id: \"1\") { ... on Branch { x: code } ... on Organization { x: kind } } }",
        ),
        plain(
            MERGING,
            "{ viewer { __typename ... on Viewer { __typename: role } } }",
        ),
        plain(
            MERGING,
            "{ __schema { types { x: name } } __schema { types { x: kind } } }",
        ),
        plain(VALUES, "{ branch(by: \"code\") { id } }"),
        plain(
            VALUES,
            "{ branches(filter: { domains: [\"RURAL\"] }) { totalCount } }",
        ),
        case(
            VALUES,
            "query($f: Domain!) { branches(filter: { domains: [$f, NOWHERE] }) { totalCount } }",
            json!({ "f": "RURAL" }),
        ),
        case(
            VALUES,
            "query($s: String!) { branches(filter: { search: $s, gold: 1 }) { totalCount } }",
            json!({ "s": "a" }),
        ),
        plain(
            "5.6.3 Input Object Field Uniqueness",
            "{ branch(by: { code: \"a\", code: \"b\" }) { id } }",
        ),
        case(
            "5.6.2 Input Object Field Names",
            "query($s: String!) { branches(filter: { search: $s, nothing: 1 }) { totalCount } }",
            json!({ "s": "a" }),
        ),
        case(
            ARGUMENTS,
            "query($n: Int) { changes(first: $n) { hasMore } }",
            json!({ "n": null }),
        ),
        case(
            ARGUMENTS,
            "query($b: ID = \"1\") { node(id: $b) { id } }",
            json!({ "b": null }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_valid_is_answered() {
    let app = app().await;
    let admin = app.admin().in_language("en");
    for Case {
        rule,
        document,
        variables,
    } in valid()
    {
        let body = json!({ "query": document, "variables": variables, "operationName": operation(document) });
        let answer = super::post(&admin, &app, body).await;
        assert!(
            answer.body["data"].is_object() && answer.body["errors"].is_null(),
            "{rule}: {document}: {}",
            answer.body
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_valid_is_refused_before_anything_runs() {
    let app = app().await;
    let admin = app.admin().in_language("en");
    for Case {
        rule,
        document,
        variables,
    } in invalid()
    {
        let body = json!({ "query": document, "variables": variables, "operationName": operation(document) });
        let answer = super::post(&admin, &app, body).await;
        let errors = answer.body["errors"].as_array();
        let is_refused = errors.is_some_and(|errors| {
            let told = |error: &Value| {
                error["extensions"]["code"] == "BAD_REQUEST"
                    && error["path"].is_null()
                    && (!error["locations"].is_null() || !error["extensions"]["variable"].is_null())
            };
            errors.iter().all(told)
        });
        assert!(
            is_refused && answer.body.get("data").is_none(),
            "{rule}: {document}: {}",
            answer.body
        );
    }
}

/// Documents of several operations begin with the first one's name.
fn operation(document: &str) -> Option<&str> {
    let named = document.strip_prefix("query ")?;
    named.split('(').next()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_argument_whose_variable_is_left_out_has_its_default() {
    let app = app().await;
    let admin = app.admin().in_language("en");
    let ask = async |n: Value| {
        let document = "query($n: Int) { changes(first: $n) { changes { __typename } hasMore } }";
        let answer = super::post(&admin, &app, json!({ "query": document, "variables": n })).await;
        let page = answer.data()["changes"].clone();
        (page["changes"].as_array().unwrap().len(), page["hasMore"].clone())
    };
    let all = ask(json!({ "n": 200 })).await;
    assert!(all.0 > 1, "the tree has changes: {all:?}");
    // The same document each time: what is kept of one request must not be another's.
    for _ in 0..2 {
        assert_eq!(ask(json!({ "n": 1 })).await, (1, json!(true)));
        assert_eq!(ask(json!({})).await.0, all.0.min(100));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_holds_documents_to_the_same_rules() {
    let app = app().await;
    let admin = app.admin();
    let mut socket = Socket::open(&app, admin.token()).await;
    for (id, document, variables) in [
        (
            "misfit",
            "subscription($b: Boolean!) { branch(id: $b) { code } }",
            json!({ "b": true }),
        ),
        (
            "merging",
            "subscription { leaderboard { x: period } leaderboard { x: total } }",
            json!({}),
        ),
        ("arguments", "query { viewer { __typename(a: 1) } }", json!({})),
        (
            "skipped",
            "subscription($x: Boolean!) { leaderboard @skip(if: $x) { __typename } }",
            json!({ "x": false }),
        ),
    ] {
        socket.subscribe(id, document, variables).await;
        let told = socket.hear().await;
        assert_eq!(
            (&told["type"], &told["id"]),
            (&json!("error"), &json!(id)),
            "{told}"
        );
    }
    // Its default where its variable is left out.
    let document = "subscription($n: Int) { leaderboard(first: $n) { __typename } }";
    socket.subscribe("left-out", document, json!({})).await;
    let told = socket.next_of("left-out").await;
    assert_eq!(told["leaderboard"]["__typename"], "Leaderboard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_graphql_is_told_in_the_callers_language_with_its_place() {
    let app = app().await;
    let admin = app.admin();
    for (lang, message) in [
        ("en", "Syntax error at line 2, column 3"),
        ("zh", "语法错误：第 2 行第 3 列"),
    ] {
        let request = app
            .http()
            .post(format!("{}/graphql", app.url))
            .header("accept-language", lang)
            .bearer_auth(admin.token().unwrap())
            .json(&json!({ "query": "{\n  ) }" }));
        let answer = admin.send(request).await;
        let errors = &answer.body["errors"];
        assert_eq!(errors[0]["message"], message);
        assert_eq!(errors[0]["locations"], json!([{ "line": 2, "column": 3 }]));
        assert_eq!(errors.as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_fault_is_told_once() {
    let app = app().await;
    let admin = app.admin();
    let document = "query A { ...F } query B { ...F } fragment F on Viewer { role }";
    let answer = super::post(&admin, &app, json!({ "query": document, "operationName": "A" })).await;
    let errors = answer.body["errors"].as_array().unwrap();
    let told: std::collections::HashSet<String> = errors
        .iter()
        .map(|error| format!("{} {}", error["message"], error["locations"]))
        .collect();
    assert_eq!(told.len(), errors.len(), "{errors:?}");
}
