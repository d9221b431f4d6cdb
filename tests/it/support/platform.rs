//! A platform to be pulled: a few rows, several ways to be asked for them, and faults on demand.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};

/// What goes wrong with the next answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing: a place in the queue.
    None,
    /// Another status.
    Status(u16),
    /// 429 with this `Retry-After`.
    TooMany(&'static str),
    /// The connection is cut in the middle of the body.
    Cut,
    /// The answer waits until [`Platform::let_go`].
    Hold,
    /// So many bytes.
    Bytes(usize),
    /// A body that is no JSON.
    Html,
    /// 200, and a code of the platform's own.
    Code(Value),
    /// To another place.
    Redirect(String),
    /// The answer before, once more.
    Repeat,
}

/// A row of the platform.
#[derive(Clone, Debug)]
pub struct Row {
    /// Orders rows of one instant.
    pub id: i64,
    /// When it was last changed, in local time: `2026-03-02 09:00:00.000`.
    pub updated: String,
    /// Its fields, but for `id` and `updatedAt`.
    pub fields: Value,
}

#[derive(Debug, Default)]
struct Inner {
    rows: Vec<Row>,
    faults: VecDeque<Fault>,
    /// Applied to each row on its way out.
    rename: Option<(&'static str, &'static str)>,
    /// Moved to the end after every answer: ids, in turn.
    shift: VecDeque<(i64, String)>,
    last: Option<String>,
    asked: Vec<String>,
    tokens: BTreeSet<String>,
    tokens_given: usize,
    token_lasts: i64,
    access: Access,
    totals: BTreeMap<String, Value>,
    totals_fail: bool,
    totals_asked: usize,
}

/// Whom it lets in.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// Everybody.
    #[default]
    Open,
    /// Who brings this field.
    Header(&'static str, &'static str),
    /// Who brings a token of its own.
    Token,
    /// Who signs with this key.
    Signature(&'static str),
}

/// A platform on a loopback port.
#[derive(Clone)]
pub struct Platform {
    /// Where it answers.
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    gate: Arc<Semaphore>,
    count: Arc<watch::Sender<usize>>,
}

