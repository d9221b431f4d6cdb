//! Who may not introspect is not told what it might have meant: neither graphql-cop nor graphql-armor finds a suggestion, nor does
//! anybody who guesses names one by one (as clairvoyance does).

use super::*;
use crate::support::socket::Socket;

/// What is wrong, and the name that it is near to.
struct Guess {
    document: &'static str,
    variables: Value,
    near: &'static str,
}

fn guesses() -> Vec<Guess> {
    let guess = |near, document, variables| Guess {
        document,
        variables,
        near,
    };
    let plain = |near, document| guess(near, document, json!({}));
    vec![
        // Fields: of the root, of a type, of an interface, of the subscription and of mutations.
        plain("viewer", "{ viewr { role } }"),
        plain("role", "{ viewer { rol } }"),
        plain("totalCount", "{ organizations { totalCoun } }"),
        plain("id", "{ node(id: \"x\") { idd } }"),
        plain("board", "subscription { boar { branchCount } }"),
        plain("branchCount", "subscription { board { branchCoun } }"),
        plain(
            "createOrganization",
            "mutation { createOrganizatio { organization { id } } }",
        ),
        plain("queryType", "{ __schema { queryTyp { name } } }"),
        plain("schema", "{ __schem { queryType { name } } }"),
        // Arguments of fields and of directives.
        plain("first", "{ organizations(frist: 1) { totalCount } }"),
        plain("period", "subscription { leaderboard(perio: \"2025\") { asOf } }"),
        plain("if", "{ viewer { role @include(if: true, iff: true) } }"),
        plain("if", "{ __typename @skip(if: true, fi: true) }"),
        // Directives.
        plain("include", "{ viewer { role @includ(if: true) } }"),
        // Types: of fragments and of variables.
        plain("Viewer", "{ viewer { ...F } } fragment F on Viewr { role }"),
        plain("Viewer", "{ viewer { ... on Viewr { role } } }"),
        plain("String", "query($x: Strin) { viewer { role } }"),
        plain(
            "BranchFilter",
            "query($f: BranchFilte) { branches(filter: $f) { totalCount } }",
        ),
        // Values of enums, as they are written, in lists, as defaults and in variables.
        plain(
            "RURAL",
            "{ branches(filter: { domains: [RURA] }) { totalCount } }",
        ),
        plain(
            "RURAL",
            "query($d: [Domain!] = [RURA]) { branches(filter: { domains: $d }) { totalCount } }",
        ),
        guess(
            "RURAL",
            "query($d: [Domain!]) { branches(filter: { domains: $d }) { totalCount } }",
            json!({ "d": ["RURA"] }),
        ),
        guess(
            "COMMITTEE",
            "mutation($i: CreateOrganizationInput!) { createOrganization(input: $i) { organization { id } } }",
            json!({ "i": { "code": "X", "name": "X", "kind": "COMITTEE" } }),
        ),
        // Fields of inputs, likewise.
        plain(
            "domains",
            "{ branches(filter: { domain: [RURAL] }) { totalCount } }",
        ),
        plain("code", "{ branch(by: { cod: \"x\" }) { id } }"),
        guess(
            "domains",
            "query($f: BranchFilter) { branches(filter: $f) { totalCount } }",
            json!({ "f": { "domain": ["RURAL"] } }),
        ),
        guess(
            "parentId",
            "mutation($i: CreateOrganizationInput!) { createOrganization(input: $i) { organization { id } } }",
            json!({ "i": { "code": "X", "name": "X", "kind": "COMMITTEE", "parentI": "x" } }),
        ),
        // Variables and fragments, which are the caller's own.
        guess(
            "code",
            "query($code: String!) { branch(by: { code: $cod }) { id } }",
            json!({ "code": "x" }),
        ),
        guess(
            "code",
            "query($code: String!) { branch(by: { code: $code }) { id } }",
            json!({ "cod": "x", "code": "y" }),
        ),
        plain(
            "Found",
            "{ viewer { ...Foun } } fragment Found on Viewer { role }",
        ),
    ]
}

/// Says nothing but what was wrong.
fn assert_no_hint(guess: &Guess, errors: &Value) {
    let errors = errors
        .as_array()
        .unwrap_or_else(|| panic!("{}: {errors}", guess.document));
    assert!(!errors.is_empty(), "{}", guess.document);
    for error in errors {
        let message = error["message"].as_str().unwrap();
        let small = message.to_lowercase();
        for hint in [
            "did you mean",
            "you meant",
            "maybe",
            "suggest",
            "similar",
            "instead",
            "是不是",
            "是否",
            "您是指",
            "想要",
            "类似",
            "建议",
        ] {
            assert!(!small.contains(hint), "{}: {message}", guess.document);
        }
        assert_eq!(
            error["extensions"]["code"], "BAD_REQUEST",
            "{}: {error}",
            guess.document
        );
        // Nor is the name there without such words; what the caller has written itself is.
        let words = |text: &str| -> Vec<String> {
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            text.split(|c| !is_of_name(c)).map(str::to_owned).collect()
        };
        let near = guess.near.to_owned();
        let is_callers = words(guess.document).contains(&near) || guess.variables.to_string().contains(&near);
        assert!(
            is_callers || !words(message).contains(&near),
            "{}: {message}",
            guess.document
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_introspect_is_told_of_no_name_that_is_near() {
    let app = app(|_| {}).await;
    for lang in ["en", "zh"] {
        let viewer = app.viewer(None).in_language(lang);
        for guess in guesses() {
            let answer = viewer.ask(guess.document, guess.variables.clone()).await;
            assert_no_hint(&guess, &answer.body["errors"]);
            assert_eq!(answer.body.get("data"), None, "{}", guess.document);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_is_it_over_a_socket_or_an_event_stream() {
    let app = app(|_| {}).await;
    let viewer = app.viewer(None);
    let mut socket = Socket::open(&app, viewer.token()).await;
    for guess in guesses() {
        socket
            .subscribe("1", guess.document, guess.variables.clone())
            .await;
        let told = socket.hear().await;
        assert_eq!(told["type"], "error", "{told}");
        assert_no_hint(&guess, &told["payload"]);
        let request = app
            .http()
            .post(format!("{}/graphql/stream", app.url))
            .bearer_auth(viewer.token().unwrap())
            .json(&json!({ "query": guess.document, "variables": guess.variables }));
        let stream = request.send().await.unwrap().text().await.unwrap();
        let data = stream.lines().find_map(|line| line.strip_prefix("data: "));
        let told: Value = serde_json::from_str(data.unwrap()).unwrap();
        assert_no_hint(&guess, &told["errors"]);
    }
}

/// Those who may introspect are told of none either: each would be paid for by comparing a stranger's name with all there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_is_anybody_else() {
    let app = app(|_| {}).await;
    for guess in guesses() {
        let answer = app.admin().ask(guess.document, guess.variables.clone()).await;
        assert_no_hint(&guess, &answer.body["errors"]);
    }
}
