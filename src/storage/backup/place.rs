//! A file in a database's place.

use std::{
    fs::{self, File, Metadata},
    io,
    path::{Path, PathBuf},
};

use sea_orm::{
    DbErr,
    sqlx::{self, ConnectOptions as _, Connection as _},
};

use super::{CopyFault, StoreError, options};
use crate::storage::folder_of;

/// What SQLite keeps beside a database: its write-ahead log, the log's index, and the journal of the other modes.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Brings what is in the `-wal` file of a database that nobody uses into the database's file, and takes the `-wal` away.
///
/// # Errors
///
/// Those of SQLite; also where another process has the file open, so that its `-wal` stays.
pub async fn fold_in(path: &Path) -> Result<(), StoreError> {
    let mut connection = options(path).connect().await?;
    let mode: Result<String, sqlx::Error> = sqlx::query_scalar("PRAGMA journal_mode = DELETE")
        .fetch_one(&mut connection)
        .await;
    connection.close().await?;
    match mode?.as_str() {
        "delete" => Ok(()),
        other => {
            let text = format!("{}: the journal stays in mode {other}", path.display());
            Err(StoreError::Unavailable(DbErr::Custom(text)))
        }
    }
}

/// A file of SQLite's beside a database.
fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A `-wal` or a `-journal` that lies beside a file and is not empty: then the file alone lacks what was committed last, or has half of
/// what was not.
///
/// # Errors
///
/// Those of the file system.
pub fn left_beside(file: &Path) -> io::Result<Option<PathBuf>> {
    // SQLite names them after the file that a link leads to.
    for name in [file.to_owned(), fs::canonicalize(file)?] {
        for suffix in ["-wal", "-journal"] {
            let left = beside(&name, suffix);
            match fs::metadata(&left) {
                Ok(found) if found.len() > 0 => return Ok(Some(left)),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(None)
}

/// Gives a file the owner of another, or of a folder, and a file's permissions. Under a folder it is its owner's only, and its group's
/// where the group may make files there itself.
///
/// # Errors
///
/// `PermissionDenied` where the process may not give the file away; the permissions are set by then.
pub fn take_after(file: &Path, model: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        const WRITTEN_BY_GROUP: u32 = 0o020;
        let mode = match (model.is_dir(), model.mode() & WRITTEN_BY_GROUP) {
            (false, _) => model.mode() & 0o777,
            (true, 0) => 0o600,
            (true, _) => 0o660,
        };
        fs::set_permissions(file, fs::Permissions::from_mode(mode))?;
        let own = fs::metadata(file)?;
        if (own.uid(), own.gid()) != (model.uid(), model.gid()) {
            chown(file, Some(model.uid()), Some(model.gid()))?;
        }
    }
    #[cfg(not(unix))]
    let _ = (file, model);
    Ok(())
}

/// What [`put_in_place`] has done, in this order. Between two of them a crash leaves one whole database under the name; only one that
/// was damaged already has lost its `-wal` from [`Step::Cleared`] on, which lies beside the kept one then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The old database is one file, or is damaged and lies as it lay.
    FoldedIn,
    /// It has its second name, on the disk.
    Kept,
    /// Nothing lies beside the name any more.
    Cleared,
    /// The new database has the name, on the disk.
    Placed,
}

/// Puts a prepared file in a database's place. Whoever holds the database [alone](crate::storage::hold_alone) may. What stood there
/// is kept under the name `kept`. At every instant one whole database has the name. `after` hears of each step, and ends it there with
/// an error.
///
/// The old `-wal` file must be gone before: SQLite would play it over the new file.
///
/// # Errors
///
/// Those of the file system, those of SQLite but for a damaged old database, and those of `after`. The name is the old database's
/// still, unless it was the last step.
pub async fn put_in_place(
    prepared: &Path,
    database: &Path,
    kept: &Path,
    mut after: impl FnMut(Step) -> io::Result<()>,
) -> Result<(), CopyFault> {
    if database.exists() {
        match fold_in(database).await {
            Ok(()) => {}
            // What cannot be opened is kept as it lies: SQLite may have brought what the -wal file holds into it as it closed it.
            Err(error) if error.is_damage() => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the old database is damaged; it is kept with its -wal file"
                );
                for suffix in BESIDE {
                    let file = beside(database, suffix);
                    if file.exists() {
                        copy_to_disk(&file, &beside(kept, suffix))?;
                    }
                }
            }
            Err(error) => return Err(error.into()),
        }
        after(Step::FoldedIn)?;
        keep(database, kept)?;
        flush_folder(kept)?;
        after(Step::Kept)?;
    }
    for suffix in BESIDE {
        match fs::remove_file(beside(database, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    flush_folder(database)?;
    after(Step::Cleared)?;
    fs::rename(prepared, database)?;
    flush_folder(database)?;
    after(Step::Placed)?;
    Ok(())
}

/// A second name for the file; a second file where the file system has no such names.
fn keep(database: &Path, kept: &Path) -> io::Result<()> {
    match fs::hard_link(database, kept) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => copy_to_disk(database, kept),
        linked => linked,
    }
}

/// A second file, over nothing, with the first one's owner as far as that can be; its name is not on the disk yet.
fn copy_to_disk(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let model = source.metadata()?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut copy = options.open(to)?;
    io::copy(&mut source, &mut copy)?;
    match take_after(to, &model) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
        _ => {}
    }
    copy.sync_all()
}

/// Makes sure that the names in a file's folder are on the disk.
pub fn flush_folder(file: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder_of(file))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
