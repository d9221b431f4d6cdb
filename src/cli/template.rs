//! `zhibu template`

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};
use rand::CryptoRng;

use super::{StorageArgs, run::print};
use crate::{
    app::{self, AppError},
    campaign::template::{publish, read},
    config::Config,
    kernel::clock::Clock,
    storage::write::{Actor, Outcome},
};

/// What can be done with templates of health checks.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct TemplateArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TemplateCommand,
}

/// What can be done with them.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TemplateCommand {
    /// Publish the template of a file as the next version; campaigns opened from then on follow it
    Publish(PublishArgs),
}

/// Flags of `template publish`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct PublishArgs {
    /// JSON: {"items": [{"code", "aspect", "domain", "nameZh", "nameEn", "verification", "weight", "mandatory"}, …]}
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// Checks the file, all of it, before anything is opened.
pub(super) async fn run(
    args: &TemplateArgs,
    config: &Config,
    clock: Clock,
    rng: &mut impl CryptoRng,
) -> Result<(), AppError> {
    let TemplateCommand::Publish(args) = &args.command;
    let named = |problem: &dyn std::fmt::Display| format!("{}: {problem}", args.file.display());
    let text = fs::read_to_string(&args.file).map_err(|error| AppError::Other(named(&error)))?;
    let items = read(&text).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(|fault| named(fault)).collect();
        AppError::Other(faults.join("\n"))
    })?;
    let database = app::open_database(config, clock, false, rng).await?;
    let written = database
        .write(Actor::service("template"), None, items, |write, items| {
            Box::pin(publish(write, items))
        })
        .await;
    database.close().await;
    match written?.outcome {
        Outcome::Done(version) => print(&format!("template version {version} is published\n")),
        Outcome::Refused(refusals) => Err(AppError::Refused(refusals)),
    }
}
