//! What clients are told of the service's limits is what holds.

mod quota;

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use zhibu::{auth::Role, config::Config};

use crate::support::{
    app::{Answer, TestApp},
    socket::Socket,
    sqlite,
};

const LIMITS: &str = "{ serviceLimits {
    document { bytes nesting tokens nameBytes depth aliases directives rootFields repeats cost introspectionCost validationSteps variableBytes
        subscriptionVariableBytes }
    request { bodyBytes values timeout pageSize nodes }
    points { entriesPerDelivery rowBytes signedBodyBytes }
    live { messageBytes initMessageBytes operationsPerSocket socketsPerCaller initTimeout changesRetentionDays idempotencyRetentionDays }
    rate { burst perSecond }
    documents { automaticPersistedQueries onlyTrusted }
} }";

async fn app(change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::with_config(sqlite::database().await, change).await;
    app.plant_tree().await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_those_of_the_configuration() {
    let app = app(|config| {
        config.graphql.nesting = Some(1_000);
        config.graphql.tokens = Some(3_000_000_000);
        config.graphql.cost = Some(40_000);
        config.graphql.subscription_variable_bytes = Some(9_000);
        config.graphql.body_bytes = 2_000_000;
        config.graphql.automatic_persisted_queries = false;
        config.graphql.any_document = vec![Role::DistrictAdmin];
        config.server.request_timeout = std::time::Duration::from_millis(2_500);
        config.change_log.retention_days = 3;
        config.live.sockets.operations = 9;
        config.rate.per_second = 70_000;
        config.auth.anonymous_role = Some(Role::Viewer);
    })
    .await;
    let limits = app.admin().data(LIMITS).await;
    let expected = json!({
        "document": { "bytes": 65_536, "nesting": 128, "tokens": i32::MAX, "nameBytes": 128, "depth": 15, "aliases": 60, "directives": 60,
            "rootFields": 20, "repeats": 100, "cost": 40_000, "introspectionCost": 200_000, "validationSteps": 20_000,
            "variableBytes": 4_194_304, "subscriptionVariableBytes": 9_000 },
        "request": { "bodyBytes": 2_000_000, "values": 150_000, "timeout": 2.5, "pageSize": 200, "nodes": 100 },
        "points": { "entriesPerDelivery": 1_000, "rowBytes": 262_144, "signedBodyBytes": 2_097_152 },
        "live": { "messageBytes": 1_048_576, "initMessageBytes": 16_384, "operationsPerSocket": 9, "socketsPerCaller": 20_000, "initTimeout": 10.0,
            "changesRetentionDays": 3, "idempotencyRetentionDays": 7 },
        "rate": { "burst": 1_000_000, "perSecond": 70_000 },
        "documents": { "automaticPersistedQueries": false, "onlyTrusted": false },
    });
    assert_eq!(limits["serviceLimits"], expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_is_told_and_a_rate_that_is_off_is_null() {
    let app = app(|config| {
        config.rate.per_second = 0;
        config.auth.anonymous_role = Some(Role::Viewer);
    })
    .await;
    app.open_source("EJIA").await;
    for caller in [app.admin(), app.viewer(None), app.nobody(), app.adapter("EJIA")] {
        let limits = caller.data(LIMITS).await;
        assert_eq!(limits["serviceLimits"]["rate"], Value::Null);
        assert_eq!(limits["serviceLimits"]["documents"]["onlyTrusted"], false);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_names_the_limit_as_it_is_published() {
    let app = app(|config| {
        let graphql = &mut config.graphql;
        graphql.document_bytes = Some(9_000);
        graphql.nesting = Some(30);
        graphql.tokens = Some(800);
        graphql.validation_steps = Some(700);
        graphql.variable_bytes = Some(5_000);
    })
    .await;
    let published = app.admin().data(LIMITS).await["serviceLimits"]["document"].clone();
    let nodes = |count: usize| {
        format!(
            "query($id: ID!) {{ nodes(ids: [{}]) {{ id }} }}",
            "$id ".repeat(count)
        )
    };
    let nothing = json!({});
    for (limit, field, query, variables) in [
        ("document_bytes", "bytes", format!("{{ viewer {{ role }} }}#{}", "x".repeat(9_000)), &nothing),
        ("nesting", "nesting", "{a".repeat(31), &nothing),
        ("tokens", "tokens", format!("{{ viewer {{ {} }} }}", "role ".repeat(800)), &nothing),
        ("name_bytes", "nameBytes", format!("{{ {}: viewer {{ role }} }}", "x".repeat(129)), &nothing),
        (
            "depth",
            "depth",
            format!("{{ branch(by: {{ code: \"a\" }}) {{ organization {{ {} id {} }} }} }}", "parent { ".repeat(14), "} ".repeat(14)),
            &nothing,
        ),
        ("aliases", "aliases", format!("{{ viewer {{ {} }} }}", (0..61).map(|n| format!("a{n}: role ")).collect::<String>()), &nothing),
        ("directives", "directives", format!("{{ viewer {{ role {} }} }}", "@skip(if: false) ".repeat(61)), &nothing),
        ("root_fields", "rootFields", format!("{{ {} }}", (0..21).map(|n| format!("a{n}: viewer {{ role }} ")).collect::<String>()), &nothing),
        ("repeats", "repeats", format!("{{ viewer {{ {} }} }}", "role ".repeat(101)), &nothing),
        ("cost", "cost", format!("{{ {} }}", (0..5).map(|n| format!("a{n}: board {{ year }} ")).collect::<String>()), &nothing),
        (
            "introspection_cost",
            "introspectionCost",
            "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }".to_owned(),
            &nothing,
        ),
        (
            "validation_steps",
            "validationSteps",
            format!("{{ viewer {{ {} {} {} }} }}", "... { ".repeat(14), "role ".repeat(90), "} ".repeat(14)),
            &nothing,
        ),
        ("variable_bytes", "variableBytes", nodes(30), &json!({ "id": "x".repeat(400) })),
    ] {
        let answer = app.admin().ask(&query, variables.clone()).await;
        let extensions = &answer.body["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "QUERY_TOO_COMPLEX", "{limit}: {:#}", answer.body);
        assert_eq!(extensions["limit"], limit, "{:#}", answer.body);
        assert_eq!(extensions["allowed"], published[field], "{limit}");
        assert!(extensions["found"].as_u64() > extensions["allowed"].as_u64(), "{limit}");
    }
}

/// What an error says of the limit that was passed.
fn passed(answer: &Answer) -> (u16, &str, Value) {
    let extensions = &answer.body["errors"][0]["extensions"];
    let limit = json!([extensions["limit"], extensions["allowed"], extensions["found"]]);
    (answer.status, answer.error_code(), limit)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_request_passes_is_named_with_its_value() {
    let app = app(|config| config.graphql.body_bytes = 400_000).await;
    let post = |body: String| {
        let request = app.http().post(format!("{}/graphql", app.url));
        let request = request.bearer_auth(app.admin().token().unwrap().to_owned());
        request.header("content-type", "application/json").body(body)
    };
    let padded = |padding: &str| {
        let nothing = "{ __typename }";
        format!("{{\"query\":\"{nothing}\",\"variables\":{{\"a\":[{padding}]}}}}")
    };
    // Under either media type.
    for media in ["application/json", "application/graphql-response+json"] {
        let large = padded(&format!("\"{}\"", "x".repeat(400_000)));
        let bytes = large.len();
        let answer = app.admin().send(post(large).header("accept", media)).await;
        let limit = json!(["body_bytes", 400_000, bytes]);
        assert_eq!(passed(&answer), (413, "BAD_REQUEST", limit));

        let many = padded(&format!("{}1", "1,".repeat(160_000)));
        let answer = app.admin().send(post(many).header("accept", media)).await;
        // The items, the list, two objects, what stands between members, and the brace of the document.
        let limit = json!(["values", 150_000, 160_005]);
        assert_eq!(passed(&answer), (400, "BAD_REQUEST", limit), "{media}");
    }
    // Of one that does not say how much comes, nobody knows.
    let pieces = (0..20).map(|_| Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[b'x'; 40_000]))));
    let pieces = StreamBody::new(futures_util::stream::iter(pieces));
    let streamed = post(String::new()).body(reqwest::Body::wrap(pieces));
    let answer = app.admin().send(streamed).await;
    let limit = json!(["body_bytes", 400_000, null]);
    assert_eq!(passed(&answer), (413, "BAD_REQUEST", limit));

    let ids = vec!["x"; 101];
    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let answer = app.admin().ask(nodes, json!({ "ids": ids })).await;
    assert_eq!(passed(&answer).1, "BAD_REQUEST");
    assert_eq!(passed(&answer).2, json!(["nodes", 100, 101]));
    let page = "{ branches(first: 201) { nodes { id } } }";
    let answer = app.admin().ask(page, json!({})).await;
    assert_eq!(passed(&answer).2, json!(["page_size", 200, 201]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriptions_variables_have_a_limit_of_their_own_by_its_own_name() {
    let app = app(|config| config.graphql.subscription_variable_bytes = Some(5_000)).await;
    let published = app.admin().data(LIMITS).await["serviceLimits"]["document"].clone();
    let mut socket = Socket::open(&app, app.admin().token()).await;
    let value = "subscription($id: ID!) { branch(id: $id) { name } }";
    socket
        .subscribe("1", value, json!({ "id": "x".repeat(6_000) }))
        .await;
    let told = socket.hear().await;
    assert_eq!(told["type"], "error", "{told}");
    let extensions = &told["payload"][0]["extensions"];
    assert_eq!(extensions["code"], "QUERY_TOO_COMPLEX", "{told}");
    assert_eq!(extensions["limit"], "subscription_variable_bytes", "{told}");
    assert_eq!(extensions["allowed"], published["subscriptionVariableBytes"]);
    assert!(extensions["found"].as_u64() > Some(6_000), "{told}");
    // A query may have as much: it keeps nothing.
    let query = "query($id: ID!) { node(id: $id) { id } }";
    let answer = app.admin().ask(query, json!({ "id": "x".repeat(6_000) })).await;
    assert_eq!(answer.data()["node"], Value::Null);
}

/// The code and the reason of a socket's end.
async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        match socket.next().await {
            Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.to_string()),
            Message::Text(_) | Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_closed_for_a_limit_says_which() {
    let app = app(|config| config.live.sockets.message_bytes = 400_000).await;
    let mut socket = Socket::raw(&app, Some("graphql-transport-ws")).await;
    let init = json!({ "type": "connection_init", "payload": { "padding": "x".repeat(20_000) } });
    let bytes = init.to_string().len();
    socket.say(init).await;
    let reason = format!("init_message_bytes allows 16384, {bytes} were found");
    assert_eq!(closed(&mut socket).await, (4400, reason));

    let mut socket = Socket::open(&app, app.admin().token()).await;
    socket
        .say(json!({ "type": "ping", "payload": { "padding": "x".repeat(20_000) } }))
        .await;
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, 4400);
    assert!(
        reason.starts_with("init_message_bytes allows 16384, "),
        "{reason}"
    );

    let mut socket = Socket::open(&app, app.admin().token()).await;
    let many = format!(
        "{{\"type\":\"ping\",\"payload\":{{\"a\":[{}1]}}}}",
        "1,".repeat(160_000)
    );
    socket.frame(Message::text(many)).await;
    let reason = "values allows 150000, 160004 were found".to_owned();
    assert_eq!(closed(&mut socket).await, (4400, reason));

    let mut socket = Socket::open(&app, app.admin().token()).await;
    socket.frame(Message::text("x".repeat(500_000))).await;
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, 4400);
    assert!(reason.starts_with("message_bytes allows 400000, "), "{reason}");
}
