//! The kernel paths that engines hide in a container or make read-only.
//!
//! A list from the client replaces the engine's own. What the newest engine hides depends on its host, so
//! no client can send the complete list. A client that recreates a container from its inspection sends a
//! list that some engine made, and that counts as the engine's own. Any other list hides more or less.
//!
//! Source: `daemon/pkg/oci/defaults.go` of moby/moby, 20.10 to 29.

use crate::docker::Json;

/// Hidden by every engine.
const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
];

/// Also hidden by newer engines.
const MASKED_SINCE: &[&str] = &["/proc/interrupts", "/sys/devices/virtual/powercap"];

/// Made read-only by every engine.
const READ_ONLY: &[&str] = &[
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// Whether this is a list of hidden paths that an engine makes by itself.
pub(crate) fn are_masked_by_engines(paths: &Json) -> bool {
    is_list(paths, MASKED, |path| {
        MASKED_SINCE.contains(&path) || is_thermal_throttle(path)
    })
}

/// Whether this is a list of read-only paths that an engine makes by itself.
pub(crate) fn are_read_only_by_engines(paths: &Json) -> bool {
    is_list(paths, READ_ONLY, |_| false)
}

/// Whether a list has all of these paths, and no others except known ones.
fn is_list(paths: &Json, all: &[&str], is_known: fn(&str) -> bool) -> bool {
    all.iter().all(|path| paths.texts().any(|it| it == *path))
        && paths
            .texts()
            .all(|path| all.contains(&path) || is_known(path))
}

/// The path that newer engines hide for each of the host's processors.
fn is_thermal_throttle(path: &str) -> bool {
    let number = path
        .strip_prefix("/sys/devices/system/cpu/cpu")
        .and_then(|rest| rest.strip_suffix("/thermal_throttle"));
    number.is_some_and(|number| number.parse::<u16>().is_ok())
}
