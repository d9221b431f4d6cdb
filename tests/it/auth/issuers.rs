//! Several issuers: their words, their limits, and whose subjects are whose.

use chrono::Duration;
use jsonwebtoken::Header;
use serde_json::{Value, json};

use super::{ask, assert_refused};
use crate::{
    gold::selection::{Selection, decide},
    support::{
        app::TestApp,
        identity::{Provider, ProviderKey, app_with, claims_of, issuer},
        on_both,
        socket::Socket,
        sqlite,
    },
};

const VIEWER: &str = "{ viewer { subject role organization { code } branch { code } } }";

async fn viewer(app: &TestApp, token: &str) -> Value {
    app.with_token(token).data(VIEWER).await["viewer"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_are_where_the_issuer_puts_them_and_roles_in_its_own_words() {
    let key = ProviderKey::rsa("one");
    let provider = Provider::with(&[&key]).await;
    let text = issuer("keycloak", &provider)
        + r#"
audience = "register"
types = ["Bearer", "application/at+JWT"]
allowed_roles = ["COMMITTEE_OFFICER", "VIEWER"]
[auth.issuers.keycloak.claims]
role = "/realm_access/roles"
org = "https://zhibu.example.org/org"
subject = "/ids/0"
[auth.issuers.keycloak.roles]
"register-officer" = "COMMITTEE_OFFICER"
"register-clerk" = "COMMITTEE_OFFICER"
"register-viewer" = "VIEWER"
"register-admin" = "DISTRICT_ADMIN"
"#;
    let app = app_with(sqlite::database().await, &text).await;
    app.plant_tree().await;
    let mut header = key.header();
    header.typ = Some("at+jwt".to_owned());
    let claims = |roles: Value, changes: Value| {
        let mut claims = claims_of("keycloak", &app.clock, changes);
        claims["realm_access"] = json!({ "roles": roles });
        claims["ids"] = json!(["0b0e5bf0-5f0c-4f0e-8f0a-013900000001"]);
        claims["https://zhibu.example.org/org"] = json!(["C1"]);
        if claims["aud"] == "zhibu" {
            claims["aud"] = json!(["account", "register"]);
        }
        claims
    };
    let token = |roles: Value, changes: Value| key.sign_as(&header, &claims(roles, changes));
    let officer = token(json!(["offline_access", "register-officer"]), json!({}));
    assert_eq!(
        viewer(&app, &officer).await,
        json!({
            "subject": "keycloak:0b0e5bf0-5f0c-4f0e-8f0a-013900000001", "role": "COMMITTEE_OFFICER",
            "organization": { "code": "C1" }, "branch": null,
        })
    );
    for (why, roles, changes) in [
        (
            "two words for one role",
            json!(["register-clerk", "register-officer"]),
            json!({}),
        ),
        ("one word", json!("register-viewer"), json!({})),
        (
            "one audience",
            json!("register-viewer"),
            json!({ "aud": "register" }),
        ),
        (
            "no nbf and no iat",
            json!("register-viewer"),
            json!({ "iat": null }),
        ),
    ] {
        let answer = ask(&app, &token(roles, changes)).await;
        assert_eq!(answer.status, 200, "{why}: {:#}", answer.body);
    }
    for (why, roles, changes) in [
        (
            "two roles",
            json!(["register-viewer", "register-officer"]),
            json!({}),
        ),
        (
            "a role that it may not give",
            json!(["register-admin"]),
            json!({}),
        ),
        (
            "one that it may not give, beside one that it may",
            json!(["register-admin", "register-viewer"]),
            json!({}),
        ),
        ("a role in our words", json!("VIEWER"), json!({})),
        ("no role", json!([]), json!({})),
        (
            "other audiences",
            json!("register-viewer"),
            json!({ "aud": ["account"] }),
        ),
        ("no audience", json!("register-viewer"), json!({ "aud": null })),
        (
            "an empty list of audiences",
            json!("register-viewer"),
            json!({ "aud": [] }),
        ),
        ("no end", json!("register-viewer"), json!({ "exp": null })),
    ] {
        assert_refused(&ask(&app, &token(roles, changes)).await, why);
    }
    let mut two = claims(json!("register-officer"), json!({}));
    two["https://zhibu.example.org/org"] = json!(["C1", "C2"]);
    assert_refused(&ask(&app, &key.sign_as(&header, &two)).await, "two organizations");
    for (typ, status) in [
        (Some("AT+JWT"), 200),
        (Some("application/at+jwt"), 200),
        (Some("bearer"), 200),
        (Some("JWT"), 401),
        (Some("id+jwt"), 401),
        (Some("application/application/at+jwt"), 401),
        (None, 401),
    ] {
        let mut header: Header = key.header();
        header.typ = typ.map(str::to_owned);
        let token = key.sign_as(&header, &claims(json!("register-viewer"), json!({})));
        assert_eq!(ask(&app, &token).await.status, status, "{typ:?}");
    }
}

on_both!(one_subject_of_two_issuers_is_two_callers, |db| async move {
    let (one, two) = (ProviderKey::ed25519("k"), ProviderKey::p256("k"));
    let (first, second) = (Provider::with(&[&one]).await, Provider::with(&[&two]).await);
    let app = app_with(db, &(issuer("one", &first) + &issuer("two", &second))).await;
    app.plant_tree().await;
    let token = |name, key: &ProviderKey| key.sign(&claims_of(name, &app.clock, json!({ "sub": "admin-1" })));
    let (one, two) = (token("one", &one), token("two", &two));
    let callers = [app.admin(), app.with_token(&one), app.with_token(&two)];
    let subjects = ["admin-1", "one:admin-1", "two:admin-1"];
    let id = app.organization_id("C1").await;
    // One key and one body of three callers is three requests.
    let input = json!({ "id": id, "version": 1, "name": "新名" });
    let mut replayed = Vec::new();
    for (caller, subject) in callers.iter().zip(subjects) {
        assert_eq!(caller.data(VIEWER).await["viewer"]["subject"], subject);
        for _ in 0..2 {
            let answer = caller
                .mutate_once("k-1", "updateOrganization", "organization { id }", input.clone())
                .await;
            let code = answer.body["data"]["updateOrganization"]["userErrors"][0]["code"].clone();
            replayed.push((code, answer.headers.contains_key("idempotent-replayed")));
        }
    }
    let conflict = json!("VERSION_CONFLICT");
    assert_eq!(
        replayed,
        [
            (Value::Null, false),
            (Value::Null, true),
            (conflict.clone(), false),
            (conflict.clone(), true),
            (conflict.clone(), false),
            (conflict, true),
        ]
    );
});

on_both!(
    who_recommends_is_not_who_decides_of_another_issuer,
    |db| async move {
        let (one, two) = (ProviderKey::ed25519("k"), ProviderKey::p256("k"));
        let (first, second) = (Provider::with(&[&one]).await, Provider::with(&[&two]).await);
        let app = app_with(db, &(issuer("one", &first) + &issuer("two", &second))).await;
        app.plant_tree().await;
        let selection = Selection::of(app, &["GOVERNMENT"], 5).await;
        let app = &selection.app;
        let token = |name, key: &ProviderKey| key.sign(&claims_of(name, &app.clock, json!({})));
        let (one, two) = (token("one", &one), token("two", &two));
        let applied = selection.apply(1).await.unwrap();
        let recommended = decide(&app.with_token(&one), "recommendGold", &applied, Some(true))
            .await
            .unwrap();
        let same = decide(&app.with_token(&one), "decideGold", &recommended, Some(true)).await;
        assert_eq!(same, Err(vec!["RULE_VIOLATION".to_owned()]));
        let other = decide(&app.with_token(&two), "decideGold", &recommended, Some(true)).await;
        assert_eq!(other.unwrap()["state"], "AWARDED");
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_subject_passes_for_one_of_another_issuer() {
    let key = ProviderKey::ed25519("k");
    let provider = Provider::with(&[&key]).await;
    let app = app_with(sqlite::database().await, &issuer("one", &provider)).await;
    let local = |subject: &str| {
        let admin = zhibu::auth::Role::DistrictAdmin;
        app.as_role(admin, subject, None, None, None)
    };
    let answer = local("one:somebody").ask(VIEWER, json!({})).await;
    assert_refused(&answer, "the first issuer's, in the other's name");
    assert_eq!(local("two:somebody").ask(VIEWER, json!({})).await.status, 200);
    let token = |sub: Value| key.sign(&claims_of("one", &app.clock, json!({ "sub": sub })));
    for (why, sub) in [
        ("nothing", json!("")),
        ("too long with its name", json!("x".repeat(125))),
        ("a mobile number", json!("13900000001")),
        ("a space", json!("some body")),
        ("a number", json!(7)),
    ] {
        assert_refused(&ask(&app, &token(sub)).await, why);
    }
    let longest = "x".repeat(124);
    assert_eq!(
        viewer(&app, &token(json!(longest))).await["subject"],
        format!("one:{longest}")
    );
    let odd = viewer(&app, &token(json!("one:x"))).await;
    assert_eq!(odd["subject"], "one:one:x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_may_be_apart_by_the_leeway_and_no_more() {
    let key = ProviderKey::ed25519("k");
    let provider = Provider::with(&[&key]).await;
    let app = app_with(sqlite::database().await, &issuer("one", &provider)).await;
    let now = zhibu::kernel::clock::TimeSource::now(&app.clock).timestamp();
    for (changes, status) in [
        (json!({ "exp": now - 29 }), 200),
        (json!({ "exp": now - 30 }), 401),
        (json!({ "iat": now + 30 }), 200),
        (json!({ "iat": now + 31 }), 401),
        (json!({ "nbf": now + 30 }), 200),
        (json!({ "nbf": now + 31 }), 401),
        // Both hold.
        (json!({ "nbf": now, "iat": now + 30 }), 200),
        (json!({ "nbf": now, "iat": now + 31 }), 401),
        (json!({ "exp": now as f64 - 29.5 }), 401),
        (json!({ "exp": now as f64 - 28.5 }), 200),
    ] {
        let token = key.sign(&claims_of("one", &app.clock, changes.clone()));
        assert_eq!(ask(&app, &token).await.status, status, "{changes}");
    }
    // One that is kept ends too.
    let token = key.sign(&claims_of("one", &app.clock, json!({ "exp": now + 10 })));
    assert_eq!(ask(&app, &token).await.status, 200);
    app.clock.advance(Duration::seconds(39));
    assert_eq!(ask(&app, &token).await.status, 200);
    app.clock.advance(Duration::seconds(1));
    assert_refused(&ask(&app, &token).await, "over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_takes_a_token_of_another_issuer() {
    let key = ProviderKey::p256("k");
    let provider = Provider::with(&[&key]).await;
    let app = app_with(sqlite::database().await, &issuer("one", &provider)).await;
    app.plant_tree().await;
    let token = key.sign(&claims_of("one", &app.clock, json!({})));
    let mut socket = Socket::open(&app, Some(&token)).await;
    socket.subscribe("q", VIEWER, json!({})).await;
    assert_eq!(socket.next_of("q").await["viewer"]["subject"], "one:somebody");
    assert_eq!(socket.hear().await["type"], "complete");
    let stranger = ProviderKey::p256("k").sign(&claims_of("one", &app.clock, json!({})));
    let mut refused = Socket::raw(&app, Some("graphql-transport-ws")).await;
    refused.init(Some(&stranger)).await;
    assert_eq!(refused.closed().await, 4403);
}
