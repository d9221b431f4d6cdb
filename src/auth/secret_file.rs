//! Files that hold a secret.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

/// Makes a file that only its owner can read, with its folder. Written whole under another name first, so that nobody
/// reads half a secret; fails with `AlreadyExists` where the file exists.
pub fn create(file: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    let draft = file.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&draft);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&draft)?;
    out.write_all(content)?;
    out.sync_all()?;
    let linked = match fs::hard_link(&draft, file) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
            // A file system without hard links.
            return fs::rename(&draft, file);
        }
        linked => linked,
    };
    // A draft that stays behind is in nobody's way.
    let _ = fs::remove_file(&draft);
    linked
}
