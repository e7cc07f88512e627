//! A certificate authority that makes certificates for Dockgate and its clients.
//!
//! Every certificate has what strict checks ask for, such as those of Python 3.13: key identifiers, key usages, and
//! names in subjectAltName. Source: RFC 5280 section 4.2.

use std::time::Duration;

use data_encoding::HEXLOWER;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PublicKeyData, RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use super::certificate::{Certificate, DAY};

/// A certificate authority, with its key.
pub(crate) struct Authority {
    /// Its certificate.
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
    /// When its certificate expires. Nothing that it makes holds longer.
    not_after: i64,
}

/// A certificate that was made, and its key, both as PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// A list of revoked certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Revoked {
    /// How many lists were made before this one.
    pub(crate) number: u64,
    /// The serial numbers in hexadecimal, and since when each is revoked.
    pub(crate) serials: Vec<(String, i64)>,
}

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotMade {
    #[error(
        "is not the key of ca.pem: restore the right one, or make a new authority in another folder"
    )]
    OtherKey,
    #[error(
        "is not the certificate of an authority: restore it, or make a new one in another folder"
    )]
    NotAuthority,
    #[error("is not a list of revoked certificates in PEM format: restore it, or remove it")]
    NotRevoked,
    #[error("cannot be made from these names: write DNS names and IP addresses")]
    Names(#[source] rcgen::Error),
    #[error("cannot be made")]
    Other(#[from] rcgen::Error),
}

/// How long the authority holds.
const AUTHORITY_DAYS: i64 = 3650;
/// Clocks that are behind by less than this accept new certificates.
const SKEW: i64 = 60 * 60;

impl Authority {
    /// Makes an authority. Returns it with its key.
    pub(crate) fn create(now: i64) -> Result<(Self, String), NotMade> {
        let key = KeyPair::generate()?;
        let not_after = now + AUTHORITY_DAYS * DAY;
        // Two authorities of the same name would confuse whoever has both.
        let number = HEXLOWER.encode(digest(&SHA256, key.der_bytes()).as_ref());
        let number = number.get(..8).unwrap_or(&number);
        let mut params = params(&format!("Dockgate CA {number}"), (now, not_after));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // A certificate that is its own issuer needs no other identifier than its own.
        params.use_authority_key_identifier_extension = false;
        let pem = params.self_signed(&key)?.pem();
        let key_pem = key.serialize_pem();
        let issuer = Issuer::new(params, key);
        let made = Self {
            pem,
            issuer,
            not_after,
        };
        Ok((made, key_pem))
    }

    /// Opens an authority that was made before.
    pub(crate) fn open(pem: String, key: &str) -> Result<Self, NotMade> {
        let read = Certificate::first(&pem).map_err(|_| NotMade::NotAuthority)?;
        let key = KeyPair::from_pem(key).map_err(|_| NotMade::OtherKey)?;
        let own_pin = digest(&SHA256, &key.subject_public_key_info());
        if data_encoding::BASE64.encode(own_pin.as_ref()) != read.key_pin {
            return Err(NotMade::OtherKey);
        }
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(|_| NotMade::NotAuthority)?;
        Ok(Self {
            pem,
            issuer,
            not_after: read.not_after,
        })
    }

    /// Makes a certificate for a server with these DNS names and addresses.
    pub(crate) fn server(&self, names: &[String], now: i64, days: i64) -> Result<Issued, NotMade> {
        let common = names.first().map_or("dockgate", String::as_str);
        let mut params = params(common, self.validity(now, days));
        let alternative = CertificateParams::new(names).map_err(NotMade::Names)?;
        params.subject_alt_names = alternative.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(&params)
    }

    /// Makes a certificate for a client of this name.
    pub(crate) fn client(&self, name: &str, now: i64, days: i64) -> Result<Issued, NotMade> {
        let mut params = params(name, self.validity(now, days));
        let alternative = CertificateParams::new([name.to_owned()]).map_err(NotMade::Names)?;
        params.subject_alt_names = alternative.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&params)
    }

    /// Makes the list of revoked certificates.
    pub(crate) fn revocations(&self, revoked: &Revoked, now: i64) -> Result<String, NotMade> {
        let serials = revoked.serials.iter().filter_map(|(serial, at)| {
            let serial = HEXLOWER.decode(serial.as_bytes()).ok()?;
            Some(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&serial),
                revocation_time: date_time_ymd(1970, 1, 1) + seconds(*at),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(1970, 1, 1) + seconds(now - SKEW),
            // A list that expires would refuse everybody. It is replaced whenever something is revoked.
            next_update: date_time_ymd(1970, 1, 1) + seconds(self.not_after),
            crl_number: SerialNumber::from(revoked.number),
            issuing_distribution_point: None,
            revoked_certs: serials.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.pem()?)
    }

    fn validity(&self, now: i64, days: i64) -> (i64, i64) {
        (now, self.not_after.min(now + days * DAY))
    }

    fn issue(&self, params: &CertificateParams) -> Result<Issued, NotMade> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

impl Revoked {
    /// Reads a list.
    pub(crate) fn read(pem: &str) -> Result<Self, NotMade> {
        let der = CertificateRevocationListDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|_| NotMade::NotRevoked)?;
        let parsed = CertificateRevocationList::from_der(&der);
        let (_, parsed) = parsed.map_err(|_| NotMade::NotRevoked)?;
        let serials = parsed.iter_revoked_certificates().map(|it| {
            let serial = HEXLOWER.encode(it.raw_serial());
            (serial, it.revocation_date.timestamp())
        });
        let number = parsed.crl_number().and_then(|number| {
            let digits = number.to_u64_digits();
            digits.first().copied()
        });
        Ok(Self {
            number: number.unwrap_or_default(),
            serials: serials.collect(),
        })
    }

    /// Adds a certificate. Whether it was not on the list yet.
    pub(crate) fn add(&mut self, serial: &str, now: i64) -> bool {
        let is_new = self.serials.iter().all(|(known, _)| known != serial);
        if is_new {
            self.serials.push((serial.to_owned(), now));
        }
        is_new
    }
}

/// What all certificates have in common.
fn params(common_name: &str, (now, not_after): (i64, i64)) -> CertificateParams {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = date_time_ymd(1970, 1, 1) + seconds(now - SKEW);
    params.not_after = date_time_ymd(1970, 1, 1) + seconds(not_after);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params
}

fn seconds(since_1970: i64) -> Duration {
    Duration::from_secs(u64::try_from(since_1970).unwrap_or_default())
}
