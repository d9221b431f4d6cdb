//! graphql-cop (github.com/dolevf/graphql-cop).

use super::*;

async fn plain() -> TestApp {
    app(|_| {}).await
}

/// What a form is sent as, and what cannot be sent without being asked about.
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alias_overloading() {
    let app = plain().await;
    let aliases = many(101, |n| format!("alias{n}:__typename \n"));
    let answer = ask(&app.viewer(None), &app, &format!("query cop {{ {aliases} }}")).await;
    assert_over(&answer, "aliases", 60, 101);
    // Below the root, in a fragment that is spread twice, they are aliases as well.
    let aliases = many(31, |n| format!("a{n}: role "));
    let spread =
        format!("{{ viewer {{ ...F }} again: viewer {{ ...F }} }} fragment F on Viewer {{ {aliases} }}");
    let answer = ask(&app.viewer(None), &app, &spread).await;
    assert_over(&answer, "aliases", 60, 63);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn array_based_batching() {
    let app = plain().await;
    let viewer = app.viewer(None);
    let one = json!({ "query": "query cop { __typename }" });
    for path in ["/graphql", "/graphql/stream"] {
        let request = app
            .http()
            .post(format!("{}{path}", app.url))
            .bearer_auth(viewer.token().unwrap())
            .json(&vec![one.clone(); 11]);
        let answer = viewer.send(request).await;
        assert_eq!(
            (answer.status, answer.error_code()),
            (400, "BAD_REQUEST"),
            "{path}"
        );
        assert_eq!(answer.body.get("data"), None, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directive_overloading() {
    let app = plain().await;
    let viewer = app.viewer(None);
    let overloaded =
        |directive: &str, times| format!("query cop {{ __typename {} }}", directive.repeat(times));
    // As graphql-cop asks: ten errors would say that each was looked at by itself.
    let answer = ask(&viewer, &app, &overloaded("@aa", 10)).await;
    assert_eq!(invalid(&answer), ["Unknown directive \"aa\""]);
    let places = answer.body["errors"][0]["locations"].as_array().unwrap();
    assert!((1..=10).contains(&places.len()), "{places:?}");
    // One that there is, which is no more welcome (specification, 5.7.3): on a field of the root, below it, on a fragment.
    for document in [
        overloaded("@include(if: true)", 2),
        overloaded("@include(if: true)", 60),
        format!("{{ viewer {{ role {} }} }}", "@include(if: true)".repeat(10)),
        format!("{{ ... {} {{ __typename }} }}", "@skip(if: false)".repeat(10)),
        format!(
            "{{ ...F {} }} fragment F on Query {{ __typename }}",
            "@include(if: true) @skip(if: false)".repeat(5)
        ),
    ] {
        let answer = ask(&viewer, &app, &document).await;
        let messages = invalid(&answer);
        assert!(
            messages
                .iter()
                .all(|message| message.starts_with("Duplicate directive")),
            "{document}: {messages:?}"
        );
        assert!(messages.len() <= 2, "{document}: {messages:?}");
    }
    for directive in ["@aa", "@include(if: true)"] {
        let answer = ask(&viewer, &app, &overloaded(directive, 61)).await;
        assert_over(&answer, "directives", 60, 61);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn circular_introspection() {
    let app = plain().await;
    let circular = "query cop { __schema { types { fields { type { fields { type { fields { type { fields { type { name } \
        } } } } } } } } } }";
    for caller in [app.admin(), app.viewer(None)] {
        let answer = ask(&caller, &app, circular).await;
        assert_eq!(answer.error_code(), "QUERY_TOO_COMPLEX");
        let told = &answer.body["errors"][0]["extensions"];
        assert_eq!(
            (&told["limit"], &told["allowed"]),
            (&json!("introspection_cost"), &json!(200_000))
        );
        assert!(told["found"].as_u64() > told["allowed"].as_u64(), "{told}");
        assert_eq!(answer.body.get("data"), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn circular_fragment() {
    let app = plain().await;
    let circular = "query { __schema { ...A } } fragment A on __Schema { __typename ...B } fragment B on __Schema { ...A }";
    for caller in [app.admin(), app.viewer(None)] {
        let answer = ask(&caller, &app, circular).await;
        assert_eq!(invalid(&answer).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn field_suggestions() {
    let app = plain().await;
    for caller in [app.admin(), app.viewer(None)] {
        let answer = ask(&caller, &app, "query cop { __schema { directive } }").await;
        assert_eq!(
            invalid(&answer),
            ["Unknown field \"directive\" on type \"__Schema\"."]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn field_duplication() {
    let app = plain().await;
    let viewer = app.viewer(None);
    let answer = ask(
        &viewer,
        &app,
        &format!("query cop {{ {} }}", "__typename \n".repeat(500)),
    )
    .await;
    assert_over(&answer, "repeats", 100, 500);
    let answer = ask(
        &viewer,
        &app,
        &format!("{{ viewer {{ {} }} }}", "role ".repeat(500)),
    )
    .await;
    assert_over(&answer, "repeats", 100, 500);
    // What one selection may hold is not got round with fragments.
    let split = format!(
        "{{ viewer {{ ...F ...F ... {{ {} }} }} }} fragment F on Viewer {{ {} }}",
        "role ".repeat(40),
        "role ".repeat(40)
    );
    let answer = ask(&viewer, &app, &split).await;
    assert_over(&answer, "repeats", 100, 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutation_over_get() {
    let app = plain().await;
    let admin = app.admin();
    for path in ["/graphql", "/graphql/stream"] {
        let request = app
            .http()
            .get(format!("{}{path}?query=mutation%20%7B__typename%7D", app.url))
            .bearer_auth(admin.token().unwrap());
        let answer = admin.send(request).await;
        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.headers["allow"], "POST", "{path}");
        assert_eq!(answer.body.get("data"), None, "{path}: {}", answer.body);
    }
}

/// GET is for queries, and a page that makes a browser ask so asks as nobody: there is nothing that a browser adds by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn query_over_get() {
    let app = plain().await;
    let request = app
        .http()
        .get(format!("{}/graphql?query=%7B__typename%7D", app.url));
    let answer = app
        .nobody()
        .send(request.header("cookie", "session=1; token=x"))
        .await;
    assert_eq!((answer.status, answer.error_code()), (401, "UNAUTHENTICATED"));
    assert_eq!(answer.headers.get("set-cookie"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn urlencoded_post() {
    let app = plain().await;
    let admin = app.admin();
    for path in ["/graphql", "/graphql/stream"] {
        let post = |query: &str| {
            app.http()
                .post(format!("{}{path}{query}", app.url))
                .bearer_auth(admin.token().unwrap())
        };
        let form = post("")
            .header("content-type", FORM)
            .body("query=query%20%7B__typename%7D");
        assert_eq!(admin.send(form).await.status, 415, "{path}");
        // Nor is the query string of a POST a request, with a body of a form or without one.
        let in_path = "?query=query%20%7B__typename%7D";
        for request in [post(in_path), post(in_path).header("content-type", FORM)] {
            let answer = admin.send(request).await;
            assert_eq!(answer.status, 415, "{path}");
            assert_eq!(answer.body.get("data"), None, "{path}");
        }
        let empty = post(in_path).header("content-type", "application/json");
        assert_eq!(admin.send(empty.body("{}")).await.status, 400, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn graphiql_detection() {
    const SIGNS: [&str; 4] = [
        "graphiql.min.css",
        "GraphQL Playground",
        "GraphiQL",
        "graphql-playground",
    ];
    for is_on in [true, false] {
        let app = app(|config| config.graphql.graphiql = is_on).await;
        for path in ["/graphiql", "/playground", "/console", "/graphql", "/"] {
            for accept in ["*/*", "text/html"] {
                let request = app
                    .http()
                    .get(format!("{}{path}", app.url))
                    .header("accept", accept);
                let answer = app.nobody().send(request).await;
                let text = answer.body.to_string();
                // Only where people ask for it, and the deployment has it.
                let is_page = is_on && path == "/graphql" && accept == "text/html";
                assert_eq!(answer.status == 200, is_page, "{path} {accept}");
                assert_eq!(
                    SIGNS.iter().any(|sign| text.contains(sign)),
                    is_page,
                    "{path} {accept}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn introspection() {
    let app = plain().await;
    let asked = "query cop { __schema { types { name fields { name } } } }";
    let answer = ask(&app.viewer(None), &app, asked).await;
    assert_eq!(answer.error_code(), "FORBIDDEN");
    assert_eq!(answer.body.get("data"), None);
    let answer = ask(&app.admin(), &app, asked).await;
    assert!(answer.data()["__schema"]["types"].as_array().unwrap().len() > 100);
    // Nobody hears more by asking without a token.
    let request = app
        .http()
        .post(format!("{}/graphql", app.url))
        .json(&json!({ "query": asked }));
    assert_eq!(app.nobody().send(request).await.error_code(), "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trace_mode() {
    let app = plain().await;
    let viewer = app.viewer(None);
    for document in [
        "query cop { __typename }",
        "{ organizations(first: 201) { totalCount } }",
        "{ nothing }",
    ] {
        let request = app
            .http()
            .post(format!("{}/graphql", app.url))
            .bearer_auth(viewer.token().unwrap())
            .header("apollo-tracing", "1")
            .header("x-apollo-tracing", "1")
            .header("apollo-federation-include-trace", "ftv1")
            .json(&json!({ "query": document }));
        let answer = viewer.send(request).await;
        assert_eq!(answer.body.get("extensions"), None, "{document}");
        assert_tells_nothing_of_the_inside(&answer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unhandled_errors() {
    let app = plain().await;
    let answer = ask(&app.viewer(None), &app, "qwerty cop { abc }").await;
    assert_eq!(invalid(&answer), ["Syntax error at line 1, column 1"]);
    assert_tells_nothing_of_the_inside(&answer);
}

fn assert_tells_nothing_of_the_inside(answer: &Answer) {
    for error in answer.body["errors"].as_array().into_iter().flatten() {
        let members: Vec<&String> = error["extensions"].as_object().unwrap().keys().collect();
        assert!(
            members
                .iter()
                .all(|name| ["code", "limit", "allowed", "found"].contains(&name.as_str())),
            "{members:?}"
        );
    }
    let text = answer.body.to_string().to_lowercase();
    for word in [
        "tracing",
        "exception",
        "stacktrace",
        "backtrace",
        ".rs:",
        "panicked",
    ] {
        assert!(!text.contains(word), "{text}");
    }
}
