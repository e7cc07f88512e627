//! The events that the daemon reports.

/// The attributes that the daemon sets, beside labels. Nothing tells a label of such a name from them.
pub(crate) const ATTRIBUTES: [&str; 15] = [
    "comment",
    "container",
    "destination",
    "driver",
    "execDuration",
    "execID",
    "exitCode",
    "height",
    "image",
    "imageID",
    "imageRef",
    "name",
    "oldName",
    "signal",
    "width",
];
