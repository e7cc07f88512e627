//! TLS to a daemon on another host, whose certificate must have the name of its address.

use std::io;
use std::sync::{Arc, Mutex};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::entrance::ALPN;
use super::load;
use super::stream::{TlsSocket, Transport};
use crate::certs::certificate::Certificate;
use crate::config::tls::UpstreamTls;
use crate::config::{Config, UpstreamAddress};
use crate::policyfile::Problem;
use crate::sync::lock;

/// The TLS of the connection to the daemon.
#[derive(Debug)]
pub(crate) struct ToDaemon {
    pub(crate) files: UpstreamTls,
    name: ServerName<'static>,
    current: Mutex<Arc<Current>>,
}

/// What is in force.
#[derive(Debug)]
struct Current {
    config: Arc<ClientConfig>,
    own: Option<(String, Certificate)>,
}

impl ToDaemon {
    /// Reads the files, if the settings have TLS to the daemon.
    pub(crate) fn open(config: &Config) -> Result<Option<Self>, Vec<Problem>> {
        let (Some(files), UpstreamAddress::Tcp(address)) = (&config.upstream_tls, &config.upstream)
        else {
            return Ok(None);
        };
        let host = address
            .rsplit_once(':')
            .map_or(&**address, |(host, _)| host);
        let host = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| {
            let message =
                format!("\"{host}\" cannot be in a certificate: write a DNS name or an IP address");
            vec![Problem::of_file("upstream", message)]
        })?;
        let current = read(files).map_err(|problem| vec![problem])?;
        Ok(Some(Self {
            files: files.clone(),
            name,
            current: Mutex::new(Arc::new(current)),
        }))
    }

    /// Reads the files again. What is wrong leaves the old ones in force.
    pub(crate) fn reload(&self) -> Option<Problem> {
        match read(&self.files) {
            Ok(current) => {
                *lock(&self.current) = Arc::new(current);
                None
            }
            Err(problem) => Some(problem),
        }
    }

    /// Dockgate's own certificate, with its file.
    pub(crate) fn own(&self) -> Option<(String, Certificate)> {
        lock(&self.current).own.clone()
    }

    /// Shakes hands with the daemon.
    pub(crate) async fn connect(&self, socket: TcpStream) -> io::Result<TlsSocket> {
        let config = Arc::clone(&lock(&self.current).config);
        let connector = TlsConnector::from(config);
        let connected = connector.connect(self.name.clone(), Transport::Here(socket));
        let connected = connected.await.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("the TLS handshake failed: {}", why(&error)),
            )
        })?;
        Ok(TlsSocket::new(connected))
    }
}

fn read(files: &UpstreamTls) -> Result<Current, Problem> {
    let (roots, _) = load::roots(&files.ca)?;
    let file = files.ca.display().to_string();
    let builder = ClientConfig::builder_with_provider(load::provider());
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12]);
    let builder =
        builder.map_err(|error| Problem::of_file(&file, format!("cannot be used: {error}")))?;
    let builder = builder.with_root_certificates(roots);
    let (mut config, own) = match &files.own {
        Some((cert, key)) => {
            let pair = load::pair(cert, key, false)?;
            let resolver = SingleCertAndKey::from(pair.key);
            let config = builder.with_client_cert_resolver(Arc::new(resolver));
            let own = (pair.path.display().to_string(), pair.certificate);
            (config, Some(own))
        }
        None => (builder.with_no_client_auth(), None),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Current {
        config: Arc::new(config),
        own,
    })
}

/// Why a handshake failed, with what to do about what happens often.
fn why(error: &io::Error) -> String {
    use rustls::{CertificateError, Error, InvalidMessage};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "the daemon's certificate was issued by an authority that is not in `upstream_tls.ca`"
                .to_owned()
        }
        Some(Error::InvalidCertificate(bad)) => {
            format!("the daemon's certificate is not right: {bad}")
        }
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "the daemon does not speak TLS on this port: remove `upstream_tls`, or change the port"
                .to_owned()
        }
        Some(Error::AlertReceived(alert)) => format!(
            "the daemon refused it ({alert:?}): check `upstream_tls.cert` and `upstream_tls.key`"
        ),
        Some(_) | None => error.to_string(),
    }
}
