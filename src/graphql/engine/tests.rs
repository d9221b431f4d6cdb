use async_graphql::{
    Context, EmptySubscription, Enum, InputObject, Object, OneofObject, Schema, SimpleObject, Subscription,
};
use futures_util::stream::Stream;
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::sync::Mutex;

use super::*;
use crate::graphql::Idempotency;
use async_graphql::dataloader::{DataLoader, Loader};

mod hostile;

#[derive(Enum, Clone, Copy, PartialEq, Eq)]
enum Domain {
    Rural,
    Community,
}

#[derive(InputObject)]
struct Entry {
    event_id: String,
    points: f64,
    domain: Option<Domain>,
}

#[derive(OneofObject)]
enum BranchBy {
    Id(async_graphql::ID),
    Code(String),
}

#[derive(SimpleObject)]
struct Branch {
    id: async_graphql::ID,
    name: String,
}

struct Names(Arc<Mutex<Vec<usize>>>);

impl Loader<i32> for Names {
    type Value = String;
    type Error = Arc<str>;
    async fn load(&self, keys: &[i32]) -> Result<HashMap<i32, String>, Arc<str>> {
        self.0.lock().unwrap().push(keys.len());
        tokio::task::yield_now().await;
        Ok(keys.iter().map(|k| (*k, format!("支部{k}"))).collect())
    }
}

struct Query;

