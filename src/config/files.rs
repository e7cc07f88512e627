//! Reading the settings and the policies: a file that says what is granted, unless somebody else could have
//! written it.
//!
//! Whoever may write the file, or a folder on the way to it, or one of the links there, says what it
//! holds. That is to be root or the user that Dockgate runs as. What is mounted read-only is taken as
//! it is: whoever can write it is beyond what can be seen from here, and has mounted it.
//!
//! Source: `path_resolution(7)` and inode(7) of the Linux manual.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::StatVfsMountFlags;
use rustix::process::geteuid;

use crate::policyfile::spelling::did_you_mean;
use crate::policyfile::{Library, Problem, shipped};

/// The longest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// How many links are followed, as in the kernel.
const MAX_LINKS: usize = 40;
/// The bit of a mode that lets everybody write.
const OTHERS_WRITE: u32 = 0o002;
/// The bit of a folder's mode that lets nobody remove what belongs to others.
const STICKY: u32 = 0o1000;

/// The policies that can be named: shipped ones, and files.
#[derive(Clone, Copy, Debug)]
pub struct Files;

impl Library for Files {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        if is_path(reference) {
            return read(Path::new(reference)).map(|text| (reference.to_owned(), text));
        }
        let shipped = shipped::text(reference).map(|text| (reference.to_owned(), text.to_owned()));
        shipped.ok_or_else(|| {
            let hint = did_you_mean(reference, shipped::ALL.iter().map(|(name, _)| *name));
            let message = format!(
                "no shipped policy has this name{hint}; a file is named by a path with a `/`, or \
                 with `.toml` at its end"
            );
            Problem::of_file(reference, message)
        })
    }

    fn file(&self, reference: &str) -> String {
        let path = is_path(reference).then(|| fs::canonicalize(reference).ok());
        let path = path.flatten().map(|path| path.display().to_string());
        path.unwrap_or_else(|| reference.to_owned())
    }
}

/// Whether a policy is named by its file.
fn is_path(reference: &str) -> bool {
    let extension = Path::new(reference).extension();
    reference.contains('/') || extension.is_some_and(|extension| extension == "toml")
}

/// Reads a file.
///
/// # Errors
///
/// It cannot be read, is no text, or could have been written by others; the problem says what to do.
pub(super) fn read(path: &Path) -> Result<String, Problem> {
    let file = path.display().to_string();
    let wrong = |message: String| Problem::of_file(&file, message);
    let refuse = |error: io::Error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        wrong(if missing && path.is_absolute() {
            "there is no such file: where Dockgate is in a container, mount it there".to_owned()
        } else if missing {
            "there is no such file: write its whole path".to_owned()
        } else {
            format!("cannot be read: {error}")
        })
    };
    // Opening a pipe could wait for ever, and a running proxy with it.
    if !fs::metadata(path).map_err(refuse)?.is_file() {
        return Err(wrong("is no regular file: name one".to_owned()));
    }
    let opened = File::open(path).map_err(refuse)?;
    let found = opened.metadata().map_err(refuse)?;
    // A file that is mounted by itself stays mounted when another one takes its place outside.
    if found.nlink() == 0 {
        return Err(wrong(REPLACED.to_owned()));
    }
    if found.permissions().mode() & OTHERS_WRITE != 0 {
        return Err(wrong(format!("anybody can write it: chmod o-w {file}")));
    }
    let is_writable = || rustix::fs::fstatvfs(&opened).is_ok_and(|at| !is_read_only(at.f_flag));
    if let Some(owner) = stranger(&found).filter(|_| is_writable()) {
        return Err(wrong(belongs(owner, path)));
    }
    if let Some(message) = way_of_others(path).map_err(refuse)? {
        return Err(wrong(message));
    }
    let mut text = String::new();
    let read = opened.take(MAX_FILE + 1).read_to_string(&mut text);
    let length = read.map_err(refuse)?;
    if u64::try_from(length).is_ok_and(|length| length > MAX_FILE) {
        let message = format!("is longer than {MAX_FILE} bytes: no settings or policy are");
        return Err(wrong(message));
    }
    Ok(text)
}

const REPLACED: &str = "was replaced or deleted where it is mounted from, and what is mounted is still the old one: restart the container, or mount its folder instead";

/// The owner of a file, if that is neither root nor the user of this process.
fn stranger(found: &Metadata) -> Option<u32> {
    let owner = found.uid();
    (owner != 0 && owner != geteuid().as_raw()).then_some(owner)
}

fn belongs(owner: u32, path: &Path) -> String {
    let path = path.display();
    format!("user {owner} can write it: `chown 0 {path}`, or mount it read-only")
}

fn is_read_only(flags: StatVfsMountFlags) -> bool {
    flags.contains(StatVfsMountFlags::RDONLY)
}

