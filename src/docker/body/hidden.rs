//! The paths of the kernel that engines hide in a container, or let it only read.
//!
//! A list that a client sends takes the place of the engine's own. What the newest engine hides depends on
//! its host, so no client can send all of it: a list that some engine makes by itself, as whoever makes a
//! container again from its inspection sends it, means the engine's own list. Any other is more or less.
//!
//! Source: `daemon/pkg/oci/defaults.go` of moby/moby, of 20.10 to 29.

use crate::docker::Json;

/// What every engine hides.
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

/// What newer engines hide too.
const MASKED_SINCE: &[&str] = &["/proc/interrupts", "/sys/devices/virtual/powercap"];

/// What every engine lets a container only read.
const READ_ONLY: &[&str] = &[
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// Whether a list of hidden paths is one that an engine makes by itself.
pub(crate) fn are_masked_by_engines(paths: &Json) -> bool {
    is_list(paths, MASKED, |path| {
        MASKED_SINCE.contains(&path) || is_thermal_throttle(path)
    })
}

/// Whether a list of read-only paths is one that an engine makes by itself.
pub(crate) fn are_read_only_by_engines(paths: &Json) -> bool {
    is_list(paths, READ_ONLY, |_| false)
}

/// Whether a list has all of these, and beside them only what is known too.
fn is_list(paths: &Json, all: &[&str], is_known: fn(&str) -> bool) -> bool {
    all.iter().all(|path| paths.texts().any(|it| it == *path))
        && paths
            .texts()
            .all(|path| all.contains(&path) || is_known(path))
}

/// What newer engines hide for each processor that their host has.
fn is_thermal_throttle(path: &str) -> bool {
    let number = path
        .strip_prefix("/sys/devices/system/cpu/cpu")
        .and_then(|rest| rest.strip_suffix("/thermal_throttle"));
    number.is_some_and(|number| number.parse::<u16>().is_ok())
}
