//! Certificates for the tests, and a TLS client that trusts them.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::command::dockgate;
use super::folder::Folder;
use super::wait::LIMIT;

/// A folder that `dockgate certs` made, for `localhost` and 127.0.0.1.
pub(crate) struct Certificates(Folder);

/// A certificate, those that lead to its authority, and its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
}

pub(crate) type TlsClient = StreamOwned<ClientConnection, TcpStream>;

impl Certificates {
    pub(crate) fn new() -> Self {
        let made = Self(Folder::new());
        made.run(&["init", "--host", "localhost,127.0.0.1"]);
        made
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) {
        let dir = self.dir();
        let arguments = [&["certs"], arguments, &["--dir", dir.to_str().unwrap()]].concat();
        let (code, out, err) = dockgate(&arguments, "");
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces a file as renewing programs do.
    pub(crate) fn replace(&self, name: &str, text: &str) {
        let new = self.0.write("new", text);
        fs::rename(new, self.path(name)).unwrap();
    }

    /// A client with a new certificate.
    pub(crate) fn client(&self, name: &str) -> Identity {
        self.run(&["client", name]);
        Identity {
            chain: self.read(&format!("clients/{name}/cert.pem")),
            key: self.read(&format!("clients/{name}/key.pem")),
        }
    }

    /// A client's certificate that the authority signs, after a change.
    pub(crate) fn odd(&self, change: impl Fn(&mut CertificateParams)) -> Identity {
        let key = KeyPair::from_pem(&self.read("ca-key.pem")).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&self.read("ca.pem"), key).unwrap();
        signed_by(&issuer, change)
    }

    pub(crate) fn config(&self, identity: Option<&Identity>) -> Arc<ClientConfig> {
        config(&self.path("ca.pem"), identity, false)
    }
}

/// A client's certificate with this issuer, after a change.
pub(crate) fn signed_by(
    issuer: &Issuer<'_, KeyPair>,
    change: impl Fn(&mut CertificateParams),
) -> Identity {
    let mut params = CertificateParams::new(["odd".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    Identity {
        chain: params.signed_by(&key, issuer).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

/// A client that trusts these authorities.
pub(crate) fn config(ca: &Path, identity: Option<&Identity>, is_old: bool) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for der in CertificateDer::pem_file_iter(ca).unwrap() {
        roots.add(der.unwrap()).unwrap();
    }
    let versions = if is_old { &[&TLS12][..] } else { &[&TLS13] };
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let Some(identity) = identity else {
        return Arc::new(builder.with_no_client_auth());
    };
    let chain = CertificateDer::pem_slice_iter(identity.chain.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    Arc::new(builder.with_client_auth_cert(chain, key).unwrap())
}

/// Connects to `tcp://` and this address. The handshake runs when something is sent.
pub(crate) fn connect(address: &str, config: &Arc<ClientConfig>) -> TlsClient {
    let socket = TcpStream::connect(address.trim_start_matches("tcp://")).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    StreamOwned::new(connection, socket)
}

/// Sends a request, and reads until the end or an error. Returns what was read.
pub(crate) fn ask(
    address: &str,
    config: &Arc<ClientConfig>,
    request: &str,
) -> Result<String, String> {
    let mut client = connect(address, config);
    let mut read = Vec::new();
    let asked = client
        .write_all(request.as_bytes())
        .and_then(|()| client.read_to_end(&mut read));
    let text = String::from_utf8_lossy(&read).into_owned();
    asked
        .map(|_| text)
        .map_err(|error: io::Error| error.to_string())
}
