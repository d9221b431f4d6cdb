//! `zhibu verify`

use clap::Args;
use rand::CryptoRng;

use super::{StorageArgs, run::print};
use crate::{
    app::{self, AppError},
    audit, branch,
    config::Config,
    health_check,
    kernel::clock::Clock,
    organization, points,
    storage::{Database, Location, backup},
    training,
};

/// Flags of `verify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct VerifyArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// Walks the audit chain and recomputes what is stored twice; fails where something does not hold.
pub(super) async fn run(config: &Config, clock: Clock, rng: &mut impl CryptoRng) -> Result<(), AppError> {
    let database = app::open_database(config, clock, false, rng).await?;
    let checked = check(&database).await;
    database.close().await;
    checked
}

/// The same over an open database.
pub(super) async fn check(database: &Database) -> Result<(), AppError> {
    let connection = database.reader();
    if matches!(database.location(), Location::Sqlite(_)) {
        let faults = backup::faults_of_file(connection).await?;
        if !faults.is_empty() {
            // What the rest would find is not worth reading.
            print(&format!("file: DAMAGED: {}\n", faults.join("; ")))?;
            return Err(AppError::Other("does not hold: file".to_owned()));
        }
        print("file: whole\n")?;
    }
    let chain = audit::store::verify(connection).await?;
    let mut wrong = Vec::new();
    match chain.broken_at {
        None => print(&format!(
            "audit chain: {} entries hold, {} not sealed yet, head {}\n",
            chain.sealed,
            chain.unsealed,
            hex::encode(chain.head)
        ))?,
        Some(position) => {
            print(&format!("audit chain: BROKEN at position {position}\n"))?;
            wrong.push("audit chain");
        }
    }
    for (what, differences) in [
        (
            "organization tree",
            organization::verify_closure(connection).await?,
        ),
        ("ends of terms", branch::verify_term_ends(connection).await?),
        ("attendances", training::verify_attendances(connection).await?),
        ("points", points::verify_totals(connection).await?),
        ("ranks", points::verify_scores(connection).await?),
        (
            "health checks",
            health_check::verify_scores(connection, database.rules()).await?,
        ),
    ] {
        if differences == 0 {
            print(&format!("{what}: agrees\n"))?;
        } else {
            print(&format!("{what}: {differences} rows DIFFER\n"))?;
            wrong.push(what);
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(AppError::Other(format!("does not hold: {}", wrong.join(", "))))
    }
}
