//! The one place that wires everything: configuration in, a running service out.

mod demonstration;
mod gauges;
mod limits;
mod trusted;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use futures_util::future::BoxFuture;
use rand::{CryptoRng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use tokio::{net::TcpListener, sync::watch};
use url::Url;

use crate::{
    audit::RefusedAccess,
    auth::{
        Authenticator, Issuer, IssuerSettings, JwksSource, KeyError, Keys, Role, SigningKey, VerifyingKey,
        Webhooks, secret_file,
    },
    branch::{BranchEnded, BranchHooks},
    campaign::CampaignHooks,
    config::{Config, Faults, SourceSection},
    gold,
    graphql::{
        Engine,
        engine::DocumentOptions,
        schema::{self, Mutation, Query, Subscription},
    },
    health_check,
    http::{
        self, Browsers, Live,
        admission::Admission,
        client::Proxies,
        graphiql::Graphiql,
        graphql::{Options as EndpointOptions, RoleRights, ServiceAccess},
        operations::Operations,
        platform::Platform,
        socket::Sockets,
    },
    jobs::{Jobs, Retention},
    kernel::{
        clock::{Clock, pause},
        id::OrganizationId,
        message::Message,
        refusal::Refusal,
    },
    live::{Cohorts, Results, tail},
    organization::{
        self,
        create::{CreateOrganization, create},
        model::OrganizationKind,
    },
    pairing,
    platform::{HttpPlatform, PulledSources, Puller},
    points,
    rectification::{self, RectificationHooks},
    storage::{
        self, Database, Location, Options as DatabaseOptions, StoreError, setting,
        write::{Actor, Failure, Outcome, Write, WriteError},
    },
    telemetry::{Telemetry, TelemetryError},
    training::ParticipantKey,
};

use gauges::{Gauges, Read};

pub use crate::http::server::{ServerOptions, serve};
pub use demonstration::{Progress, book_demo, load_demo};
pub use trusted::{TrustedDocuments, TrustedError};

/// Why the service cannot start, or a command cannot be run; in words for whoever typed it.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Faults of the configuration, all of them.
    #[error("{0}")]
    Config(#[from] Faults),
    /// The data directory.
    #[error("data directory {0}: {1}")]
    DataDir(String, #[source] io::Error),
    /// The database.
    #[error("{}", causes(.0))]
    Store(#[from] StoreError),
    /// A write.
    #[error("{}", causes(.0))]
    Write(#[from] WriteError),
    /// A rule stood in the way.
    #[error("{}", .0.iter().map(|r| r.message.en.clone()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refusal>),
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The printed schema cannot be read back: a defect that a test finds first.
    #[error("the schema cannot be read back: {0}")]
    Schema(#[from] async_graphql::parser::Error),
    /// The manifests of trusted documents.
    #[error("trusted documents: {0}")]
    Trusted(#[from] TrustedError),
    /// What the service tells of itself.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The address to listen on.
    #[error("cannot listen on {0}: {1}")]
    Listen(String, #[source] io::Error),
    /// Something else, said in words.
    #[error("{0}")]
    Other(String),
}

fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Where the configuration says that the data lies.
pub fn location(config: &Config) -> Location {
    match &config.database.url {
        None => Location::Sqlite(config.server.data_dir.join("zhibu.db")),
        Some(url) => match url.expose().strip_prefix("sqlite:") {
            Some(path) => {
                let path = path.trim_start_matches("//");
                // `?mode=rwc` and the like are for other programs: how the file is opened is not for a URL to say.
                let path = path.split_once('?').map_or(path, |(path, _)| path);
                Location::Sqlite(Path::new(path).to_owned())
            }
            None => Location::Postgres(url.expose().to_owned()),
        },
    }
}

/// Makes the data directory, readable by its owner only: it holds keys.
pub fn make_data_dir(config: &Config) -> Result<(), AppError> {
    let dir = &config.server.data_dir;
    let made = if dir.exists() {
        Ok(())
    } else {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir)
    };
    made.map_err(|error| AppError::DataDir(dir.display().to_string(), error))
}

/// Opens the database of the configuration and brings it up to date.
///
/// `restored`: it was restored from a backup or failed over, so that a new incarnation of the change log begins.
pub async fn open_database(
    config: &Config,
    clock: Clock,
    restored: bool,
    rng: &mut impl CryptoRng,
) -> Result<Database, AppError> {
    make_data_dir(config)?;
    open_database_at(location(config), config, clock, restored, rng).await
}

/// The same with a database that lies elsewhere.
pub async fn open_database_at(
    location: Location,
    config: &Config,
    clock: Clock,
    restored: bool,
    rng: &mut impl CryptoRng,
) -> Result<Database, AppError> {
    let options = DatabaseOptions {
        max_connections: config.database.max_connections,
        statement_timeout: config.database.statement_timeout,
        ..DatabaseOptions::default()
    };
    let database = Database::open(location, &options, clock, config.domain).await?;
    storage::migrate(&database).await?;
    database.open_log(restored, rng.random()).await?;
    pin_business_date(&database).await?;
    if !points::is_counted(database.reader()).await? {
        database
            .write(Actor::service("migrate"), None, (), |write, ()| {
                Box::pin(points::count_once(write))
            })
            .await?;
    }
    Ok(database)
}

/// Lets the business date stand still, and figures begin, where the database says so: in a demonstration, whoever loaded
/// it. Gives whether the date stands still.
pub async fn pin_business_date(database: &Database) -> Result<bool, AppError> {
    if let Some(day) = setting::get(database.reader(), setting::FIGURES_FROM).await? {
        let day = day
            .parse()
            .map_err(|_| StoreError::corrupt("setting.figures_from", &day))?;
        database.pin_figures_from(day);
    }
    let Some(date) = setting::get(database.reader(), setting::BUSINESS_DATE).await? else {
        return Ok(false);
    };
    let date = date
        .parse()
        .map_err(|_| StoreError::corrupt("setting.business_date", &date))?;
    database.clock().pin_business_date(date);
    Ok(true)
}

/// Makes the root organization of an empty service.
pub async fn init(database: &Database, code: &str, name: &str) -> Result<OrganizationId, AppError> {
    let input = CreateOrganization {
        code: code.to_owned(),
        name: name.to_owned(),
        kind: OrganizationKind::District,
        parent: None,
    };
    let written = database
        .write(Actor::service("init"), None, input, |write, input| {
            Box::pin(async move {
                let grant = crate::auth::Grant::of_the_service();
                create(write, &grant, input).await
            })
        })
        .await?;
    match written.outcome {
        Outcome::Done(id) => Ok(id),
        Outcome::Refused(refusals) => Err(AppError::Refused(refusals)),
    }
}

/// Makes the rows of the configured sources of points; names follow the configuration.
async fn open_sources(database: &Database, config: &Config) -> Result<(), AppError> {
    let named = config.sources.iter();
    let named: Vec<_> = named
        .map(|source| (source.code.clone(), source.name.clone()))
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    database
        .write(Actor::service("start"), None, named, |write, named| {
            Box::pin(points::open_sources(write, named))
        })
        .await?;
    Ok(())
}

/// Whether the service has been given its district.
pub async fn is_empty(database: &Database) -> Result<bool, AppError> {
    Ok(organization::root(database.reader()).await?.is_none())
}

/// Replicas that each make a participants' key of their own would count one person several times.
fn warn_of_own_participant_key(config: &Config) {
    if matches!(location(config), Location::Postgres(_)) && config.privacy.participant_key_file.is_none() {
        tracing::warn!(
            file = %config.participant_key_file().display(),
            "privacy.participant_key_file is not set: every replica must be given this same file"
        );
    }
}

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
        let refused = RefusedAccess::default();
        let pulled = config.sources.iter().filter_map(|source| {
            let schedule = &source.pull.as_ref()?.schedule;
            Some((source.code.clone(), schedule.freeze.clone()))
        });
        let pulled = PulledSources::new(pulled);
        let endpoint = EndpointOptions::default();
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
            ..DocumentOptions::default()
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
        let admission = config.load.admission(&config.rate, processors);
        let admission = Arc::new(Admission::new(admission));
        let proxies = Proxies(config.server.trusted_proxies.clone());
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
            connections: config.server.connections,
            database,
        })
    }

    /// Answers on a listener until `shutdown` ends, then lets running requests end.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        serve(listener, self.router.clone(), self.connections, shutdown).await
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

/// The keys with which sources sign what they push.
fn webhooks(config: &Config) -> Webhooks {
    let sources = config.sources.iter();
    Webhooks::new(sources.map(|source| (source.code.clone(), source.webhook_secrets.clone())))
}

/// The issuers whose tokens are taken. Those of the local key are taken where no key at all is configured, and in a
/// demonstration.
fn trusted_keys(
    config: &Config,
    demo: bool,
    clock: &Clock,
    rng: &mut impl CryptoRng,
) -> Result<Keys, AppError> {
    let auth = &config.auth;
    let load = |files: &[PathBuf]| {
        let keys = files.iter().map(|file| VerifyingKey::load(file));
        keys.collect::<Result<Vec<_>, _>>()
    };
    let listed = |name: &str, url: &Option<Url>, rng: &mut _| {
        let source = url
            .as_ref()
            .map(|url| JwksSource::new(name, url.clone(), auth.jwks, clock.clone(), rng));
        let wrong = |error| AppError::Other(format!("{name}: {error}"));
        source.transpose().map_err(wrong)
    };
    let mut issuers = Vec::new();
    let mut first = load(&auth.public_key_files)?;
    let configured = !first.is_empty() || auth.jwks_url.is_some() || !auth.issuers.is_empty();
    if demo || !configured {
        first.push(SigningKey::load_or_create(&config.signing_key_file(), rng)?.verifying_key());
    }
    issuers.push(Issuer::new(
        IssuerSettings::first(&auth.issuer, &auth.audience),
        first,
        listed("auth", &auth.jwks_url, rng)?,
    ));
    for section in &auth.issuers {
        let name = section.settings.name.as_deref().unwrap_or_default();
        issuers.push(Issuer::new(
            section.settings.clone(),
            load(&section.public_key_files)?,
            listed(name, &section.jwks_url, rng)?,
        ));
    }
    let leeway = i64::try_from(auth.leeway.as_secs()).unwrap_or_default();
    Ok(Keys::of(issuers, leeway))
}

/// What happens to branches sets this off in the slices above, in the same transaction.
fn branch_hooks() -> BranchHooks {
    BranchHooks {
        ended: vec![
            points::branch_ended,
            pairing::branch_ended,
            // Its checks first: what is put right no longer moves a closed one.
            health_check::branch_ended,
            rectifications_of_ended_branch,
            gold::branch_ended,
        ],
        placed: vec![points::branch_placed, health_check::branch_placed],
        coded: vec![points::branch_coded],
    }
}

/// The opening of a campaign sets this off in the slices above, in the same transaction.
fn campaign_hooks() -> CampaignHooks {
    CampaignHooks {
        opened: vec![health_check::campaign_opened],
    }
}

/// What happens to rectifications sets this off in the slices above, in the same transaction.
fn rectification_hooks() -> RectificationHooks {
    RectificationHooks {
        moved: vec![health_check::rectification_moved],
        check_of: Some(health_check::check_of),
    }
}

fn rectifications_of_ended_branch<'a, 't>(
    write: &'a mut Write<'t>,
    ended: &'a BranchEnded,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move { rectification::branch_ended(write, ended, &rectification_hooks()).await })
}

/// The key under which participants are hashed; made, readable by its owner only, where there is none.
pub fn participant_key(config: &Config, rng: &mut impl CryptoRng) -> Result<ParticipantKey, AppError> {
    let file = config.participant_key_file();
    let wrong = |problem: &dyn std::fmt::Display| AppError::Other(format!("{}: {problem}", file.display()));
    if !file.exists() {
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        match secret_file::create(&file, format!("{}\n", hex::encode(key)).as_bytes()) {
            // Another process made one in the meantime: that one counts.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(|error| wrong(&error))?,
        }
    }
    let text = std::fs::read_to_string(&file).map_err(|error| wrong(&error))?;
    let key = hex::decode(text.trim()).map_err(|error| wrong(&error))?;
    ParticipantKey::new(&key).map_err(|error| wrong(&error))
}

/// What a service without a district is told.
pub fn empty_service_message() -> Message {
    Message::new(
        "数据库为空：请先运行 `zhibu init --district-code 代码 --district-name 名称` 建立区委，或用 `zhibu serve --demo` 试用演示数据",
        "The service is empty: run `zhibu init --district-code CODE --district-name NAME` to make the district, \
         or try `zhibu serve --demo` on an empty database",
    )
}
