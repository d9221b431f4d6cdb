use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_graphql::{Context, EmptySubscription, Object, Schema};
use axum::body::to_bytes;
use serde_json::{Value as Json, json};
use tower::ServiceExt as _;

use super::*;
use crate::graphql::Idempotency;
use crate::graphql::idempotency::Replay;
use crate::graphql::sdl::SchemaHints;
use crate::graphql::{ErrorCode, Limits, RequestContext};
use crate::http::graphiql::Graphiql;

struct Query;

#[Object]
impl Query {
    async fn hello(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        Ok(format!("hello {}", ctx.data::<Caller>()?.0))
    }
    async fn away(&self) -> Result<i32, ApiError> {
        Err(ApiError::unavailable(2))
    }
    async fn maybe_away(&self) -> Option<Result<i32, ApiError>> {
        Some(Err(ApiError::unavailable(2)))
    }
    async fn forbidden(&self) -> Result<i32, ApiError> {
        Err(ApiError::forbidden())
    }
    async fn never(&self) -> i32 {
        std::future::pending().await
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn award(&self, ctx: &Context<'_>, how: Option<String>) -> Result<i32, ApiError> {
        if let Some(key) = ctx.data_opt::<Arc<Idempotency>>() {
            let conflict = || ApiError::new(ErrorCode::IdempotencyConflict, Message::new("冲突", "conflict"));
            match how.as_deref() {
                Some("replayed") => key.report(Replay::Replayed),
                Some("in flight") => {
                    key.report(Replay::InFlight);
                    return Err(conflict());
                }
                Some("other body") => {
                    key.report(Replay::OtherBody);
                    return Err(conflict());
                }
                _ => {}
            }
        }
        let awards = ctx.data::<Arc<AtomicU32>>().map_err(|_| ApiError::forbidden())?;
        Ok(awards.fetch_add(1, Ordering::SeqCst) as i32 + 1)
    }
}

struct Caller(String);

/// Lets everybody in but those who call themselves nobody; `away` finds the database away.
#[derive(Default)]
struct Open(Arc<AtomicU32>);

impl Access for Open {
    type Requester = Caller;

    async fn authenticate(&self, authorization: Option<&str>) -> Result<Caller, ApiError> {
        match authorization {
            Some("Bearer nobody") => Err(ApiError::new(
                ErrorCode::Unauthenticated,
                Message::new("令牌无效", "Invalid token"),
            )),
            Some("Bearer away") => Err(ApiError::unavailable(5)),
            other => Ok(Caller(other.unwrap_or("you").to_owned())),
        }
    }

    fn may_introspect(&self, requester: &Caller) -> bool {
        requester.0 != "Bearer stranger"
    }

