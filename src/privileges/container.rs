//! The ids under which the daemon could know the container that this process runs in.
//!
//! The mounts are the best source: the engine mounts files from the container's own folder, and its path contains the
//! full id. The host name is the beginning of the id, unless somebody set it.

use std::fs;

/// What is known about Dockgate's own container before the daemon is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Candidates {
    /// Full ids from the mounts, the most likely first.
    ids: Vec<String>,
    /// The host name, if it can be the beginning of an id.
    hostname: Option<String>,
    /// Whether this is a container.
    pub(crate) is_contained: bool,
}

/// The digits of a full id, and of the beginning that becomes the host name.
const DIGITS: usize = 64;
const SHORT_DIGITS: usize = 12;

impl Candidates {
    /// From what this process sees.
    pub(crate) fn of_this_process() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let marks = ["/.dockerenv", "/run/.containerenv"];
        let is_marked = marks.iter().any(|mark| fs::exists(mark).unwrap_or(false));
        Self::read(
            &read("/proc/self/mountinfo"),
            read("/proc/sys/kernel/hostname").trim(),
            is_marked,
        )
    }

    fn read(mounts: &str, hostname: &str, is_marked: bool) -> Self {
        let mut ids: Vec<String> = Vec::new();
        for mount in mounts.lines() {
            // The fourth field is the path within the file system that is mounted.
            let path = mount.split(' ').nth(3).unwrap_or_default();
            let mut folder = "";
            for part in path.split('/') {
                let is_id = folder.ends_with("containers") && is_hex(part, DIGITS);
                if is_id && !ids.iter().any(|known| known == part) {
                    ids.push(part.to_owned());
                }
                folder = part;
            }
        }
        let hostname = is_hex(hostname, SHORT_DIGITS).then(|| hostname.to_owned());
        Self {
            is_contained: is_marked || !ids.is_empty(),
            ids,
            hostname,
        }
    }

    /// The names to ask the daemon for, in this order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let hostname = self.hostname.as_ref().filter(|_| self.is_contained);
        self.ids.iter().chain(hostname).map(String::as_str)
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_id_in_the_mounts_of_docker_and_of_podman() {
        let id = "ab".repeat(32);
        for (mounts, hostname, is_marked, want) in [
            (
                format!(
                    "712 690 8:1 /var/lib/docker/containers/{id}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n\
                    713 690 8:1 /var/lib/docker/containers/{id}/hosts /etc/hosts rw - ext4 /dev/sda1 rw"
                ),
                "web",
                true,
                vec![id.as_str()],
            ),
            (
                format!(
                    "1 2 0:5 /containers/overlay-containers/{id}/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw"
                ),
                "abababababab",
                false,
                vec![id.as_str(), "abababababab"],
            ),
            (String::new(), "abababababab", true, vec!["abababababab"]),
            (String::new(), "abababababab", false, vec![]),
            (String::new(), "deadbeef", true, vec![]),
            (
                "1 2 0:5 /var/lib/docker/containers/short/hostname /etc/hostname rw".to_owned(),
                "web",
                true,
                vec![],
            ),
        ] {
            let candidates = Candidates::read(&mounts, hostname, is_marked);
            assert_eq!(
                candidates.names().collect::<Vec<_>>(),
                want,
                "{mounts} {hostname}"
            );
        }
    }
}
