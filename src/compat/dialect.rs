//! The images whose variables are read, and how.

/// How the variables are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// As Tecnativa's, less what nobody expects to be open.
    Hardened,
    /// As LinuxServer's image.
    Linuxserver,
    /// As Tecnativa's image.
    Tecnativa,
}

impl Dialect {
    /// The dialects by their names in the settings.
    pub(crate) const ALL: &[(&str, Self)] = &[
        ("hardened", Self::Hardened),
        ("linuxserver", Self::Linuxserver),
        ("tecnativa", Self::Tecnativa),
    ];

    pub(crate) fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(_, dialect)| *dialect == self);
        named.map_or("", |(name, _)| *name)
    }
}
