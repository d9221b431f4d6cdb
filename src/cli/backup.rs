//! `zhibu backup`

use std::path::PathBuf;

use clap::Args;

use super::{
    StorageArgs,
    new_file::{NewFile, told},
    run::print,
};
use crate::{
    app::{self, AppError},
    config::Config,
    storage::{self, Location, backup},
};

/// Flags of `backup`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct BackupArgs {
    /// Where the copy goes; a file that does not exist
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// Copies the SQLite database beside whoever uses it, looks the copy through, and gives it its name only then. It migrates
/// nothing: the service beside it may be of an older version.
pub(super) async fn run(args: &BackupArgs, config: &Config) -> Result<(), AppError> {
    let Location::Sqlite(database) = app::location(config) else {
        return Err(AppError::Other(
            "backup copies a SQLite file. For PostgreSQL: pg_dump --format=custom --file=FILE, or base backups with WAL \
             archiving (docs/operations.md, Backup)"
                .to_owned(),
        ));
    };
    if !database.is_file() {
        return Err(told(&database, &"there is no database"));
    }
    let shared = storage::share(&database).map_err(|error| told(&database, &error))?;
    if shared.is_none() {
        return Err(told(&database, &"it is being restored by another process"));
    }
    let file = NewFile::begin(&args.file)?;
    let named = |problem: &dyn std::fmt::Display| {
        AppError::Other(format!("backup of {}: {problem}", database.display()))
    };
    backup::copy(&database, file.temporary())
        .await
        .map_err(|error| named(&backup::CopyFault::from(error)))?;
    let holding = backup::look_through(file.temporary())
        .await
        .map_err(|fault| named(&fault))?;
    file.keep()?;
    print(&format!(
        "{}: {} rows of {} tables, {} bytes; audit chain to position {}, head {}\n\
         not in it: the participants' key, signing-key.pem, the configuration\n",
        args.file.display(),
        holding.rows,
        holding.tables,
        holding.bytes,
        holding.position,
        hex::encode(holding.head),
    ))
}
