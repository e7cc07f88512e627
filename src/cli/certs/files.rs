//! Writes the files so that a server that reads them never sees half of one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Everybody,
    /// Its owner, and the group that Dockgate and other programs in distroless images run as.
    Group,
    OwnerOnly,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", path.display())]
pub(super) struct FileError {
    path: PathBuf,
    message: String,
}

impl FileError {
    pub(super) fn of(path: &Path, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            message: message.into(),
        }
    }
}

/// The group that Dockgate runs as.
const GROUP: u32 = 65_532;

pub(super) fn make_folder(path: &Path) -> Result<(), FileError> {
    let made = fs::create_dir_all(path);
    made.map_err(|error| FileError::of(path, format!("cannot be created: {error}")))
}

pub(super) fn read(path: &Path) -> Result<String, FileError> {
    let read = fs::read_to_string(path);
    read.map_err(|error| FileError::of(path, format!("cannot be read: {error}")))
}

/// Replaces a file at once. Returns what to tell if the file could not get its group.
pub(super) fn write(path: &Path, text: &str, access: Access) -> Result<Option<String>, FileError> {
    let failed = |error: io::Error| FileError::of(path, format!("cannot be written: {error}"));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    // Left over from a command that was interrupted, perhaps with another mode.
    _ = fs::remove_file(&new);
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new);
    let mut file = opened.map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let mut told = None;
    if access == Access::Group && std::os::unix::fs::fchown(&file, None, Some(GROUP)).is_err() {
        told = Some(format!(
            "warning: {} does not belong to group {GROUP}, because only root can do that: run `chgrp {GROUP} {}`, \
             so that Dockgate can read it",
            path.display(),
            path.display()
        ));
    }
    let mode = match access {
        Access::Everybody => 0o644,
        Access::Group => 0o640,
        Access::OwnerOnly => 0o600,
    };
    let mode = fs::Permissions::from_mode(mode);
    file.set_permissions(mode).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&new, path).map_err(failed)?;
    Ok(told)
}
