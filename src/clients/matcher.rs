//! The values of a client's `from`: which connections are the client's.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::policy::names::reads_as_id;

/// One value of a client's `from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Matcher {
    /// Connections that arrive on this Docker network, from an address in it.
    Network(String),
    /// Processes of this user, on a unix socket.
    Uid(u32),
    /// Processes of this group, on a unix socket.
    Gid(u32),
    /// The container of this name.
    Container(String),
    /// The containers of a compose service.
    Service { project: String, service: String },
    /// The containers with this label.
    Label { key: String, value: String },
    /// Whoever has a certificate with this, on a listener that asks for certificates.
    Certificate {
        field: CertificateField,
        value: String,
    },
    /// Addresses of this network, or one address.
    Address(IpNet),
}

/// The part of a certificate that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateField {
    CommonName,
    /// A name or address of subjectAltName.
    Name,
    /// The SHA-256 of the key.
    Key,
}

/// What identified a client, as the record's `client.by` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Network,
    Uid,
    Gid,
    Container,
    Service,
    Label,
    Certificate,
    Address,
    /// No matcher: everything on the listener is one client's.
    Listener,
}

/// Why a value of `from` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadMatcher {
    #[error(
        "\"{0}\" says neither what to match nor an address: write \"network:{0}\" for the clients on that Docker network, \
         or \"container:{0}\""
    )]
    NoKind(String),
    #[error(
        "\"{0}:\" is not a kind of client: use network:, uid:, gid:, container:, service:, label:, cert:, or an address"
    )]
    UnknownKind(String),
    #[error("\"{0}:\" needs a name after the colon, such as \"{0}:{1}\"")]
    NoName(&'static str, &'static str),
    #[error("\"{0}\" is not a number: write {1}:1000")]
    NotANumber(String, &'static str),
    #[error("\"{0}\" is an id, which changes when the container is recreated: write its name")]
    Id(String),
    #[error("\"{0}\" is not a compose service: write \"service:PROJECT/SERVICE\"")]
    NotAService(String),
    #[error("\"{0}\" has no value: write \"label:KEY=VALUE\"")]
    NoLabelValue(String),
    #[error(
        "\"{0}\" is not a part of a certificate: write \"cert:CN=NAME\", \"cert:SAN=NAME\" or \"cert:SPKI=sha256/PIN\", \
         as `dockgate certs show` prints it"
    )]
    NotACertificate(String),
    #[error("\"{0}\" has bits set behind its prefix: write \"{1}\"")]
    HostBits(String, IpNet),
}

impl Matcher {
    pub(crate) fn parse(text: &str) -> Result<Self, BadMatcher> {
        if let Some(network) = address(text)? {
            return Ok(Self::Address(network));
        }
        let Some((kind, value)) = text.split_once(':') else {
            return Err(BadMatcher::NoKind(text.to_owned()));
        };
        let named = |kind, example| match value {
            "" => Err(BadMatcher::NoName(kind, example)),
            value => Ok(value.to_owned()),
        };
        let number = |kind| {
            let number = value.parse();
            number.map_err(|_| BadMatcher::NotANumber(value.to_owned(), kind))
        };
        match kind {
            "network" => named("network", "edge").map(Self::Network),
            "uid" => number("uid").map(Self::Uid),
            "gid" => number("gid").map(Self::Gid),
            "container" if reads_as_id(value) => Err(BadMatcher::Id(value.to_owned())),
            "container" => named("container", "traefik").map(Self::Container),
            "service" => match value.split_once('/') {
                Some((project, service)) if !project.is_empty() && !service.is_empty() => {
                    let (project, service) = (project.to_owned(), service.to_owned());
                    Ok(Self::Service { project, service })
                }
                Some(_) | None => Err(BadMatcher::NotAService(value.to_owned())),
            },
            "label" => match value.split_once('=') {
                Some((key, value)) if !key.is_empty() => {
                    let (key, value) = (key.to_owned(), value.to_owned());
                    Ok(Self::Label { key, value })
                }
                Some(_) | None => Err(BadMatcher::NoLabelValue(value.to_owned())),
            },
            "cert" => certificate(value),
            other => Err(BadMatcher::UnknownKind(other.to_owned())),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Network(_) => Kind::Network,
            Self::Uid(_) => Kind::Uid,
            Self::Gid(_) => Kind::Gid,
            Self::Container(_) => Kind::Container,
            Self::Service { .. } => Kind::Service,
            Self::Label { .. } => Kind::Label,
            Self::Certificate { .. } => Kind::Certificate,
            Self::Address(_) => Kind::Address,
        }
    }

