//! How many files the process may open: it needs two for each connection.

use rustix::process::{Resource, getrlimit, setrlimit};

/// The files that are open besides those of served connections: for connections that wait, the runtime, the audit log
/// and the listeners.
const OTHERS: u64 = 1024 + 32;

/// Raises the limit on open files as far as the system allows. Returns the limit, if there is one.
pub(crate) fn allow_all() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If this fails, the old limit stays.
    _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current
}

/// Warns if there are too few files: each connection needs one for the client and one for the daemon.
pub(crate) fn too_few(allowed: Option<u64>, connections: usize) -> Option<String> {
    let needed = u64::try_from(connections).map_or(u64::MAX, |count| count * 2 + OTHERS);
    allowed.filter(|allowed| *allowed < needed).map(|allowed| {
        format!(
            "warning: {allowed} open files are allowed, but limits.connections = {connections} may need \
             {needed}: raise the limit (`ulimits: {{ nofile: {needed} }}`), or lower `limits.connections`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_are_reported_with_what_to_write() {
        assert_eq!(too_few(None, 1024), None, "no limit");
        assert_eq!(too_few(Some(3104), 1024), None, "enough");
        let warning = too_few(Some(3103), 1024).unwrap();
        for part in ["3103 open files", "connections = 1024", "nofile: 3104"] {
            assert!(warning.contains(part), "{warning}");
        }
    }
}
