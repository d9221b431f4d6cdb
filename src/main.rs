//! Parse the command line and run it.

use std::process::ExitCode;

use clap::Parser as _;
use rand::SeedableRng as _;
use zhibu::{cli::Cli, config::LogFormat, kernel::clock::Clock};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match cli.load_config(std::env::vars_os()) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::from(2);
        }
    };
    // What exports telemetry must not tell of itself what it would export again; a directive of the operator's for it still counts.
    let filter = format!("opentelemetry=off,{}", config.log.filter);
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_default();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Colour is for terminals: a file full of escapes is hard to search.
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    match config.log.format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    std::panic::set_hook(Box::new(zhibu::telemetry::panics::log));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("zhibu: {error}");
            return ExitCode::FAILURE;
        }
    };
    // The one generator of the process, seeded by the operating system; everything else is handed it.
    let mut rng = match rand_chacha::ChaCha20Rng::try_from_rng(&mut rand::rngs::SysRng) {
        Ok(rng) => rng,
        Err(error) => {
            eprintln!("zhibu: no randomness from the operating system: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(zhibu::cli::run(&cli, &config, Clock::system(), &mut rng))
}
