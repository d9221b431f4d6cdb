//! Whose tokens are taken.

mod issuers;
mod jwks;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pem::Pem;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use zhibu::auth::{Role, SigningKey};

use crate::support::{
    app::{Answer, TestApp},
    on_both, sqlite,
};

const QUERY: &str = "{ organizations { totalCount } }";

/// Claims that are taken, with some of them changed; null takes one out.
fn claims(app: &TestApp, changes: Value) -> Value {
    let now = zhibu::kernel::clock::TimeSource::now(&app.clock).timestamp();
    let mut claims = json!({
        "iss": "zhibu", "aud": "zhibu", "sub": "somebody", "role": "DISTRICT_ADMIN",
        "iat": now, "nbf": now, "exp": now + 3600,
    });
    let fields = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    claims
}

fn local_key(app: &TestApp) -> EncodingKey {
    let pem = std::fs::read(app.config.signing_key_file()).unwrap();
    EncodingKey::from_ed_pem(&pem).unwrap()
}

fn sign(algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, key).unwrap()
}

async fn ask(app: &TestApp, token: &str) -> Answer {
    app.with_token(token).ask(QUERY, json!({})).await
}

fn assert_refused(answer: &Answer, why: &str) {
    assert_eq!(
        (answer.status, answer.error_code()),
        (401, "UNAUTHENTICATED"),
        "{why}: {:#}",
        answer.body
    );
    assert_eq!(
        answer
            .headers
            .get("www-authenticate")
            .map(|v| v.to_str().unwrap()),
        Some("Bearer"),
        "{why}"
    );
    assert!(answer.body.get("data").is_none(), "{why}");
}

