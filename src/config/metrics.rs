//! Checks `[metrics]`.

use super::settings::Settings;
use super::table::SettingsReader;
use super::{ListenAddress, ListenerSettings};
use crate::clients::matcher::Kind;

/// Reports a listener for metrics that clients could reach, or that nobody could.
pub(super) fn check(
    reader: &mut SettingsReader<'_>,
    settings: &Settings,
    listeners: &[ListenerSettings],
) {
    let metrics = &settings.metrics;
    let Some(address) = &metrics.listen else {
        if metrics.from.is_some() {
            let message = "has no effect without metrics.listen: write listen = \"tcp://0.0.0.0:9477\", or remove it";
            reader.wrong_at("metrics.from", message);
        }
        return;
    };
    let is_tcp = matches!(address, ListenAddress::Tcp(_));
    if is_tcp && !address.is_loopback() && metrics.from.is_none() {
        let message = format!(
            "clients could reach {address}: write from = [\"network:NAME\"] for the Docker network of Prometheus, or \
             listen on tcp://127.0.0.1:9477 or on a unix socket"
        );
        reader.wrong_at("metrics.listen", message);
    }
    let is_doubled = listeners
        .iter()
        .any(|listener| listener.address == *address);
    if is_doubled && !matches!(address, ListenAddress::Tcp(tcp) if tcp.port() == 0) {
        let message =
            format!("{address} is also a listener for clients: write another port or path");
        reader.wrong_at("metrics.listen", message);
    }
    for matcher in metrics.from.iter().flatten() {
        let is_of_unix = matches!(matcher.kind(), Kind::Uid | Kind::Gid);
        if matcher.kind() == Kind::Certificate {
            let message = format!("\"{matcher}\" cannot match: this listener has no TLS");
            reader.wrong_at("metrics.from", message);
        } else if is_of_unix == is_tcp {
            let other = if is_tcp {
                "a unix socket"
            } else {
                "a TCP address"
            };
            let message = format!("\"{matcher}\" cannot match: it needs {other} as metrics.listen");
            reader.wrong_at("metrics.from", message);
        }
    }
}
