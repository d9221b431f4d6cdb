//! The trusted documents of a deployment: manifest files, read at start and again when they change.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use super::ZhibuEngine;
use crate::graphql::{
    engine::TrustFault,
    manifest::{self, Entry, ManifestError},
};

/// The largest manifest that is read: some thousands of documents.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// How many faults of documents are told at once.
const MOST_FAULTS: usize = 10;

/// Why the manifests cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustedError {
    /// A file cannot be read.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file is no manifest.
    #[error("{}: {cause}", path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: ManifestError,
    },
    /// Documents that could not be run.
    #[error("{}", .0.iter().take(MOST_FAULTS).map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Documents(Vec<TrustFault>),
}

/// What tells whether a file is another one than before.
type Stamp = Vec<Option<(SystemTime, u64)>>;

/// The manifests and the engine that trusts what they hold.
#[derive(Clone)]
pub struct TrustedDocuments {
    engine: Arc<ZhibuEngine>,
    files: Arc<[PathBuf]>,
    seen: Arc<Mutex<Stamp>>,
}

impl TrustedDocuments {
    /// Trusts what the files hold.
    ///
    /// # Errors
    ///
    /// [`TrustedError`]: a service that refused the documents of its own front-ends would better not start.
    pub fn load(engine: Arc<ZhibuEngine>, files: &[PathBuf]) -> Result<Self, TrustedError> {
        let trusted = Self {
            engine,
            files: files.into(),
            seen: Arc::default(),
        };
        trusted.reload()?;
        Ok(trusted)
    }

    /// Reads the files again where one has changed; gives how many documents are trusted then. Where they cannot be used, what
    /// was trusted before stays so until they change again.
    pub fn reload(&self) -> Result<Option<usize>, TrustedError> {
        let stamp: Stamp = self.files.iter().map(|file| stamp(file)).collect();
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == stamp {
                return Ok(None);
            }
            *seen = stamp;
        }
        let mut entries: Vec<Entry> = Vec::new();
        for file in self.files.iter() {
            let read = read(file);
            if let Err(TrustedError::File { .. }) = &read {
                // It may be readable the next time.
                self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
            entries.extend(read?);
        }
        let trusted = self.engine.trust(entries).map_err(TrustedError::Documents)?;
        Ok(Some(trusted))
    }

    /// Looks at the files, beside everything else; says what became of it.
    pub async fn look(&self) {
        if self.files.is_empty() {
            return;
        }
        let this = self.clone();
        match tokio::task::spawn_blocking(move || this.reload()).await {
            Ok(Ok(Some(documents))) => tracing::info!(documents, "trusted documents were read again"),
            Ok(Err(error)) => {
                tracing::warn!(%error, "trusted documents stay as they were: the new ones cannot be used");
            }
            Ok(Ok(None)) | Err(_) => {}
        }
    }
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(file: &Path) -> Result<Vec<Entry>, TrustedError> {
    let wrong = |cause| TrustedError::File {
        path: file.to_owned(),
        cause,
    };
    if fs::metadata(file).map_err(wrong)?.len() > MOST_BYTES {
        return Err(wrong(io::ErrorKind::FileTooLarge.into()));
    }
    let text = fs::read_to_string(file).map_err(wrong)?;
    manifest::read(&text).map_err(|cause| TrustedError::Manifest {
        path: file.to_owned(),
        cause,
    })
}
