//! `zhibu simulate`

use std::{
    fmt::Write as _,
    io::{self, BufWriter},
    net::SocketAddr,
    num::NonZeroU32,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use rand::{CryptoRng, RngExt as _};
use tokio::{net::TcpListener, sync::watch};

use super::{run::print, serve::shutdown};
use crate::{
    app::AppError,
    demo,
    kernel::clock::Clock,
    simulate::{self, Faults, List, Options, Platform, Server, Size},
};

/// New entries a minute unless it is said otherwise.
const PER_MINUTE: u32 = 4;

/// Flags of `simulate`.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct SimulateArgs {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,

    /// How much it holds: about 48 thousand entries, or 1.2 million
    #[arg(long, value_enum, default_value_t)]
    pub size: Size,

    /// New entries a minute; 0 for none
    #[arg(long, value_name = "N", default_value_t = PER_MINUTE)]
    pub per_minute: u32,

    /// Who may ask for a token
    #[arg(long, value_name = "ID", default_value = "zhibu")]
    pub client_id: String,

    /// Their secret; a new one each time where it is left out
    #[arg(
        long,
        value_name = "SECRET",
        env = "ZHIBU_SIMULATE_CLIENT_SECRET",
        hide_env_values = true
    )]
    pub client_secret: Option<String>,

    /// What goes wrong: latency=200ms, status500=0.1, dropped=next:3, status429=0.05,2s; may be given several times
    #[arg(long = "fault", value_name = "NAME=VALUE")]
    pub faults: Vec<Faults>,

    /// Seed of what goes wrong
    #[arg(long, value_name = "NUMBER", default_value_t = demo::SEED)]
    pub seed: u64,

    /// Print the entries instead of serving them
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub print: Option<Print>,
}

/// How entries are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Print {
    /// As `POST /platform/EJIA/points` takes them, one a line
    Ndjson,
}

/// The list of the demonstration.
pub(super) fn list() -> Result<Arc<List>, AppError> {
    Ok(Arc::new(simulate::build(&district()?, Size::Small)))
}

fn district() -> Result<demo::District, AppError> {
    simulate::district().map_err(|error| AppError::Other(error.to_string()))
}

/// Serves the stand-in platform until SIGINT or SIGTERM, or prints what it holds.
pub(super) async fn run(args: &SimulateArgs, clock: Clock, rng: &mut impl CryptoRng) -> Result<(), AppError> {
    let district = district()?;
    let list = simulate::build(&district, args.size);
    if args.print == Some(Print::Ndjson) {
        return simulate::ndjson(&list, &mut BufWriter::new(io::stdout().lock()))
            .map_err(|error| AppError::Other(format!("standard output: {error}")));
    }
    clock.pin_business_date(demo::BUSINESS_DATE);
    let entries = list.len();
    let mut faults = Faults::default();
    faults.extend(args.faults.iter().cloned());
    let platform = Platform::new(&district, list, clock, faults, args.seed);
    let options = Options {
        client_id: args.client_id.clone(),
        client_secret: args.client_secret.clone().unwrap_or_else(|| secret(rng)),
        per_minute: NonZeroU32::new(args.per_minute),
    };
    let server = listen(args.listen, platform, options, rng).await?;
    // All of it can be kept as a file of the configuration.
    let mut text = String::new();
    let _ = writeln!(text, "# 模拟平台 stand-in platform: {}", server.url());
    let _ = writeln!(
        text,
        "# {entries} entries, {} new ones a minute\n",
        args.per_minute
    );
    let _ = write!(text, "{}", server.settings());
    let asked_to_stop = shutdown();
    print(&text)?;
    let (stop, stopped) = watch::channel(false);
    let ends = async move {
        asked_to_stop.await;
        let _ = stop.send(true);
    };
    let (served, ()) = tokio::join!(server.run(stopped), ends);
    served.map_err(|error| AppError::Listen(args.listen.to_string(), error))
}

/// A stand-in platform in the process of a demonstration, on a free port of this machine.
pub(super) async fn in_process(
    list: &List,
    clock: Clock,
    rng: &mut impl CryptoRng,
) -> Result<Server, AppError> {
    let platform = Platform::new(&district()?, list.clone(), clock, Faults::default(), demo::SEED);
    let options = Options {
        client_id: "zhibu".to_owned(),
        client_secret: secret(rng),
        per_minute: NonZeroU32::new(PER_MINUTE),
    };
    listen(SocketAddr::from(([127, 0, 0, 1], 0)), platform, options, rng).await
}

async fn listen(
    address: SocketAddr,
    platform: Platform,
    options: Options,
    rng: &mut impl CryptoRng,
) -> Result<Server, AppError> {
    let failed = |error| AppError::Listen(address.to_string(), error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    Server::new(listener, platform, options, rng).map_err(failed)
}

fn secret(rng: &mut impl CryptoRng) -> String {
    format!("{:032x}", rng.random::<u128>())
}
