//! Introspection by role: who is let in sees the schema on every way there is, who is not sees it on none.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zhibu::auth::Role;

use crate::support::{
    app::{As, TestApp},
    socket::Socket,
    sqlite,
};

/// Ways of asking for the schema.
const ASKED: [&str; 5] = [
    "{ __schema { queryType { name } } }",
    "{ viewer { role } again: __schema { queryType { name } } }",
    "{ ...F } fragment F on Query { ... @include(if: true) { __schema { queryType { name } } } }",
    "{ __type(name: \"Branch\") { name } }",
    "query($n: String!, $also: Boolean = true) { __type(name: $n) @include(if: $also) { name } }",
];

/// Some roles are let in: one of the district, and one of branches.
async fn app() -> TestApp {
    let app = TestApp::with_config(sqlite::database().await, |config| {
        config.graphql.introspection = vec![Role::DistrictAdmin, Role::BranchOfficer];
        config.auth.anonymous_role = Some(Role::Viewer);
    })
    .await;
    app.plant_tree().await;
    crate::support::branches::create(&app, "B1", json!({})).await;
    app.open_source("EJIA").await;
    app
}

/// The result, however it comes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Post,
    Get,
    Socket,
    Stream,
    StreamOverGet,
}

const WAYS: [Way; 5] = [Way::Post, Way::Get, Way::Socket, Way::Stream, Way::StreamOverGet];

async fn ask(app: &TestApp, caller: &As<'_>, way: Way, document: &str) -> Value {
    let variables = match document.contains("$n") {
        true => json!({ "n": "Branch" }),
        false => json!({}),
    };
    let body = json!({ "query": document, "variables": variables });
    let url = |path: &str| -> reqwest::Url { format!("{}{path}", app.url).parse().unwrap() };
    let in_url = |path: &str| {
        let mut url = url(path);
        url.query_pairs_mut()
            .append_pair("query", document)
            .append_pair("variables", &variables.to_string());
        url
    };
    let request = match way {
        Way::Post => app.http().post(url("/graphql")).json(&body),
        Way::Get => app.http().get(in_url("/graphql")),
        Way::Stream => app.http().post(url("/graphql/stream")).json(&body),
        Way::StreamOverGet => app.http().get(in_url("/graphql/stream")),
        Way::Socket => {
            let mut socket = Socket::open(app, caller.token()).await;
            socket
                .say(json!({ "id": "1", "type": "subscribe", "payload": body }))
                .await;
            let told = socket.hear().await;
            return match told["type"].as_str() {
                Some("next") => told["payload"].clone(),
                _ => json!({ "errors": told["payload"] }),
            };
        }
    };
    let request = match caller.token() {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    match way {
        Way::Stream | Way::StreamOverGet => {
            let text = request.send().await.unwrap().text().await.unwrap();
            let data = text.lines().find_map(|line| line.strip_prefix("data: "));
            serde_json::from_str(data.unwrap()).unwrap()
        }
        _ => caller.send(request).await.body,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_that_are_let_in_see_the_schema_and_others_do_not() {
    let app = app().await;
    let let_in = [app.admin(), app.secretary_of("B1")];
    let refused = [
        app.committee("C1"),
        app.examiner_of("B1"),
        app.viewer(None),
        app.adapter("EJIA"),
        app.nobody(),
    ];
    for way in WAYS {
        for document in ASKED {
            for (n, caller) in let_in.iter().enumerate() {
                let answer = ask(&app, caller, way, document).await;
                assert_eq!(answer.get("errors"), None, "{way:?} {n} {document}: {answer}");
                let text = answer["data"].to_string();
                assert!(
                    text.contains(r#""name":"Query""#) || text.contains(r#""name":"Branch""#),
                    "{text}"
                );
            }
            for (n, caller) in refused.iter().enumerate() {
                let answer = ask(&app, caller, way, document).await;
                let errors = answer["errors"].as_array().unwrap();
                assert_eq!(errors.len(), 1, "{way:?} {n} {document}: {answer}");
                assert_eq!(
                    errors[0]["extensions"]["code"], "FORBIDDEN",
                    "{way:?} {n} {document}: {answer}"
                );
                assert_eq!(answer.get("data"), None, "{way:?} {n} {document}: {answer}");
            }
        }
        // Names of types are part of an answer, and everybody's.
        for caller in let_in.iter().chain(&refused) {
            let answer = ask(&app, caller, way, "{ __typename viewer { __typename } }").await;
            assert_eq!(answer["data"]["__typename"], "Query", "{way:?}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_one_has_sent_is_answered_to_no_other() {
    let app = app().await;
    let document = ASKED[0];
    let named =
        json!({ "documentId": format!("sha256:{}", hex::encode(Sha256::digest(document.as_bytes()))) });
    let by_name = async |caller: As<'_>| {
        let request = app.http().post(format!("{}/graphql", app.url)).json(&named);
        let request = request.bearer_auth(caller.token().unwrap());
        caller.send(request).await
    };
    assert_eq!(
        app.admin().data(document).await["__schema"]["queryType"]["name"],
        "Query"
    );
    assert_eq!(
        by_name(app.admin()).await.data()["__schema"]["queryType"]["name"],
        "Query"
    );
    assert_eq!(by_name(app.viewer(None)).await.error_code(), "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_that_leaves_it_out_does_not_open_the_way_round() {
    let app = app().await;
    let document =
        "query($also: Boolean!) { viewer { role } __schema @include(if: $also) { queryType { name } } }";
    for also in [true, false] {
        let answer = app.viewer(None).ask(document, json!({ "also": also })).await;
        assert_eq!(answer.error_code(), "FORBIDDEN", "{also}");
    }
}
