//! TLS: which files a listener and the connection to the daemon use.
//!
//! What is in the files is read elsewhere, because they change while Dockgate runs.

use std::path::{Path, PathBuf};

use super::settings::{ListenerTable, Settings, TlsTable};
use super::table::SettingsReader;
use super::{ListenAddress, UpstreamAddress};

/// The files of a listener that speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// The server's certificate, followed by those that lead to its authority.
    pub cert: PathBuf,
    /// The key of the certificate.
    pub key: PathBuf,
    /// The authorities of the clients' certificates; `None` if clients need none.
    pub client_ca: Option<PathBuf>,
    /// The revoked certificates.
    pub crl: Option<PathBuf>,
    /// Whether the list may be missing, because the settings name only the folder.
    pub is_crl_optional: bool,
}

/// The files of the connection to a daemon that speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The authorities of the daemon's certificate.
    pub ca: PathBuf,
    /// Dockgate's own certificate, and its key.
    pub own: Option<(PathBuf, PathBuf)>,
}

// The names of Docker's own files.
const CA: &str = "ca.pem";
const CERT: &str = "server-cert.pem";
const KEY: &str = "server-key.pem";
const CRL: &str = "crl.pem";

/// The TLS of a listener that has no table of its own.
pub(super) fn of_address(settings: &Settings, address: &ListenAddress) -> Option<ListenerTls> {
    match address {
        ListenAddress::Tcp(_) => settings.cert_path.as_deref().map(in_folder),
        ListenAddress::Unix(_) => None,
    }
}

/// The TLS of a `[[listener]]`, if it speaks TLS.
pub(super) fn of_listener(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
    (at, table): (usize, &ListenerTable),
    address: &ListenAddress,
) -> Option<ListenerTls> {
    let own = match &table.tls {
        None => return of_address(settings, address),
        Some(None) => return None,
        Some(Some(own)) => own,
    };
    let key = format!("listener[{at}].tls");
    if let ListenAddress::Unix(_) = address {
        let message = format!("{address} is a unix socket, which needs no TLS: remove tls");
        reader.wrong_at(&key, message);
        return None;
    }
    let folder = settings.cert_path.as_deref().map(in_folder);
    let chosen = choose(own, folder.as_ref());
    let Ok(chosen) = chosen else {
        let (name, example) = chosen.err()?;
        let message = format!("is missing: write {name} = {example}");
        reader.wrong_at(&format!("{key}.{name}"), message);
        return None;
    };
    if chosen.client_ca.is_none() && own.crl.is_some() {
        let message = "has no effect, because client_ca = \"none\" asks no client for a certificate: remove it";
        reader.wrong_at(&format!("{key}.crl"), message);
    }
    Some(chosen)
}

/// The files of a listener's table, and for what it leaves out, those of the folder. If one is missing: its key, and an
/// example.
fn choose(
    own: &TlsTable,
    folder: Option<&ListenerTls>,
) -> Result<ListenerTls, (&'static str, &'static str)> {
    let cert = own.cert.clone().or(folder.map(|it| it.cert.clone()));
    let key = own.key.clone().or(folder.map(|it| it.key.clone()));
    let client_ca = own
        .client_ca
        .clone()
        .or(folder.map(|it| it.client_ca.clone()));
    let client_ca = client_ca.ok_or((
        "client_ca",
        "\"/certs/ca.pem\", the authority of the clients' certificates, or \"none\" to let every client connect",
    ))?;
    let has_clients = client_ca.is_some();
    let optional = folder.filter(|_| has_clients);
    let optional = optional.and_then(|it| it.crl.clone());
    Ok(ListenerTls {
        cert: cert.ok_or(("cert", "\"/certs/server-cert.pem\""))?,
        key: key.ok_or(("key", "\"/certs/server-key.pem\""))?,
        client_ca,
        is_crl_optional: own.crl.is_none(),
        crl: own.crl.clone().or(optional),
    })
}

fn in_folder(folder: &Path) -> ListenerTls {
    ListenerTls {
        cert: folder.join(CERT),
        key: folder.join(KEY),
        client_ca: Some(folder.join(CA)),
        crl: Some(folder.join(CRL)),
        is_crl_optional: true,
    }
}

/// The TLS of the connection to the daemon, if there is any.
pub(super) fn of_upstream(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
) -> Option<UpstreamTls> {
    let table = &settings.upstream_tls;
    let is_set = table.ca.is_some() || table.cert.is_some() || table.key.is_some();
    if !is_set {
        return None;
    }
    if let UpstreamAddress::Unix(_) = &settings.upstream {
        let message = format!(
            "{} is a unix socket, which needs no TLS: write upstream = \"tcp://engine:2376\"",
            settings.upstream
        );
        reader.wrong_at("upstream_tls", message);
    }
    let own = match (&table.cert, &table.key) {
        (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
        (None, None) => None,
        (cert, _) => {
            let (key, other) = if cert.is_some() {
                ("key", "cert")
            } else {
                ("cert", "key")
            };
            let message =
                format!("is missing, and needed with {other}: write {key} = \"/certs/{key}.pem\"");
            reader.wrong_at(&format!("upstream_tls.{key}"), message);
            None
        }
    };
    let Some(ca) = table.ca.clone() else {
        let message =
            "is missing: write ca = \"/certs/ca.pem\", the authority of the daemon's certificate";
        reader.wrong_at("upstream_tls.ca", message);
        return None;
    };
    Some(UpstreamTls { ca, own })
}

impl ListenerTls {
    /// All of its files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let others = self.client_ca.iter().chain(&self.crl);
        [&self.cert, &self.key]
            .into_iter()
            .chain(others)
            .map(PathBuf::as_path)
    }
}

impl UpstreamTls {
    /// All of its files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let own = self.own.iter().flat_map(|(cert, key)| [cert, key]);
        [&self.ca].into_iter().chain(own).map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests;
