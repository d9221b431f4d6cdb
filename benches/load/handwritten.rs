//! What the service is compared with: a plain axum handler that runs hand-written, prepared SQL and writes JSON by
//! serde, with the service's own token check. No GraphQL, no scopes, no loaders.

mod answer;

use std::{path::Path, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::{get, post},
};
use serde::Deserialize;
use sqlx::{
    PgPool, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::net::TcpListener;
use zhibu::{
    auth::{Authenticator, Keys, SigningKey},
    config::{Config, Overrides},
    kernel::clock::Clock,
    storage::{Database, Options},
};

use answer::{CardAnswer, CardRow, ListAnswer, card, list};

use crate::Failure;

const CARD: &str = "SELECT b.id, b.code, b.name, b.domain, b.form, b.status, CAST(b.founded_on AS TEXT), \
     b.member_count, o.code, o.name, r.name, r.slogan, r.description, CAST(t.elected_on AS TEXT), \
     CAST(t.ends_on AS TEXT), t.on_time \
     FROM branch b JOIN organization o ON o.id = b.organization_id \
     LEFT JOIN brand r ON r.branch_id = b.id AND r.state = 'PUBLISHED' \
     LEFT JOIN branch_term t ON t.id = \
       (SELECT l.id FROM branch_term l WHERE l.branch_id = b.id ORDER BY l.elected_on DESC LIMIT 1) \
     WHERE b.code = $1";

const CARD_PAIRINGS: &str = "SELECT p.id, p.form, p.title, CAST(p.starts_on AS TEXT), m.role, \
     CAST(m.left_on AS TEXT), mb.code, mb.name \
     FROM (SELECT p.id, p.form, p.title, p.starts_on FROM pairing_member own \
           JOIN pairing p ON p.id = own.pairing_id \
           WHERE own.branch_id = $1 AND p.state = 'ACTIVE' ORDER BY p.starts_on DESC, p.id DESC LIMIT 5) p \
     JOIN pairing_member m ON m.pairing_id = p.id JOIN branch mb ON mb.id = m.branch_id \
     ORDER BY p.starts_on DESC, p.id DESC, m.position";

const CARD_TRAININGS: &str = "SELECT t.topic, t.kind, CAST(t.held_on AS TEXT), t.quarter_hours \
     FROM training_branch b JOIN training_record t ON t.id = b.training_record_id \
     WHERE b.branch_id = $1 ORDER BY t.held_on DESC, t.id DESC LIMIT 5";

const LIST: &str = "SELECT b.id, b.code, b.name, b.domain, EXISTS (SELECT 1 FROM gold_title g \
       WHERE g.branch_id = b.id AND g.revoked_on IS NULL), o.name, r.name, CAST(t.ends_on AS TEXT) \
     FROM (SELECT id, code, name, domain, organization_id FROM branch WHERE status = 'ACTIVE' \
           ORDER BY code LIMIT 50) b \
     JOIN organization o ON o.id = b.organization_id \
     LEFT JOIN brand r ON r.branch_id = b.id AND r.state = 'PUBLISHED' \
     LEFT JOIN branch_term t ON t.id = \
       (SELECT l.id FROM branch_term l WHERE l.branch_id = b.id ORDER BY l.elected_on DESC LIMIT 1) \
     ORDER BY b.code";

const LIST_PAIRINGS: &str = "SELECT p.branch_id, p.id, p.title, mb.name \
     FROM (SELECT own.branch_id, p.id, p.title, ROW_NUMBER() OVER \
             (PARTITION BY own.branch_id ORDER BY p.starts_on DESC, p.id DESC) AS place \
           FROM pairing_member own JOIN pairing p ON p.id = own.pairing_id \
           WHERE p.state IN ('ACTIVE', 'COMPLETED') AND own.branch_id IN \
             (SELECT id FROM branch WHERE status = 'ACTIVE' ORDER BY code LIMIT 50)) p \
     JOIN pairing_member m ON m.pairing_id = p.id JOIN branch mb ON mb.id = m.branch_id \
     WHERE p.place <= 5 ORDER BY p.branch_id, p.place, m.position";

#[derive(Deserialize)]
struct CardParams {
    code: String,
}

struct Shared<P> {
    pool: P,
    authenticator: Authenticator,
}

impl<P> Shared<P> {
    async fn check(&self, headers: &HeaderMap) -> Result<(), StatusCode> {
        let authorization = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        match self.authenticator.authenticate(authorization).await {
            Ok(_) => Ok(()),
            Err(_) => Err(StatusCode::UNAUTHORIZED),
        }
    }
}

fn failed(error: sqlx::Error) -> StatusCode {
    eprintln!("load: {error}");
    StatusCode::INTERNAL_SERVER_ERROR
}

/// The same handlers for each database: sqlx's types differ, the SQL does not.
macro_rules! routes {
    ($name:ident, $pool:ty) => {
        fn $name(shared: Arc<Shared<$pool>>) -> Router {
            async fn card_of(
                State(shared): State<Arc<Shared<$pool>>>,
                headers: HeaderMap,
                Json(params): Json<CardParams>,
            ) -> Result<Json<CardAnswer>, StatusCode> {
                shared.check(&headers).await?;
                let mut connection = shared.pool.acquire().await.map_err(failed)?;
                let row: Option<CardRow> = sqlx::query_as(CARD)
                    .bind(params.code)
                    .fetch_optional(&mut *connection)
                    .await
                    .map_err(failed)?;
                let Some(row) = row else {
                    return Ok(Json(CardAnswer { branch: None }));
                };
                let pairings = sqlx::query_as(CARD_PAIRINGS)
                    .bind(row.0)
                    .fetch_all(&mut *connection)
                    .await
                    .map_err(failed)?;
                let trainings = sqlx::query_as(CARD_TRAININGS)
                    .bind(row.0)
                    .fetch_all(&mut *connection)
                    .await
                    .map_err(failed)?;
                Ok(Json(CardAnswer {
                    branch: Some(card(row, pairings, trainings)),
                }))
            }

            async fn list_of(
                State(shared): State<Arc<Shared<$pool>>>,
                headers: HeaderMap,
            ) -> Result<Json<ListAnswer>, StatusCode> {
                shared.check(&headers).await?;
                let mut connection = shared.pool.acquire().await.map_err(failed)?;
                let rows = sqlx::query_as(LIST)
                    .fetch_all(&mut *connection)
                    .await
                    .map_err(failed)?;
                let pairings = sqlx::query_as(LIST_PAIRINGS)
                    .fetch_all(&mut *connection)
                    .await
                    .map_err(failed)?;
                Ok(Json(list(rows, pairings)))
            }

            Router::new()
                .route("/card", post(card_of))
                .route("/list", post(list_of))
                .route("/readyz", get(async || "ok\n"))
                .with_state(shared)
        }
    };
}

routes!(on_sqlite, SqlitePool);
routes!(on_postgres, PgPool);

/// Serves until it is killed: `load handwritten ADDRESS DATA_DIR [DATABASE_URL]`.
pub async fn serve(arguments: &[String]) -> Result<(), Failure> {
    let [address, data] = arguments.get(2..4).ok_or("ADDRESS DATA_DIR")? else {
        return Err("ADDRESS DATA_DIR".into());
    };
    let url = arguments.get(4).map(String::as_str);
    let mut overrides = Overrides::default();
    overrides.set("server.data_dir", "--data-dir", Some(data));
    overrides.set("database.url", "--database-url", url);
    let config = Config::load(None, [], &overrides)?;
    // The token's check asks the service's database only for codes in tokens; ours has none.
    let database = Database::open(
        zhibu::app::location(&config),
        &Options::default(),
        Clock::system(),
        config.domain,
    )
    .await?;
    let keys = Keys::new(
        vec![SigningKey::load(&config.signing_key_file())?.verifying_key()],
        &config.auth.issuer,
        &config.auth.audience,
        i64::try_from(config.auth.leeway.as_secs())?,
    );
    let authenticator = Authenticator::new(keys, None, database);
    let router = match url {
        None => {
            let options = SqliteConnectOptions::new()
                .filename(Path::new(data).join("zhibu.db"))
                .read_only(true)
                .pragma("cache_size", "-4096");
            let pool = SqlitePoolOptions::new()
                .max_connections(4)
                .test_before_acquire(false)
                .connect_lazy_with(options);
            on_sqlite(Arc::new(Shared { pool, authenticator }))
        }
        Some(url) => {
            let pool = PgPoolOptions::new()
                .max_connections(16)
                .acquire_timeout(Duration::from_secs(3))
                .test_before_acquire(false)
                .connect_lazy(url)?;
            on_postgres(Arc::new(Shared { pool, authenticator }))
        }
    };
    let listener = TcpListener::bind(address).await?;
    Ok(zhibu::app::serve(
        listener,
        router,
        zhibu::app::ServerOptions::default(),
        std::future::pending(),
    )
    .await?)
}
