//! Keys from a URL: rotation, outage, forgery.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch};

use super::{QUERY, ask, assert_refused};
use crate::support::{
    app::{TestApp, eventually},
    identity::{Provider, ProviderKey, Says, app_with, claims_of, issuer, listed},
    on_both, sqlite,
};

async fn status(app: &TestApp, token: &str) -> u16 {
    ask(app, token).await.status
}

async fn assert_out_of_reach(app: &TestApp, token: &str) {
    let answer = ask(app, token).await;
    assert_eq!((answer.status, answer.error_code()), (503, "UNAVAILABLE"));
    assert_eq!(answer.body["errors"][0]["extensions"]["retryAfter"], 30);
    assert_eq!(answer.headers["retry-after"], "30");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_key_verifies_its_own_algorithm_and_its_own_issuer() {
    let (ed, ec, rsa) = (
        ProviderKey::ed25519("ed"),
        ProviderKey::p256("ec"),
        ProviderKey::rsa("rsa"),
    );
    let provider = Provider::with(&[&ed, &ec, &rsa]).await;
    let others = ProviderKey::p256("others");
    let other_provider = Provider::with(&[&others]).await;
    let text = issuer("one", &provider) + &issuer("other", &other_provider);
    let app = app_with(sqlite::database().await, &text).await;
    app.plant_tree().await;
    let good = claims_of("one", &app.clock, json!({}));
    // Nobody has asked for keys yet: the first token does.
    for key in [&ed, &ec, &rsa] {
        assert_eq!(status(&app, &key.sign(&good)).await, 200, "{}", key.kid);
        let unnamed = key.sign_as(&Header::new(key.algorithm), &good);
        assert_eq!(status(&app, &unnamed).await, 200, "{} without its name", key.kid);
    }
    assert_eq!((provider.asked(), other_provider.asked()), (1, 0));
    let of_other = claims_of("other", &app.clock, json!({}));
    assert_eq!(status(&app, &others.sign(&of_other)).await, 200);

    let encoded = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let named = |algorithm, kid: &str| {
        let mut header = Header::new(algorithm);
        header.kid = Some(kid.to_owned());
        header
    };
    let hmac = |secret: &[u8], kid: &str| {
        let header = named(Algorithm::HS256, kid);
        jsonwebtoken::encode(&header, &good, &EncodingKey::from_secret(secret)).unwrap()
    };
    let x = URL_SAFE_NO_PAD.decode(ed.jwk["x"].as_str().unwrap()).unwrap();
    let n = URL_SAFE_NO_PAD.decode(rsa.jwk["n"].as_str().unwrap()).unwrap();
    let none = encoded(&json!({ "alg": "none", "typ": "JWT", "kid": "ed" }));
    let mut critical = ed.header();
    critical.crit = Some(vec!["exp".to_owned()]);
    for (why, token) in [
        ("alg none", format!("{none}.{}.", encoded(&good))),
        ("HS256 with the public key's bytes", hmac(&x, "ed")),
        ("HS256 with the modulus", hmac(&n, "rsa")),
        (
            "HS256 with the public key as it is published",
            hmac(ed.jwk.to_string().as_bytes(), "ed"),
        ),
        (
            "RS256 under the name of a P-256 key",
            rsa.sign_as(&named(Algorithm::RS256, "ec"), &good),
        ),
        ("RS512", rsa.sign_as(&named(Algorithm::RS512, "rsa"), &good)),
        ("PS256", rsa.sign_as(&named(Algorithm::PS256, "rsa"), &good)),
        ("a key of the other issuer", others.sign(&good)),
        (
            "a key of the other issuer under the name of one of this",
            others.sign_as(&named(Algorithm::ES256, "ec"), &good),
        ),
        ("a key of this issuer for the other", ec.sign(&of_other)),
        (
            "an extension that must be understood",
            ed.sign_as(&critical, &good),
        ),
        (
            "an issuer that nobody named",
            ed.sign(&claims_of("third", &app.clock, json!({}))),
        ),
        (
            "several issuers",
            ed.sign(&claims_of(
                "one",
                &app.clock,
                json!({ "iss": ["https://one.example.org", "https://other.example.org"] }),
            )),
        ),
        (
            "no issuer",
            ed.sign(&claims_of("one", &app.clock, json!({ "iss": null }))),
        ),
    ] {
        assert_refused(&ask(&app, &token).await, why);
    }
    // The local key vouches for no other issuer either.
    let local = std::fs::read(app.config.signing_key_file()).unwrap();
    let local = EncodingKey::from_ed_pem(&local).unwrap();
    let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &good, &local).unwrap();
    assert_refused(&ask(&app, &token).await, "the local key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_fails_no_request_and_what_is_taken_back_is_gone_at_once() {
    let (old, new) = (ProviderKey::p256("old"), ProviderKey::ed25519("new"));
    let provider = Provider::with(&[&old]).await;
    let app = app_with(sqlite::database().await, &issuer("one", &provider)).await;
    app.refresh().await;
    let claims = claims_of("one", &app.clock, json!({}));
    let (by_old, by_new) = (old.sign(&claims), new.sign(&claims));
    assert_eq!(status(&app, &by_old).await, 200);
    provider.has(&[&old, &new]);
    // The key is seen with its first token.
    assert_eq!(status(&app, &by_new).await, 200);
    assert_eq!(status(&app, &by_old).await, 200);
    assert_eq!(provider.asked(), 2);
    provider.has(&[&new]);
    app.clock.advance(Duration::minutes(6));
    // Its caller is kept, as long as the key is there.
    assert_eq!(status(&app, &by_old).await, 200);
    app.refresh().await;
    assert_refused(&ask(&app, &by_old).await, "its key was taken back");
    assert_eq!(status(&app, &by_new).await, 200);
    // The same key under another name is the same key.
    let mut renamed = new.clone();
    renamed.jwk["kid"] = json!("renamed");
    provider.has(&[&renamed]);
    app.clock.advance(Duration::minutes(6));
    app.refresh().await;
    assert_eq!(status(&app, &by_new).await, 200);
    // Two keys of one name are both tried.
    let twin = ProviderKey::p256("renamed");
    provider.has(&[&renamed, &twin]);
    app.clock.advance(Duration::minutes(6));
    app.refresh().await;
    assert_eq!(status(&app, &twin.sign(&claims)).await, 200);
    assert_eq!(status(&app, &by_new).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_keys_cost_one_request_a_floor_however_many_come() {
    let (key, stranger) = (ProviderKey::ed25519("known"), ProviderKey::ed25519("x"));
    let provider = Provider::with(&[&key]).await;
    let app = app_with(sqlite::database().await, &issuer("one", &provider)).await;
    app.refresh().await;
    let claims = claims_of("one", &app.clock, json!({}));
    let storm = async |round: usize| {
        let asks = (0..40).map(|n| {
            let mut header = stranger.header();
            header.kid = (n % 4 != 0).then(|| format!("{round}-{n}"));
            let token = stranger.sign_as(&header, &claims);
            let app = &app;
            async move { assert_refused(&ask(app, &token).await, "a stranger's") }
        });
        futures_util::future::join_all(asks).await;
    };
    storm(0).await;
    assert_eq!(provider.asked(), 2);
    app.clock.advance(Duration::seconds(29));
    storm(1).await;
    assert_eq!(provider.asked(), 2);
    app.clock.advance(Duration::seconds(1));
    storm(2).await;
    assert_eq!(provider.asked(), 3);
    app.clock.advance(Duration::seconds(31));
    // A bad signature under a name that is known, a token that says something wrong: no key would change that.
    for (why, token) in [
        ("under a known name", stranger.sign_as(&key.header(), &claims)),
        (
            "for another audience",
            key.sign_as(
                &Header::new(Algorithm::EdDSA),
                &claims_of("one", &app.clock, json!({ "aud": "elsewhere" })),
            ),
        ),
        (
            "over",
            key.sign(&claims_of("one", &app.clock, json!({ "exp": 1 }))),
        ),
    ] {
        assert_refused(&ask(&app, &token).await, why);
        assert_eq!(provider.asked(), 3, "{why}");
    }
    assert_eq!(status(&app, &key.sign(&claims)).await, 200);
}

on_both!(
    while_a_provider_is_down_its_keys_go_on_for_a_day,
    |db| async move {
        let key = ProviderKey::rsa("one");
        let provider = Provider::with(&[&key]).await;
        let elsewhere = Provider::with(&[&ProviderKey::rsa("one")]).await;
        let app = app_with(db, &issuer("one", &provider)).await;
        app.refresh().await;
        let token = key.sign(&claims_of("one", &app.clock, json!({})));
        assert_eq!(status(&app, &token).await, 200);
        let many = vec![key.jwk.clone(); 65];
        let faults = [
            Says::Status(500),
            Says::Status(404),
            Says::Text("<html>sign in</html>".to_owned()),
            Says::Redirect(elsewhere.url.clone()),
            Says::Text("{\"keys\":[".to_owned() + &" ".repeat(300 * 1024) + "]}"),
            Says::Keys(many),
            Says::Keys(vec![]),
            Says::Keys(vec![json!({ "kty": "oct", "k": "AAAA" })]),
        ];
        let asked = provider.asked();
        for fault in faults.clone() {
            provider.says(fault);
            app.clock.advance(Duration::minutes(6));
            app.refresh().await;
            assert_eq!(status(&app, &token).await, 200);
            let fresh = key.sign(&claims_of("one", &app.clock, json!({})));
            assert_eq!(status(&app, &fresh).await, 200);
        }
        assert_eq!((provider.asked() - asked, elsewhere.asked()), (faults.len(), 0));
        // A failed request is made again after the floor, not after the whole time.
        app.clock.advance(Duration::seconds(31));
        app.refresh().await;
        assert_eq!(provider.asked() - asked, faults.len() + 1);
        app.clock.advance(Duration::hours(24));
        assert_out_of_reach(&app, &token).await;
        assert_eq!(app.admin().ask(QUERY, json!({})).await.status, 200);
        // Whoever made no token of that issuer is told so.
        assert_refused(&ask(&app, "abc").await, "no token");
        provider.has(&[&key]);
        app.clock.advance(Duration::seconds(31));
        assert_eq!(status(&app, &token).await, 200);
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_first_answer_callers_are_asked_to_come_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let text = format!(
        "[auth.issuers.one]\nissuer = 'https://one.example.org'\njwks_url = 'http://{address}/jwks'\n"
    );
    let app = app_with(sqlite::database().await, &text).await;
    app.refresh().await;
    let key = ProviderKey::ed25519("one");
    let token = key.sign(&claims_of(
        "one",
        &app.clock,
        json!({ "role": "ADAPTER", "source": "EJIA" }),
    ));
    assert_out_of_reach(&app, &token).await;
    assert_eq!(app.admin().ask(QUERY, json!({})).await.status, 200);
    let get = app.http().get(format!("{}/readyz", app.url));
    assert_eq!(get.send().await.unwrap().status(), 200);
    let pushed = app
        .http()
        .post(format!("{}/platform/EJIA/points", app.url))
        .header("content-type", "application/x-ndjson")
        .bearer_auth(&token)
        .body("{}\n");
    let pushed = pushed.send().await.unwrap();
    assert_eq!(pushed.status(), 503);
    assert_eq!(pushed.headers()["retry-after"], "30");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_provider_holds_up_only_who_needs_it_and_not_for_ever() {
    let (old, new) = (ProviderKey::ed25519("old"), ProviderKey::ed25519("new"));
    let provider = Provider::with(&[&old]).await;
    let app = app_with(sqlite::database().await, &issuer("one", &provider)).await;
    app.refresh().await;
    provider.says(Says::Held(listed(&[&old, &new])));
    let claims = claims_of("one", &app.clock, json!({}));
    let (by_old, by_new) = (old.sign(&claims), new.sign(&claims));
    // Who goes away takes the answer from nobody.
    let gone = tokio::time::timeout(std::time::Duration::from_millis(300), ask(&app, &by_new)).await;
    assert!(gone.is_err());
    eventually("it is asked", async || provider.asked() == 2).await;
    assert_eq!(status(&app, &by_old).await, 200);
    assert_refused(&ask(&app, &by_new).await, "its key did not come in time");
    let (waiting, ()) = tokio::join!(status(&app, &by_new), async { provider.let_go() });
    assert_eq!(waiting, 200);
    assert_eq!(provider.asked(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_may_say_how_long_its_keys_are_fresh_within_bounds() {
    let key = ProviderKey::ed25519("one");
    let keys = || listed(&[&key]);
    for (says, seconds) in [
        (Says::Keys(keys()), 300),
        (Says::Cached(keys(), "max-age=600"), 600),
        (Says::Cached(keys(), "max-age=1"), 30),
        (Says::Cached(keys(), "public, max-age=86400"), 3600),
        (Says::Cached(keys(), "no-cache"), 300),
    ] {
        let provider = Provider::start(says).await;
        let app = app_with(sqlite::database().await, &issuer("one", &provider)).await;
        app.refresh().await;
        app.refresh().await;
        assert_eq!(provider.asked(), 1);
        // Up to a tenth sooner, so that replicas do not ask together.
        app.clock.advance(Duration::milliseconds(seconds * 900 - 1));
        app.refresh().await;
        assert_eq!(provider.asked(), 1, "{seconds}");
        app.clock.advance(Duration::milliseconds(seconds * 100 + 1));
        app.refresh().await;
        assert_eq!(provider.asked(), 2, "{seconds}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_service_asks_by_itself_and_a_clock_that_is_set_back_does_not_stop_it() {
    let key = ProviderKey::ed25519("one");
    let provider = Provider::with(&[&key]).await;
    let app = app_with(sqlite::database().await, &issuer("one", &provider)).await;
    let (stop, stopped) = watch::channel(false);
    let follows = tokio::spawn(app.app.follow_keys(stopped));
    eventually("it has asked", async || provider.asked() == 1).await;
    stop.send(true).unwrap();
    follows.await.unwrap();
    let token = key.sign(&claims_of("one", &app.clock, json!({ "iat": null })));
    assert_eq!(status(&app, &token).await, 200);
    app.clock.advance(Duration::days(-1));
    assert_eq!(status(&app, &token).await, 200);
    app.refresh().await;
    assert_eq!(provider.asked(), 2);
}
