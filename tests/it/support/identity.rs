//! A stand-in identity provider: keys that sign, and a JWKS URL that counts who asks and says what a test wants.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};
use zhibu::{
    auth::SigningKey,
    config::{AuthSection, Config, Overrides},
};

use super::{
    TestDatabase,
    app::{FakeClock, TestApp},
};

/// A key of a provider.
#[derive(Clone)]
pub struct ProviderKey {
    /// Its name.
    pub kid: String,
    /// What it signs by.
    pub algorithm: Algorithm,
    /// The private key.
    pub signs: EncodingKey,
    /// The public one, as a set has it.
    pub jwk: Value,
}

impl ProviderKey {
    fn new(kid: &str, algorithm: Algorithm, signs: EncodingKey) -> Self {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&signs, algorithm).unwrap()).unwrap();
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        Self {
            kid: kid.to_owned(),
            algorithm,
            signs,
            jwk,
        }
    }

    /// EdDSA.
    pub fn ed25519(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let signs = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
        Self::new(kid, Algorithm::EdDSA, signs)
    }

    /// ES256.
    pub fn p256(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let signs = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        Self::new(kid, Algorithm::ES256, signs)
    }

    /// RS256.
    pub fn rsa(kid: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let pem = pem::encode(&pem::Pem::new("PRIVATE KEY", private.as_ref()));
        Self::new(
            kid,
            Algorithm::RS256,
            EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
        )
    }

    /// The header of its tokens.
    pub fn header(&self) -> Header {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone());
        header
    }

    /// A token.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.header(), claims)
    }

    /// A token with another header.
    pub fn sign_as(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.signs).unwrap()
    }
}

/// What a provider says.
#[derive(Clone)]
pub enum Says {
    /// These keys.
    Keys(Vec<Value>),
    /// These, to be kept as `Cache-Control` says.
    Cached(Vec<Value>, &'static str),
    /// A status and no more.
    Status(u16),
    /// Where else to ask.
    Redirect(String),
    /// Any text.
    Text(String),
    /// These keys, but only when the test lets it.
    Held(Vec<Value>),
}

struct Inner {
    says: Mutex<Says>,
    asked: AtomicUsize,
    held: watch::Sender<bool>,
}

/// A provider on a port of its own.
pub struct Provider {
    /// Where its keys are.
    pub url: String,
    inner: Arc<Inner>,
}

impl Provider {
    /// One that says so.
    pub async fn start(says: Says) -> Self {
        let inner = Arc::new(Inner {
            says: Mutex::new(says),
            asked: AtomicUsize::new(0),
            held: watch::Sender::new(true),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/jwks", get(answer))
            .with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    /// One with these keys.
    pub async fn with(keys: &[&ProviderKey]) -> Self {
        Self::start(Says::Keys(listed(keys))).await
    }

    /// What it says from now on.
    pub fn says(&self, says: Says) {
        *self.inner.says.lock().unwrap() = says;
    }

    /// The keys that it says from now on.
    pub fn has(&self, keys: &[&ProviderKey]) {
        self.says(Says::Keys(listed(keys)));
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.inner.asked.load(Ordering::SeqCst)
    }

    /// Lets go what it holds.
    pub fn let_go(&self) {
        self.inner.held.send_replace(false);
    }
}

/// Keys as a set has them.
pub fn listed(keys: &[&ProviderKey]) -> Vec<Value> {
    keys.iter().map(|key| key.jwk.clone()).collect()
}

async fn answer(State(inner): State<Arc<Inner>>) -> Response {
    inner.asked.fetch_add(1, Ordering::SeqCst);
    let says = inner.says.lock().unwrap().clone();
    let set = |keys: Vec<Value>| json!({ "keys": keys }).to_string();
    match says {
        Says::Keys(keys) => set(keys).into_response(),
        Says::Cached(keys, how) => {
            let mut headers = HeaderMap::new();
            headers.insert(header::CACHE_CONTROL, how.parse().unwrap());
            (headers, set(keys)).into_response()
        }
        Says::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Says::Redirect(to) => {
            let mut headers = HeaderMap::new();
            headers.insert(header::LOCATION, to.parse().unwrap());
            (StatusCode::MOVED_PERMANENTLY, headers).into_response()
        }
        Says::Text(text) => text.into_response(),
        Says::Held(keys) => {
            let mut held = inner.held.subscribe();
            let _ = held.wait_for(|held| !*held).await;
            set(keys).into_response()
        }
    }
}

/// A service that takes tokens of its local key, and of the issuers of a configuration's text.
pub async fn app_with(db: TestDatabase, text: &str) -> TestApp {
    let auth = auth_section(text);
    TestApp::with_config(db, |config| {
        config.auth = auth;
        let mut rng = <rand_chacha::ChaCha20Rng as rand::SeedableRng>::seed_from_u64(1);
        let key = SigningKey::load_or_create(&config.signing_key_file(), &mut rng).unwrap();
        let file = config.server.data_dir.join("local.pem");
        std::fs::write(&file, key.public_key_pem()).unwrap();
        config.auth.public_key_files.push(file);
    })
    .await
}

fn auth_section(text: &str) -> AuthSection {
    Config::parse(Some(("zhibu.toml", text)), [], &Overrides::default())
        .unwrap()
        .auth
}

/// One issuer `NAME` with keys at a URL.
pub fn issuer(name: &str, provider: &Provider) -> String {
    format!(
        "[auth.issuers.{name}]\nissuer = 'https://{name}.example.org'\njwks_url = '{}'\n",
        provider.url
    )
}

/// Claims of an administrator of an issuer, with some of them changed; null takes one out.
pub fn claims_of(name: &str, clock: &FakeClock, changes: Value) -> Value {
    let now = zhibu::kernel::clock::TimeSource::now(clock).timestamp();
    let mut claims = json!({
        "iss": format!("https://{name}.example.org"), "aud": "zhibu", "sub": "somebody",
        "role": "DISTRICT_ADMIN", "iat": now, "exp": now + 3600 * 100,
    });
    let fields = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value.is_null() {
            true => drop(fields.remove(name)),
            false => drop(fields.insert(name.clone(), value.clone())),
        }
    }
    claims
}
