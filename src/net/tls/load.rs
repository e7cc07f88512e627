//! Reads the files of TLS, and checks them: the chain, the key, the names and the dates.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::certs::certificate::{Certificate, DAY};
use crate::config::tls::ListenerTls;
use crate::config::{read_file, read_key};
use crate::policyfile::Problem;

/// A certificate with its key, to present to the other end.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) path: PathBuf,
    pub(crate) certificate: Certificate,
    pub(crate) key: Arc<CertifiedKey>,
}

/// Whom a listener accepts.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    pub(crate) verifier: Arc<dyn ClientCertVerifier>,
    /// The authorities.
    pub(crate) authorities: Vec<(PathBuf, Certificate)>,
    pub(crate) has_crl: bool,
    /// What was read, to notice a change.
    text: String,
}

impl Trust {
    /// Whether it accepts the same certificates.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The cryptography of both sides.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The seconds since 1970.
pub(crate) fn now() -> i64 {
    i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX)
}

/// Reads a certificate and its key.
pub(crate) fn pair(cert: &Path, key: &Path, is_server: bool) -> Result<Pair, Problem> {
    let wrong = |message: String| Problem::of_file(&cert.display().to_string(), message);
    let chain = chain(cert)?;
    let certificate = chain.first().and_then(|der| Certificate::read(der));
    let certificate = certificate.ok_or_else(|| wrong("has no certificate".to_owned()))?;
    check_order(&chain).map_err(wrong)?;
    check_dates(&certificate).map_err(wrong)?;
    if is_server && certificate.names.is_empty() {
        let message = "has no names (subjectAltName), so every client would reject it: make one with its names, for \
            example with `dockgate certs init --host NAME`";
        return Err(wrong(message.to_owned()));
    }
    let text = read_key(key)?;
    let of_key = |message: &str| Problem::of_file(&key.display().to_string(), message);
    let der = PrivateKeyDer::from_pem_slice(text.as_bytes());
    let der = der.map_err(|_| of_key(NO_KEY))?;
    let certified = CertifiedKey::from_der(chain, der, &provider());
    let certified = certified.map_err(|error| {
        of_key(&if matches!(error, rustls::Error::InconsistentKeys(_)) {
            format!("is not the key of {}: replace one of them", cert.display())
        } else {
            format!("cannot be used: {error}")
        })
    })?;
    Ok(Pair {
        path: cert.to_owned(),
        certificate,
        key: Arc::new(certified),
    })
}

const NO_KEY: &str = "has no private key in PEM format: the file must contain -----BEGIN PRIVATE KEY-----, and a key with a \
    password cannot be read";

/// Reads which clients a listener accepts; `None` if clients need no certificate.
pub(crate) fn trust(files: &ListenerTls) -> Result<Option<Trust>, Problem> {
    let Some(path) = &files.client_ca else {
        return Ok(None);
    };
    let wrong =
        |path: &Path, message: String| Problem::of_file(&path.display().to_string(), message);
    let (roots, mut text) = roots(path)?;
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let is_missing = |crl: &&PathBuf| files.is_crl_optional && !crl.exists();
    let crl = files.crl.as_ref().filter(|crl| !is_missing(crl));
    if let Some(crl) = crl {
        let list = read_file(crl)?;
        let ders = CertificateRevocationListDer::pem_slice_iter(list.as_bytes());
        let ders: Vec<_> = ders.collect::<Result<_, _>>().unwrap_or_default();
        if ders.is_empty() {
            let message = "has no list of revoked certificates in PEM format: the file must contain -----BEGIN X509 \
                CRL-----";
            return Err(wrong(crl, message.to_owned()));
        }
        // An authority without a list has revoked nothing.
        builder = builder.with_crls(ders).allow_unknown_revocation_status();
        text.push_str(&list);
    }
    let at = crl.unwrap_or(path);
    let verifier = builder.build();
    let verifier = verifier.map_err(|error| wrong(at, format!("cannot be used: {error}")))?;
    let authorities = chain(path)?.into_iter();
    let authorities = authorities.filter_map(|der| Some((path.clone(), Certificate::read(&der)?)));
    Ok(Some(Trust {
        verifier,
        authorities: authorities.collect(),
        has_crl: crl.is_some(),
        text,
    }))
}

/// The authorities in a file, and its text.
pub(crate) fn roots(path: &Path) -> Result<(RootCertStore, String), Problem> {
    let text = read_file(path)?;
    let wrong = |message: String| Problem::of_file(&path.display().to_string(), message);
    let mut roots = RootCertStore::empty();
    for der in Certificate::chain(&text).map_err(|bad| wrong(bad.to_string()))? {
        let added = roots.add(der);
        added.map_err(|error| wrong(format!("has a certificate that cannot be used: {error}")))?;
    }
    Ok((roots, text))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let text = read_file(path)?;
    let read = Certificate::chain(&text);
    read.map_err(|bad| Problem::of_file(&path.display().to_string(), bad.to_string()))
}

/// Whether each certificate was issued by the next.
fn check_order(chain: &[CertificateDer<'_>]) -> Result<(), String> {
    let parsed = chain
        .iter()
        .filter_map(|der| X509Certificate::from_der(der).ok());
    let parsed: Vec<_> = parsed.map(|(_, parsed)| parsed).collect();
    for (at, (own, next)) in parsed.iter().zip(parsed.iter().skip(1)).enumerate() {
        let is_named = own.issuer() == next.subject();
        if !is_named || own.verify_signature(Some(next.public_key())).is_err() {
            return Err(format!(
                "certificate {} was not issued by certificate {}, {}: begin with the server's own, and let each be \
                 followed by its issuer",
                at + 1,
                at + 2,
                next.subject()
            ));
        }
    }
    Ok(())
}

fn check_dates(certificate: &Certificate) -> Result<(), String> {
    let now = now();
    if certificate.not_after < now {
        let days = (now - certificate.not_after) / DAY;
        return Err(format!(
            "expired {days} days ago: replace it with a new one"
        ));
    }
    if certificate.not_before > now {
        return Err("is not valid yet: check the clock of this host".to_owned());
    }
    Ok(())
}
