//! Reads keys.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::process::{getegid, geteuid};

use super::{on_host, read};
use crate::policyfile::Problem;

/// Reads a file that not everybody should be able to read.
///
/// # Errors
///
/// As [`read`], with advice that leaves it secret.
pub(crate) fn read_key(path: &Path) -> Result<String, Problem> {
    let is_closed =
        File::open(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    if !is_closed {
        return read(path);
    }
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let group_command = on_host(&format!("chgrp {group}"), path);
    let mode_command = on_host("chmod 640", path);
    let message =
        format!("user {user} cannot read this key: run {group_command} and {mode_command}");
    Err(Problem::of_file(&path.display().to_string(), message))
}
