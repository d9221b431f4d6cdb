//! The one place that wires everything: configuration in, a running service out.

mod database;
mod demonstration;
mod error;
mod gauges;
mod hooks;
mod keys;
mod limits;
mod trusted;

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use rand::{CryptoRng, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    audit::RefusedAccess,
    auth::{Authenticator, Keys, Role},
    config::{Config, SourceSection},
    graphql::{
        Engine,
        engine::DocumentOptions,
        schema::{self, Mutation, Query, Subscription},
    },
    http::{
        self, Browsers, Live,
        admission::Admission,
        graphiql::Graphiql,
        graphql::{Options as EndpointOptions, RoleRights, ServiceAccess},
        operations::Operations,
        platform::Platform,
        sockets::Sockets,
    },
    jobs::{Jobs, Retention},
    kernel::{clock::pause, message::Message},
    live::{Cohorts, Results, tail},
    platform::{HttpPlatform, PulledSources, Puller},
    points,
    storage::{Database, StoreError},
    telemetry::Telemetry,
};

use database::open_sources;
use gauges::{Gauges, Read};
use hooks::{branch_hooks, campaign_hooks, rectification_hooks};
use keys::{trusted_keys, warn_of_own_participant_key, webhooks};

pub use crate::http::server::{ServerOptions, serve};
pub use database::{
    init, is_empty, location, make_data_dir, open_database, open_database_at, pin_business_date,
};
pub use demonstration::{Progress, book_demo, load_demo};
pub use error::AppError;
pub use keys::participant_key;
pub use trusted::{TrustedDocuments, TrustedError};

/// A service that answers.
pub struct App {
    database: Database,
    keys: Arc<Keys>,
    router: Router,
    refused: RefusedAccess,
    retention: Retention,
    sources: Vec<SourceSection>,
    pulled: PulledSources,
    window: usize,
    sockets: Sockets,
    cohorts: Cohorts,
    telemetry: Option<Telemetry>,
    gauges: Option<Gauges>,
    draining: watch::Sender<bool>,
    drain: Duration,
    trusted: TrustedDocuments,
    admission: Arc<Admission>,
    connections: ServerOptions,
}

/// How often is seen to what changes beside the database.
const UPKEEP: Duration = Duration::from_secs(5);

/// The service's engine.
pub type ZhibuEngine = Engine<Query, Mutation, Subscription>;

