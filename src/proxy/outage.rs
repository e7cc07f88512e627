//! Tells the operator that the daemon cannot be reached: each cause once, however many requests fail.

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::config::UpstreamAddress;
use crate::privileges::closed;
use crate::sync::lock;

/// How long a socket's file must refuse connections before Dockgate assumes that it is an old one.
/// A daemon that restarts needs less time.
const OLD: Duration = Duration::from_secs(10);

/// How long Dockgate does not repeat that there are no file descriptors left.
const QUIET: Duration = Duration::from_mins(1);

/// The time from a failed connection to the next successful one.
#[derive(Debug, Default)]
pub(crate) struct Outage(Mutex<Told>);

/// What was already reported about the current outage.
#[derive(Debug, Default)]
struct Told {
    that_it_is_away: bool,
    /// Why, in the words of the report.
    why: Option<String>,
    that_it_is_closed: bool,
    that_it_is_old: bool,
    /// Since when all attempts were refused.
    refused_since: Option<Instant>,
    /// When Dockgate last reported that there are no file descriptors left. A connection that
    /// ends frees one for the next, so this outlasts an outage.
    that_files_lack: Option<Instant>,
}

/// What to tell the operator now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tell {
    Away,
    NoFiles,
    Nothing,
    /// The socket's file has refused connections for this long.
    Old(Duration),
}

impl Outage {
    /// Notes a failed connection, and tells the operator if there is something new about it.
    pub(crate) fn failed(&self, daemon: &UpstreamAddress, error: &io::Error) {
        let now = Instant::now();
        let tell = if is_lack_of_files(error) {
            lock(&self.0).note_lack_of_files(now)
        } else {
            lock(&self.0).note(error.kind(), now)
        };
        match tell {
            Tell::Nothing => {}
            Tell::NoFiles => tracing::warn!(
                %error,
                "too many files are open for another connection to the daemon: raise the limit on open files, or \
                 lower `limits.connections`"
            ),
            Tell::Away => {
                let why = closed::explain(daemon, error).unwrap_or_else(|| error.to_string());
                tracing::warn!("{}", away(&daemon.to_string(), &why));
                lock(&self.0).why = Some(why);
            }
            Tell::Old(_) if matches!(daemon, UpstreamAddress::Tcp(_)) => {}
            Tell::Old(time) => {
                let seconds = time.as_secs();
                tracing::warn!(
                    upstream = %daemon,
                    "the socket has refused connections for {seconds} s: if the daemon was restarted and only the socket's file is mounted, this is the old socket: mount the file's folder instead, or restart this container"
                );
            }
        }
    }

    /// Why the daemon cannot be reached, in the words of the report to the operator.
    pub(crate) fn reported(&self) -> Option<String> {
        lock(&self.0).why.clone()
    }

    pub(crate) fn connected(&self) {
        let mut told = lock(&self.0);
        *told = Told {
            that_files_lack: told.that_files_lack,
            ..Told::default()
        };
    }
}

/// What the operator reads when the daemon cannot be reached.
pub(crate) fn away(daemon: &str, why: &str) -> String {
    format!("cannot reach the daemon at {daemon}: {why}. Requests get 502 until it answers.")
}

/// Whether this process or this system has no file descriptors left.
pub(crate) fn is_lack_of_files(error: &io::Error) -> bool {
    let errors = [Errno::MFILE, Errno::NFILE];
    errors
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

impl Told {
    fn note_lack_of_files(&mut self, now: Instant) -> Tell {
        let is_known = |told: Instant| now.duration_since(told) < QUIET;
        if self.that_files_lack.is_some_and(is_known) {
            return Tell::Nothing;
        }
        self.that_files_lack = Some(now);
        Tell::NoFiles
    }

    fn note(&mut self, kind: io::ErrorKind, now: Instant) -> Tell {
        let was_refused = kind == io::ErrorKind::ConnectionRefused;
        self.refused_since = self.refused_since.filter(|_| was_refused);
        if was_refused {
            let since = *self.refused_since.get_or_insert(now);
            let time = now.duration_since(since);
            if time >= OLD && !self.that_it_is_old {
                self.that_it_is_old = true;
                return Tell::Old(time);
            }
        }
        // A new socket that is closed to us is a different problem than the first.
        let is_closed = kind == io::ErrorKind::PermissionDenied;
        let is_new = !self.that_it_is_away || is_closed && !self.that_it_is_closed;
        self.that_it_is_away = true;
        self.that_it_is_closed |= is_closed;
        if is_new { Tell::Away } else { Tell::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};

    use super::*;

    #[test]
    fn each_thing_is_reported_once_in_an_outage() {
        let start = Instant::now();
        let old = |seconds| Tell::Old(Duration::from_secs(seconds));
        let mut told = Told::default();
        for (seconds, kind, want) in [
            (0, NotFound, Tell::Away),
            (1, NotFound, Tell::Nothing),
            (2, PermissionDenied, Tell::Away),
            (3, PermissionDenied, Tell::Nothing),
            (4, ConnectionRefused, Tell::Nothing),
            (13, ConnectionRefused, Tell::Nothing),
            (14, ConnectionRefused, old(10)),
            (99, ConnectionRefused, Tell::Nothing),
        ] {
            let seen = told.note(kind, start + Duration::from_secs(seconds));
            assert_eq!(seen, want, "{kind} after {seconds} s");
        }
    }

    #[test]
    fn a_socket_is_old_only_when_nothing_but_refusals_came_for_the_time() {
        let start = Instant::now();
        let mut told = Told::default();
        for (seconds, kind, want) in [
            (0, ConnectionRefused, Tell::Away),
            (9, ConnectionRefused, Tell::Nothing),
            // The folder is mounted, and the daemon is creating its socket.
            (10, NotFound, Tell::Nothing),
            (11, ConnectionRefused, Tell::Nothing),
            (20, ConnectionRefused, Tell::Nothing),
            (21, ConnectionRefused, Tell::Old(Duration::from_secs(10))),
        ] {
            let seen = told.note(kind, start + Duration::from_secs(seconds));
            assert_eq!(seen, want, "{kind} after {seconds} s");
        }
    }

    #[test]
    fn the_next_outage_is_reported_again() {
        let outage = Outage::default();
        let now = Instant::now();
        assert_eq!(lock(&outage.0).note(NotFound, now), Tell::Away);
        outage.connected();
        assert_eq!(lock(&outage.0).note(NotFound, now), Tell::Away);
    }

    #[test]
    fn a_lack_of_file_descriptors_is_reported_once_a_minute() {
        let outage = Outage::default();
        let start = Instant::now();
        for (seconds, want) in [
            (0, Tell::NoFiles),
            (1, Tell::Nothing),
            (59, Tell::Nothing),
            (60, Tell::NoFiles),
        ] {
            let now = start + Duration::from_secs(seconds);
            assert_eq!(lock(&outage.0).note_lack_of_files(now), want, "{seconds} s");
            outage.connected();
        }
    }
}