impl Platform {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let platform = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            inner: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            count: Arc::new(watch::Sender::new(0)),
        };
        platform.inner().token_lasts = 300;
        let router = Router::new()
            .route("/api/points", get(points))
            .route("/api/totals", get(totals))
            .route("/oauth/token", post(token))
            .with_state(platform.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        platform
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Its configuration as a source that is asked by (updatedAt, id); `more` goes into `[sources.EJIA.pull]`.
    pub fn by_cursor(&self, more: &str) -> String {
        self.source(
            more,
            "kind = 'cursor'\nsince_parameter = 'updatedSince'\nid_parameter = 'afterId'\n\
             size_parameter = 'pageSize'\nsize = 10\nhas_more = '/data/hasMore'",
        )
    }

    /// The same by page number since an instant.
    pub fn by_page(&self, more: &str) -> String {
        self.source(
            more,
            "kind = 'page'\npage_parameter = 'pageNo'\nsince_parameter = 'updatedSince'\n\
             size_parameter = 'pageSize'\nsize = 10",
        )
    }

    /// The same by page number alone.
    pub fn by_number(&self, more: &str) -> String {
        self.source(
            more,
            "kind = 'page'\npage_parameter = 'pageNo'\nsize_parameter = 'pageSize'\nsize = 10",
        )
    }

    /// What makes its totals be asked for.
    pub const TOTALS: &str = "[sources.EJIA.pull.totals]\npath = '/api/totals'\nperiod_parameter = 'period'\n\
                              list = '/data/list'\nbranch_code = '/orgCode'\ntotal = '/score'\n";

    fn source(&self, more: &str, paging: &str) -> String {
        format!(
            "[sources.EJIA]\nname = '厦门党建e家'\n[sources.EJIA.pull]\nbase_url = '{}'\npath = '/api/points'\n\
             time_format = '%Y-%m-%d %H:%M:%S%.3f'\ntime_zone = 'Asia/Shanghai'\nallow_private_addresses = true\n\
             requests_per_minute = 60000\nretry_wait = '10ms'\n{more}\n\
             [sources.EJIA.pull.paging]\n{paging}\n\
             [sources.EJIA.pull.envelope]\nlist = '/data/list'\ncode = '/code'\nsuccess = [200]\nmessage = '/msg'\n\
             [sources.EJIA.pull.fields]\nid = '/id'\nevent_id = '/eventNo'\nbranch_code = '/orgCode'\n\
             kind = '/type'\nactivity = '/activity'\npoints = '/score'\noccurred_at = '/happenedAt'\n\
             updated_at = '/updatedAt'\nrefers_to = '/refNo'\n\
             [sources.EJIA.pull.activities]\n'主题党日' = 'THEME_DAY'\n\
",
            self.url
        )
    }

    /// Adds a row: an EARN of so many points for a branch, named after its id.
    pub fn earn(&self, id: i64, branch: &str, score: &str, updated: &str) {
        let score: Value = serde_json::from_str(score).unwrap();
        self.add(Row {
            id,
            updated: updated.to_owned(),
            fields: json!({
                "eventNo": format!("E-{id}"), "orgCode": branch, "type": "EARN", "activity": "主题党日",
                "score": score, "happenedAt": "2026-02-01 09:00:00", "refNo": null,
            }),
        });
    }

    /// Adds a row.
    pub fn add(&self, row: Row) {
        self.inner().rows.push(row);
    }

    /// `count` rows from an id on, a minute apart since 2026-03-01 00:00, of 1 point each, for B1, B2, B3 in turn.
    pub fn fill(&self, first: i64, count: i64) {
        for id in first..first + count {
            let branch = ["B1", "B2", "B3"][usize::try_from(id % 3).unwrap()];
            let updated = format!("2026-03-01 {:02}:{:02}:00.000", id / 60, id % 60);
            self.earn(id, branch, "1", &updated);
        }
    }

    /// Lets the next answers go wrong, one each.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.inner().faults.extend(faults);
    }

    /// From now on a field goes by another name.
    pub fn rename(&self, names: Option<(&'static str, &'static str)>) {
        self.inner().rename = names;
    }

    /// After each of the next answers one row is changed, and moves to the end.
    pub fn shift(&self, rows: impl IntoIterator<Item = (i64, &'static str)>) {
        let rows = rows.into_iter().map(|(id, updated)| (id, updated.to_owned()));
        self.inner().shift.extend(rows);
    }

    /// Whom it lets in from now on.
    pub fn access(&self, access: Access) {
        self.inner().access = access;
    }

    /// No token that it gave is good any more.
    pub fn expire_tokens(&self) {
        self.inner().tokens.clear();
    }

    /// What it says that branches have in a month.
    pub fn totals(&self, month: &str, totals: &[(&str, i32)]) {
        let row = |(code, score): &(&str, i32)| json!({ "orgCode": code, "score": score });
        let totals = totals.iter().map(row).collect();
        self.inner().totals.insert(month.to_owned(), totals);
    }

    /// Whether it answers 503 where it is asked for totals.
    pub fn totals_fail(&self, fail: bool) {
        self.inner().totals_fail = fail;
    }

    /// How often it was asked for totals; forgotten.
    pub fn totals_asked(&self) -> usize {
        std::mem::take(&mut self.inner().totals_asked)
    }

    /// How many tokens it gave.
    pub fn tokens_given(&self) -> usize {
        self.inner().tokens_given
    }

    /// The queries it was asked with, oldest first; they are forgotten.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.inner().asked)
    }

    /// How often it was asked for points so far.
    pub fn times(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until it was asked for points so often.
    pub async fn asked_times(&self, times: usize) {
        let mut count = self.count.subscribe();
        let asked = count.wait_for(|count| *count >= times);
        tokio::time::timeout(std::time::Duration::from_secs(30), asked)
            .await
            .unwrap_or_else(|_| panic!("not asked {times} times"))
            .unwrap();
    }

    /// Lets one answer go that is held.
    pub fn let_go(&self) {
        self.gate.add_permits(1);
    }

    fn admits(&self, fields: &HeaderMap, uri: &Uri) -> bool {
        let inner = self.inner();
        let field = |name: &str| {
            fields
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        match &inner.access {
            Access::Open => true,
            Access::Header(name, value) => field(name) == *value,
            Access::Token => field("authorization")
                .strip_prefix("Bearer ")
                .is_some_and(|token| inner.tokens.contains(token)),
            Access::Signature(key) => {
                use hmac::{KeyInit as _, Mac as _};
                let query = uri.query().unwrap_or_default();
                let signed = format!("GET\n{}\n{query}\n{}", uri.path(), field("x-timestamp"));
                let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
                mac.update(signed.as_bytes());
                field("x-signature") == hex::encode(mac.finalize().into_bytes())
            }
        }
    }

    /// The rows that a query asks for, as a page.
    fn page(&self, query: &str) -> String {
        let inner = self.inner();
        let parameters: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let parameter = |name: &str| {
            let found = parameters.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        let size: usize = parameter("pageSize").map_or(10, |size| size.parse().unwrap());
        let mut rows = inner.rows.clone();
        rows.sort_by(|a, b| (&a.updated, a.id).cmp(&(&b.updated, b.id)));
        if let Some(since) = parameter("updatedSince") {
            let id: Option<i64> = parameter("afterId").map(|id| id.parse().unwrap());
            rows.retain(|row| match id {
                Some(id) => (row.updated.as_str(), row.id) > (since, id),
                None => row.updated.as_str() >= since,
            });
        }
        if let Some(page) = parameter("pageNo") {
            let page: usize = page.parse().unwrap();
            rows.drain(..rows.len().min((page - 1) * size));
        }
        let more = rows.len() > size;
        rows.truncate(size);
        let list: Vec<Value> = rows
            .into_iter()
            .map(|row| {
                let mut fields = row.fields;
                let members = fields.as_object_mut().unwrap();
                members.insert("id".to_owned(), row.id.into());
                members.insert("updatedAt".to_owned(), row.updated.into());
                if let Some((from, to)) = inner.rename {
                    let value = members.remove(from).unwrap();
                    members.insert(to.to_owned(), value);
                }
                fields
            })
            .collect();
        let page = json!({ "code": 200, "msg": "ok", "data": { "list": list, "hasMore": more } });
        // A number that no JSON library of ours would write.
        page.to_string().replace("\"@1e400\"", "1e400")
    }
}

async fn points(
    State(platform): State<Platform>,
    RawQuery(query): RawQuery,
    fields: HeaderMap,
    uri: Uri,
) -> Response {
    let query = query.unwrap_or_default();
    let fault = {
        let mut inner = platform.inner();
        inner.asked.push(query.clone());
        inner.faults.pop_front().unwrap_or(Fault::None)
    };
    platform.count.send_modify(|count| *count += 1);
    if !platform.admits(&fields, &uri) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let json = |body: String| ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    match fault {
        Fault::None => {}
        Fault::Hold => platform.gate.acquire().await.unwrap().forget(),
        Fault::Status(status) => return StatusCode::from_u16(status).unwrap().into_response(),
        Fault::TooMany(after) => {
            return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, after)]).into_response();
        }
        Fault::Cut => {
            let pieces = [Ok("{\"code\":200,"), Err(std::io::Error::other("cut"))];
            return Body::from_stream(stream::iter(pieces)).into_response();
        }
        Fault::Bytes(bytes) => return json(" ".repeat(bytes)),
        Fault::Html => return "<html></html>".into_response(),
        Fault::Code(code) => {
            return json(json!({ "code": code, "msg": "系统繁忙 13800138000", "data": null }).to_string());
        }
        Fault::Redirect(to) => return (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Fault::Repeat => {
            let last = platform.inner().last.clone();
            return json(last.unwrap());
        }
    }
    let page = platform.page(&query);
    let mut inner = platform.inner();
    inner.last = Some(page.clone());
    if let Some((id, updated)) = inner.shift.pop_front() {
        inner.rows.iter_mut().find(|row| row.id == id).unwrap().updated = updated;
    }
    json(page)
}

async fn totals(State(platform): State<Platform>, fields: HeaderMap, uri: Uri) -> Response {
    if !platform.admits(&fields, &uri) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let month = uri.query().unwrap_or_default().replace("period=", "");
    let mut inner = platform.inner();
    inner.totals_asked += 1;
    if inner.totals_fail {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let list = inner.totals.get(&month).cloned().unwrap_or(json!([]));
    axum::Json(json!({ "code": 200, "data": { "list": list } })).into_response()
}

async fn token(State(platform): State<Platform>, body: String) -> Response {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let given = |name: &str, value: &str| form.contains(&(name.to_owned(), value.to_owned()));
    let known = given("grant_type", "client_credentials")
        && given("client_id", "zhibu")
        && given("client_secret", "hunter2");
    if !known {
        return (
            StatusCode::BAD_REQUEST,
            axum::Json(json!({ "error": "invalid_client" })),
        )
            .into_response();
    }
    let mut inner = platform.inner();
    inner.tokens_given += 1;
    let token = format!("token-{}", inner.tokens_given);
    inner.tokens.insert(token.clone());
    let lasts = inner.token_lasts;
    axum::Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": lasts })).into_response()
}
