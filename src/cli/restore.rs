//! `zhibu restore`

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use clap::Args;
use rand::CryptoRng;

use super::{StorageArgs, new_file::told, run::print, verify};
use crate::{
    app::{self, AppError},
    config::Config,
    kernel::clock::Clock,
    storage::{self, Location, backup},
};

/// Flags of `restore`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct RestoreArgs {
    /// A copy that `zhibu backup` made; it stays as it is
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Take the place of the database that is there; it is kept beside under a name with the time
    #[arg(long)]
    pub replace: bool,

    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// Puts a backup in the database's place. All that can fail is done with a copy of it in a folder beside: it is looked
/// through, migrated, begins a new incarnation of the change log, and is verified. Then it is renamed.
pub(super) async fn run(
    args: &RestoreArgs,
    config: &Config,
    clock: Clock,
    rng: &mut impl CryptoRng,
) -> Result<(), AppError> {
    let Location::Sqlite(database) = app::location(config) else {
        return Err(AppError::Other(
            "restore puts a SQLite file in its place. For PostgreSQL: pg_restore into a new database, then zhibu migrate \
             --restored (docs/operations.md, Restore)"
                .to_owned(),
        ));
    };
    app::make_data_dir(config)?;
    let alone = storage::hold_alone(&database).map_err(|error| told(&database, &error))?;
    let Some(_alone) = alone else {
        return Err(told(
            &database,
            &"a service or another command uses it; stop it first",
        ));
    };
    if database.exists() && !args.replace {
        return Err(told(
            &database,
            &"there is a database already; --replace takes its place and keeps it beside",
        ));
    }
    let named = |problem: &dyn std::fmt::Display| told(&args.file, problem);
    let folder = storage::folder_of(&database);
    let staging = tempfile::Builder::new()
        .prefix(".zhibu-restore-")
        .tempdir_in(folder)
        .map_err(|error| told(folder, &error))?;
    let copy = staging.path().join("zhibu.db");
    if let Some(left) = backup::left_beside(&args.file).map_err(|error| named(&error))? {
        return Err(named(&format!(
            "{} lies beside it, and it is not whole without; make one file of both: zhibu backup NEW --database-url sqlite://{}",
            left.display(),
            args.file.display()
        )));
    }
    copy_file(&args.file, &copy).map_err(|error| named(&error))?;
    let holding = backup::look_through(&copy).await.map_err(|fault| named(&fault))?;
    let kept = PathBuf::from(format!(
        "{}.replaced-{}",
        database.display(),
        clock.machine().format("%Y%m%dT%H%M%SZ")
    ));
    let incarnation = prepare(&copy, config, clock, rng).await?;
    let replaced = database.exists();
    belong(&copy, &database, folder)?;
    let step = |step| {
        tracing::debug!(?step, "restore");
        Ok(())
    };
    backup::put_in_place(&copy, &database, &kept, step)
        .await
        .map_err(|fault| told(&database, &fault))?;
    print(&format!(
        "{}: {} rows of {} tables; audit chain to position {}, head {}\nincarnation {incarnation} of the change log: \
         cursors of before are CURSOR_EXPIRED\n",
        database.display(),
        holding.rows,
        holding.tables,
        holding.position,
        hex::encode(holding.head),
    ))?;
    if replaced {
        print(&format!("the old database: {}\n", kept.display()))?;
    }
    let key = config.participant_key_file();
    if !key.exists() {
        print(&format!(
            "{} is not there: put the participants' key in its place before you start, or persons are counted anew\n",
            key.display()
        ))?;
    }
    Ok(())
}

/// Whoever opened the database that is replaced can open the new one; where there is none, whose the folder is.
fn belong(copy: &Path, database: &Path, folder: &Path) -> Result<(), AppError> {
    match fs::metadata(database) {
        Ok(replaced) => backup::take_after(copy, &replaced).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => told(
                database,
                &"it is another user's, who could not open what took its place; restore as that user, or as root",
            ),
            _ => told(copy, &error),
        })?,
        Err(_) => of_folder(copy, folder).map_err(|error| told(copy, &error))?,
    }
    File::open(copy)
        .and_then(|file| file.sync_all())
        .map_err(|error| told(copy, &error))
}

/// Gives a file to whose the folder is, as far as that can be: a folder may be lent to the service by its group.
fn of_folder(file: &Path, folder: &Path) -> io::Result<()> {
    match backup::take_after(file, &fs::metadata(folder)?) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

/// Copies for the owner only, to the disk.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut copy = options.open(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

/// Makes the service's database of a copy; gives the number of the change log's incarnation.
async fn prepare(
    copy: &Path,
    config: &Config,
    clock: Clock,
    rng: &mut impl CryptoRng,
) -> Result<i64, AppError> {
    let location = Location::Sqlite(copy.to_owned());
    let database = app::open_database_at(location, config, clock, true, rng).await?;
    let incarnation = database.incarnation().await?;
    let checked = verify::check(&database).await;
    database.close().await;
    checked?;
    backup::fold_in(copy).await?;
    File::open(copy)
        .and_then(|file| file.sync_all())
        .map_err(|error| told(copy, &error))?;
    Ok(incarnation.number)
}
