//! Whether a request's origin is acceptable: protection against web pages and DNS rebinding.
//!
//! The daemon checks neither `Host` nor `Origin`, so any web page that is open on the host could call
//! it. Few programs send an `Origin`; a page that rebinds its own name to a loopback address sends
//! that name as `Host`.

use std::net::IpAddr;

use super::head::Head;
use crate::config::Admission;
use crate::policy::{Denial, Reason};

impl Admission {
    /// Checks the `Host` and `Origin` of requests.
    pub(crate) fn check(&self, head: &Head, on_loopback: bool) -> Result<(), Denial> {
        // A page's image or link has no `Origin`, but `Sec-Fetch-Site` says that it comes from
        // another site.
        let is_from_page = match (&head.origin, head.fetch_site.as_deref()) {
            (Some(origin), _) => !self.allow_origin.contains(origin),
            (None, Some("none" | "same-origin") | None) => false,
            (None, Some(_)) => true,
        };
        if is_from_page {
            let has_origin = head.origin.is_some();
            let message = if has_origin {
                FROM_PAGE
            } else {
                FROM_ELSEWHERE
            };
            return Err(Denial::new(Reason::OriginNotAllowed, message));
        }
        let is_judged = on_loopback || !self.allow_host.is_empty();
        match head.host.as_deref() {
            Some(host) if is_judged && !self.allows_host(host) => {
                Err(Denial::new(Reason::HostNotAllowed, REBOUND))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn allows_host(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let is_digits = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let is_label = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        is_digits
            || is_label
            || is_address
            || name.ends_with(".localhost")
            || self.allow_host.contains(&name)
    }
}

// Why a request is denied. These texts also go into the audit record, so they do not repeat the header's value.
const REBOUND: &str = "the Host header is not allowed here (DNS rebinding protection): it is not an IP address, a single \
    label or a name under localhost; to allow it, add the name to the settings, for example \
    allow_host = [\"dash.example\"]";
const FROM_PAGE: &str = "requests with an Origin header are not allowed, because web pages send it; if this is your own page \
    or program, add its origin to the settings, for example allow_origin = [\"http://127.0.0.1:2375\"] for a program \
    that connects to this address, or [\"https://dash.example\"] for a page";
const FROM_ELSEWHERE: &str = "requests from other sites' web pages are not allowed, and the header Sec-Fetch-Site says that \
    this is one; let your page send an Origin header, and add that origin to allow_origin";

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::ApiVersion;

    fn check(lines: &str, allow_host: &[&str], on_loopback: bool) -> Option<Reason> {
        let admission = Admission {
            api_min: ApiVersion::LEAST,
            lifts_api_version: false,
            allow_origin: vec!["https://dash.example".to_owned()],
            allow_host: allow_host.iter().map(|host| (*host).to_owned()).collect(),
        };
        let head =
            Head::parse(format!("GET /_ping HTTP/1.1\r\n{lines}\r\n\r\n").as_bytes()).unwrap();
        admission
            .check(&head, on_loopback)
            .err()
            .map(|denial| denial.reason)
    }

    #[test]
    fn on_loopback_a_host_must_not_be_an_internet_name() {
        for host in [
            "",
            "127.0.0.1",
            "127.0.0.1:2375",
            "[::1]:2375",
            "::1",
            "1.28",
            "docker",
            "localhost:2375",
            "a.localhost",
            "dash.example:80",
        ] {
            assert_eq!(
                check(&format!("Host: {host}"), &["dash.example"], true),
                None,
                "{host}"
            );
        }
        for host in [
            "evil.example",
            "evil.example:2375",
            "localhost.evil.example",
            "api.moby.localhost.",
            "127.0.0.1.evil.example",
        ] {
            assert_eq!(
                check(&format!("Host: {host}"), &[], true),
                Some(Reason::HostNotAllowed),
                "{host}"
            );
        }
    }

    #[test]
    fn elsewhere_a_host_is_checked_only_if_allow_host_is_set() {
        assert_eq!(check("Host: evil.example", &[], false), None);
        assert_eq!(
            check("Host: evil.example", &["dash.example"], false),
            Some(Reason::HostNotAllowed)
        );
    }

    #[test]
    fn an_origin_is_refused_unless_named() {
        for (origin, want) in [
            ("https://dash.example", None),
            ("https://dash.example.evil", Some(Reason::OriginNotAllowed)),
            ("null", Some(Reason::OriginNotAllowed)),
            ("", Some(Reason::OriginNotAllowed)),
        ] {
            assert_eq!(
                check(&format!("Host: a\r\nOrigin: {origin}"), &[], false),
                want,
                "{origin}"
            );
        }
    }

    #[test]
    fn a_request_from_another_site_is_refused_without_an_origin_too() {
        for (site, want) in [
            ("none", None),
            ("same-origin", None),
            ("cross-site", Some(Reason::OriginNotAllowed)),
            ("same-site", Some(Reason::OriginNotAllowed)),
            ("None", Some(Reason::OriginNotAllowed)),
        ] {
            let lines = format!("Host: a\r\nSec-Fetch-Site: {site}");
            assert_eq!(check(&lines, &[], false), want, "{site}");
        }
        let named = "Host: a\r\nSec-Fetch-Site: cross-site\r\nOrigin: https://dash.example";
        assert_eq!(check(named, &[], false), None);
    }
}