    fn fill(&self, requester: Caller, context: &mut RequestContext) {
        context.insert(requester);
        context.insert(self.0.clone());
    }
}

fn app() -> Router {
    let build = || Schema::build(Query, Mutation, EmptySubscription);
    let engine = Engine::new(build, &SchemaHints::new(), Limits::default()).unwrap();
    let options = Options {
        deadline: Duration::from_millis(50),
        graphiql: Some(Arc::new(Graphiql::new())),
        ..Options::default()
    };
    routes(Arc::new(engine), Arc::new(Open::default()), options)
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

async fn send(request: Request<Body>) -> Answer {
    let response = app().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}

const RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

fn post(body: impl Into<Body>, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post("/graphql").header("content-type", JSON);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

async fn query(query: &str, headers: &[(&str, &str)]) -> Answer {
    send(post(json!({ "query": query }).to_string(), headers)).await
}

#[tokio::test]
async fn an_answer_carries_its_headers() {
    let answer = query(
        "{ hello }",
        &[
            ("accept", RESPONSE),
            ("accept-language", "en"),
            ("x-request-id", "r-7"),
        ],
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({ "data": { "hello": "hello you" } }));
    assert_eq!(
        answer.header("content-type"),
        "application/graphql-response+json; charset=utf-8"
    );
    assert_eq!(answer.header("content-language"), "en");
    assert_eq!(
        answer.header("vary"),
        "Authorization, Accept, Accept-Language, Accept-Encoding"
    );
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert_eq!(answer.header("x-request-id"), "r-7");
    assert_eq!(query("{ hello }", &[]).await.header("content-language"), "zh");
}

#[tokio::test]
async fn request_errors_have_a_status_by_media_type_and_refusals_under_both() {
    let long = format!("{{ hello }} # {}", "x".repeat(100_000));
    let nested = format!("{{ a(b: {}{}) }}", "[".repeat(2_000), "]".repeat(2_000));
    for (document, response, json, code) in [
        ("{", 400, 200, "BAD_REQUEST"),
        ("{ nothing }", 400, 200, "BAD_REQUEST"),
        ("query($a: Int!) { hello }", 400, 200, "BAD_REQUEST"),
        (&long, 413, 413, "QUERY_TOO_COMPLEX"),
        (&nested, 400, 400, "QUERY_TOO_COMPLEX"),
        ("{ away }", 503, 503, "UNAVAILABLE"),
        ("{ maybeAway }", 200, 200, "UNAVAILABLE"),
        ("{ forbidden }", 200, 200, "FORBIDDEN"),
        ("{ never }", 504, 504, "TIMEOUT"),
    ] {
        for (accept, status) in [(RESPONSE, response), (JSON, json)] {
            let answer = query(document, &[("accept", accept)]).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (status, code),
                "{accept} {document:.40}"
            );
        }
    }
    assert_eq!(query("{ away }", &[]).await.header("retry-after"), "2");
    assert_eq!(query("{ maybeAway }", &[]).await.header("retry-after"), "");
}

#[tokio::test]
async fn who_may_not_come_in_is_told_so_before_anything_is_read() {
    let answer = send(post("{ not even json", &[("authorization", "Bearer nobody")])).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHENTICATED"));
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    let answer = query("{ hello }", &[("authorization", "Bearer away")]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    let answer = query(
        "{ __schema { queryType { name } } }",
        &[("authorization", "Bearer stranger")],
    )
    .await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "FORBIDDEN"));
}

#[tokio::test]
async fn bodies_that_are_no_request() {
    let deep = format!(
        "{{\"query\": \"{{hello}}\", \"variables\": {{\"a\": {}{}}}}}",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    for (body, status) in [
        ("", 400),
        ("null", 400),
        ("[]", 400),
        ("[{\"query\": \"{ hello }\"}]", 400),
        ("[\"{ hello }\"]", 400),
        ("{\"query\": \"{ hello }\"", 400),
        ("{\"query\": 7}", 400),
        ("{\"query\": null}", 400),
        ("{\"query\": \"{ hello }\", \"query\": \"{ hello }\"}", 400),
        ("{\"query\": \"{ hello }\", \"variables\": []}", 400),
        ("{\"query\": \"{ hello }\", \"extensions\": \"a\"}", 400),
        ("{\"query\": \"{ hello }\", \"operationName\": 1}", 400),
        ("{\"query\": \"\u{0}\"}", 400),
        (&deep, 400),
        (&" ".repeat(2 * 1024 * 1024), 413),
        (
            "  {\"query\": \"{ hello }\", \"more\": 1, \"variables\": null, \"extensions\": null}",
            200,
        ),
    ] {
        for accept in [RESPONSE, JSON] {
            let answer = send(post(body.to_owned(), &[("accept", accept)])).await;
            assert_eq!(answer.status, status, "{body:.60}");
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

#[tokio::test]
async fn the_limit_holds_for_what_a_body_unpacks_to() {
    let packed = gzip(json!({ "query": "{ hello }" }).to_string().as_bytes());
    assert_eq!(
        send(post(packed, &[("content-encoding", "gzip")])).await.status,
        200
    );
    let bomb = gzip(&vec![b' '; 8 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    assert_eq!(
        send(post(bomb, &[("content-encoding", "gzip")])).await.status,
        413
    );
    assert_eq!(
        send(post("not gzip", &[("content-encoding", "gzip")]))
            .await
            .status,
        400
    );
    assert_eq!(send(post("{}", &[("content-encoding", "br")])).await.status, 415);
}

#[tokio::test]
async fn only_json_in_utf8_is_taken() {
    for (content_type, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON;charset=\"UTF-8\"", 200),
        ("application/json; charset=utf-16", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/graphql", 415),
        ("application/jsonp", 415),
        ("", 415),
    ] {
        let request = Request::post("/graphql").header("content-type", content_type);
        let body = json!({ "query": "{ hello }" }).to_string();
        assert_eq!(
            send(request.body(body.into()).unwrap()).await.status,
            status,
            "{content_type}"
        );
    }
    let bare = Request::post("/graphql")
        .body(json!({ "query": "{ hello }" }).to_string().into())
        .unwrap();
    assert_eq!(send(bare).await.status, 415);
}

#[tokio::test]
async fn answers_come_only_as_what_they_are() {
    assert_eq!(query("{ hello }", &[("accept", "text/html")]).await.status, 406);
    assert_eq!(
        query("{ hello }", &[("accept", "application/xml, image/*")])
            .await
            .status,
        406
    );
    assert_eq!(
        query("{ hello }", &[("accept", "*/*")])
            .await
            .header("content-type"),
        "application/json; charset=utf-8"
    );
}

#[tokio::test]
async fn methods() {
    let uri = |query: &str| format!("/graphql?{query}");
    let get = |query: &str| {
        Request::get(uri(query))
            .header("accept", RESPONSE)
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(
        send(get("query=%7Bhello%7D")).await.json(),
        json!({ "data": { "hello": "hello you" } })
    );
    assert_eq!(
        send(get(
            "query=%7Bhello%7D&variables=%7B%7D&extensions=%7B%7D&operationName="
        ))
        .await
        .status,
        // Set to the empty text is left out.
        200
    );
    assert_eq!(send(get("query=%7Bhello%7D&variables=1")).await.status, 400);
    assert_eq!(send(get("query=%7Bhello%7D&query=%7Bhello%7D")).await.status, 400);
    assert_eq!(send(get("")).await.status, 400);
    let mutation = send(get("query=mutation%7Baward%7D")).await;
    assert_eq!((mutation.status, mutation.header("allow")), (405, "POST"));
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let request = Request::builder()
            .method(method)
            .uri("/graphql")
            .body(Body::empty())
            .unwrap();
        let answer = send(request).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, "GET, HEAD, POST"),
            "{method}"
        );
    }
    let browser = Request::get("/graphql").header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let page = send(browser.body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(
        page.header("vary"),
        "Authorization, Accept, Accept-Language, Accept-Encoding"
    );
}

#[tokio::test]
async fn idempotency_keys() {
    let award = |how: &str| format!("mutation {{ award(how: \"{how}\") }}");
    let key = ("idempotency-key", "\"k-1\"");
    let answer = query(&award("fresh"), &[key]).await;
    assert_eq!((answer.status, answer.header("idempotent-replayed")), (200, ""));
    let answer = query(&award("replayed"), &[key]).await;
    assert_eq!(
        (answer.status, answer.header("idempotent-replayed")),
        (200, "true")
    );
    for (how, status) in [("in flight", 409), ("other body", 422)] {
        for accept in [RESPONSE, JSON] {
            let answer = query(&award(how), &[key, ("accept", accept)]).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (status, "IDEMPOTENCY_CONFLICT")
            );
        }
    }
    for (document, key) in [
        ("{ hello }", "k"),
        ("mutation { a: award b: award }", "k"),
        (
            "mutation { ...F } fragment F on Mutation { a: award b: award }",
            "k",
        ),
        ("mutation { award }", "a b"),
        ("mutation { award }", ""),
        ("mutation { award }", "\"unfinished"),
    ] {
        let answer = query(document, &[("idempotency-key", key), ("accept", JSON)]).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "BAD_REQUEST"),
            "{document} {key}"
        );
    }
    let body = json!({ "query": award("replayed"), "extensions": { "idempotencyKey": "k-2" } });
    assert_eq!(
        send(post(body.to_string(), &[]))
            .await
            .header("idempotent-replayed"),
        "true"
    );
}
