//! How many files the process may have open: two for each connection.

use rustix::process::{Resource, getrlimit, setrlimit};

/// The files that are open without any connection: the runtime's, the record's, the listeners'.
const OTHERS: u64 = 32;

/// Lets the process have as many open files as the system allows. How many that is, unless it is
/// without bound.
pub(crate) fn allow_all() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // What was allowed before is allowed still.
    _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current
}

/// Warns of connections that there are no files for: each takes one here and one at the daemon.
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
    fn too_few_are_told_with_what_to_write() {
        assert_eq!(too_few(None, 1024), None, "without bound");
        assert_eq!(too_few(Some(2080), 1024), None, "enough");
        let told = too_few(Some(2079), 1024).unwrap();
        for part in ["2079 open files", "connections = 1024", "nofile: 2080"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