/// Follows a path as the kernel does, and tells of the first folder or link on it by which others could
/// replace this file.
fn way_of_others(path: &Path) -> io::Result<Option<String>> {
    let mut left: Vec<PathBuf> = components(&std::path::absolute(path)?);
    let (mut at, mut links) = (PathBuf::from("/"), 0);
    while let Some(name) = left.pop() {
        if name == Path::new("..") {
            at.pop();
            continue;
        }
        // An absolute name begins at the root again.
        let next = at.join(name);
        if next.parent().is_none() {
            at = next;
            continue;
        }
        if let Some(message) = open_folder(&at)? {
            return Ok(Some(message));
        }
        let found = fs::symlink_metadata(&next)?;
        if !found.is_symlink() {
            at = next;
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(rustix::io::Errno::LOOP.into());
        }
        if let Some(owner) = stranger(&found).filter(|_| is_mounted_writable(&at)) {
            return Ok(Some(belongs(owner, &next)));
        }
        left.extend(components(&fs::read_link(&next)?));
    }
    Ok(None)
}

/// The names of a path, the first one last.
fn components(path: &Path) -> Vec<PathBuf> {
    let names = path.components().rev();
    let names = names.filter(|name| *name != Component::CurDir);
    names.map(|name| name.as_os_str().into()).collect()
}

/// Why others could exchange what is in a folder, if they could.
fn open_folder(folder: &Path) -> io::Result<Option<String>> {
    let found = fs::metadata(folder)?;
    let mode = found.permissions().mode();
    let (who, mend) = match stranger(&found) {
        _ if mode & OTHERS_WRITE != 0 && mode & STICKY == 0 => ("anybody".to_owned(), "chmod o-w"),
        Some(owner) => (format!("user {owner}"), "chown 0"),
        None => return Ok(None),
    };
    let message = format!(
        "{who} can put another file in its place: `{mend} {}`, or mount it read-only",
        folder.display()
    );
    Ok(is_mounted_writable(folder).then_some(message))
}

/// Whether a folder is in a file system that can be written to. One that does not say can.
fn is_mounted_writable(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).map_or(true, |at| !is_read_only(at.f_flag))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, lchown, symlink};

    use super::*;

    /// A folder of these tests, which root runs.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let name = format!("dockgate-guarded-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(path.join("inner")).unwrap();
            fs::write(path.join("inner/policy.toml"), "text").unwrap();
            Self(path)
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        fn refused(&self, name: &str) -> String {
            read(&self.at(name)).unwrap_err().message
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_that_was_replaced_is_not_read_on() {
        use std::os::fd::AsRawFd;
        let scratch = Scratch::new("replaced");
        let file = scratch.at("inner/policy.toml");
        let held = File::open(&file).unwrap();
        let mounted = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
        assert_eq!(read(&mounted).unwrap(), "text");
        // As editors and `sed -i` do.
        fs::write(scratch.at("inner/new"), "other").unwrap();
        fs::rename(scratch.at("inner/new"), &file).unwrap();
        assert_eq!(read(&mounted).unwrap_err().message, REPLACED);
        assert_eq!(read(&file).unwrap(), "other");
    }

    #[test]
    fn a_folder_that_others_can_write_makes_its_files_theirs() {
        let scratch = Scratch::new("folder");
        let file = "inner/policy.toml";
        assert_eq!(read(&scratch.at(file)).unwrap(), "text");
        for folder in [scratch.at("inner"), scratch.0.clone()] {
            mode(&folder, 0o777);
            let want = format!(
                "anybody can put another file in its place: `chmod o-w {}`, or mount it read-only",
                folder.display()
            );
            assert_eq!(scratch.refused(file), want);
            mode(&folder, 0o1777);
            assert!(read(&scratch.at(file)).is_ok(), "each has their own there");
            mode(&folder, 0o755);
            chown(&folder, Some(1000), None).unwrap();
            let want = format!(
                "user 1000 can put another file in its place: `chown 0 {}`, or mount it read-only",
                folder.display()
            );
            assert_eq!(scratch.refused(file), want);
            chown(&folder, Some(0), None).unwrap();
        }
    }

    #[test]
    fn a_file_of_another_user_is_not_read() {
        let scratch = Scratch::new("owner");
        let file = scratch.at("inner/policy.toml");
        chown(&file, Some(1000), None).unwrap();
        let want = format!(
            "user 1000 can write it: `chown 0 {}`, or mount it read-only",
            file.display()
        );
        assert_eq!(scratch.refused("inner/policy.toml"), want);
    }

    #[test]
    fn every_link_and_every_folder_on_the_way_counts() {
        let scratch = Scratch::new("links");
        fs::create_dir(scratch.at("others")).unwrap();
        symlink("../inner", scratch.at("others/link")).unwrap();
        symlink(
            scratch.at("others/link/./policy.toml"),
            scratch.at("entry.toml"),
        )
        .unwrap();
        for file in [
            "others/link/policy.toml",
            "entry.toml",
            "others/../entry.toml",
        ] {
            assert!(read(&scratch.at(file)).is_ok(), "{file}");
            mode(&scratch.at("others"), 0o777);
            assert!(
                scratch.refused(file).starts_with("anybody can put"),
                "{file}"
            );
            mode(&scratch.at("others"), 0o1777);
            lchown(scratch.at("others/link"), Some(1000), None).unwrap();
            if file != "others/../entry.toml" {
                assert!(
                    scratch.refused(file).starts_with("user 1000 can write it"),
                    "{file}"
                );
            }
            lchown(scratch.at("others/link"), Some(0), None).unwrap();
        }
    }
}