#[Object]
impl Query {
    async fn sum(&self, entries: Vec<Entry>) -> f64 {
        entries
            .iter()
            .map(|e| e.points + e.event_id.len() as f64 * f64::from(u8::from(e.domain.is_some())))
            .sum()
    }
    async fn branch(&self, by: BranchBy) -> Branch {
        match by {
            BranchBy::Id(id) => Branch {
                id,
                name: "id".into(),
            },
            BranchBy::Code(code) => Branch {
                id: "1".into(),
                name: code,
            },
        }
    }
    async fn name(&self, ctx: &Context<'_>, n: i32) -> async_graphql::Result<Option<String>> {
        let loader = ctx.data::<DataLoader<Names>>()?;
        loader
            .load_one(n)
            .await
            .map_err(|e| async_graphql::Error::new(e.to_string()))
    }
    async fn leak(&self) -> async_graphql::Result<i32> {
        Err(std::io::Error::other("SQLITE_ERROR: no such table: branch"))?
    }
    async fn leak_quietly(&self) -> Option<async_graphql::Result<i32>> {
        Some(Err(
            std::io::Error::other("SQLITE_ERROR: no such table: branch").into()
        ))
    }
    async fn away(&self) -> Result<i32, ApiError> {
        Err(ApiError::unavailable(2).with_source(std::io::Error::other("connection refused")))
    }
    async fn defect(&self) -> i32 {
        let none: Vec<i32> = Vec::new();
        assert!(!none.is_empty(), "a defect");
        0
    }
    async fn lang(&self, ctx: &Context<'_>) -> async_graphql::Result<&'static str> {
        Ok(ctx.data::<Lang>()?.tag())
    }
    async fn half(&self, #[graphql(validator(minimum = 0))] n: i32) -> i32 {
        n / 2
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn key(&self, ctx: &Context<'_>) -> Option<String> {
        ctx.data_opt::<Arc<Idempotency>>().map(|i| i.key().to_owned())
    }
}

struct Ticks;

#[Subscription]
impl Ticks {
    async fn ticks(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(0..to)
    }
}

fn engine() -> Engine<Query, Mutation, Ticks> {
    Engine::new(
        || Schema::build(Query, Mutation, Ticks),
        &SchemaHints::new(),
        Limits::default(),
    )
    .unwrap()
}

fn context() -> RequestContext {
    RequestContext::new(Lang::En, RequestId::new("r-1"))
}

fn request(query: &str, variables: Json) -> GraphqlRequest {
    GraphqlRequest {
        query: query.to_owned(),
        variables: async_graphql::Variables::from_json(variables),
        ..GraphqlRequest::default()
    }
}

async fn ask<S: SubscriptionType + 'static>(
    engine: &Engine<Query, Mutation, S>,
    query: &str,
    variables: Json,
) -> Json {
    serde_json::to_value(engine.execute(request(query, variables), context()).await).unwrap()
}

#[tokio::test]
async fn a_document_answers_the_same_when_it_comes_again() {
    let engine = engine();
    let query = "query($e: [Entry!]!, $by: BranchBy!) { sum(entries: $e) branch(by: $by) { name } }";
    let variables =
        json!({ "e": [{ "eventId": "ab", "points": 1.5, "domain": "RURAL" }], "by": { "code": "HC" } });
    for _ in 0..3 {
        let answer = ask(&engine, query, variables.clone()).await;
        assert_eq!(
            answer,
            json!({ "data": { "sum": 3.5, "branch": { "name": "HC" } } })
        );
    }
}

#[tokio::test]
async fn variables_are_checked_for_kept_documents_too() {
    let engine = engine();
    let query = "query($e: [Entry!]!) { sum(entries: $e) }";
    ask(&engine, query, json!({ "e": [] })).await;
    let answer = ask(
        &engine,
        query,
        json!({ "e": [{ "eventId": "a", "points": "1" }] }),
    )
    .await;
    assert_eq!(
        answer,
        json!({ "errors": [{
        "message": "Variable e[0].points: not a valid Float",
        "extensions": { "code": "BAD_REQUEST", "variable": "e[0].points" },
    }] })
    );
}

#[tokio::test]
async fn a_document_that_fails_validation_fails_each_time_and_is_not_kept() {
    let engine = engine();
    for _ in 0..2 {
        let answer = ask(&engine, "{ nothing }", json!({})).await;
        assert_eq!(
            answer,
            json!({ "errors": [{
            "message": "Unknown field \"nothing\" on type \"Query\".",
            "locations": [{ "line": 1, "column": 3 }],
            "extensions": { "code": "BAD_REQUEST" },
        }] })
        );
    }
    let named = GraphqlRequest {
        query: String::new(),
        document_id: Some(format!("sha256:{}", hex::encode(documents::hash("{ nothing }")))),
        ..GraphqlRequest::default()
    };
    assert!(engine.prepare(named, Takes::Any, &mut |_| Ok(())).is_err());
}

#[tokio::test]
async fn skip_and_include_see_the_defaults_of_variables() {
    let engine = engine();
    let query = "query($yes: Boolean = true) { lang @include(if: $yes) half(n: 4) @skip(if: $yes) }";
    for _ in 0..2 {
        assert_eq!(
            ask(&engine, query, json!({})).await,
            json!({ "data": { "lang": "en" } })
        );
        assert_eq!(
            ask(&engine, query, json!({ "yes": false })).await,
            json!({ "data": { "half": 2 } })
        );
    }
}

#[tokio::test]
async fn causes_stay_in_the_log() {
    let engine = engine();
    let answer = ask(&engine, "{ leak }", json!({})).await;
    assert_eq!(
        answer,
        json!({
            "errors": [{
                "message": "Internal error; quote the request id when you report it",
                "locations": [{ "line": 1, "column": 3 }],
                "path": ["leak"],
                "extensions": { "code": "INTERNAL", "requestId": "r-1" },
            }],
            "data": null,
        })
    );
    let answer = ask(&engine, "{ leakQuietly lang }", json!({})).await;
    assert_eq!(answer["data"], json!({ "leakQuietly": null, "lang": "en" }));
    assert!(!answer.to_string().contains("SQLITE"));
    let answer = ask(&engine, "{ away }", json!({})).await;
    assert_eq!(
        answer["errors"][0]["extensions"],
        json!({ "code": "UNAVAILABLE", "retryAfter": 2 })
    );
    assert!(!answer.to_string().contains("refused"));
}

#[tokio::test]
async fn a_defect_is_an_internal_error_and_no_more() {
    let engine = engine();
    let answer = ask(&engine, "{ defect }", json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL");
    assert!(!answer.to_string().contains("a defect"));
    assert_eq!(
        ask(&engine, "{ lang }", json!({})).await,
        json!({ "data": { "lang": "en" } })
    );
}

#[tokio::test]
async fn arguments_that_a_validator_refuses_are_bad_requests() {
    let engine = engine();
    let answer = ask(&engine, "{ half(n: -2) }", json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST");
}

#[tokio::test]
async fn siblings_share_one_fetch() {
    let engine = engine();
    let batches = Arc::new(Mutex::new(Vec::new()));
    let fields: String = (0..19).map(|n| format!("a{n}: name(n: {n}) ")).collect();
    let mut context = context();
    let loader = context.queue().loader(Names(batches.clone()));
    context.insert(loader);
    let answer = engine
        .execute(request(&format!("{{ {fields} }}"), json!({})), context)
        .await;
    assert_eq!(serde_json::to_value(&answer).unwrap()["data"]["a18"], "支部18");
    assert_eq!(*batches.lock().unwrap(), [19]);
}

#[tokio::test]
async fn operations_are_chosen_by_name() {
    let engine = engine();
    let query = "query A { lang } query B($n: Int!) { half(n: $n) }";
    let named = &|name: Option<&str>| GraphqlRequest {
        operation_name: name.map(str::to_owned),
        ..request(query, json!({ "n": 6 }))
    };
    for _ in 0..2 {
        let engine = &engine;
        let ask =
            |name| async move { serde_json::to_value(engine.execute(named(name), context()).await).unwrap() };
        assert_eq!(ask(Some("A")).await, json!({ "data": { "lang": "en" } }));
        assert_eq!(ask(Some("B")).await, json!({ "data": { "half": 3 } }));
        for name in [Some("C"), Some(""), None] {
            assert_eq!(
                ask(name).await["errors"][0]["extensions"]["code"],
                "BAD_REQUEST",
                "{name:?}"
            );
        }
    }
}

#[tokio::test]
async fn introspection_is_only_for_those_who_may() {
    let engine = engine();
    let query = "{ __schema { queryType { name } } }";
    assert_eq!(
        ask(&engine, query, json!({})).await["data"]["__schema"]["queryType"]["name"],
        "Query"
    );
    let mut context = context();
    context.allow_introspection(false);
    let answer = engine.execute(request(query, json!({})), context).await;
    assert_eq!(answer.code(), Some(ErrorCode::Forbidden));
    assert!(answer.is_request_error());
}

#[tokio::test]
async fn fragments_in_a_ring_are_told() {
    let engine = engine();
    let ring = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }";
    let answer = ask(&engine, ring, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST");
}

#[tokio::test]
async fn a_subscription_gives_its_events_and_is_refused_elsewhere() {
    let engine = engine();
    let query = "subscription($to: Int!) { ticks(to: $to) }";
    for _ in 0..2 {
        let prepared = engine
            .prepare(request(query, json!({ "to": 3 })), Takes::Any, &mut |_| Ok(()))
            .unwrap();
        let events: Vec<_> = engine.subscribe(prepared, context()).collect().await;
        let events: Vec<_> = events.iter().map(|e| serde_json::to_value(e).unwrap()).collect();
        assert_eq!(events, [0, 1, 2].map(|n| json!({ "data": { "ticks": n } })));
    }
    let answer = ask(&engine, query, json!({ "to": 3 })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    let invalid = engine.prepare(
        request("subscription { tocks }", json!({})),
        Takes::Any,
        &mut |_| Ok(()),
    );
    assert!(matches!(invalid, Err(Fault::Document(_))));
}

#[tokio::test]
async fn a_schema_without_subscriptions_says_so() {
    let engine = Engine::new(
        || Schema::build(Query, Mutation, EmptySubscription),
        &SchemaHints::new(),
        Limits::default(),
    )
    .unwrap();
    let answer = ask(&engine, "subscription { ticks }", json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST");
}

#[tokio::test]
async fn introspection_as_deep_as_the_guard_lets_through_does_not_exhaust_the_stack() {
    let engine = engine();
    let deep = format!(
        "{{ __type(name: \"Query\") {{ {}name{} }} }}",
        "ofType { ".repeat(61),
        "}".repeat(61)
    );
    for _ in 0..2 {
        let answer = ask(&engine, &deep, json!({})).await;
        assert_eq!(answer, json!({ "data": { "__type": { "ofType": null } } }));
    }
}

#[tokio::test]
async fn thousands_of_faults_make_a_short_answer() {
    let engine = engine();
    let wrong: String = (0..1000).map(|n| format!("wrong{n} ")).collect();
    // Too many root fields for one document, so below a field.
    let answer = ask(
        &engine,
        &format!("{{ branch(by: {{ code: \"a\" }}) {{ {wrong} }} }}"),
        json!({}),
    )
    .await;
    assert_eq!(answer["errors"].as_array().unwrap().len(), 20);
}
