//! Who uses a SQLite file: an advisory lock (flock, LockFileEx) on a file beside it, which goes with the process that holds
//! it, however that ends.
//!
//! Whoever opens the database shares it; whoever replaces the file (`zhibu restore`) must have it alone.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::backup::take_after;

/// Where the lock of a database's file lies.
fn lock_file(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn open(database: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(lock_file(database))
}

fn taken(locked: Result<(), TryLockError>, file: File) -> io::Result<Option<File>> {
    match locked {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Shares the database with others; None while somebody replaces it. It lasts until the file is dropped.
pub fn share(database: &Path) -> io::Result<Option<File>> {
    let file = open(database)?;
    taken(file.try_lock_shared(), file)
}

/// Keeps others from the database; None while somebody uses it. It lasts until the file is dropped.
///
/// The lock is whose the database is, or whose the folder is: an administrator who holds it first must not lock the service out.
pub fn hold_alone(database: &Path) -> io::Result<Option<File>> {
    let file = open(database)?;
    let held = taken(file.try_lock(), file)?;
    if held.is_some() {
        let model = fs::metadata(database).or_else(|_| fs::metadata(folder_of(database)))?;
        match take_after(&lock_file(database), &model) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
    }
    Ok(held)
}

/// The folder that a file lies in.
pub fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
