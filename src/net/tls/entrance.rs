//! The TLS of a listener: what it presents, and which clients it accepts. A reload replaces each part for itself.

use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use tokio::sync::Semaphore;

use super::load::{self, Pair, Trust};
use crate::certs::certificate::Certificate;
use crate::config::tls::ListenerTls;
use crate::policyfile::Problem;
use crate::sync::lock;

/// The TLS of a listener.
#[derive(Debug)]
pub(crate) struct Entrance {
    pub(crate) files: ListenerTls,
    current: Mutex<Arc<Current>>,
    /// A place for each connection that was accepted and is not served yet. Half-open handshakes are cheap to make, so
    /// they do not take those of other listeners.
    pub(crate) waiting: Arc<Semaphore>,
}

/// What is in force.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) pair: Pair,
    pub(crate) trust: Option<Trust>,
    config: Arc<ServerConfig>,
}

/// What a client presented.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) certificate: Arc<Certificate>,
    chain: Vec<CertificateDer<'static>>,
}

/// How many connections may wait on one listener.
const WAITING: usize = 1024;
/// The protocol that is spoken over TLS. Source: RFC 7301.
pub(crate) const ALPN: &[u8] = b"http/1.1";

impl Entrance {
    /// Reads the files.
    pub(crate) fn open(files: &ListenerTls) -> Result<Self, Vec<Problem>> {
        let (pair, trust) = (
            load::pair(&files.cert, &files.key, true),
            load::trust(files),
        );
        match (pair, trust) {
            (Ok(pair), Ok(trust)) => Ok(Self {
                files: files.clone(),
                current: Mutex::new(Arc::new(Current::new(pair, trust)?)),
                waiting: Arc::new(Semaphore::new(WAITING)),
            }),
            (pair, trust) => Err(pair.err().into_iter().chain(trust.err()).collect()),
        }
    }

    pub(crate) fn current(&self) -> Arc<Current> {
        Arc::clone(&lock(&self.current))
    }

    /// Reads the files again. What is wrong leaves the old part in force. Returns whether other clients are accepted now,
    /// and the problems.
    pub(crate) fn reload(&self) -> (bool, Vec<Problem>) {
        let before = self.current();
        let mut problems = Vec::new();
        let pair = load::pair(&self.files.cert, &self.files.key, true);
        let pair = pair.unwrap_or_else(|problem| {
            problems.push(problem);
            before.pair.clone()
        });
        let trust = load::trust(&self.files).and_then(|now| self.kept_crl(&before, now));
        let trust = trust.unwrap_or_else(|problem| {
            problems.push(problem);
            before.trust.clone()
        });
        let accepts_others = match (&before.trust, &trust) {
            (Some(before), Some(now)) => !before.is_like(now),
            (before, now) => before.is_some() != now.is_some(),
        };
        match Current::new(pair, trust) {
            Ok(current) => *lock(&self.current) = Arc::new(current),
            Err(more) => {
                problems.extend(more);
                return (false, problems);
            }
        }
        (accepts_others, problems)
    }

    /// Does not let those in again whose certificates were revoked in a file that is missing now.
    fn kept_crl(&self, before: &Current, now: Option<Trust>) -> Result<Option<Trust>, Problem> {
        let had = before.trust.as_ref().is_some_and(|it| it.has_crl);
        let has = now.as_ref().is_some_and(|it| it.has_crl);
        match &self.files.crl {
            Some(crl) if had && !has => {
                let message =
                    "is missing: restore it, or restart Dockgate to accept what it revokes";
                Err(Problem::of_file(&crl.display().to_string(), message))
            }
            Some(_) | None => Ok(now),
        }
    }
}

impl Current {
    fn new(pair: Pair, trust: Option<Trust>) -> Result<Self, Vec<Problem>> {
        let builder = ServerConfig::builder_with_provider(load::provider());
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12]);
        let builder = builder.map_err(|error| {
            let file = pair.path.display().to_string();
            vec![Problem::of_file(&file, format!("cannot be used: {error}"))]
        })?;
        let verifier = trust.as_ref().map(|trust| Arc::clone(&trust.verifier));
        let verifier = verifier.unwrap_or_else(WebPkiClientVerifier::no_client_auth);
        let resolver = SingleCertAndKey::from(Arc::clone(&pair.key));
        let mut config = builder
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![ALPN.to_vec()];
        if trust.is_some() {
            // A session that is resumed would not be asked for its certificate, so that could be revoked by now.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Self {
            pair,
            trust,
            config: Arc::new(config),
        })
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Whether a client that was accepted once would be accepted now.
    pub(crate) fn accepts(&self, presented: &Presented) -> bool {
        let Some(trust) = &self.trust else {
            return true;
        };
        let Some((own, others)) = presented.chain.split_first() else {
            return false;
        };
        let verified = trust
            .verifier
            .verify_client_cert(own, others, UnixTime::now());
        verified.is_ok()
    }

    /// The certificates that expire, with their files.
    pub(crate) fn expiring(&self) -> impl Iterator<Item = (String, &Certificate)> {
        let own = (self.pair.path.display().to_string(), &self.pair.certificate);
        let authorities = self.trust.iter().flat_map(|trust| &trust.authorities);
        let authorities = authorities.map(|(path, it)| (path.display().to_string(), it));
        [own].into_iter().chain(authorities)
    }
}

impl Presented {
    /// What a client presented; `None` if that was nothing.
    pub(crate) fn of(chain: &[CertificateDer<'static>]) -> Option<Self> {
        let certificate = Certificate::read(chain.first()?)?;
        Some(Self {
            certificate: Arc::new(certificate),
            chain: chain.to_vec(),
        })
    }
}