impl App {
    /// Puts a service together over an open database.
    ///
    /// `demo`: anonymous callers are VIEWERs, and tokens of the local key are taken besides configured ones.
    pub async fn new(
        config: &Config,
        database: Database,
        demo: bool,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, AppError> {
        let keys = Arc::new(trusted_keys(config, demo, database.clock(), rng)?);
        let telemetry = telemetry(config, &database, rng)?;
        let anonymous = config.auth.anonymous_role.or(demo.then_some(Role::Viewer));
        let authenticator = Arc::new(Authenticator::new(keys.clone(), anonymous, database.clone()));
        warn_of_own_participant_key(config);
        let participant_key = participant_key(config, rng)?;
        open_sources(&database, config).await?;
        let refused = RefusedAccess::new(rng.next_u64());
        let pulled = config.sources.iter().filter_map(|source| {
            let schedule = &source.pull.as_ref()?.schedule;
            Some((source.code.clone(), schedule.freeze.clone()))
        });
        let pulled = PulledSources::new(pulled);
        let endpoint = EndpointOptions {
            body_limit: config.graphql.body_bytes as usize,
            ..EndpointOptions::default()
        };
        let limits = limits::published(config, &endpoint);
        let build = || {
            schema::builder()
                .data(limits.clone())
                .data(refused.clone())
                .data(participant_key.clone())
                .data(branch_hooks())
                .data(campaign_hooks())
                .data(rectification_hooks())
                .data(pulled.clone())
        };
        let engine: ZhibuEngine = Engine::new(build, &schema::hints(), config.graphql.limits())?;
        let engine = Arc::new(engine.with_documents(DocumentOptions {
            automatic: config.graphql.automatic_persisted_queries,
            memory: config.graphql.document_memory,
        }));
        let trusted = TrustedDocuments::load(engine.clone(), &config.graphql.trusted_documents)?;
        let rights = RoleRights {
            introspect: config.graphql.introspection.clone(),
            send_any_document: config.graphql.any_document.clone(),
        };
        let access = Arc::new(ServiceAccess::new(
            authenticator.clone(),
            database.clone(),
            rights,
        ));
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let pooled = (!database.has_one_writer()).then_some(config.database.max_connections);
        let admission = config.load.admission(&config.rate, processors, pooled);
        let admission = Arc::new(Admission::new(admission));
        let proxies = config.server.connections.proxies.clone();
        let browsers = Browsers {
            origins: config.cors.origins.clone(),
            any_origin: config.cors.any_origin,
            public_url: config
                .server
                .public_url
                .as_deref()
                .and_then(|url| url.parse().ok()),
        };
        let draining = watch::Sender::new(false);
        let sockets = Sockets::new(
            config.live.sockets,
            database.clock().clone(),
            draining.subscribe(),
        );
        let cohorts = Cohorts::new(database.for_its_own(), config.live.interval);
        let operations = Operations::new(
            engine.clone(),
            access.clone(),
            cohorts.clone(),
            admission.clone(),
            telemetry.clone(),
            config.server.request_timeout,
            config.live.patience,
        );
        let live = Live::new(Arc::new(operations), sockets.clone());
        let results = Arc::new(Results::new(database.for_its_own(), config.live.result_memory));
        let gauges = telemetry.as_ref().and_then(Telemetry::meter).map(|meter| {
            let read = Read {
                database: database.for_its_own(),
                results: results.clone(),
                documents: engine.documents().clone(),
                cohorts: cohorts.clone(),
                sockets: sockets.clone(),
            };
            Gauges::register(
                &meter,
                read,
                config.sources.iter().map(|source| source.code.clone()),
            )
        });
        let options = EndpointOptions {
            deadline: config.server.request_timeout,
            graphiql: config.graphql.graphiql.then(|| Arc::new(Graphiql::new())),
            streams: Some(Arc::new(live)),
            results: Some(results),
            admission: admission.clone(),
            proxies: proxies.clone(),
            browsers: browsers.clone(),
            ..endpoint
        };
        let points = Platform {
            admission: admission.clone(),
            proxies,
            authenticator,
            webhooks: webhooks(config),
            database: database.clone(),
            refused: refused.clone(),
        };
        let router = http::router(
            engine,
            access,
            options,
            points,
            &browsers,
            database.clone(),
            draining.subscribe(),
        );
        Ok(Self {
            router,
            keys,
            refused,
            retention: Retention::from(config),
            sources: config.sources.clone(),
            pulled,
            window: config.live.window,
            sockets,
            cohorts,
            telemetry,
            gauges,
            draining,
            drain: config.live.sockets.drain,
            trusted,
            admission,
            connections: config.server.connections.clone(),
            database,
        })
    }

    /// Answers on a listener until `shutdown` ends, then lets running requests end.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        serve(listener, self.router.clone(), self.connections.clone(), shutdown).await
    }

    /// What answers requests.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The database it answers from.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Follows the change log for subscriptions and cached reads until `stop` turns true.
    pub fn tail(&self, stop: watch::Receiver<bool>) -> impl Future<Output = ()> + Send + use<> {
        tail::run(self.database.for_its_own(), self.window, stop)
    }

    /// Keeps the keys of identity providers fresh until `stop` turns true; begins at once.
    pub fn follow_keys(&self, stop: watch::Receiver<bool>) -> impl Future<Output = ()> + Send + use<> {
        let keys = self.keys.clone();
        async move { keys.follow(stop).await }
    }

    /// Asks once for the keys of identity providers that are due, and waits for the answers.
    pub async fn refresh_keys(&self) {
        self.keys.refresh_due().await;
    }

