//! What browsers are told, and which of their pages may ask.

use serde_json::json;
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};

use crate::support::{app::TestApp, sqlite};

const WALL: &str = "https://wall.example.org";
const EVIL: &str = "https://evil.example.org";

async fn app() -> TestApp {
    TestApp::with_config(sqlite::database().await, |config| {
        config.cors.origins = vec![WALL.parse().unwrap()];
        config.server.public_url = Some("https://zhibu.example.org".to_owned());
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_says_what_may_be_done_with_it() {
    let app = app().await;
    for path in [
        "/graphql?query=%7B__typename%7D",
        "/livez",
        "/nothing",
        "/platform/X/points",
    ] {
        let answer = app.http().get(format!("{}{path}", app.url)).send().await.unwrap();
        let headers = answer.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(
            headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'",
            "{path}"
        );
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin", "{path}");
        assert_eq!(headers["strict-transport-security"], "max-age=31536000", "{path}");
        assert!(headers.get("set-cookie").is_none(), "{path}");
    }
    // The page for people has a policy of its own.
    let page = app
        .http()
        .get(format!("{}/graphql", app.url))
        .header("accept", "text/html");
    let page = page.send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_other_origins_ask_only_where_they_are_let_in() {
    let app = app().await;
    let preflight = |origin: &'static str| {
        app.http()
            .request(reqwest::Method::OPTIONS, format!("{}/graphql", app.url))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type,idempotency-key",
            )
    };
    let allowed = preflight(WALL).send().await.unwrap();
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["access-control-allow-origin"], WALL);
    let fields = allowed.headers()["access-control-allow-headers"]
        .to_str()
        .unwrap();
    assert!(
        fields.contains("authorization") && fields.contains("idempotency-key"),
        "{fields}"
    );
    assert!(
        allowed
            .headers()
            .get("access-control-allow-credentials")
            .is_none()
    );
    let refused = preflight(EVIL).send().await.unwrap();
    assert!(refused.headers().get("access-control-allow-origin").is_none());

    let ask = async |origin: &str| {
        let request = app.admin().request("{ __typename }", json!({}));
        app.admin()
            .send(request.header("origin", origin.to_owned()))
            .await
    };
    let answer = ask(WALL).await;
    assert_eq!(answer.headers["access-control-allow-origin"], WALL);
    let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap();
    assert!(
        exposed.contains("retry-after") && exposed.contains("x-request-id"),
        "{exposed}"
    );
    assert!(
        answer
            .headers
            .get_all("vary")
            .iter()
            .any(|v| v.to_str().unwrap().contains("origin"))
    );
    assert!(
        ask(EVIL)
            .await
            .headers
            .get("access-control-allow-origin")
            .is_none()
    );
}

/// The status with which a page's socket is opened.
async fn opened_from(app: &TestApp, origin: Option<&str>) -> u16 {
    let url = format!("{}/graphql", app.url.replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    if let Some(origin) = origin {
        headers.insert("origin", origin.parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok(_) => 101,
        Err(tungstenite::Error::Http(answer)) => answer.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_opened_by_pages_that_are_let_in_and_by_what_is_no_page() {
    let app = app().await;
    let open = async |origin: Option<&str>| opened_from(&app, origin).await;
    assert_eq!(open(None).await, 101);
    assert_eq!(open(Some(WALL)).await, 101);
    assert_eq!(open(Some("https://zhibu.example.org")).await, 101);
    assert_eq!(open(Some(&app.url)).await, 101);
    assert_eq!(open(Some(EVIL)).await, 403);
    assert_eq!(open(Some("null")).await, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_page_can_send_without_asking_does_nothing() {
    let app = app().await;
    let mutation =
        json!({ "query": "mutation { pullPoints(input: { sourceCode: \"X\" }) { userErrors { code } } }" });
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let request = app
            .http()
            .post(format!("{}/graphql", app.url))
            .header("content-type", kind)
            .header("origin", EVIL)
            .bearer_auth(app.admin().token().unwrap())
            .body(mutation.to_string());
        assert_eq!(request.send().await.unwrap().status(), 415, "{kind}");
    }
    let url = format!("{}/graphql?query=mutation%7B__typename%7D", app.url);
    let request = app.http().get(url).bearer_auth(app.admin().token().unwrap());
    assert_eq!(request.send().await.unwrap().status(), 405);
}

/// `cors.origins = ["*"]`: whatever page asks, a browser lets it, and adds nothing by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_every_origin_ask_where_all_are_let_in() {
    let app = TestApp::with_config(sqlite::database().await, |config| config.cors.any_origin = true).await;
    for origin in [WALL, EVIL, "null"] {
        let preflight = app
            .http()
            .request(reqwest::Method::OPTIONS, format!("{}/graphql", app.url))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type,last-event-id",
            );
        let allowed = app.nobody().send(preflight).await;
        assert_eq!(allowed.status, 200, "{origin}");
        assert_eq!(allowed.headers["access-control-allow-origin"], "*", "{origin}");
        let methods = allowed.headers["access-control-allow-methods"].to_str().unwrap();
        assert_eq!(methods, "GET,POST", "{origin}");
        // By name: `*` does not mean Authorization (fetch.spec.whatwg.org, 4.9).
        let fields = allowed.headers["access-control-allow-headers"].to_str().unwrap();
        for field in [
            "authorization",
            "content-type",
            "idempotency-key",
            "last-event-id",
        ] {
            assert!(fields.split(',').any(|f| f.trim() == field), "{field}: {fields}");
        }
        assert_eq!(allowed.headers["access-control-max-age"], "7200");
        assert_eq!(allowed.headers.get("access-control-allow-credentials"), None);

        let admin = app.admin();
        let simple = app
            .http()
            .get(format!("{}/graphql?query=%7B__typename%7D", app.url))
            .header("origin", origin);
        let post = admin
            .request("{ __typename }", json!({}))
            .header("origin", origin);
        let stream = app
            .http()
            .post(format!("{}/graphql/stream", app.url))
            .bearer_auth(admin.token().unwrap())
            .header("origin", origin)
            .json(&json!({ "query": "{ __typename }" }));
        // Refusals are for the page to read too.
        for (request, status) in [(simple, 401), (post, 200), (stream, 200)] {
            let answer = admin.send(request).await;
            assert_eq!(answer.status, status, "{origin}");
            assert_eq!(answer.headers["access-control-allow-origin"], "*", "{origin}");
            let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap();
            for field in ["etag", "retry-after", "www-authenticate", "x-request-id"] {
                assert!(
                    exposed.split(',').any(|f| f.trim() == field),
                    "{field}: {exposed}"
                );
            }
            assert_eq!(
                answer.headers.get("access-control-allow-credentials"),
                None,
                "{origin}"
            );
        }
        assert_eq!(opened_from(&app, Some(origin)).await, 101, "{origin}");
    }
    // Who asks for what is not let in is not told that it is.
    let preflight = app
        .http()
        .request(reqwest::Method::OPTIONS, format!("{}/graphql", app.url))
        .header("origin", EVIL)
        .header("access-control-request-method", "DELETE")
        .header("access-control-request-headers", "x-other");
    let answer = app.nobody().send(preflight).await;
    let of = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
    assert!(!of("access-control-allow-methods").contains("DELETE"));
    assert!(!of("access-control-allow-headers").contains("x-other"));
}
