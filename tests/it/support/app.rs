//! A running service of a test's own, asked over HTTP as a client would.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, Utc};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, Statement,
    TransactionTrait as _,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot};
use zhibu::{
    app::{self, App},
    audit::AuditRecord,
    auth::{Authenticator, Claims, Keys, Requester, Role, SigningKey, TokenOrder},
    config::{Config, Overrides},
    kernel::clock::{Clock, TimeSource},
    points::{self, Source},
    storage::{
        Database,
        write::{Actor, Failure, Outcome},
    },
};

use super::TestDatabase;

/// A clock that moves when a test says so; it begins on 2026-03-02 at 10:00 in Shanghai.
#[derive(Clone)]
pub struct FakeClock(pub Arc<Mutex<DateTime<Utc>>>);

impl FakeClock {
    /// One that stands at its beginning.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new("2026-03-02T02:00:00Z".parse().unwrap())))
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    /// Moves it to an instant.
    pub fn set(&self, at: &str) {
        *self.0.lock().unwrap() = at.parse().unwrap();
    }
}

impl TimeSource for FakeClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// The service, on a port of its own.
pub struct TestApp {
    /// Where it answers.
    pub url: String,
    /// Its machine's clock.
    pub clock: FakeClock,
    /// Its database, for what no client can see: statement counts, aggregates of later issues.
    pub database: Database,
    /// Its configuration.
    pub config: Config,
    /// The service as it was put together, for its jobs.
    pub app: App,
    http: reqwest::Client,
    key: SigningKey,
    _stop: oneshot::Sender<()>,
    _stop_tail: tokio::sync::watch::Sender<bool>,
    /// Its folder and its database, which go with it; a replica has none of its own.
    _own: Option<(tempfile::TempDir, TestDatabase)>,
}

/// An answer to a GraphQL request.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// HTTP header fields.
    pub headers: reqwest::header::HeaderMap,
    /// The whole response.
    pub body: Value,
}

impl Answer {
    /// The data; fails the test where there are errors.
    pub fn data(&self) -> &Value {
        assert!(self.body.get("errors").is_none(), "errors: {:#}", self.body);
        &self.body["data"]
    }

    /// `extensions.code` of the only error.
    pub fn error_code(&self) -> &str {
        let errors = self.body["errors"]
            .as_array()
            .unwrap_or_else(|| panic!("no errors: {:#}", self.body));
        assert_eq!(errors.len(), 1, "{:#}", self.body);
        errors[0]["extensions"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no code: {:#}", self.body))
    }

    /// What the only root field of a mutation gave; fails the test where it was refused.
    pub fn done(&self) -> &Value {
        let payload = self.payload();
        assert_eq!(payload["userErrors"], json!([]), "{:#}", self.body);
        payload
    }

    /// The only user error of the only root field: its code, path and message.
    pub fn refused(&self) -> (String, String, String) {
        let errors = self.payload()["userErrors"]
            .as_array()
            .expect("userErrors")
            .clone();
        assert_eq!(errors.len(), 1, "{:#}", self.body);
        let path: Vec<&str> = errors[0]["path"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_str().unwrap())
            .collect();
        let text = |name: &str| errors[0][name].as_str().unwrap().to_owned();
        (text("code"), path.join("."), text("message"))
    }

    /// The code of the only user error.
    pub fn refusal_code(&self) -> String {
        self.refused().0
    }

    fn payload(&self) -> &Value {
        let fields = self.data().as_object().expect("data");
        assert_eq!(fields.len(), 1, "one root field: {:#}", self.body);
        fields.values().next().unwrap()
    }
}

/// A caller of the service.
#[derive(Clone)]
pub struct As<'a> {
    app: &'a TestApp,
    token: Option<String>,
    lang: &'static str,
    past_results: bool,
}

impl TestApp {
    /// A service over a database, without a district.
    pub async fn on(db: TestDatabase) -> Self {
        Self::with_config(db, |_| {}).await
    }

    /// The same with settings of its own.
    pub async fn with_config(db: TestDatabase, change: impl FnOnce(&mut Config)) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let mut overrides = Overrides::default();
        overrides.set("server.data_dir", "--data-dir", data_dir.path().to_str());
        overrides.set("database.url", "--database-url", Some(db.url.clone()));
        let mut config = Config::load(None, [], &overrides).expect("a configuration");
        // Tests ask again and again until something has come, without a pause.
        config.rate.per_second = 0;
        change(&mut config);
        Self::start(config, FakeClock::new(), Some((data_dir, db))).await
    }

