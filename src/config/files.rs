//! Reads settings and policy files, but only if nobody else could have written them.
//!
//! The content of a file is decided by everybody who may write it, a folder on the way to it, or a link there.
//! Only root and the user that Dockgate runs as may do that. A read-only mount is accepted as it is: only its
//! mounter can change the file, and that cannot be seen from here.
//!
//! Source: `path_resolution(7)` and inode(7) of the Linux manual.

pub(crate) mod key;

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::StatVfsMountFlags;
use rustix::process::geteuid;

use crate::policyfile::spelling::nearest;
use crate::policyfile::{Library, Problem, shipped};

/// The longest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// How many links are followed, like in the kernel.
const MAX_LINKS: usize = 40;
/// The bit of a mode that lets everybody write.
const OTHERS_WRITE: u32 = 0o002;
/// The bit of a folder's mode that protects what belongs to others from being removed.
const STICKY: u32 = 0o1000;

/// All policies: the built-in ones, and files.
#[derive(Clone, Copy, Debug)]
pub struct Files;

impl Library for Files {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        if is_path(reference) {
            return read(Path::new(reference)).map(|text| (reference.to_owned(), text));
        }
        let shipped = shipped::text(reference).map(|text| (reference.to_owned(), text.to_owned()));
        shipped.ok_or_else(|| {
            let is_known = |word: &&str| shipped::text(word).is_some() || is_path(word);
            let words: Vec<_> = reference.split([' ', ',', ';']).filter(|word| !word.is_empty()).collect();
            if words.len() > 1 && words.iter().all(is_known) {
                let message = format!(
                    "these are {} policies: separate them with commas, {}, or in a file write [\"{}\"]",
                    words.len(),
                    words.join(","),
                    words.join("\", \"")
                );
                return Problem::of_file(reference, message);
            }
            let near = nearest(reference, shipped::ALL.iter().map(|(name, _)| *name));
            let hint = near.map_or(".".to_owned(), |near| format!(": did you mean \"{near}\"?"));
            let message = format!(
                "no built-in policy has this name{hint} A policy file needs a `/` in its path, or `.toml` at its end."
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

/// Whether a policy is given as a file.
fn is_path(reference: &str) -> bool {
    let extension = Path::new(reference).extension();
    reference.contains('/') || extension.is_some_and(|extension| extension == "toml")
}

/// Reads a file.
///
/// # Errors
///
/// It cannot be read, is not text, or others could have written it. The problem says what to do.
pub(crate) fn read(path: &Path) -> Result<String, Problem> {
    let file = path.display().to_string();
    let wrong = |message: String| Problem::of_file(&file, message);
    let refuse = |error: io::Error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        wrong(if error.kind() == io::ErrorKind::PermissionDenied {
            let (user, command) = (geteuid().as_raw(), on_host("chmod o+r", path));
            format!(
                "user {user} cannot read it: run {command}, and `chmod o+x` on the folders before it"
            )
        } else if missing && path.is_absolute() {
            "no such file: if Dockgate runs in a container, mount the file there".to_owned()
        } else if missing {
            "no such file in the working directory: write its whole path".to_owned()
        } else {
            format!("cannot be read: {error}")
        })
    };
    // Opening a pipe could wait for ever, and a running proxy with it.
    let found = fs::metadata(path).map_err(refuse)?;
    if found.is_dir() {
        return Err(wrong(FOLDER.to_owned()));
    } else if !found.is_file() {
        return Err(wrong("is not a regular file".to_owned()));
    }
    let opened = File::open(path).map_err(refuse)?;
    let found = opened.metadata().map_err(refuse)?;
    // The mount of a single file keeps the old file when the file is replaced on the host.
    if found.nlink() == 0 {
        return Err(wrong(REPLACED.to_owned()));
    }
    if found.permissions().mode() & OTHERS_WRITE != 0 {
        let message = format!("everybody can write it: run {}", on_host("chmod o-w", path));
        return Err(wrong(message));
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
        let message =
            format!("is longer than {MAX_FILE} bytes, more than any settings or policy file needs");
        return Err(wrong(message));
    }
    Ok(text)
}

const FOLDER: &str = "is a folder, not a file: Docker creates a folder where the source of a mount is missing. Remove it on the host, \
    put the file there, and create the container again";
const REPLACED: &str = "was replaced or deleted on the host, and the mount still shows the old file: restart the container, or mount \
    its folder instead";

/// A command for a path of this system, and for its source on the host if a container has it mounted.
fn on_host(command: &str, path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let here = format!("`{command} {}`", path.display());
    match source(&mounts, path) {
        None => here,
        Some((mount, source)) => {
            let (mount, source) = (mount.display(), source.display());
            format!("`{command} {source}` on the host, where {mount} is mounted from")
        }
    }
}

/// The mount that a path is on, and the path's place in the file system that is mounted there, if only a part of that
/// is: in a container, what `volumes` names.
///
/// Source: `proc_pid_mountinfo(5)`.
fn source(mounts: &str, path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(3);
        Some((Path::new(fields.next()?), Path::new(fields.next()?)))
    });
    let around = mounts.filter(|(_, mount)| path.starts_with(mount));
    let (root, mount) = around.max_by_key(|(_, mount)| mount.components().count())?;
    let rest = path.strip_prefix(mount).ok()?;
    let is_part = root != Path::new("/") && mount != Path::new("/");
    is_part.then(|| (mount.to_owned(), root.join(rest).components().collect()))
}

/// The owner of a file, if that is neither root nor the user of this process.
fn stranger(found: &Metadata) -> Option<u32> {
    let owner = found.uid();
    (owner != 0 && owner != geteuid().as_raw()).then_some(owner)
}

fn belongs(owner: u32, path: &Path) -> String {
    let command = on_host("chown 0", path);
    format!("user {owner} can write it: run {command}, or mount it read-only")
}

fn is_read_only(flags: StatVfsMountFlags) -> bool {
    flags.contains(StatVfsMountFlags::RDONLY)
}

/// Follows a path like the kernel, and reports the first folder or link on it with which others could replace this
/// file.
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

/// Why others could replace what is in a folder, if they could.
fn open_folder(folder: &Path) -> io::Result<Option<String>> {
    let found = fs::metadata(folder)?;
    let mode = found.permissions().mode();
    let (who, fix) = match stranger(&found) {
        _ if mode & OTHERS_WRITE != 0 && mode & STICKY == 0 => {
            ("everybody".to_owned(), "chmod o-w")
        }
        Some(owner) => (format!("user {owner}"), "chown 0"),
        None => return Ok(None),
    };
    let command = on_host(fix, folder);
    let message = format!(
        "{who} can replace it, through the folder {}: run {command}, or mount it read-only",
        folder.display()
    );
    Ok(is_mounted_writable(folder).then_some(message))
}

/// Whether a folder is on a file system that can be written to. One that does not say counts as such.
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
    fn the_advice_names_the_source_of_a_mount() {
        let mounts = "22 1 0:5 / / rw - overlay overlay rw\n\
            23 22 8:1 /srv/dockgate /etc/dockgate rw - ext4 /dev/sda1 rw\n\
            24 22 8:1 /srv/one.toml /policy.toml rw - ext4 /dev/sda1 rw\n\
            25 22 0:9 / /proc rw - proc proc rw\n";
        for (path, want) in [
            (
                "/etc/dockgate/policy.toml",
                Some(("/etc/dockgate", "/srv/dockgate/policy.toml")),
            ),
            ("/etc/dockgate", Some(("/etc/dockgate", "/srv/dockgate"))),
            ("/policy.toml", Some(("/policy.toml", "/srv/one.toml"))),
            ("/etc", None),
            ("/proc/self", None),
        ] {
            let want = want.map(|(mount, source)| (mount.into(), source.into()));
            assert_eq!(source(mounts, Path::new(path)), want, "{path}");
        }
    }

    #[test]
    fn a_folder_that_others_can_write_makes_its_files_theirs() {
        let scratch = Scratch::new("folder");
        let file = "inner/policy.toml";
        assert_eq!(read(&scratch.at(file)).unwrap(), "text");
        for folder in [scratch.at("inner"), scratch.0.clone()] {
            mode(&folder, 0o777);
            let want = format!(
                "everybody can replace it, through the folder {0}: run `chmod o-w {0}`, or mount it read-only",
                folder.display()
            );
            assert_eq!(scratch.refused(file), want);
            mode(&folder, 0o1777);
            assert!(read(&scratch.at(file)).is_ok(), "each has their own there");
            mode(&folder, 0o755);
            chown(&folder, Some(1000), None).unwrap();
            let want = format!(
                "user 1000 can replace it, through the folder {0}: run `chown 0 {0}`, or mount it read-only",
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
            "user 1000 can write it: run `chown 0 {}`, or mount it read-only",
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
                scratch.refused(file).starts_with("everybody can replace"),
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
