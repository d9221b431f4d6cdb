//! What clients are told of the service's limits is what holds.

use serde_json::{Value, json};
use zhibu::{auth::Role, config::Config};

use crate::support::{app::TestApp, sqlite};

const LIMITS: &str = "{ serviceLimits {
    document { bytes nesting tokens nameBytes depth aliases directives rootFields repeats cost introspectionCost validationSteps variableBytes }
    request { bodyBytes timeout pageSize nodes }
    points { entriesPerDelivery rowBytes signedBodyBytes }
    live { messageBytes operationsPerSocket socketsPerCaller initTimeout changesRetentionDays idempotencyRetentionDays }
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
            "variableBytes": 4_194_304 },
        "request": { "bodyBytes": 1_048_576, "timeout": 2.5, "pageSize": 200, "nodes": 100 },
        "points": { "entriesPerDelivery": 1_000, "rowBytes": 262_144, "signedBodyBytes": 2_097_152 },
        "live": { "messageBytes": 1_048_576, "operationsPerSocket": 9, "socketsPerCaller": 20_000, "initTimeout": 10.0,
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
