//! The platform's HTTP face, in the manner of 党建e家-style systems.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{
    Form, Json, Router,
    body::Body,
    extract::{Query, State},
    response::{Html, IntoResponse, Response},
    routing::{get, post, put},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, future, stream};
use http::{HeaderMap, StatusCode, header};
use rand::{CryptoRng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use tokio::{net::TcpListener, sync::watch};

use super::{
    faults::{Chance, Fault, Faults, Hits},
    page::{self, Envelope, Request},
    platform::{PageError, Platform, TOKEN},
    settings::Settings,
};
use crate::kernel::{clock::pause, period::Period};

/// How a platform is served.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who may ask for a token.
    pub client_id: String,
    /// Their secret.
    pub client_secret: String,
    /// New entries a minute; none: only when they are asked for.
    pub per_minute: Option<NonZeroU32>,
}

/// A platform that answers on a listener.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: TcpListener,
}

struct Shared {
    platform: Mutex<Platform>,
    tokens: Mutex<ChaCha20Rng>,
    options: Options,
}

impl Shared {
    fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Puts a platform behind a listener; it answers once it [runs](Self::run).
    ///
    /// # Errors
    ///
    /// What the listener says of its address.
    pub fn new(
        listener: TcpListener,
        platform: Platform,
        options: Options,
        rng: &mut impl CryptoRng,
    ) -> io::Result<Self> {
        Ok(Self {
            address: listener.local_addr()?,
            shared: Arc::new(Shared {
                platform: Mutex::new(platform),
                tokens: Mutex::new(ChaCha20Rng::from_rng(rng)),
                options,
            }),
            listener,
        })
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a service needs to be told in order to pull from it.
    pub fn settings(&self) -> Settings {
        Settings::new(self.url(), &self.shared.options)
    }

    /// Answers, and makes new entries, until `stop` turns true.
    ///
    /// # Errors
    ///
    /// What accepting connections fails with.
    pub async fn run(self, stop: watch::Receiver<bool>) -> io::Result<()> {
        let arriving = arrive(self.shared.clone(), stop.clone());
        let mut stopped = stop;
        let served = axum::serve(self.listener, routes(self.shared)).with_graceful_shutdown(async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        });
        let (served, ()) = tokio::join!(served.into_future(), arriving);
        served
    }
}

/// Makes new entries as time goes by.
async fn arrive(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let Some(per_minute) = shared.options.per_minute else {
        return;
    };
    let pause = Duration::from_secs(60) / per_minute.get();
    let mut ticks = tokio::time::interval(pause.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The first comes at once.
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => shared.platform().arrive(1, 0),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/oauth/token", post(token))
        .route("/api/points", get(points))
        .route("/api/totals", get(totals))
        .route("/faults", put(set_faults).get(faults))
        .route("/entries", post(entries))
        .with_state(shared)
}

#[derive(Deserialize)]
struct Credentials {
    grant_type: String,
    client_id: String,
    client_secret: String,
}

async fn token(State(shared): State<Arc<Shared>>, Form(given): Form<Credentials>) -> Response {
    let options = &shared.options;
    let same = |one: &str, other: &str| verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok();
    if given.grant_type != "client_credentials" {
        return (
            StatusCode::BAD_REQUEST,
            Json(json!({ "error": "unsupported_grant_type" })),
        )
            .into_response();
    }
    if !same(&given.client_id, &options.client_id) || !same(&given.client_secret, &options.client_secret) {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({ "error": "invalid_client" })),
        )
            .into_response();
    }
    let mut bytes = [0; 24];
    shared
        .tokens
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .fill(&mut bytes);
    let token = hex::encode(bytes);
    shared.platform().grant(token.clone());
    let answer = json!({
        "access_token": token, "token_type": "Bearer", "expires_in": TOKEN.num_seconds(),
    });
    Json(answer).into_response()
}