    /// Whether the settings show that a connection could match both. A container can have two labels, so clients
    /// with different labels are distinguished when they connect.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Address(one), Self::Address(other)) => {
                one.contains(other) || other.contains(one)
            }
            (one, other) => one == other,
        }
    }
}

/// A part of a certificate and its value. A pin is the Base64 of 32 bytes.
fn certificate(text: &str) -> Result<Matcher, BadMatcher> {
    let parts = text.split_once('=').and_then(|(field, value)| {
        let mut fields = CertificateField::ALL.iter().copied();
        let field = fields.find(|it| it.as_str() == field)?;
        let is_right = match field {
            CertificateField::CommonName | CertificateField::Name => !value.is_empty(),
            CertificateField::Key => value.strip_prefix(PIN).is_some_and(is_pin),
        };
        is_right.then(|| (field, value.to_owned()))
    });
    let (field, value) = parts.ok_or_else(|| BadMatcher::NotACertificate(text.to_owned()))?;
    Ok(Matcher::Certificate { field, value })
}

/// What a pin begins with, and whether the rest can be one.
const PIN: &str = "sha256/";

fn is_pin(text: &str) -> bool {
    let decoded = data_encoding::BASE64.decode(text.as_bytes());
    decoded.is_ok_and(|bytes| bytes.len() == 32)
}

/// The network that a text is, or the one address; `None` if it is neither.
fn address(text: &str) -> Result<Option<IpNet>, BadMatcher> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Some(address.to_canonical().into()));
    }
    match text.parse::<IpNet>() {
        Ok(network) if network.trunc() == network => Ok(Some(network)),
        Ok(network) => Err(BadMatcher::HostBits(text.to_owned(), network.trunc())),
        Err(_) => Ok(None),
    }
}

impl Display for Matcher {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(name) | Self::Container(name) => {
                write!(f, "{}:{name}", self.kind().as_str())
            }
            Self::Uid(id) | Self::Gid(id) => write!(f, "{}:{id}", self.kind().as_str()),
            Self::Service { project, service } => write!(f, "service:{project}/{service}"),
            Self::Label { key, value } => write!(f, "label:{key}={value}"),
            Self::Certificate { field, value } => write!(f, "cert:{}={value}", field.as_str()),
            Self::Address(network) if network.prefix_len() == network.max_prefix_len() => {
                network.addr().fmt(f)
            }
            Self::Address(network) => network.fmt(f),
        }
    }
}

impl CertificateField {
    const ALL: &[Self] = &[Self::CommonName, Self::Name, Self::Key];

