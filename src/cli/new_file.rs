//! Files that commands make: whole, or not at all, and never over another one.

use std::{
    io,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::{
    app::AppError,
    storage::{backup::flush_folder, folder_of},
};

/// A file under a temporary name, readable by its owner only, in the folder of the name that it is to have. It is gone where
/// it is not [kept](Self::keep).
pub(super) struct NewFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// Begins one; fails where the name is taken already.
    pub(super) fn begin(path: &Path) -> Result<Self, AppError> {
        if path.symlink_metadata().is_ok() {
            return Err(told(path, &"it is there already, and nothing is written over"));
        }
        let folder = folder_of(path);
        let file = tempfile::Builder::new()
            .prefix(".zhibu-")
            .suffix(".part")
            .tempfile_in(folder)
            .map_err(|error| told(path, &error))?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// Its temporary name.
    pub(super) fn temporary(&self) -> &Path {
        self.file.path()
    }

    /// Where it is written to.
    pub(super) fn writer(&mut self) -> &mut impl io::Write {
        self.file.as_file_mut()
    }

    /// Gives it its name, once it is on the disk.
    pub(super) fn keep(self) -> Result<(), AppError> {
        let path = self.path;
        self.file
            .as_file()
            .sync_all()
            .map_err(|error| told(&path, &error))?;
        self.file
            .persist_noclobber(&path)
            .map_err(|error| told(&path, &error.error))?;
        flush_folder(&path).map_err(|error| told(&path, &error))
    }
}

/// What is wrong with a file.
pub(super) fn told(path: &Path, problem: &dyn std::fmt::Display) -> AppError {
    AppError::Other(format!("{}: {problem}", path.display()))
}