    /// Another replica over the same database, by the same clock.
    pub async fn replica(&self) -> Self {
        Self::start(self.config.clone(), self.clock.clone(), None).await
    }

    /// Starts a service; what is its own goes with it.
    async fn start(config: Config, clock: FakeClock, own: Option<(tempfile::TempDir, TestDatabase)>) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let database = app::open_database(&config, Clock::new(Arc::new(clock.clone())), false, &mut rng)
            .await
            .expect("the database opens");
        let app = App::new(&config, database.clone(), false, &mut rng)
            .await
            .expect("the service starts");
        let key = SigningKey::load(&config.signing_key_file()).expect("the local key");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let router = app.router();
        let connections = config.server.connections.clone();
        let (stop_tail, tail_stopped) = tokio::sync::watch::channel(false);
        tokio::spawn(app.tail(tail_stopped));
        tokio::spawn(async move {
            let ended = async { drop(stopped.await) };
            app::serve(listener, router, connections, ended)
                .await
                .expect("serves");
        });
        Self {
            url,
            app,
            clock,
            database,
            config,
            // Answers as they come: whether they are packed is for a test to see.
            http: reqwest::Client::builder().no_gzip().build().expect("a client"),
            key,
            _stop: stop,
            _stop_tail: stop_tail,
            _own: own,
        }
    }

    /// A service with a district `D`, committees `C1` and `C2`, and a general branch `G1` under `C1`.
    pub async fn with_tree(db: TestDatabase) -> Self {
        let app = Self::on(db).await;
        app.plant_tree().await;
        app
    }

    /// Makes that tree in an empty service.
    pub async fn plant_tree(&self) {
        let district = self.create_organization("D", "DISTRICT", None).await;
        let c1 = self.create_organization("C1", "COMMITTEE", Some(&district)).await;
        self.create_organization("C2", "COMMITTEE", Some(&district)).await;
        self.create_organization("G1", "GENERAL_BRANCH", Some(&c1)).await;
    }

    /// A service over the demonstration district, whose business date stands still.
    pub async fn with_demo(db: TestDatabase) -> Self {
        let app = Self::on(db).await;
        app.load_demo().await;
        app
    }

    /// Loads the demonstration into an empty service.
    pub async fn load_demo(&self) {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let key = app::participant_key(&self.config, &mut rng).expect("the participants' key");
        app::load_demo(&self.database, &key, Arc::new(|_, _| {}))
            .await
            .expect("the demonstration loads");
    }

    /// Gives a branch a gold title, as the gold selection will.
    pub async fn give_gold(&self, branch: &str, awarded_on: &str) {
        let sql = format!(
            "INSERT INTO gold_title (branch_id, awarded_on) \
             SELECT id, DATE '{awarded_on}' FROM branch WHERE code = '{branch}'"
        );
        let sql = match self.database.backend() {
            DbBackend::Sqlite => sql.replace("DATE '", "'"),
            _ => sql,
        };
        self.raw()
            .await
            .execute_unprepared(&sql)
            .await
            .expect("a gold title");
    }

    /// Makes a point source, as the configuration does.
    pub async fn open_source(&self, code: &str) -> Source {
        let written = self
            .database
            .write(Actor::service("test"), None, code.to_owned(), |write, code| {
                Box::pin(async move {
                    let source = points::open_source(write, code, "党建e家（演示）").await?;
                    write.audit(AuditRecord::new("openSource"));
                    Ok::<_, Failure>(source)
                })
            })
            .await
            .expect("a source");
        match written.outcome {
            Outcome::Done(source) => source,
            Outcome::Refused(refusals) => panic!("{refusals:?}"),
        }
    }

    /// Makes an organization; gives its id.
    pub async fn create_organization(&self, code: &str, kind: &str, parent: Option<&str>) -> String {
        let answer = self
            .admin()
            .ask(
                "mutation($input: CreateOrganizationInput!) {
                   createOrganization(input: $input) { organization { id } userErrors { code path message } }
                 }",
                json!({ "input": { "code": code, "name": format!("组织{code}"), "kind": kind, "parentId": parent } }),
            )
            .await;
        answer.done()["organization"]["id"].as_str().unwrap().to_owned()
    }

    /// The id of an organization's code.
    pub async fn organization_id(&self, code: &str) -> String {
        let query = "query($code: String!) { organization(by: { code: $code }) { id } }";
        let answer = self.admin().ask(query, json!({ "code": code })).await;
        answer.data()["organization"]["id"].as_str().unwrap().to_owned()
    }

    /// 区委组织部
    pub fn admin(&self) -> As<'_> {
        self.as_role(Role::DistrictAdmin, "admin-1", None, None, None)
    }

    /// 基层党(工)委 of an organization's code.
    pub fn committee(&self, organization: &str) -> As<'_> {
        self.as_role(
            Role::CommitteeOfficer,
            &format!("officer-{organization}"),
            Some(organization),
            None,
            None,
        )
    }

    /// 支部书记 of a branch's code.
    pub fn secretary_of(&self, branch: &str) -> As<'_> {
        self.as_role(
            Role::BranchOfficer,
            &format!("secretary-{branch}"),
            None,
            Some(branch),
            None,
        )
    }

    /// 体检队员 whose own branch is this.
    pub fn examiner_of(&self, branch: &str) -> As<'_> {
        self.as_role(Role::Examiner, "examiner-1", None, Some(branch), None)
    }

    /// 体检队员 whose token names no branch, as `zhibu token` mints none.
    pub fn examiner_of_no_branch(&self) -> As<'_> {
        let order = TokenOrder {
            role: Role::Examiner,
            subject: Some("examiner-1".to_owned()),
            organization: None,
            branch: Some("B4".to_owned()),
            source: None,
            ttl: std::time::Duration::from_secs(3600),
        };
        let mut rng = ChaCha20Rng::seed_from_u64(11);
        let claims = order.claims("zhibu", "zhibu", self.clock.now(), &mut rng);
        let claims = Claims {
            branch: None,
            ..claims.expect("claims")
        };
        self.with_token(&self.key.sign(&claims).expect("a token"))
    }

    /// 只读, of an organization or of the district.
    pub fn viewer(&self, organization: Option<&str>) -> As<'_> {
        self.as_role(Role::Viewer, "viewer-1", organization, None, None)
    }

    /// 平台适配器 of a source.
    pub fn adapter(&self, source: &str) -> As<'_> {
        self.as_role(Role::Adapter, "adapter-1", None, None, Some(source))
    }

    /// A caller without a token.
    pub fn nobody(&self) -> As<'_> {
        As {
            app: self,
            token: None,
            lang: "en",
            past_results: false,
        }
    }

    /// A caller with a text in place of a token.
    pub fn with_token(&self, token: &str) -> As<'_> {
        As {
            app: self,
            token: Some(token.to_owned()),
            lang: "en",
            past_results: false,
        }
    }

    /// A caller with a token of the service's local key.
    pub fn as_role(
        &self,
        role: Role,
        subject: &str,
        organization: Option<&str>,
        branch: Option<&str>,
        source: Option<&str>,
    ) -> As<'_> {
        let order = TokenOrder {
            role,
            subject: Some(subject.to_owned()),
            organization: organization.map(str::to_owned),
            branch: branch.map(str::to_owned),
            source: source.map(str::to_owned),
            ttl: std::time::Duration::from_secs(3600),
        };
        let mut rng = ChaCha20Rng::seed_from_u64(11);
        let claims = order
            .claims("zhibu", "zhibu", self.clock.now(), &mut rng)
            .expect("claims");
        As {
            app: self,
            token: Some(self.key.sign(&claims).expect("a token")),
            lang: "en",
            past_results: false,
        }
    }

    /// A checked caller, for what no client can ask yet.
    pub async fn requester(&self, caller: &As<'_>) -> Requester {
        let keys = Keys::new(vec![self.key.verifying_key()], "zhibu", "zhibu", 0);
        let token = caller.token.as_deref().expect("a token");
        Authenticator::new(keys, None, self.database.clone())
            .authenticate(Some(&format!("Bearer {token}")))
            .await
            .expect("a good token")
    }

    /// Asks identity providers for keys that are due, as a running service does by itself.
    pub async fn refresh(&self) {
        self.app.refresh_keys().await;
    }

    /// The HTTP client, for requests that are not GraphQL.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A connection of the test's own, past the service: it may do what no use case does.
    pub async fn raw(&self) -> DatabaseConnection {
        sea_orm::Database::connect(self.config.database.url.as_ref().unwrap().expose())
            .await
            .expect("the test's own connection")
    }

    /// A table of PostgreSQL that nobody else reads until this has ended.
    pub async fn locked(&self, table: &str) -> DatabaseTransaction {
        let holder = self.raw().await.begin().await.unwrap();
        let lock = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        holder.execute_unprepared(&lock).await.unwrap();
        holder
    }

    /// Waits until every committed change may be read. On PostgreSQL the change log and the sealer read below the
    /// cluster's oldest running transaction, and that may be another test's.
    pub async fn settle(&self) {
        let sql = "SELECT GREATEST((SELECT coalesce(max(xid), 0) FROM change_log), \
                   (SELECT coalesce(max(xid), 0) FROM audit_entry)) \
                   < pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS settled";
        if self.database.backend() == DbBackend::Sqlite {
            return;
        }
        eventually("older transactions end", async || {
            let row = self
                .database
                .reader()
                .query_one_raw(Statement::from_string(DbBackend::Postgres, sql));
            row.await.unwrap().unwrap().try_get("", "settled").unwrap()
        })
        .await;
    }
}

