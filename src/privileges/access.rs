//! What file modes allow to which users.
//!
//! Without capabilities, modes bind root like any other user. Access lists and security modules are not read: what they
//! refuse shows when the socket is opened.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The ids that a file's mode is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The supplementary groups, in ascending order.
    pub(crate) groups: Vec<u32>,
}

/// A file or folder, with what decides who may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) path: PathBuf,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The nine bits of its mode.
    pub(crate) mode: u32,
}

/// A socket and the folders above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// The folders, each inside the next.
    pub(crate) folders: Vec<Owned>,
    pub(crate) socket: Owned,
}

/// What is at the path of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A folder above it that may not be entered.
    Closed(Owned),
    Missing,
    Other {
        is_folder: bool,
    },
    Socket(Way),
}

/// The bit of a class in a mode that lets it write to a file or connect to a socket.
pub(super) const WRITE: u32 = 0o2;
/// The bit that lets a class enter a folder.
pub(super) const ENTER: u32 = 0o1;

impl Ids {
    /// The same ids and the group of a socket, if they lack it.
    pub(crate) fn with_group_of(&self, way: &Way) -> Self {
        let mut ids = self.clone();
        let group = way.socket.gid;
        if ids.gid != group && !ids.groups.contains(&group) {
            ids.groups.push(group);
            ids.groups.sort_unstable();
        }
        ids
    }

    fn may(&self, bit: u32, file: &Owned) -> bool {
        // The first class that fits decides, even if a later one has more rights.
        let class = if self.uid == file.uid {
            6
        } else if self.gid == file.gid || self.groups.contains(&file.gid) {
            3
        } else {
            0
        };
        (file.mode >> class) & bit != 0
    }
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}, group {}", self.uid, self.gid)
    }
}

impl Owned {
    fn new(path: &Path, metadata: &fs::Metadata) -> Self {
        Self {
            path: path.to_owned(),
            uid: metadata.uid(),
            gid: metadata.gid(),
            mode: metadata.mode() & 0o777,
        }
    }
}

impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            uid,
            gid,
            mode,
        } = self;
        let path = path.display();
        write!(f, "{path} (owner {uid}, group {gid}, mode {mode:04o})")
    }
}

impl Way {
    pub(crate) fn is_open_to(&self, ids: &Ids) -> bool {
        self.first_closed_to(ids).is_none()
    }

    /// The first folder that these ids may not enter, or the socket if they may not write to it.
    pub(crate) fn first_closed_to(&self, ids: &Ids) -> Option<&Owned> {
        let mut folders = self.folders.iter().rev();
        let closed = folders.find(|folder| !ids.may(ENTER, folder));
        closed.or_else(|| (!ids.may(WRITE, &self.socket)).then_some(&self.socket))
    }
}

impl Found {
    pub(crate) fn at(path: &Path) -> Self {
        match fs::canonicalize(path) {
            Ok(real) => Self::there(&real).unwrap_or(Self::Missing),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                match fs::read_link(path) {
                    Ok(target) => Self::at(&path.with_file_name(target)),
                    Err(_) => Self::behind_closed_folder(path),
                }
            }
            Err(_) => Self::Missing,
        }
    }

    /// The deepest folder whose metadata can be read is the one that cannot be entered.
    fn behind_closed_folder(path: &Path) -> Self {
        let mut folders = path.ancestors().skip(1);
        let closed = folders.find_map(|folder| {
            let metadata = fs::metadata(folder).ok()?;
            Some(Self::Closed(Owned::new(folder, &metadata)))
        });
        closed.unwrap_or(Self::Missing)
    }

    fn there(real: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(real)?;
        if !metadata.file_type().is_socket() {
            return Ok(Self::Other {
                is_folder: metadata.is_dir(),
            });
        }
        let folders = real.ancestors().skip(1);
        let folders = folders.map(|folder| Ok(Owned::new(folder, &fs::metadata(folder)?)));
        Ok(Self::Socket(Way {
            folders: folders.collect::<io::Result<_>>()?,
            socket: Owned::new(real, &metadata),
        }))
    }
}
