//! Notices that files changed, however they were replaced: written over, renamed over, or a link on their path changed,
//! as Kubernetes does.
//!
//! It looks at the files again and again. Notices of the kernel would have to be set for every folder and link on the
//! paths, and for those that replace them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

/// How often it looks.
pub(crate) const EVERY: Duration = Duration::from_millis(250);

/// What tells one content of a file from another.
type Stamp = Option<(u64, u64, i64, i64, u64)>;

/// The files of TLS.
#[derive(Debug)]
pub(crate) struct Watch {
    files: Vec<PathBuf>,
    /// The files that were read.
    read: Vec<Stamp>,
    /// The files when it last looked.
    seen: Vec<Stamp>,
}

impl Watch {
    pub(crate) fn new(files: Vec<PathBuf>) -> Self {
        let read = stamps(&files);
        Self {
            files,
            seen: read.clone(),
            read,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether files must be read again: they changed, and not since it last looked, so that a certificate and its key
    /// are not read while one of them is still the old one.
    pub(crate) fn has_changed(&mut self) -> bool {
        let now = stamps(&self.files);
        let is_still = now == self.seen;
        self.seen = now;
        if !is_still || self.seen == self.read {
            return false;
        }
        self.read.clone_from(&self.seen);
        true
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamps = files.iter().map(|file| {
        let found = fs::metadata(file).ok()?;
        let (device, number) = (found.dev(), found.ino());
        Some((
            device,
            number,
            found.mtime(),
            found.mtime_nsec(),
            found.size(),
        ))
    });
    stamps.collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn notices_each_way_to_replace_a_file_once_it_is_done() {
        let folder = std::env::temp_dir().join(format!("dockgate-watch-{}", std::process::id()));
        fs::create_dir_all(folder.join("one")).unwrap();
        fs::create_dir_all(folder.join("two")).unwrap();
        let at = |name: &str| folder.join(name);
        fs::write(at("one/cert"), "1").unwrap();
        fs::write(at("two/cert"), "2").unwrap();
        symlink("one", at("data")).unwrap();
        let mut watch = Watch::new(vec![at("data/cert"), at("crl")]);
        assert!(!watch.has_changed() && !watch.is_empty());
        let mut changes = |what: &str| {
            assert!(!watch.has_changed(), "{what}: it may not be done yet");
            assert!(watch.has_changed(), "{what}");
            assert!(!watch.has_changed(), "{what}: once");
        };
        fs::write(at("one/cert"), "longer").unwrap();
        changes("written over");
        fs::write(at("one/new"), "longer").unwrap();
        fs::rename(at("one/new"), at("one/cert")).unwrap();
        changes("renamed over");
        symlink("two", at("new")).unwrap();
        fs::rename(at("new"), at("data")).unwrap();
        changes("another link");
        fs::write(at("crl"), "").unwrap();
        changes("a file that was missing");
        fs::remove_dir_all(&folder).unwrap();
    }
}