impl As<'_> {
    /// The same caller, in another language.
    pub fn in_language(mut self, lang: &'static str) -> Self {
        self.lang = lang;
        self
    }

    /// The same, asking past what is kept: for what is measured.
    pub fn past_results(mut self) -> Self {
        self.past_results = true;
        self
    }

    /// The caller's token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Asks, and reads the answer whatever its status.
    pub async fn ask(&self, query: &str, variables: Value) -> Answer {
        self.send(self.request(query, variables)).await
    }

    /// Asks without variables and gives the data.
    pub async fn data(&self, query: &str) -> Value {
        self.ask(query, json!({})).await.data().clone()
    }

    /// Runs a mutation that takes `$input` and gives `selection` beside its userErrors.
    pub async fn mutate(&self, field: &str, selection: &str, input: Value) -> Answer {
        self.ask(&mutation(field, selection), json!({ "input": input }))
            .await
    }

    /// The same with an `Idempotency-Key`.
    pub async fn mutate_once(&self, key: &str, field: &str, selection: &str, input: Value) -> Answer {
        let request = self.request(&mutation(field, selection), json!({ "input": input }));
        self.send(request.header("idempotency-key", format!("\"{key}\"")))
            .await
    }

    /// A request to send, perhaps with more header fields.
    pub fn request(&self, query: &str, variables: Value) -> reqwest::RequestBuilder {
        let request = self
            .app
            .http
            .post(format!("{}/graphql", self.app.url))
            .header("accept-language", self.lang)
            .header("accept", "application/graphql-response+json")
            .json(&json!({ "query": query, "variables": variables }));
        let request = match self.past_results {
            true => request.header("cache-control", "no-cache"),
            false => request,
        };
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer {
            status,
            headers,
            body,
        }
    }
}

/// Asks again until it holds; fails the test where it does not within half a minute.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), asking)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// A mutation document of one field: its input type is named after it, as the contract's are.
fn mutation(field: &str, selection: &str) -> String {
    let input = match field {
        "submitBrand" | "publishBrand" | "approvePairing" | "completePairing" | "removeTraining"
        | "submitSelfCheck" | "closeHealthCheck" => "VersionedInput".to_owned(),
        "returnBrand" | "rejectPairing" | "terminatePairing" => "ReasonedInput".to_owned(),
        "submitRectification" | "returnRectification" | "reopenRectification" | "waiveRectification" => {
            "RectificationStepInput".to_owned()
        }
        "closeRectification" | "reviewRectification" => "CloseRectificationInput".to_owned(),
        "withdrawGold" | "revokeGold" => "GoldStepInput".to_owned(),
        "recommendGold" | "decideGold" => "GoldDecisionInput".to_owned(),
        _ => {
            let mut name = field.to_owned();
            name[..1].make_ascii_uppercase();
            name + "Input"
        }
    };
    format!(
        "mutation($input: {input}!) {{ {field}(input: $input) {{ {selection} userErrors {{ code path message }} }} }}"
    )
}
