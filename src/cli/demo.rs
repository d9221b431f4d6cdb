//! `zhibu demo`

use std::sync::Arc;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rand::CryptoRng;

use super::{StorageArgs, run::print};
use crate::{
    app::{self, AppError},
    config::Config,
    kernel::clock::Clock,
    storage::Database,
};

/// Flags of `demo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct DemoArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// Loads the demonstration district into an empty database.
pub(super) async fn run(config: &Config, clock: Clock, rng: &mut impl CryptoRng) -> Result<(), AppError> {
    let database = app::open_database(config, clock, false, rng).await?;
    let loaded = load(config, &database, rng).await;
    database.close().await;
    loaded?;
    print("the demonstration district is loaded\n")
}

/// The same, on an open database; the bar goes to standard error, where that is a terminal.
pub(super) async fn load(
    config: &Config,
    database: &Database,
    rng: &mut impl CryptoRng,
) -> Result<(), AppError> {
    let key = app::participant_key(config, rng)?;
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("演示数据 demonstration district {bar:40} {pos}/{len}")
    {
        bar.set_style(style);
    }
    let shown = bar.clone();
    let progress = Arc::new(move |done: u64, all: u64| {
        shown.set_length(all);
        shown.set_position(done);
    });
    let loaded = app::load_demo(database, &key, progress).await;
    bar.finish_and_clear();
    loaded
}
