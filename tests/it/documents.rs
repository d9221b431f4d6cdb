//! Persisted documents as clients meet them: automatic ones by their SHA-256, and those of a deployment's manifests.

mod reloaded;
mod validation;

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{
    app::{Answer, As, TestApp},
    socket::Socket,
    sqlite,
};
use zhibu::{auth::Role, config::Config};

const WHO: &str = "query Who { viewer { role } }";

fn hash(document: &str) -> String {
    hex::encode(Sha256::digest(document.as_bytes()))
}

fn persisted(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

async fn app() -> TestApp {
    TestApp::with_tree(sqlite::database().await).await
}

async fn post(caller: &As<'_>, app: &TestApp, body: Value) -> Answer {
    let request = app
        .http()
        .post(format!("{}/graphql", app.url))
        .header("accept-language", "en")
        .json(&body);
    caller.send(authorized(caller, request)).await
}

async fn get(caller: &As<'_>, app: &TestApp, parameters: &[(&str, &str)], etag: Option<&str>) -> Answer {
    let mut url = format!("{}/graphql", app.url).parse::<reqwest::Url>().unwrap();
    url.query_pairs_mut().extend_pairs(parameters);
    let mut request = app.http().get(url).header("accept-language", "en");
    if let Some(etag) = etag {
        request = request.header("if-none-match", etag);
    }
    caller.send(authorized(caller, request)).await
}

fn authorized(caller: &As<'_>, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    match caller.token() {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

/// A service that trusts the documents of a manifest, and lets some roles send others.
async fn trusting(manifest: &Path, text: &str, any: &[Role], change: impl FnOnce(&mut Config)) -> TestApp {
    std::fs::write(manifest, text).unwrap();
    let app = TestApp::with_config(sqlite::database().await, |config| {
        config.graphql.trusted_documents = vec![manifest.to_owned()];
        config.graphql.any_document = any.to_vec();
        change(config);
    })
    .await;
    app.plant_tree().await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_was_sent_once_may_be_named_afterwards() {
    let app = app().await;
    let admin = app.admin();
    let named = json!({ "extensions": persisted(&hash(WHO)) });
    let answer = post(&admin, &app, named.clone()).await;
    assert_eq!(answer.error_code(), "PERSISTED_QUERY_NOT_FOUND");
    // What Apollo's and urql's clients look for.
    assert_eq!(answer.body["errors"][0]["message"], "PersistedQueryNotFound");
    assert_eq!(answer.status, 200);

    let both = json!({ "query": WHO, "extensions": persisted(&hash(WHO)) });
    assert_eq!(
        post(&admin, &app, both).await.data()["viewer"]["role"],
        "DISTRICT_ADMIN"
    );
    for body in [
        named,
        json!({ "documentId": format!("sha256:{}", hash(WHO)) }),
        json!({ "documentId": hash(WHO) }),
        json!({ "doc_id": hash(WHO), "operationName": "Who", "variables": {} }),
    ] {
        let answer = post(&admin, &app, body).await;
        assert_eq!(answer.data()["viewer"]["role"], "DISTRICT_ADMIN");
    }
    // Another caller, who has sent nothing.
    let extensions = persisted(&hash(WHO)).to_string();
    let answer = get(&app.viewer(None), &app, &[("extensions", &extensions)], None).await;
    assert_eq!(answer.data()["viewer"]["role"], "VIEWER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_valid_can_be_named_and_a_name_is_of_one_document() {
    let app = app().await;
    let admin = app.admin();
    let invalid = "{ nothing }";
    for body in [
        json!({ "query": invalid, "extensions": persisted(&hash(invalid)) }),
        json!({ "query": WHO, "extensions": persisted(&hash(invalid)) }),
        json!({ "query": WHO, "documentId": "another" }),
        json!({ "query": WHO, "extensions": { "persistedQuery": { "version": 2, "sha256Hash": hash(WHO) } } }),
        json!({ "documentId": format!("sha256:{}", hash(WHO)), "extensions": persisted(&hash(invalid)) }),
    ] {
        let answer = post(&admin, &app, body.clone()).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST", "{body}");
    }
    for document in [invalid, WHO] {
        let answer = post(&admin, &app, json!({ "extensions": persisted(&hash(document)) })).await;
        assert_eq!(answer.error_code(), "PERSISTED_QUERY_NOT_FOUND", "{document}");
    }
    let answer = post(&admin, &app, json!({ "variables": {} })).await;
    assert_eq!((answer.status, answer.error_code()), (400, "BAD_REQUEST"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_mutation_is_the_one_that_was_sent_before_for_its_key_too() {
    let app = app().await;
    let admin = app.admin();
    let document = "mutation Make($input: CreateOrganizationInput!) {
        createOrganization(input: $input) { organization { id } userErrors { code } } }";
    let input = json!({ "code": "C9", "name": "第九党委", "kind": "COMMITTEE", "parentId": app.organization_id("D").await });
    let keyed = |body: Value| {
        let request = app.http().post(format!("{}/graphql", app.url)).json(&body);
        authorized(&admin, request).header("idempotency-key", "\"k-1\"")
    };
    let sent = admin
        .send(keyed(
            json!({ "query": document, "variables": { "input": input } }),
        ))
        .await;
    let named =
        json!({ "documentId": format!("sha256:{}", hash(document)), "variables": { "input": input } });
    let again = admin.send(keyed(named.clone())).await;
    assert_eq!(
        sent.done()["organization"]["id"],
        again.done()["organization"]["id"]
    );
    assert_eq!(again.headers["idempotent-replayed"], "true");
    // GET is for queries, whatever names them.
    let id = named["documentId"].as_str().unwrap();
    let answer = get(
        &admin,
        &app,
        &[
            ("documentId", id),
            ("variables", &json!({ "input": input }).to_string()),
        ],
        None,
    )
    .await;
    assert_eq!(answer.status, 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_may_switch_automatic_ones_off() {
    let app = TestApp::with_config(sqlite::database().await, |config| {
        config.graphql.automatic_persisted_queries = false;
    })
    .await;
    let admin = app.admin();
    let both = json!({ "query": "{ __typename }", "extensions": persisted(&hash("{ __typename }")) });
    assert_eq!(post(&admin, &app, both).await.data()["__typename"], "Query");
    let named = json!({ "extensions": persisted(&hash("{ __typename }")) });
    assert_eq!(
        post(&admin, &app, named).await.error_code(),
        "PERSISTED_QUERY_NOT_FOUND"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_only_trusted_documents_are_taken_nothing_else_is_but_from_roles_that_may() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("persisted_queries.json");
    let watch = "subscription Watch { board { branchCount } }";
    // relay-compiler names them by their MD5.
    let text = json!({ "9b2d0a": WHO, "77aa": watch }).to_string();
    let app = trusting(&manifest, &text, &[Role::DistrictAdmin], |_| {}).await;
    let viewer = app.viewer(None);
    for body in [
        json!({ "documentId": "9b2d0a" }),
        json!({ "id": "9b2d0a" }),
        json!({ "documentId": format!("sha256:{}", hash(WHO)) }),
        json!({ "extensions": persisted(&hash(WHO)) }),
        json!({ "query": WHO }),
        json!({ "query": WHO, "documentId": "9b2d0a" }),
    ] {
        assert_eq!(post(&viewer, &app, body).await.data()["viewer"]["role"], "VIEWER");
    }
    let other = "{ viewer { role } }";
    for (body, code) in [
        (json!({ "query": other }), "FORBIDDEN"),
        (json!({ "query": "{ nothing }" }), "FORBIDDEN"),
        (json!({ "query": "{" }), "FORBIDDEN"),
        (
            json!({ "query": other, "extensions": persisted(&hash(other)) }),
            "FORBIDDEN",
        ),
        (
            json!({ "query": "{ __schema { queryType { name } } }" }),
            "FORBIDDEN",
        ),
        (json!({ "documentId": "00" }), "PERSISTED_QUERY_NOT_FOUND"),
        (
            json!({ "extensions": persisted(&hash(other)) }),
            "PERSISTED_QUERY_NOT_FOUND",
        ),
        (json!({ "query": other, "documentId": "9b2d0a" }), "BAD_REQUEST"),
    ] {
        assert_eq!(
            post(&viewer, &app, body.clone()).await.error_code(),
            code,
            "{body}"
        );
    }
    // What a role that may has sent is no more trusted for it.
    assert!(app.admin().data(other).await["viewer"].is_object());
    let answer = post(&viewer, &app, json!({ "extensions": persisted(&hash(other)) })).await;
    assert_eq!(answer.error_code(), "PERSISTED_QUERY_NOT_FOUND");

    let mut socket = Socket::open(&app, viewer.token()).await;
    socket
        .subscribe("free", "subscription { board { goldCount } }", json!({}))
        .await;
    let refused = socket.hear().await;
    assert_eq!(
        refused["payload"][0]["extensions"]["code"], "FORBIDDEN",
        "{refused}"
    );
    socket
        .say(json!({ "type": "subscribe", "id": "known", "payload": { "documentId": "77aa" } }))
        .await;
    let told = socket.hear().await;
    assert_eq!(told["payload"]["data"]["board"]["branchCount"], 0, "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manifests_are_read_again_when_they_change_and_bad_ones_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("documents.json");
    let app = trusting(
        &manifest,
        &json!({ "a": WHO }).to_string(),
        &[Role::DistrictAdmin],
        |_| {},
    )
    .await;
    let viewer = app.viewer(None);
    let asks = async |id: &str| post(&viewer, &app, json!({ "documentId": id })).await;
    assert!(asks("a").await.data()["viewer"].is_object());
    assert_eq!(app.app.trusted().reload().unwrap(), None, "nothing has changed");

    for (bad, problem) in [
        ("{".to_owned(), "no JSON"),
        (
            json!({ "a": WHO, "b": "{ nothing }" }).to_string(),
            "document b: Unknown field",
        ),
        (json!({ "b": "{ viewer { role }" }).to_string(), "document b"),
        (
            json!({ "b": format!("{{ {} }}", "viewer { role } ".repeat(2_000)) }).to_string(),
            "the limit is",
        ),
    ] {
        std::fs::write(&manifest, bad).unwrap();
        let error = app.app.trusted().reload().unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
        assert!(asks("a").await.data()["viewer"].is_object());
    }
    let both = json!({ "a": WHO, "b": "query B { viewer { role organization { code } } }" });
    std::fs::write(&manifest, both.to_string()).unwrap();
    assert_eq!(app.app.trusted().reload().unwrap(), Some(2));
    assert!(asks("b").await.data()["viewer"].is_object());
    let apollo = json!({ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [
        { "id": "c", "name": "Who", "type": "query", "body": WHO }] });
    std::fs::write(&manifest, apollo.to_string()).unwrap();
    assert_eq!(app.app.trusted().reload().unwrap(), Some(1));
    assert!(asks("c").await.data()["viewer"].is_object());
    assert_eq!(asks("a").await.error_code(), "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_query_over_get_may_be_kept_outside_and_is_validated_by_its_etag() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("documents.json");
    let document = "query Tree($code: String!) { organization(by: { code: $code }) { name } }";
    let text = json!({ "tree": document }).to_string();
    let app = trusting(&manifest, &text, &[Role::DistrictAdmin], |config| {
        config.auth.anonymous_role = Some(Role::Viewer);
    })
    .await;
    let nobody = app.nobody();
    let parameters = [("documentId", "tree"), ("variables", r#"{"code":"C1"}"#)];
    let answer = get(&nobody, &app, &parameters, None).await;
    assert_eq!(answer.data()["organization"]["name"], "组织C1");
    assert_eq!(answer.headers["cache-control"], "public, no-cache");
    let etag = answer.headers["etag"].to_str().unwrap().to_owned();
    let again = get(&nobody, &app, &parameters, Some(&etag)).await;
    assert_eq!(again.status, 304);
    assert_eq!(again.headers["etag"], etag.as_str());
    let private = get(&app.viewer(None), &app, &parameters, None).await;
    assert_eq!(private.headers["cache-control"], "private, no-cache");

    let organization = app.organization_id("C1").await;
    let input = json!({ "id": organization, "name": "新名", "version": 1 });
    app.admin()
        .mutate("updateOrganization", "organization { id }", input)
        .await
        .done();
    let moved = get(&nobody, &app, &parameters, Some(&etag)).await;
    assert_eq!(moved.data()["organization"]["name"], "新名");
    assert_ne!(moved.headers["etag"], etag.as_str());
}

/// Whoever fills it, the store takes eight megabytes; what has gone from it is sent once more, as it was the first time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn automatic_ones_are_kept_as_long_as_there_is_room() {
    const SENT: usize = 200;
    /// Each is a node of 160 bytes.
    const TOKENS: usize = 600;
    const ROOM: usize = 8 * 1024 * 1024;
    let app = app().await;
    let viewer = app.viewer(None);
    let document = |n: usize| {
        let topics = "BRANCH ".repeat(TOKENS);
        format!("query Q{n} {{ changes(filter: {{ topics: [{topics}] }}) {{ hasMore }} }}")
    };
    let send = async |n: usize| {
        let text = document(n);
        let body = json!({ "query": text, "extensions": persisted(&hash(&text)) });
        let answer = post(&viewer, &app, body).await;
        assert_eq!(answer.data()["changes"]["hasMore"], false);
    };
    let is_known = async |n: usize| {
        let named = json!({ "extensions": persisted(&hash(&document(n))) });
        let answer = post(&viewer, &app, named).await;
        if answer.body.get("errors").is_none() {
            assert_eq!(answer.data()["changes"]["hasMore"], false);
            return true;
        }
        assert_eq!(answer.error_code(), "PERSISTED_QUERY_NOT_FOUND");
        false
    };
    for n in 0..SENT {
        send(n).await;
    }
    let (mut known, mut gone) = (Vec::new(), Vec::new());
    for n in 0..SENT {
        if is_known(n).await {
            known.push(n);
        } else {
            gone.push(n);
        }
    }
    assert!(
        known.len() * TOKENS * 160 <= ROOM,
        "{} of {SENT} are kept",
        known.len()
    );
    assert!(
        known.len() * TOKENS * 160 > ROOM / 2,
        "{} of {SENT} are kept",
        known.len()
    );
    // The last one is, and of the first half some are not.
    assert_eq!(known.last(), Some(&(SENT - 1)));
    let early = *gone.first().unwrap();
    assert!(early < SENT / 2, "{gone:?}");
    // Others have been asked for since: it takes a place from them as soon as it has been asked for as often.
    let mut times = 0;
    while !is_known(early).await {
        times += 1;
        assert!(times <= 5, "it is not kept any more");
        send(early).await;
    }
}
