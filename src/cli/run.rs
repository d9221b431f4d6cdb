//! Running what was typed.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use rand::CryptoRng;

use super::{Cli, Command};
use crate::{
    app::{self, AppError},
    config::Config,
    graphql::schema,
    kernel::clock::Clock,
};

/// Runs a command; what it prints goes to standard output, what is wrong to standard error with exit code 1 (2 where
/// what was typed or configured is wrong).
pub async fn run(cli: &Cli, config: &Config, clock: Clock, rng: &mut impl CryptoRng) -> ExitCode {
    let done = match &cli.command {
        Command::Serve(args) => super::serve::run(args, config, clock, rng).await,
        Command::Init(_) => init(config, clock, rng).await,
        Command::Migrate(args) => migrate(args.restored, config, clock, rng).await,
        Command::Schema(_) => print(&schema::sdl()),
        Command::Demo(_) => super::demo::run(config, clock, rng).await,
        Command::Simulate(args) => super::simulate::run(args, clock, rng).await,
        Command::Token(args) => return super::token::run(args, config, &clock, rng),
        Command::Template(args) => super::template::run(args, config, clock, rng).await,
        Command::Verify(_) => super::verify::run(config, clock, rng).await,
        Command::Backup(args) => super::backup::run(args, config).await,
        Command::Restore(args) => super::restore::run(args, config, clock, rng).await,
        Command::Audit(args) => super::audit::run(args, config, clock, rng).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed as well there is nobody left to tell.
            let _ = writeln!(io::stderr(), "zhibu: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output; a closed pipe is an error in words, not a panic.
pub(super) fn print(text: &str) -> Result<(), AppError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| AppError::Other(format!("standard output: {error}")))
}

async fn init(config: &Config, clock: Clock, rng: &mut impl CryptoRng) -> Result<(), AppError> {
    let (Some(code), Some(name)) = (
        &config.organization.district_code,
        &config.organization.district_name,
    ) else {
        return Err(AppError::Other(
            "init needs --district-code and --district-name, or organization.district_code and \
             organization.district_name in the configuration"
                .to_owned(),
        ));
    };
    let database = app::open_database(config, clock, false, rng).await?;
    let made = app::init(&database, code, name).await;
    database.close().await;
    made?;
    print(&format!("{code} {name}\n"))
}

async fn migrate(
    restored: bool,
    config: &Config,
    clock: Clock,
    rng: &mut impl CryptoRng,
) -> Result<(), AppError> {
    let database = app::open_database(config, clock, restored, rng).await?;
    let incarnation = database.incarnation().await?;
    database.close().await;
    print(&format!(
        "up to date; incarnation {} of the change log\n",
        incarnation.number
    ))
}
