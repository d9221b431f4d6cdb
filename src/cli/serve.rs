//! `zhibu serve`

use std::{fmt::Write as _, net::SocketAddr, time::Duration};

use clap::Args;
use rand::{CryptoRng, RngExt as _};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::{StorageArgs, run::print};
use crate::{
    app::{self, App, AppError, ServerOptions},
    auth::{Role, SigningKey, TokenOrder},
    config::{Config, Overrides},
    demo,
    kernel::clock::{Clock, pause},
    platform::schedule,
    simulate::Server,
    telemetry::{Telemetry, TelemetryError},
};

/// Flags of `serve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct ServeArgs {
    /// On an empty database: load the demonstration district, and print a token for each role
    #[arg(long)]
    pub demo: bool,

    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,

    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}

impl ServeArgs {
    pub(super) fn overrides(&self, overrides: &mut Overrides) {
        overrides.set("server.listen", "--listen", self.listen.as_deref());
        self.storage.overrides(overrides);
    }
}

/// Who reads figures: a few, and each soon.
fn scrapers() -> ServerOptions {
    ServerOptions {
        connections: 32,
        connections_per_address: 32,
        ..ServerOptions::default()
    }
}

/// How long the tokens of a demonstration are valid.
const DEMO_TOKEN: Duration = Duration::from_secs(8 * 3600);

/// Serves until SIGINT or SIGTERM, then lets running requests end.
pub(super) async fn run(
    args: &ServeArgs,
    config: &Config,
    clock: Clock,
    rng: &mut impl CryptoRng,
) -> Result<(), AppError> {
    let database = app::open_database(config, clock, false, rng).await?;
    if app::is_empty(&database).await? {
        if args.demo {
            match super::demo::load(config, &database, rng).await {
                Ok(()) => {}
                // Another replica that started with us was first.
                Err(_) if app::pin_business_date(&database).await? => {}
                Err(error) => return Err(error),
            }
        } else if let (Some(code), Some(name)) = (
            &config.organization.district_code,
            &config.organization.district_name,
        ) {
            match app::init(&database, code, name).await {
                Ok(_) => tracing::info!(code, name, "made the district of the configuration"),
                // Another replica that started with us was first.
                Err(_) if !app::is_empty(&database).await? => {}
                Err(error) => return Err(error),
            }
        } else {
            let message = app::empty_service_message();
            tracing::warn!("{} / {}", message.zh, message.en);
        }
    } else if args.demo && !app::pin_business_date(&database).await? {
        return Err(AppError::Other(
            "serve --demo: this database holds records that are not the demonstration's; name an empty \
             --data-dir or leave --demo out"
                .to_owned(),
        ));
    }
    let simulator = if args.demo {
        let list = super::simulate::list()?;
        super::demo::book(&database, list.clone()).await?;
        Some(super::simulate::in_process(&list, database.clock().clone(), rng).await?)
    } else {
        None
    };
    let mut config = config.clone();
    if let Some(simulator) = &simulator {
        pull_from(simulator, &mut config)?;
    }
    let config = &config;
    let app = App::new(config, database.clone(), args.demo, rng).await?;
    let listener = TcpListener::bind(config.server.listen)
        .await
        .map_err(|error| AppError::Listen(config.server.listen.to_string(), error))?;
    let address = listener
        .local_addr()
        .map_err(|error| AppError::Listen(config.server.listen.to_string(), error))?;
    if args.demo {
        let platform = simulator.as_ref().map(Server::url).unwrap_or_default();
        print(&welcome(config, address, &platform, database.clock(), rng)?)?;
    }
    let telemetry = app.telemetry().cloned();
    let figures = match telemetry.as_ref().and_then(Telemetry::scraped) {
        Some(router) => Some(listen_for_scrapes(config, router).await?),
        None => None,
    };
    // Before anybody can know that it listens.
    let asked_to_stop = shutdown();
    tracing::info!(%address, "listening");

    let (stop, stopped) = watch::channel(false);
    let holder = format!("{}-{:016x}", std::process::id(), rng.random::<u64>());
    let pullers = app.pullers(&holder, rng).await?;
    let pulls = tokio::spawn(schedule::run(pullers, stopped.clone()));
    let jobs = tokio::spawn(app.jobs(holder).run(stopped.clone()));
    let tail = tokio::spawn(app.tail(stopped.clone()));
    let upkeep = tokio::spawn(app.upkeep(stopped.clone()));
    let keys = tokio::spawn(app.follow_keys(stopped.clone()));
    let watched = tokio::spawn(app.watch(stopped.clone()));
    let simulator = simulator.map(|server| {
        tracing::info!(url = server.url(), "the stand-in platform answers");
        tokio::spawn(server.run(stopped))
    });
    let drain = app.drain();
    let (drained, mut is_drained) = watch::channel(false);
    let stopping = async move {
        asked_to_stop.await;
        drain.await;
        drained.send_replace(true);
    };
    let late = async move {
        let _ = is_drained.wait_for(|drained| *drained).await;
        pause(config.server.request_timeout).await;
    };
    let served = tokio::select! {
        served = app.serve(listener, stopping) => served,
        // What takes longer than a request may, such as a stream of points without an end, is cut off; what of it is through
        // has been told.
        () = late => {
            tracing::warn!("requests that have not ended are cut off");
            Ok(())
        }
    };
    let _ = stop.send(true);
    let _ = pulls.await;
    let _ = jobs.await;
    let _ = tail.await;
    let _ = upkeep.await;
    let _ = keys.await;
    let _ = watched.await;
    if let Some(simulator) = simulator {
        let _ = simulator.await;
    }
    if let Some(telemetry) = telemetry {
        telemetry.stop().await;
    }
    if let Some(figures) = figures {
        figures.abort();
    }
    database.close().await;
    served.map_err(|error| AppError::Listen(address.to_string(), error))
}

