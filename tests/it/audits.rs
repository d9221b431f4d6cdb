//! The checks that auditors of GraphQL services make, one a test: those of graphql-cop, with what it sends and what it looks for,
//! and the limits of graphql-armor, with the numbers that it has unless told otherwise. A caller of whom nothing is known but that
//! it may not introspect makes them.

mod armor;
mod cop;
mod suggestions;

use serde_json::{Value, json};
use zhibu::{auth::Role, config::Config};

use crate::support::{
    app::{Answer, As, TestApp},
    sqlite,
};

/// A service that tells its schema to the district's administrators only.
async fn app(change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::with_config(sqlite::database().await, |config| {
        config.graphql.introspection = vec![Role::DistrictAdmin];
        change(config);
    })
    .await;
    app.plant_tree().await;
    app
}

/// Asks as auditors do, without saying which media type is wanted.
async fn ask(caller: &As<'_>, app: &TestApp, document: &str) -> Answer {
    let request = app
        .http()
        .post(format!("{}/graphql", app.url))
        .header("accept-language", "en")
        .json(&json!({ "query": document }));
    caller.send(request.bearer_auth(caller.token().unwrap())).await
}

/// The document is refused by a limit, which is named with what it allows and what was found; nothing of it has run.
fn assert_over(answer: &Answer, limit: &str, allowed: u64, found: u64) {
    assert_eq!(answer.error_code(), "QUERY_TOO_COMPLEX", "{:#}", answer.body);
    let extensions = &answer.body["errors"][0]["extensions"];
    let named = json!({ "limit": extensions["limit"], "allowed": extensions["allowed"], "found": extensions["found"] });
    assert_eq!(
        named,
        json!({ "limit": limit, "allowed": allowed, "found": found })
    );
    assert_eq!(answer.body.get("data"), None, "{:#}", answer.body);
}

/// It is no valid request, and nothing of it has run; gives the messages of its errors.
fn invalid(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.body.get("data"), None, "{:#}", answer.body);
    let errors = answer.body["errors"].as_array().expect("errors");
    let is_bad_request = |error: &Value| error["extensions"]["code"] == "BAD_REQUEST";
    assert!(errors.iter().all(is_bad_request), "{:#}", answer.body);
    errors
        .iter()
        .map(|error| error["message"].as_str().unwrap())
        .collect()
}

fn many(times: usize, part: impl Fn(usize) -> String) -> String {
    (0..times).map(part).collect()
}