    fn as_str(self) -> &'static str {
        match self {
            Self::CommonName => "CN",
            Self::Name => "SAN",
            Self::Key => "SPKI",
        }
    }
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Uid => "uid",
            Self::Gid => "gid",
            Self::Container => "container",
            Self::Service => "service",
            Self::Label => "label",
            Self::Certificate => "certificate",
            Self::Address => "address",
            Self::Listener => "listener",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(text: &str) -> Matcher {
        Matcher::parse(text).unwrap()
    }

    #[test]
    fn reads_each_kind() {
        let label = |key: &str, value: &str| Matcher::Label {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let certificate = |field, value: &str| Matcher::Certificate {
            field,
            value: value.to_owned(),
        };
        let service = Matcher::Service {
            project: "ci".to_owned(),
            service: "runner".to_owned(),
        };
        for (text, want) in [
            ("network:edge", Matcher::Network("edge".to_owned())),
            ("uid:1000", Matcher::Uid(1000)),
            ("gid:0", Matcher::Gid(0)),
            (
                "container:traefik",
                Matcher::Container("traefik".to_owned()),
            ),
            ("service:ci/runner", service),
            ("label:team=ci", label("team", "ci")),
            ("label:a=b=c", label("a", "b=c")),
            ("label:a=", label("a", "")),
            (
                "cert:CN=ci",
                certificate(CertificateField::CommonName, "ci"),
            ),
            (
                "cert:CN=a=b",
                certificate(CertificateField::CommonName, "a=b"),
            ),
            (
                "cert:SAN=ci.example",
                certificate(CertificateField::Name, "ci.example"),
            ),
            (
                "cert:SPKI=sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                certificate(
                    CertificateField::Key,
                    "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                ),
            ),
            (
                "10.0.0.0/8",
                Matcher::Address("10.0.0.0/8".parse().unwrap()),
            ),
            ("10.0.0.1", Matcher::Address("10.0.0.1/32".parse().unwrap())),
            (
                "::ffff:10.0.0.1",
                Matcher::Address("10.0.0.1/32".parse().unwrap()),
            ),
            ("fd00::/64", Matcher::Address("fd00::/64".parse().unwrap())),
        ] {
            assert_eq!(Matcher::parse(text).as_ref(), Ok(&want), "{text}");
            let shown = want.to_string();
            assert_eq!(Matcher::parse(&shown), Ok(want), "{text} as {shown}");
        }
    }

    #[test]
    fn says_what_to_write_instead() {
        for (text, want) in [
            ("edge", r#"write "network:edge""#),
            ("Network:edge", r#""Network:" is not a kind"#),
            ("network:", r#"such as "network:edge""#),
            ("uid:root", "write uid:1000"),
            ("uid:-1", "write uid:1000"),
            ("uid:4294967296", "write uid:1000"),
            ("container:0123456789ab", "write its name"),
            ("service:runner", r#"write "service:PROJECT/SERVICE""#),
            ("service:/runner", r#"write "service:PROJECT/SERVICE""#),
            ("label:team", r#"write "label:KEY=VALUE""#),
            ("label:=ci", r#"write "label:KEY=VALUE""#),
            ("cert:ci", r#"write "cert:CN=NAME""#),
            ("cert:CN=", r#"write "cert:CN=NAME""#),
            ("cert:cn=ci", r#"write "cert:CN=NAME""#),
            (
                "cert:SPKI=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                "sha256/PIN",
            ),
            ("cert:SPKI=sha256/abcd", "sha256/PIN"),
            ("10.0.0.1/8", r#"write "10.0.0.0/8""#),
        ] {
            let bad = Matcher::parse(text).unwrap_err().to_string();
            assert!(bad.contains(want), "{text}: {bad}");
        }
    }

    #[test]
    fn matchers_of_one_kind_overlap_if_a_connection_can_be_matched_by_both() {
        for (one, other) in [
            ("network:edge", "network:edge"),
            ("10.0.0.0/8", "10.1.0.0/16"),
            ("10.0.0.1", "0.0.0.0/0"),
            ("label:a=b", "label:a=b"),
        ] {
            let (one, other) = (matcher(one), matcher(other));
            assert!(
                one.overlaps(&other) && other.overlaps(&one),
                "{one:?} {other:?}"
            );
        }
        for (one, other) in [
            ("network:edge", "network:ci"),
            ("network:edge", "container:edge"),
            ("10.0.0.0/9", "10.128.0.0/9"),
            ("::/0", "0.0.0.0/0"),
            ("label:a=b", "label:a=c"),
            ("uid:1", "gid:1"),
        ] {
            let (one, other) = (matcher(one), matcher(other));
            assert!(
                !one.overlaps(&other) && !other.overlaps(&one),
                "{one:?} {other:?}"
            );
        }
    }
}