/// Serves figures until the service ends, on a listener and a task of their own: they are wanted most when the other is
/// overloaded.
async fn listen_for_scrapes(config: &Config, router: axum::Router) -> Result<JoinHandle<()>, AppError> {
    let Some(address) = config.telemetry.metrics_listen else {
        return Err(AppError::Other("telemetry.metrics_listen is not set".to_owned()));
    };
    let wrong = |error| TelemetryError::Listen(address, error);
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    tracing::info!(%address, "figures for Prometheus");
    Ok(tokio::spawn(async move {
        if let Err(error) = app::serve(listener, router, scrapers(), std::future::pending()).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "figures are not served any more"
            );
        }
    }))
}

/// Lets the demonstration pull from its own platform; a source of that code in the configuration stays as it is.
fn pull_from(simulator: &Server, config: &mut Config) -> Result<(), AppError> {
    if config.sources.iter().any(|source| source.code == demo::SOURCE) {
        return Ok(());
    }
    let settings = simulator.settings().to_string();
    let parsed = Config::parse(Some(("simulator", &settings)), [], &Overrides::default())?;
    config.sources.extend(parsed.sources);
    Ok(())
}

/// Ends when the process is asked to end; it hears of that from now on, not only when it is waited for.
pub(super) fn shutdown() -> impl Future<Output = ()> + Send {
    #[cfg(unix)]
    let mut asked = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    async move {
        #[cfg(unix)]
        match &mut asked {
            (Ok(interrupt), Ok(terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            _ => drop(tokio::signal::ctrl_c().await),
        }
        #[cfg(not(unix))]
        drop(tokio::signal::ctrl_c().await);
        tracing::info!("stopping");
    }
}

/// What a newcomer needs: where it is, who one can be, and two lines that work when pasted.
fn welcome(
    config: &Config,
    address: SocketAddr,
    platform: &str,
    clock: &Clock,
    rng: &mut impl CryptoRng,
) -> Result<String, AppError> {
    let url = config
        .server
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    let url = url.trim_end_matches('/');
    let key = SigningKey::load_or_create(&config.signing_key_file(), rng)?;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "支部 zhibu · 演示 demonstration (business date {})\n",
        clock.today()
    );
    let _ = writeln!(text, "  GraphiQL  {url}/graphql");
    let _ = writeln!(text, "  模拟平台 stand-in platform  {platform}\n");
    for (role, organization, branch, source) in [
        (Role::DistrictAdmin, None, None, None),
        (Role::CommitteeOfficer, Some(demo::SHOWCASE_COMMITTEE), None, None),
        (Role::Examiner, None, Some(demo::SHOWCASE_BRANCH), None),
        (Role::BranchOfficer, None, Some(demo::SHOWCASE_BRANCH), None),
        (Role::Viewer, None, None, None),
        (Role::Adapter, None, None, Some("EJIA")),
    ] {
        let order = TokenOrder {
            role,
            subject: None,
            organization: organization.map(str::to_owned),
            branch: branch.map(str::to_owned),
            source: source.map(str::to_owned),
            ttl: DEMO_TOKEN,
        };
        let claims = order
            .claims(&config.auth.issuer, &config.auth.audience, clock.machine(), rng)
            .map_err(|error| AppError::Other(error.to_string()))?;
        let token = key.sign(&claims)?;
        let of = organization.or(branch).or(source).unwrap_or("-");
        let _ = writeln!(text, "{} {of}\n{token}\n", role.as_str());
        if role == Role::BranchOfficer {
            let query = format!(
                "{{ viewer {{ role branch {{ name brand {{ name }} term {{ endsOn }} pairings(first: 5) {{ nodes {{ \
                 title members {{ role branch {{ name }} }} }} }} trainingRecords(first: 5) {{ nodes {{ topic \
                 heldOn }} }} }} todos {{ kind title dueOn }} }} branch(by: {{ code: \\\"{}\\\" }}) {{ memberCount }} }}",
                demo::SHOWCASE_BRANCH
            );
            let _ = writeln!(
                text,
                "curl -s {url}/graphql -H 'content-type: application/json' -H 'authorization: Bearer {token}' \
                 -d '{{\"query\":\"{query}\"}}'\n"
            );
        }
    }
    let _ = writeln!(
        text,
        "curl -s {url}/graphql -H 'content-type: application/json' \
         -d '{{\"query\":\"{{ branches(first: 3) {{ totalCount nodes {{ code name domain isGold }} }} }}\"}}'\n"
    );
    Ok(text)
}
