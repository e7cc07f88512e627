//! What Dockgate reads of a certificate.
//!
//! Whether it can be trusted is decided elsewhere, by the TLS library. So everything here may come from anybody.

use data_encoding::{BASE64, HEXLOWER};
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::docker::json::printable;

/// What Dockgate reads of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// For people: `CN=ci, O=Acme`. It is printable, and not longer than [`MAX_SUBJECT`] bytes.
    pub(crate) subject: String,
    /// Its common name, if it has exactly one.
    pub(crate) common_name: Option<String>,
    /// The names and addresses of its subjectAltName.
    pub(crate) names: Vec<String>,
    /// The SHA-256 of the whole certificate, in hexadecimal.
    pub(crate) fingerprint: String,
    /// The SHA-256 of its `SubjectPublicKeyInfo`, in Base64. It stays when a certificate is renewed with the same key.
    pub(crate) key_pin: String,
    /// In hexadecimal.
    pub(crate) serial: String,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

/// The longest subject that is shown, in bytes.
const MAX_SUBJECT: usize = 256;

impl Certificate {
    /// Reads a certificate in DER; `None` if it is not one.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let mut common_names = parsed.subject().iter_common_name();
        let common_name = common_names.next().and_then(|name| name.as_str().ok());
        let common_name = common_name.filter(|_| common_names.next().is_none());
        let alternative = parsed.subject_alternative_name().ok()?;
        let names = alternative.iter().flat_map(|it| &it.value.general_names);
        let mut subject = printable(&parsed.subject().to_string()).into_owned();
        subject.truncate(subject.floor_char_boundary(MAX_SUBJECT));
        Some(Self {
            subject,
            common_name: common_name.map(str::to_owned),
            names: names.filter_map(name).collect(),
            fingerprint: HEXLOWER.encode(digest(&SHA256, der).as_ref()),
            key_pin: BASE64.encode(digest(&SHA256, parsed.public_key().raw).as_ref()),
            serial: HEXLOWER.encode(parsed.raw_serial()),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
        })
    }

    /// The certificates in a PEM file, in its order.
    pub(crate) fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, BadPem> {
        let chain = CertificateDer::pem_slice_iter(pem.as_bytes());
        let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(|_| BadPem)?;
        let is_certificate = |der: &CertificateDer<'_>| Self::read(der).is_some();
        if chain.is_empty() || !chain.iter().all(is_certificate) {
            return Err(BadPem);
        }
        Ok(chain)
    }

    /// The first certificate in a PEM file.
    pub(crate) fn first(pem: &str) -> Result<Self, BadPem> {
        let chain = Self::chain(pem)?;
        chain.first().and_then(|der| Self::read(der)).ok_or(BadPem)
    }

    /// How many whole days it holds from now on; negative if it has expired.
    pub(crate) fn days_left(&self, now: i64) -> i64 {
        (self.not_after - now).div_euclid(DAY)
    }
}

/// The seconds of a day.
pub(crate) const DAY: i64 = 24 * 60 * 60;

/// A file that is not a list of certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("has no certificate in PEM format: the file must contain -----BEGIN CERTIFICATE-----")]
pub(crate) struct BadPem;

/// A name as people write it. Kinds that no client has are left out.
fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            Some((*text).to_owned())
        }
        GeneralName::IPAddress(bytes) => address(bytes),
        GeneralName::OtherName(..)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(sixteen).to_string())
}