    /// What closes sockets and streams before the service stops: it is not ready any more and takes no new ones, and ends when
    /// those there are have gone, or their time is over.
    pub fn drain(&self) -> impl Future<Output = ()> + Send + use<> {
        let (draining, sockets, drain) = (self.draining.clone(), self.sockets.clone(), self.drain);
        async move {
            draining.send_replace(true);
            let _ = tokio::time::timeout(drain + Duration::from_secs(2), sockets.gone()).await;
        }
    }

    /// The documents that the deployment has registered.
    pub fn trusted(&self) -> &TrustedDocuments {
        &self.trusted
    }

    /// Sees to what changes beside the database until `stop` turns true: manifests of trusted documents, and callers of whom nothing
    /// need be known any more.
    pub fn upkeep(&self, mut stop: watch::Receiver<bool>) -> impl Future<Output = ()> + Send + use<> {
        let (trusted, admission) = (self.trusted.clone(), self.admission.clone());
        async move {
            loop {
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    () = pause(UPKEEP) => {}
                }
                trusted.look().await;
                admission.forget();
            }
        }
    }

    /// What it tells of itself; None where that is off.
    pub fn telemetry(&self) -> Option<&Telemetry> {
        self.telemetry.as_ref()
    }

    /// Looks now and then, until `stop` turns true, at what figures tell of and only the database knows.
    pub fn watch(&self, stop: watch::Receiver<bool>) -> impl Future<Output = ()> + Send + use<> {
        let gauges = self.gauges.clone();
        async move {
            if let Some(gauges) = gauges {
                gauges.run(stop).await;
            }
        }
    }

    /// Looks at it now.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn look(&self) -> Result<(), StoreError> {
        match &self.gauges {
            Some(gauges) => gauges.look().await,
            None => Ok(()),
        }
    }

    /// What subscribers of one value share.
    pub fn cohorts(&self) -> &Cohorts {
        &self.cohorts
    }

    /// The sockets that are open.
    pub fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// The jobs that belong to a running service.
    pub fn jobs(&self, holder: String) -> Jobs {
        Jobs::new(
            self.database.clone(),
            self.refused.clone(),
            self.retention,
            holder,
        )
    }

    /// What pulls each source that is configured so, with its own randomness.
    pub async fn pullers(&self, holder: &str, rng: &mut impl CryptoRng) -> Result<Vec<Puller>, AppError> {
        let clock = self.database.clock();
        let mut pullers = Vec::new();
        for section in &self.sources {
            let Some(settings) = section.pull.clone().map(Arc::new) else {
                continue;
            };
            let source = points::source_by_code(self.database.reader(), &section.code).await?;
            let (Some(source), Some(pulled)) = (source, self.pulled.get(&section.code)) else {
                continue;
            };
            let platform = HttpPlatform::new(settings.clone(), clock.clone())
                .map_err(|error| AppError::Other(format!("{}: {error}", section.code)))?;
            pullers.push(Puller::new(
                self.database.clone(),
                source,
                settings,
                Arc::new(platform),
                holder.to_owned(),
                pulled.wake.clone(),
                ChaCha20Rng::from_rng(rng),
            ));
        }
        Ok(pullers)
    }
}

/// What the service tells of itself, as it is configured; from now on the database's part of it as well.
fn telemetry(
    config: &Config,
    database: &Database,
    rng: &mut impl CryptoRng,
) -> Result<Option<Telemetry>, AppError> {
    let sources = config.sources.iter().map(|source| source.code.clone());
    let sources = sources.chain([points::LOCAL.to_owned()]);
    let clock = database.clock().clone();
    let started = Telemetry::start(&config.telemetry, config.log.requests, sources, clock, rng)?;
    if let Some(telemetry) = &started {
        database.watch_with(telemetry.clone());
    }
    Ok(started)
}

/// What a service without a district is told.
pub fn empty_service_message() -> Message {
    Message::new(
        "数据库为空：请先运行 `zhibu init --district-code 代码 --district-name 名称` 建立区委，或用 `zhibu serve --demo` 试用演示数据",
        "The service is empty: run `zhibu init --district-code CODE --district-name NAME` to make the district, \
         or try `zhibu serve --demo` on an empty database",
    )
}
