//! Certificates: reading whose they are and until when they hold, and making them for `dockgate certs`.
//!
//! It knows no files and no clock. Times are seconds since 1970.

pub(crate) mod authority;
pub(crate) mod certificate;

#[cfg(test)]
mod tests;
