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
    simulate::List,
    storage::Database,
};

/// Flags of `demo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct DemoArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// Loads the demonstration district into an empty database and books its points; goes on where it was cut short.
pub(super) async fn run(config: &Config, clock: Clock, rng: &mut impl CryptoRng) -> Result<(), AppError> {
    let database = app::open_database(config, clock, false, rng).await?;
    let filled = async {
        // One that is there already may lack its points.
        if !app::pin_business_date(&database).await? {
            load(config, &database, rng).await?;
        }
        book(&database, super::simulate::list()?).await
    }
    .await;
    database.close().await;
    let booked = filled?;
    print(&format!(
        "the demonstration district is loaded, {booked} entries of points have been booked\n"
    ))
}

/// Loads the district into an open database that is empty.
pub(super) async fn load(
    config: &Config,
    database: &Database,
    rng: &mut impl CryptoRng,
) -> Result<(), AppError> {
    let key = app::participant_key(config, rng)?;
    let bar = bar("演示数据 demonstration district");
    let shown = bar.clone();
    let progress = Arc::new(move |done: u64, all: u64| show(&shown, done, all));
    let loaded = app::load_demo(database, &key, progress).await;
    bar.finish_and_clear();
    loaded
}

/// Books the points of a district that is loaded; gives how many entries were booked now.
pub(super) async fn book(database: &Database, list: Arc<List>) -> Result<u64, AppError> {
    let bar = bar("演示积分 points");
    let shown = bar.clone();
    let progress = Arc::new(move |done: u64, all: u64| show(&shown, done, all));
    let booked = app::book_demo(database, list, progress).await;
    bar.finish_and_clear();
    booked
}

/// A bar on standard error, where that is a terminal.
fn bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(&format!("{what} {{bar:40}} {{pos}}/{{len}}")) {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, done: u64, all: u64) {
    bar.set_length(all);
    bar.set_position(done);
}