on_both!(a_token_must_say_what_it_has_to, |db| async move {
    let app = TestApp::with_tree(db).await;
    let key = local_key(&app);
    let now = zhibu::kernel::clock::TimeSource::now(&app.clock).timestamp();
    let token = |changes: Value| sign(Algorithm::EdDSA, &key, &claims(&app, changes));
    for (why, changes) in [
        ("as it should be", json!({})),
        ("within the leeway", json!({ "exp": now - 29, "nbf": now - 60 })),
        ("no beginning", json!({ "nbf": null, "iat": null })),
        ("an officer", json!({ "role": "COMMITTEE_OFFICER", "org": "C1" })),
        (
            "a full-width code",
            json!({ "role": "COMMITTEE_OFFICER", "org": " ｃ１ " }),
        ),
    ] {
        let answer = ask(&app, &token(changes)).await;
        assert_eq!(answer.status, 200, "{why}: {:#}", answer.body);
    }
    for (why, changes) in [
        ("expired", json!({ "exp": now - 31 })),
        ("not yet valid", json!({ "nbf": now + 31 })),
        ("no end", json!({ "exp": null })),
        ("not yet issued", json!({ "iat": now + 31 })),
        (
            "not yet issued, without nbf",
            json!({ "nbf": null, "iat": now + 31 }),
        ),
        ("another issuer", json!({ "iss": "elsewhere" })),
        ("no issuer", json!({ "iss": null })),
        ("another audience", json!({ "aud": "elsewhere" })),
        ("no audience", json!({ "aud": null })),
        ("unknown role", json!({ "role": "ADMIN" })),
        ("no role", json!({ "role": null })),
        ("no subject", json!({ "sub": null })),
        ("an empty subject", json!({ "sub": "" })),
        ("a mobile number", json!({ "sub": "13900000001" })),
        ("an ID card", json!({ "sub": "11010519491231002X" })),
        ("an officer of nothing", json!({ "role": "COMMITTEE_OFFICER" })),
        (
            "an officer of an unknown organization",
            json!({ "role": "COMMITTEE_OFFICER", "org": "NONE" }),
        ),
        (
            "a viewer of an unknown organization",
            json!({ "role": "VIEWER", "org": "NONE" }),
        ),
        (
            "an officer of no code",
            json!({ "role": "COMMITTEE_OFFICER", "org": "C1'; --" }),
        ),
        ("a secretary of nothing", json!({ "role": "BRANCH_OFFICER" })),
        (
            "a secretary of an unknown branch",
            json!({ "role": "BRANCH_OFFICER", "branch": "NONE" }),
        ),
        (
            "a branch's code is no organization's",
            json!({ "role": "BRANCH_OFFICER", "branch": "C1" }),
        ),
        ("an adapter of nothing", json!({ "role": "ADAPTER" })),
    ] {
        assert_refused(&ask(&app, &token(changes)).await, why);
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_must_be_signed_by_the_key_in_the_keys_own_algorithm() {
    let app = TestApp::with_tree(sqlite::database().await).await;
    let good = claims(&app, json!({}));
    let key = SigningKey::load(&app.config.signing_key_file()).unwrap();
    let other = SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(99)).unwrap();
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = sign(Algorithm::EdDSA, &local_key(&app), &good);
    let parts: Vec<&str> = token.split('.').collect();
    let public_pem = key.public_key_pem();
    let public_der = pem::parse(&public_pem).unwrap().into_contents();
    let raw_key = &public_der[public_der.len() - 32..];
    let claims_of_other = serde_json::from_value(good.clone()).unwrap();
    let mut typed = Header::new(Algorithm::EdDSA);
    typed.typ = Some("dpop+jwt".to_owned());
    let mut foreign_kid = Header::new(Algorithm::EdDSA);
    foreign_kid.kid = Some("another".to_owned());
    let refused = [
        ("another key", other.sign(&claims_of_other).unwrap()),
        (
            "alg none, no signature",
            format!(
                "{}.{}.",
                encoded(&json!({ "alg": "none", "typ": "JWT" })),
                parts[1]
            ),
        ),
        (
            "alg none, the signature kept",
            format!(
                "{}.{}.{}",
                encoded(&json!({ "alg": "none", "typ": "JWT" })),
                parts[1],
                parts[2]
            ),
        ),
        (
            "HS256 with the public key's PEM",
            sign(
                Algorithm::HS256,
                &EncodingKey::from_secret(public_pem.as_bytes()),
                &good,
            ),
        ),
        (
            "HS256 with the public key's DER",
            sign(Algorithm::HS256, &EncodingKey::from_secret(&public_der), &good),
        ),
        (
            "HS256 with the public key's bytes",
            sign(Algorithm::HS256, &EncodingKey::from_secret(raw_key), &good),
        ),
        (
            "other claims under the signature",
            format!(
                "{}.{}.{}",
                parts[0],
                encoded(&claims(&app, json!({ "sub": "other" }))),
                parts[2]
            ),
        ),
        (
            "another type of token",
            jsonwebtoken::encode(&typed, &good, &local_key(&app)).unwrap(),
        ),
        (
            "another kid",
            jsonwebtoken::encode(&foreign_kid, &good, &local_key(&app)).unwrap(),
        ),
        ("no JWT", "abc".to_owned()),
        ("empty", String::new()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("long", "a".repeat(20_000)),
    ];
    for (why, token) in refused {
        assert_refused(&ask(&app, &token).await, why);
    }
    assert_eq!(ask(&app, &token).await.status, 200);
    // The header must be `Bearer` and a token.
    for value in [format!("Basic {token}"), token.clone(), "Bearer".to_owned()] {
        let request = app.nobody().request(QUERY, json!({}));
        let answer = app.nobody().send(request.header("authorization", &value)).await;
        assert_refused(&answer, &value[..8.min(value.len())]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_ends_while_it_is_used() {
    let app = TestApp::with_tree(sqlite::database().await).await;
    let token = app.admin().token().unwrap().to_owned();
    assert_eq!(ask(&app, &token).await.status, 200);
    app.clock.advance(chrono::Duration::seconds(3600 + 31));
    assert_refused(&ask(&app, &token).await, "an hour later");
}

on_both!(nobody_is_let_in_unless_the_deployment_says_so, |db| async move {
    let app = TestApp::with_tree(db).await;
    let answer = app.nobody().ask(QUERY, json!({})).await;
    assert_refused(&answer, "no token");
});

on_both!(
    an_anonymous_viewer_sees_what_is_public_and_writes_nothing,
    |db| async move {
        let app = TestApp::with_config(db, |config| config.auth.anonymous_role = Some(Role::Viewer)).await;
        let district = app.create_organization("D", "DISTRICT", None).await;
        let data = app.nobody().data("{ organizations { nodes { code } } }").await;
        assert_eq!(data["organizations"]["nodes"], json!([{ "code": "D" }]));
        let data = app
            .nobody()
            .data("{ auditEntries { totalCount nodes { id } } }")
            .await;
        assert_eq!(data["auditEntries"], json!({ "totalCount": 0, "nodes": [] }));
        let input = json!({ "id": district, "version": 1, "name": "改名" });
        let answer = app
            .nobody()
            .mutate("updateOrganization", "organization { id }", input)
            .await;
        assert_eq!(answer.error_code(), "FORBIDDEN");
        // A token that is no good is not taken for none.
        assert_refused(&ask(&app, "abc").await, "a bad token");
    }
);

/// A private key with its public one in PEM.
struct Pair {
    signs: EncodingKey,
    public: String,
}

fn p256() -> Pair {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    Pair {
        signs: EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref()),
        public: pem::encode(&Pem::new("PUBLIC KEY", public.as_ref())),
    }
}

fn rsa() -> Pair {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let pem = pem::encode(&Pem::new("PRIVATE KEY", private.as_ref()));
    Pair {
        signs: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
        public: pem::encode(&Pem::new("PUBLIC KEY", public.as_ref())),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_keys_of_an_outside_issuer_are_taken_each_in_its_own_algorithm() {
    let (ec, rsa, stranger) = (p256(), rsa(), p256());
    let folder = tempfile::tempdir().unwrap();
    let files = [("ec.pem", &ec.public), ("rsa.pem", &rsa.public)].map(|(name, pem)| {
        let file = folder.path().join(name);
        std::fs::write(&file, pem).unwrap();
        file
    });
    let app = TestApp::with_config(sqlite::database().await, |config| {
        config.auth.public_key_files = files.to_vec();
        config.auth.issuer = "https://id.example.org".to_owned();
        // The local key is there, and its tokens are not taken: this is no demonstration.
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        SigningKey::load_or_create(&config.signing_key_file(), &mut rng).unwrap();
    })
    .await;
    let good = claims(&app, json!({ "iss": "https://id.example.org" }));
    let secret = |pem: &str| EncodingKey::from_secret(pem.as_bytes());
    assert_eq!(
        ask(&app, &sign(Algorithm::ES256, &ec.signs, &good)).await.status,
        200
    );
    assert_eq!(
        ask(&app, &sign(Algorithm::RS256, &rsa.signs, &good)).await.status,
        200
    );
    // An outside issuer names its keys as it likes.
    let mut named = Header::new(Algorithm::ES256);
    named.kid = Some("2026-11".to_owned());
    let token = jsonwebtoken::encode(&named, &good, &ec.signs).unwrap();
    assert_eq!(ask(&app, &token).await.status, 200);
    for (why, token) in [
        (
            "a key nobody gave us",
            sign(Algorithm::ES256, &stranger.signs, &good),
        ),
        (
            "HS256 with the RSA key's PEM",
            sign(Algorithm::HS256, &secret(&rsa.public), &good),
        ),
        (
            "HS256 with the P-256 key's PEM",
            sign(Algorithm::HS256, &secret(&ec.public), &good),
        ),
        ("RSA, but not RS256", sign(Algorithm::RS512, &rsa.signs, &good)),
        ("RSA-PSS", sign(Algorithm::PS256, &rsa.signs, &good)),
        ("the local key", sign(Algorithm::EdDSA, &local_key(&app), &good)),
    ] {
        assert_refused(&ask(&app, &token).await, why);
    }
}
