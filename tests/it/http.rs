//! GraphQL over HTTP as clients meet it, over the service's own schema.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{
    app::{Answer, As, TestApp},
    on_both, sqlite,
};

const RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

async fn app() -> TestApp {
    TestApp::with_tree(sqlite::database().await).await
}

/// A document as it is, with header fields.
async fn ask(caller: &As<'_>, app: &TestApp, document: &str, headers: &[(&str, &str)]) -> Answer {
    send(
        caller,
        app,
        json!({ "query": document }).to_string().into_bytes(),
        headers,
    )
    .await
}

async fn send(caller: &As<'_>, app: &TestApp, body: Vec<u8>, headers: &[(&str, &str)]) -> Answer {
    let mut request = app.http().post(format!("{}/graphql", app.url)).body(body);
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", JSON);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(token) = caller.token() {
        request = request.bearer_auth(token);
    }
    caller.send(request).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer
        .headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// `npm ci` in tests/graphql-http first; without it nothing is tested, and under CI that is a failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_audit_of_graphql_http_passes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/graphql-http");
    if !Path::new(folder).join("node_modules/graphql-http").exists() {
        let under_ci = std::env::var("CI").is_ok_and(|ci| !ci.is_empty());
        assert!(!under_ci, "the audits cannot run: `npm ci` in {folder} first");
        eprintln!("SKIPPED: the audits of graphql-http do not run: `npm ci` in {folder} first");
        return;
    }
    let app = app().await;
    let arguments = [
        format!("{folder}/audit.mjs"),
        format!("{}/graphql", app.url),
        app.admin().token().unwrap().to_owned(),
    ];
    let run = tokio::task::spawn_blocking(move || Command::new("node").args(arguments).output());
    let output = run.await.unwrap().expect("node runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{problems}");
    assert!(text.ends_with("61 of 61\n"), "{text}{problems}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_error_has_a_status_by_its_media_type() {
    let app = app().await;
    for (document, response, json) in [
        ("{ organizations { totalCount } }", 200, 200),
        ("{", 400, 200),
        ("{ nothing }", 400, 200),
        ("{ organizations(frist: 1) { totalCount } }", 400, 200),
        (
            "query($a: Int!) { organizations(first: $a) { totalCount } }",
            400,
            200,
        ),
        ("query A { __typename } query B { __typename }", 400, 200),
        // No Int: it has 32 bits.
        ("{ organizations(first: 99999999999) { totalCount } }", 400, 200),
        (
            "{ organizations { nodes { ...F } } } fragment F on Organization { children(first: -2147483649) { totalCount } }",
            400,
            200,
        ),
        (
            "query($a: Int = 99999999999) { organizations(first: $a) { totalCount } }",
            400,
            200,
        ),
        (
            "mutation { updateBranch(input: { id: 99999999999, version: 99999999999 }) { userErrors { code } } }",
            400,
            200,
        ),
        // The field refuses, so there is an answer, and it says null.
        ("{ organizations(first: 201) { totalCount } }", 200, 200),
    ] {
        for (accept, status) in [(RESPONSE, response), (JSON, json)] {
            let answer = ask(&app.admin(), &app, document, &[("accept", accept)]).await;
            assert_eq!(answer.status, status, "{accept} {document}: {:#}", answer.body);
            assert_eq!(
                header(&answer, "content-type"),
                format!("{accept}; charset=utf-8"),
                "{document}"
            );
            if document.contains("totalCount") && !document.contains(['$', ':']) {
                assert_eq!(answer.data()["organizations"]["totalCount"], 4);
            } else {
                assert_eq!(answer.error_code(), "BAD_REQUEST", "{document}");
                assert_eq!(
                    answer.body.get("data").is_some(),
                    document.contains("201"),
                    "{document}"
                );
            }
        }
    }
    assert_eq!(
        ask(&app.admin(), &app, "{ __typename }", &[("accept", "text/html")])
            .await
            .status,
        406
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_is_for_queries_and_other_methods_for_nobody() {
    let app = app().await;
    let admin = app.admin();
    let get = |query: &str| {
        let url = format!("{}/graphql?query={}", app.url, query.replace(' ', "%20"));
        let request = app.http().get(url).header("accept", RESPONSE);
        admin.send(request.bearer_auth(admin.token().unwrap()))
    };
    let answer = get("{organizations{totalCount}}").await;
    assert_eq!(
        (answer.status, answer.data()),
        (200, &json!({ "organizations": { "totalCount": 4 } }))
    );
    let parent = app.organization_id("D").await;
    let mutation = format!(
        "mutation {{ createOrganization(input: {{ code: \"X\", name: \"X\", kind: COMMITTEE, parentId: \"{parent}\" }}) \
         {{ organization {{ id }} }} }}"
    );
    let answer = get(&mutation).await;
    assert_eq!((answer.status, header(&answer, "allow")), (405, "POST"));
    assert_eq!(
        app.admin().data("{ organizations { totalCount } }").await["organizations"]["totalCount"],
        4
    );
    for method in ["PUT", "DELETE", "PATCH"] {
        let request = app
            .http()
            .request(method.parse().unwrap(), format!("{}/graphql", app.url));
        let answer = app
            .admin()
            .send(request.bearer_auth(app.admin().token().unwrap()))
            .await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(header(&answer, "allow").contains("POST"), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_request_as_json_is_taken() {
    let app = app().await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/graphql",
        "application/json; charset=gbk",
    ] {
        let answer = send(
            &app.admin(),
            &app,
            body.clone().into_bytes(),
            &[("content-type", content_type)],
        )
        .await;
        assert_eq!(answer.status, 415, "{content_type}");
    }
    for accept in [RESPONSE, JSON] {
        for batch in [format!("[{body}]"), format!("[{body},{body}]"), "[]".to_owned()] {
            let answer = send(&app.admin(), &app, batch.into_bytes(), &[("accept", accept)]).await;
            assert_eq!((answer.status, answer.error_code()), (400, "BAD_REQUEST"));
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip runs");
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writing = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    output.stdout
}

/// The status of a request whose body comes in chunks, as one without a Content-Length does.
fn post_in_chunks(app: &TestApp, body: &[u8]) -> String {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: {JSON}\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        app.admin().token().unwrap()
    );
    let mut sending = stream.try_clone().unwrap();
    let body = body.to_vec();
    let writing = std::thread::spawn(move || {
        sending.write_all(head.as_bytes())?;
        for chunk in body.chunks(16 * 1024) {
            sending.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
            sending.write_all(chunk)?;
            sending.write_all(b"\r\n")?;
        }
        sending.write_all(b"0\r\n\r\n")
    });
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = writing.join().unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1);
    status
        .unwrap_or_else(|| panic!("no answer: {read:?} {answer}"))
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_2_mib_is_too_large_however_it_comes() {
    let app = app().await;
    let mut body = json!({ "query": "{ __typename }" }).to_string().into_bytes();
    let small = body.clone();
    body.resize(2 * 1024 * 1024, b' ');
    for accept in [RESPONSE, JSON] {
        let answer = send(&app.admin(), &app, body.clone(), &[("accept", accept)]).await;
        assert_eq!(answer.status, 413, "{accept}");
        let packed = gzip(&body);
        assert!(packed.len() < 10_000, "{}", packed.len());
        let gzipped = [("accept", accept), ("content-encoding", "gzip")];
        assert_eq!(
            send(&app.admin(), &app, packed, &gzipped).await.status,
            413,
            "{accept}"
        );
        assert_eq!(
            send(&app.admin(), &app, gzip(&small), &gzipped).await.status,
            200,
            "{accept}"
        );
    }
    tokio::task::block_in_place(|| {
        assert_eq!(post_in_chunks(&app, &small), "200");
        assert_eq!(post_in_chunks(&app, &body), "413");
    });
}

/// Documents that would take a naive service down, or its time.
fn hostile() -> Vec<(&'static str, String)> {
    let aliases: String = (0..10_000).map(|n| format!("a{n}:__typename ")).collect();
    let few_aliases: String = (0..400).map(|n| format!("a{n}:__typename ")).collect();
    let mut chain = String::from("{ ...f0 }");
    for n in 0..40 {
        chain += &format!(" fragment f{n} on Query {{ ...f{0} ...f{0} }}", n + 1);
    }
    chain += " fragment f40 on Query { organizations { totalCount } }";
    let deep = "children { nodes { ".repeat(200) + "id" + &" } }".repeat(200);
    vec![
        ("100 kB", format!("{{ __typename }} # {}", "x".repeat(100_000))),
        (
            "2,000 brackets",
            format!("{{ node(id: {}{}) {{ id }} }}", "[".repeat(2000), "]".repeat(2000)),
        ),
        ("2,000 braces", "{a".repeat(2000) + &"}".repeat(2000)),
        ("unclosed brackets", "{ node(id: ".to_owned() + &"[{a:".repeat(1000)),
        ("fragment chain", chain),
        ("10,000 aliases", format!("{{ {aliases} }}")),
        ("400 aliases", format!("{{ {few_aliases} }}")),
        (
            "field 10,000 times",
            format!("{{ {} }}", "organizations{totalCount} ".repeat(10_000)),
        ),
        (
            "field 2,000 times",
            format!("{{ {} }}", "__typename ".repeat(2_000)),
        ),
        (
            "depth",
            format!("{{ organization(by: {{ code: \"D\" }}) {{ {deep} }} }}"),
        ),
        (
            "pages in pages",
            "{ organizations(first: 200) { nodes { children(first: 200) { nodes { children(first: 200) { nodes { \
             children(first: 200) { nodes { id } } } } } } } } }"
                .to_owned(),
        ),
        ("directives", format!("{{ __typename {} }}", "@skip(if: false) ".repeat(1000))),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_documents_are_refused_and_the_next_query_answered() {
    let app = app().await;
    for (name, document) in hostile() {
        for accept in [RESPONSE, JSON] {
            let answer = ask(&app.admin(), &app, &document, &[("accept", accept)]).await;
            assert_eq!(answer.error_code(), "QUERY_TOO_COMPLEX", "{name}");
            let expected = if document.len() > 65_536 { 413 } else { 400 };
            assert_eq!(answer.status, expected, "{name} {accept}");
            assert!(
                answer.body.to_string().len() < 2_000,
                "{name}: the refusal repeats the document"
            );
        }
    }
    let answer = app.admin().data("{ organizations { totalCount } }").await;
    assert_eq!(answer["organizations"]["totalCount"], 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cycle_of_fragments_is_a_bad_request() {
    let app = app().await;
    let document = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
    let answer = ask(&app.admin(), &app, document, &[("accept", RESPONSE)]).await;
    assert_eq!((answer.status, answer.error_code()), (400, "BAD_REQUEST"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_are_checked_before_anything_runs() {
    let app = app().await;
    let headcounts = "query($asOf: Date) { headcounts(asOf: $asOf) { count } }";
    let create = "mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) { organization { id } } }";
    let input = |extra: Value| {
        let mut input = json!({ "code": "X", "name": "X", "kind": "COMMITTEE" });
        input
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        json!({ "input": input })
    };
    for (document, variables, at) in [
        (headcounts, json!({ "asOf": "2022-02-30" }), "asOf"),
        (headcounts, json!({ "asOf": "2022-2-3" }), "asOf"),
        (headcounts, json!({ "asOf": 20220201 }), "asOf"),
        (headcounts, json!({ "of": "2022-02-01" }), "of"),
        (create, json!({}), "input"),
        (create, json!({ "input": null }), "input"),
        (create, input(json!({ "kind": "NOTHING" })), "input.kind"),
        (create, input(json!({ "colour": "red" })), "input.colour"),
        (create, input(json!({ "name": 7 })), "input.name"),
        (create, input(json!({ "name": null })), "input.name"),
    ] {
        // Twice: a document that has passed is kept, and its variables are checked all the same.
        for _ in 0..2 {
            let answer = app.admin().ask(document, variables.clone()).await;
            assert_eq!(answer.status, 400, "{variables}: {:#}", answer.body);
            assert_eq!(answer.error_code(), "BAD_REQUEST", "{variables}");
            assert_eq!(
                answer.body["errors"][0]["extensions"]["variable"], at,
                "{variables}: {:#}",
                answer.body
            );
        }
    }
    let fine = app.admin().ask(headcounts, json!({ "asOf": "2024-02-29" })).await;
    assert_eq!(fine.data()["headcounts"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_literal_that_is_no_day_or_cursor_is_refused_before_anything_runs() {
    let app = app().await;
    let id = app.organization_id("C1").await;
    let report = |day: &str| {
        format!(
            "reportHeadcount(input: {{ organizationId: \"{id}\", kind: VOLUNTEER, count: 1, asOf: \"{day}\" }}) \
             {{ headcount {{ id }} }}"
        )
    };
    for document in [
        "{ headcounts(asOf: \"2022-02-30\") { count } }".to_owned(),
        "{ changes(after: \"AAAA\") { hasMore } }".to_owned(),
        "{ auditEntries(filter: { from: \"yesterday\" }) { totalCount } }".to_owned(),
        format!(
            "mutation {{ a: {} b: {} }}",
            report("2026-03-01"),
            report("2026-02-30")
        ),
    ] {
        let answer = ask(&app.admin(), &app, &document, &[("accept", RESPONSE)]).await;
        assert_eq!(
            (answer.status, answer.error_code()),
            (400, "BAD_REQUEST"),
            "{document}"
        );
    }
    let data = app.admin().data("{ headcounts { count } }").await;
    assert_eq!(data["headcounts"], json!([]), "the first half ran");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_come_in_the_callers_language() {
    let app = app().await;
    let document = "{ organizations(first: 201) { totalCount } }";
    for (accept_language, tag, chinese) in [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh", true),
        ("en-GB", "en", false),
        ("fr, en;q=0.3", "en", false),
        ("fr", "zh", true),
    ] {
        let answer = ask(
            &app.admin(),
            &app,
            document,
            &[("accept-language", accept_language)],
        )
        .await;
        let message = answer.body["errors"][0]["message"].as_str().unwrap();
        assert_eq!(header(&answer, "content-language"), tag, "{accept_language}");
        assert_eq!(!message.is_ascii(), chinese, "{accept_language}: {message}");
        assert!(message.contains("200"), "{message}");
    }
    let input = json!({ "code": "D", "name": "又一个", "kind": "DISTRICT" });
    let refused = app
        .admin()
        .in_language("zh")
        .mutate("createOrganization", "organization { id }", input)
        .await;
    assert!(!refused.refused().2.is_ascii());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_carries_its_request_id() {
    let app = app().await;
    let given = ask(
        &app.admin(),
        &app,
        "{ __typename }",
        &[("x-request-id", "trace-7")],
    )
    .await;
    assert_eq!(header(&given, "x-request-id"), "trace-7");
    let made = ask(
        &app.admin(),
        &app,
        "{ __typename }",
        &[("x-request-id", "two words")],
    )
    .await;
    assert_eq!(header(&made, "x-request-id").len(), 36);
    for path in ["/livez", "/readyz", "/nothing"] {
        let answer = app
            .nobody()
            .send(app.http().get(format!("{}{path}", app.url)))
            .await;
        assert_eq!(header(&answer, "x-request-id").len(), 36, "{path}");
        assert_eq!(
            answer.status,
            if path == "/nothing" { 404 } else { 200 },
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_private_and_small_ones_are_not_packed() {
    let app = app().await;
    let answer = ask(
        &app.admin(),
        &app,
        "{ __typename }",
        &[("accept-encoding", "gzip")],
    )
    .await;
    // One that is kept may be kept by its caller too, who asks whether it still stands.
    assert_eq!(header(&answer, "cache-control"), "private, no-cache");
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert!(header(&answer, "vary").contains("Authorization, Accept, Accept-Language"));
    assert_eq!(header(&answer, "content-encoding"), "");
    let introspection = "{ __schema { types { name description fields { name description } } } }";
    let packed = ask(&app.admin(), &app, introspection, &[("accept-encoding", "gzip")]).await;
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert_eq!(header(&packed, "cache-control"), "private, no-store");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_gets_graphiql_with_its_assets_from_the_binary() {
    let app = app().await;
    let nobody = app.nobody();
    let get = |path: &str, headers: &[(&str, &str)]| {
        let mut request = app.http().get(format!("{}{path}", app.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        nobody.send(request)
    };
    let page = get(
        "/graphql",
        &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")],
    )
    .await;
    assert_eq!(page.status, 200);
    assert!(header(&page, "content-type").starts_with("text/html"));
    let policy = header(&page, "content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("script-src 'self';"),
        "{policy}"
    );
    let text = page.body.as_str().expect("HTML");
    let assets: Vec<String> = text
        .split('"')
        .filter(|part| part.starts_with("graphiql/"))
        .map(|part| format!("/{part}"))
        .collect();
    assert_eq!(assets.len(), 2, "{text}");
    for asset in assets {
        let first = get(&asset, &[]).await;
        assert_eq!(first.status, 200, "{asset}");
        assert!(header(&first, "cache-control").contains("immutable"), "{asset}");
        let etag = header(&first, "etag");
        let again = get(&asset, &[("if-none-match", etag)]).await;
        assert_eq!((again.status, &again.body), (304, &json!("")), "{asset}");
        assert_eq!(
            get(&asset, &[("if-none-match", "\"other\"")]).await.status,
            200,
            "{asset}"
        );
    }
    // The page is for anybody; what it shows takes a token.
    let answer = get("/graphql?query=%7B__typename%7D", &[("accept", JSON)]).await;
    assert_eq!((answer.status, answer.error_code()), (401, "UNAUTHENTICATED"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deployments_may_switch_off_graphiql_and_introspection() {
    let app = TestApp::with_config(sqlite::database().await, |config| {
        config.graphql.graphiql = false;
        config.graphql.introspection = Vec::new();
    })
    .await;
    let page = app
        .http()
        .get(format!("{}/graphql", app.url))
        .header("accept", "text/html");
    assert_eq!(app.nobody().send(page).await.status, 406);
    assert_eq!(
        app.nobody()
            .send(app.http().get(format!("{}/graphiql/graphiql.js", app.url)))
            .await
            .status,
        404
    );
    let answer = app
        .admin()
        .ask("{ __schema { queryType { name } } }", json!({}))
        .await;
    assert_eq!(answer.error_code(), "FORBIDDEN");
    let named = app.admin().data("{ __typename }").await;
    assert_eq!(named["__typename"], "Query");
}

on_both!(an_idempotency_key_is_for_exactly_one_mutation, |db| async move {
    let app = TestApp::with_tree(db).await;
    let parent = app.organization_id("D").await;
    let make = |code: &str| {
        format!(
            "createOrganization(input: {{ code: \"{code}\", name: \"{code}\", kind: COMMITTEE, parentId: \"{parent}\" }}) \
             {{ organization {{ id }} userErrors {{ code path message }} }}"
        )
    };
    let one = format!("mutation {{ {} }}", make("K1"));
    // A structured-field string, a bare token, the same in the body's extensions: one key.
    let quoted = ask(&app.admin(), &app, &one, &[("idempotency-key", "\"k-1\"")]).await;
    let id = quoted.done()["organization"]["id"].clone();
    assert_eq!(header(&quoted, "idempotent-replayed"), "");
    let bare = ask(&app.admin(), &app, &one, &[("idempotency-key", "k-1")]).await;
    let body = json!({ "query": one, "extensions": { "idempotencyKey": "k-1" } });
    let in_body = send(&app.admin(), &app, body.to_string().into_bytes(), &[]).await;
    for again in [bare, in_body] {
        assert_eq!(again.done()["organization"]["id"], id);
        assert_eq!(header(&again, "idempotent-replayed"), "true");
    }
    // Keys are their callers' own.
    let other = app.as_role(zhibu::auth::Role::DistrictAdmin, "admin-2", None, None, None);
    let theirs = ask(&other, &app, &one, &[("idempotency-key", "k-1")]).await;
    assert_eq!(theirs.refusal_code(), "ALREADY_EXISTS");

    let two = format!("mutation {{ a: {} b: {} }}", make("K2"), make("K3"));
    for (document, key) in [
        (two.as_str(), "k-2"),
        ("{ organizations { totalCount } }", "k-2"),
        (one.as_str(), ""),
        (one.as_str(), "two words"),
        (one.as_str(), "\"unfinished"),
        (one.as_str(), &"k".repeat(256)),
    ] {
        for accept in [RESPONSE, JSON] {
            let headers = [("idempotency-key", key), ("accept", accept)];
            let answer = ask(&app.admin(), &app, document, &headers).await;
            assert_eq!(
                (answer.status, answer.error_code()),
                (400, "BAD_REQUEST"),
                "{key}"
            );
        }
    }
    let data = app.admin().data("{ organizations { totalCount } }").await;
    assert_eq!(data["organizations"]["totalCount"], 5);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_field_refuses_does_not_take_a_nullable_one_along() {
    let app = app().await;
    let id = app.organization_id("D").await;
    // Both fields are nullable or fine by themselves; an error in one of a list must stay where it is.
    let document = "query($id: ID!) { a: node(id: $id) { id } b: node(id: \"bm90aGluZw\") { id } }";
    let answer = app.admin().ask(document, json!({ "id": id })).await;
    assert_eq!(answer.data(), &json!({ "a": { "id": id }, "b": null }));
}
