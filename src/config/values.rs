//! Values of settings: words, ids, modes and rates.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::docker::closed::closed;

closed! {
    /// The lowest level of diagnostics that is shown.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    LogLevel, by as_str {
        /// Only errors.
        Error = "error",
        /// Warnings too.
        Warn = "warn",
        /// What an operator may want to know too.
        Info = "info",
        /// What a developer may want to know too.
        Debug = "debug",
    }
}

closed! {
    /// The form of lines in the audit log or on stderr.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    LineFormat, by as_str {
        /// JSON, for programs.
        Json = "json",
        /// Words, for people.
        Text = "text",
    }
}

closed! {
    /// What happens to requests while the audit log cannot be written.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    OnFailure, by as_str {
        /// They are denied.
        Refuse = "refuse",
        /// They continue without an audit record.
        Continue = "continue",
    }
}

closed! {
    /// The image whose variables are read, and how.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    Dialect, by as_str {
        /// Like Tecnativa's image, without what nobody expects to be allowed.
        Hardened = "hardened",
        /// Like LinuxServer's image.
        Linuxserver = "linuxserver",
        /// Like Tecnativa's image.
        Tecnativa = "tecnativa",
    }
}

closed! {
    /// What connections get that belong to no client.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    UnknownClient, by as_str {
        /// Nothing.
        Deny = "deny",
        /// What their listener's rules allow.
        Listener = "listener",
    }
}

/// Where the audit log is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error, between the diagnostics.
    Stderr,
    /// Nowhere.
    None,
    /// A file, appended to.
    File(PathBuf),
}

impl Output {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "stdout" => Some(Self::Stdout),
            "stderr" => Some(Self::Stderr),
            "none" => Some(Self::None),
            path => path.starts_with('/').then(|| Self::File(path.into())),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::Stderr => f.write_str("stderr"),
            Self::None => f.write_str("none"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// The user and the group of a process that is started as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// The user.
    pub uid: u32,
    /// The user's one group, besides that of the daemon's socket.
    pub gid: u32,
    /// Whether the operator set these. They are then used even if they cannot open the daemon's socket.
    pub is_set: bool,
}

impl RunAs {
    /// The default: a user that owns nothing on a usual system.
    pub const DEFAULT: Self = Self {
        uid: 65_532,
        gid: 65_532,
        is_set: false,
    };

    /// Reads `uid:gid`, both decimal numbers. Names are not known: an image need not have any.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (uid, gid) = text.split_once(':')?;
        Some(Self {
            uid: id(uid)?,
            gid: id(gid)?,
            is_set: true,
        })
    }
}

/// The largest number is not an id: to the kernel it means "unchanged".
pub(crate) fn id(text: &str) -> Option<u32> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|id| *id != u32::MAX);
    id.filter(|_| is_decimal)
}

/// Who may connect to a unix listener: what its file has from its first moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketAccess {
    /// The mode.
    pub mode: u32,
    /// The owner, if it is not the creator of the file.
    pub uid: Option<u32>,
    /// The group, if it is not that of the creator of the file.
    pub gid: Option<u32>,
}

impl SocketAccess {
    /// The default: for its owner and group.
    pub const DEFAULT: Self = Self {
        mode: 0o660,
        uid: None,
        gid: None,
    };
}

/// Reads `uid:gid`, of which either number may be left out.
pub(crate) fn owner(text: &str) -> Option<(Option<u32>, Option<u32>)> {
    let (uid, gid) = text.split_once(':')?;
    let part = |text: &str| match text {
        "" => Some(None),
        number => id(number).map(Some),
    };
    let (uid, gid) = (part(uid)?, part(gid)?);
    (uid.is_some() || gid.is_some()).then_some((uid, gid))
}

/// Reads a socket's mode, such as `0660`: three octal digits, with a zero before them or without. Somebody must be able
/// to write, because connecting needs that.
pub(crate) fn mode(text: &str) -> Option<u32> {
    let is_octal = text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let is_right = is_octal && (text.len() == 3 || text.len() == 4 && text.starts_with('0'));
    let mode = u32::from_str_radix(text, 8).ok();
    mode.filter(|mode| is_right && mode & 0o222 != 0)
}

/// The lowest rate of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadRate {
    /// How much must arrive in a second.
    pub bytes_per_second: u64,
    /// How long the daemon may be kept waiting beyond that.
    pub grace: Duration,
}

const UNITS: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("B", 1),
];

/// How many bytes a second a text says.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let mut units = UNITS.iter();
    let (number, unit) = units.find_map(|(name, size)| Some((text.strip_suffix(name)?, size)))?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<u64>().ok().filter(|_| is_number)?;
    let bytes = number.checked_mul(*unit)?;
    (1..=1 << 30).contains(&bytes).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_two_numbers_and_nothing_else() {
        let ids = |text| RunAs::parse(text).map(|run_as| (run_as.uid, run_as.gid));
        assert_eq!(ids("65532:65532"), Some((65_532, 65_532)));
        assert_eq!(ids("0:998"), Some((0, 998)));
        for text in [
            "",
            ":",
            "65532",
            "65532:",
            ":65532",
            "1:2:3",
            "+1:1",
            "-1:1",
            "1: 1",
            "0x1:1",
            "nobody:nogroup",
            "4294967295:1",
            "1:4294967295",
            "1:4294967296",
        ] {
            assert_eq!(ids(text), None, "{text}");
        }
    }

    #[test]
    fn an_owner_has_a_number_at_least() {
        for (text, want) in [
            ("1000:998", Some((Some(1000), Some(998)))),
            (":998", Some((None, Some(998)))),
            ("1000:", Some((Some(1000), None))),
            (":", None),
            ("1000", None),
            ("root:docker", None),
            (":4294967295", None),
        ] {
            assert_eq!(owner(text), want, "{text}");
        }
    }

    #[test]
    fn a_mode_is_octal_and_lets_somebody_connect() {
        for (text, want) in [
            ("0660", 0o660),
            ("660", 0o660),
            ("0600", 0o600),
            ("0777", 0o777),
            ("0002", 0o002),
        ] {
            assert_eq!(mode(text), Some(want), "{text}");
        }
        for text in [
            "", "0", "66", "6600", "1660", "00660", "0o660", "0680", "+660", "u+rw", "0444", "0000",
        ] {
            assert_eq!(mode(text), None, "{text}");
        }
    }

    #[test]
    fn a_rate_is_a_number_with_its_unit() {
        for (text, want) in [
            ("1B", Some(1)),
            ("16KiB", Some(16 << 10)),
            ("2MiB", Some(2 << 20)),
            ("1GiB", Some(1 << 30)),
            ("2GiB", None),
            ("0B", None),
            ("0", None),
            ("16", None),
            ("16 KiB", None),
            ("16kb", None),
            ("+1B", None),
            ("-1B", None),
            ("KiB", None),
            ("99999999999999999999KiB", None),
            ("18446744073709551615GiB", None),
            ("", None),
        ] {
            assert_eq!(bytes(text), want, "{text}");
        }
    }
}