async fn points(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(request): Query<Request>,
) -> Response {
    answer(&shared, &headers, |platform, hits| {
        match platform.page(&request, hits) {
            Ok(listed) => whole(&Envelope::ok(listed)),
            Err(PageError::Request(wrong)) => refusal(StatusCode::BAD_REQUEST, &wrong.to_string()),
            Err(PageError::Json(error)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    })
    .await
}

#[derive(Deserialize)]
struct TotalsRequest {
    period: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Total {
    org_code: String,
    score: Box<RawValue>,
}

#[derive(Serialize)]
struct Totals {
    list: Vec<Total>,
}

async fn totals(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(request): Query<TotalsRequest>,
) -> Response {
    answer(&shared, &headers, |platform, _| {
        let Some(period) = Period::parse(&request.period) else {
            return refusal(StatusCode::BAD_REQUEST, "参数错误：period");
        };
        let totals = platform.totals(period).into_iter();
        let list = totals.map(|(org_code, total)| {
            let score = page::score(total.hundredths())?;
            Ok(Total { org_code, score })
        });
        match list.collect::<serde_json::Result<_>>() {
            Ok(list) => whole(&Envelope::ok(Totals { list })),
            Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    })
    .await
}

/// Answers a caller with a good token, or goes wrong.
async fn answer(
    shared: &Shared,
    headers: &HeaderMap,
    make: impl FnOnce(&mut Platform, &Hits) -> Answer,
) -> Response {
    let hits = shared.platform().draw();
    if let Some(time) = hits.of(Fault::Latency) {
        // A platform that is slow, which is what was asked for.
        pause(time).await;
    }
    if hits.has(Fault::Status500) {
        let page = Html("<html><body><h1>500 服务器内部错误</h1></body></html>");
        return (StatusCode::INTERNAL_SERVER_ERROR, page).into_response();
    }
    if let Some(time) = hits.of(Fault::Status429) {
        let seconds = time.as_millis().div_ceil(1000).to_string();
        let answer = refusal(StatusCode::TOO_MANY_REQUESTS, "请求过于频繁");
        return ([(header::RETRY_AFTER, seconds)], answer.into_response(false)).into_response();
    }
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .unwrap_or_default();
    let answer = {
        let mut platform = shared.platform();
        if platform.takes(bearer, &hits) {
            make(&mut platform, &hits)
        } else {
            refusal(StatusCode::UNAUTHORIZED, "token 无效或已过期")
        }
    };
    answer.into_response(hits.has(Fault::Dropped))
}

/// An answer before it is sent.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

fn whole(body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(body) => Answer {
            status: StatusCode::OK,
            body,
        },
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn refusal(status: StatusCode, message: &str) -> Answer {
    let body = json!({ "code": status.as_u16(), "msg": message, "data": null });
    Answer {
        status,
        body: body.to_string().into_bytes(),
    }
}

impl Answer {
    /// `dropped`: half of the body, and then the connection ends.
    fn into_response(self, dropped: bool) -> Response {
        let body = if dropped {
            let half = Bytes::copy_from_slice(self.body.get(..self.body.len() / 2).unwrap_or_default());
            let ends = async {
                // What there is goes out first.
                tokio::task::yield_now().await;
                Err(io::Error::from(io::ErrorKind::ConnectionAborted))
            };
            Body::from_stream(stream::once(future::ready(Ok(half))).chain(stream::once(ends)))
        } else {
            Body::from(self.body)
        };
        (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

async fn faults(State(shared): State<Arc<Shared>>) -> Json<BTreeMap<&'static str, Chance>> {
    Json(shared.platform().faults().named())
}

async fn set_faults(
    State(shared): State<Arc<Shared>>,
    Json(named): Json<BTreeMap<String, Chance>>,
) -> Result<StatusCode, (StatusCode, String)> {
    let faults = Faults::of(named).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    shared.platform().set_faults(faults);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entries {
    count: usize,
    #[serde(default)]
    minutes_ago: u32,
}

/// At most so many new entries at once.
const MOST_ENTRIES: usize = 100_000;

async fn entries(State(shared): State<Arc<Shared>>, Json(wanted): Json<Entries>) -> Json<Envelope<usize>> {
    let count = wanted.count.min(MOST_ENTRIES);
    shared.platform().arrive(count, wanted.minutes_ago);
    Json(Envelope::ok(count))
}
