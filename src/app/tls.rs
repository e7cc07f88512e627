//! The TLS of all listeners and of the connection to the daemon.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::condition::Detail;
use crate::certs::certificate::Certificate;
use crate::config::Config;
use crate::config::tls::{ListenerTls, UpstreamTls};
use crate::net::tls::entrance::Entrance;
use crate::net::tls::load::now;
use crate::net::tls::upstream::ToDaemon;
use crate::net::tls::watch::Watch;
use crate::policyfile::Problem;

/// The TLS of all listeners, in their order, and of the connection to the daemon.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) listeners: Vec<Option<Entrance>>,
    pub(crate) upstream: Option<ToDaemon>,
    pub(crate) watch: Watch,
}

/// How many days before its end Dockgate warns about a certificate.
const SOON: i64 = 30;

impl Tls {
    /// Reads all files. They may be readable by root only, so this comes before root is given up.
    pub(crate) fn open(config: &Config) -> Result<Self, Vec<Problem>> {
        let own = config.listeners.iter().flat_map(|it| &it.tls);
        let files = own.flat_map(ListenerTls::files);
        let upstream = config.upstream_tls.iter().flat_map(UpstreamTls::files);
        let files: Vec<PathBuf> = files.chain(upstream).map(Path::to_owned).collect();
        let watch = Watch::new(files);
        let mut problems = Vec::new();
        let mut listeners = Vec::new();
        for listener in &config.listeners {
            let opened = listener.tls.as_ref().map(Entrance::open).transpose();
            listeners.push(opened.unwrap_or_else(|more| {
                problems.extend(more);
                None
            }));
        }
        let upstream = ToDaemon::open(config).unwrap_or_else(|more| {
            problems.extend(more);
            None
        });
        problems.dedup();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            listeners,
            upstream,
            watch,
        })
    }

    /// Reads all files again. Returns what is wrong with them; then the old ones stay in force.
    pub(crate) fn reload(&self) -> Vec<Problem> {
        let listeners = self.listeners.iter().flatten();
        let problems = listeners.flat_map(|entrance| entrance.reload().1);
        let upstream = self.upstream.iter().filter_map(ToDaemon::reload);
        problems.chain(upstream).collect()
    }

    /// The lines of a report about the certificates.
    pub(crate) fn details(&self) -> Vec<Detail> {
        details(self.listeners.iter().flatten(), self.upstream.as_ref())
    }
}

/// The lines of a report about the certificates, each once.
pub(crate) fn details<'a>(
    listeners: impl Iterator<Item = &'a Entrance> + Clone,
    upstream: Option<&ToDaemon>,
) -> Vec<Detail> {
    let now = now();
    let mut details = Vec::new();
    for entrance in listeners.clone() {
        let current = entrance.current();
        details.push(Detail::Fact(presented(
            &entrance.files,
            &current.pair.certificate,
        )));
    }
    details.extend(expiring(listeners, upstream, now));
    details.dedup();
    details
}

/// A warning for each certificate that expires soon.
pub(crate) fn expiring<'a>(
    listeners: impl Iterator<Item = &'a Entrance>,
    upstream: Option<&ToDaemon>,
    now: i64,
) -> Vec<Detail> {
    let mut warnings = Vec::new();
    let mut warn = |file: &str, certificate: &Certificate| {
        let warning = soon(file, certificate, now).map(Detail::Warning);
        warnings.extend(warning.filter(|it| !warnings.contains(it)));
    };
    for entrance in listeners {
        let current = entrance.current();
        current.expiring().for_each(|(file, it)| warn(&file, it));
    }
    if let Some((file, certificate)) = upstream.and_then(ToDaemon::own) {
        warn(&file, &certificate);
    }
    warnings
}

fn presented(files: &ListenerTls, certificate: &Certificate) -> String {
    let clients = match &files.client_ca {
        Some(ca) => format!("clients need a certificate from {}", ca.display()),
        None => "clients need no certificate".to_owned(),
    };
    let (names, until) = (certificate.names.join(", "), day(certificate.not_after));
    let cert = files.cert.display();
    format!("TLS with {cert}, for {names}, valid until {until}; {clients}")
}

/// The warning of a certificate that expires soon, if it does.
fn soon(file: &str, certificate: &Certificate, now: i64) -> Option<String> {
    let days = certificate.days_left(now);
    let until = day(certificate.not_after);
    let subject = &certificate.subject;
    match days {
        ..0 => Some(format!("{file}: {subject} expired on {until}: replace it")),
        0..SOON => Some(format!(
            "{file}: {subject} expires in {days} days, on {until}: renew it, for example with `dockgate certs`"
        )),
        _ => None,
    }
}

fn day(seconds: i64) -> String {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let text = humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::authority::Authority;
    use crate::certs::certificate::DAY;

    #[test]
    fn a_certificate_is_warned_of_in_its_last_thirty_days() {
        let now = 1_800_000_000;
        let (authority, _) = Authority::create(now).unwrap();
        let made = authority.client("ci", now, 100).unwrap();
        let read = Certificate::first(&made.certificate).unwrap();
        let said = |days: i64| soon("cert.pem", &read, now + days * DAY);
        assert_eq!(said(70), None);
        let want = "cert.pem: CN=ci expires in 29 days, on 2027-04-25: renew it";
        assert!(said(71).unwrap().starts_with(want), "{:?}", said(71));
        assert!(said(101).unwrap().contains("CN=ci expired on 2027-04-25"));
    }
}
