//! How to use the files: a line for each program that reads them.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::certs::certificate::Certificate;

/// What to do with the files of a server.
pub(super) fn of_server(dir: &Path) -> Vec<String> {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let dir = dir.display();
    vec![
        format!("Dockgate         DOCKGATE_CERT_PATH={dir} DOCKGATE_LISTEN=tcp://0.0.0.0:2376"),
        format!("a client's files dockgate certs client NAME --dir {dir}"),
        format!(
            "Keep {dir}/ca-key.pem away from the server: whoever has it can make certificates."
        ),
    ]
}

/// How a client's programs use its files.
pub(super) fn of_client(name: &str, folder: &Path, host: &str) -> Vec<String> {
    let folder = folder.display();
    let address = if host.contains(':') {
        format!("[{host}]:2376")
    } else {
        format!("{host}:2376")
    };
    let variables =
        format!("DOCKER_HOST=tcp://{address} DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH={folder}");
    vec![
        format!("docker, compose  export {variables}"),
        format!(
            "docker context   docker context create {name} --docker \
             host=tcp://{address},ca={folder}/ca.pem,cert={folder}/cert.pem,key={folder}/key.pem"
        ),
        format!(
            "Traefik          providers: {{docker: {{endpoint: \"tcp://{address}\", tls: {{ca: {folder}/ca.pem, cert: \
             {folder}/cert.pem, key: {folder}/key.pem}}}}}}"
        ),
        format!(
            "docker-py        {variables} python3 -c 'import docker; docker.from_env().ping()'"
        ),
        format!(
            "dockerode        {variables} node -e 'new (require(\"dockerode\"))().ping().then(console.log)'"
        ),
        format!("Testcontainers   {variables}"),
        format!(
            "Dockgate         [[client]] name = \"{}\", from = [\"cert:CN={name}\"]",
            name.to_ascii_lowercase()
        ),
    ]
}

/// What a certificate says.
pub(super) fn about(file: &str, read: &Certificate, now: i64, is_revoked: bool) -> Vec<String> {
    let until = Duration::from_secs(u64::try_from(read.not_after).unwrap_or_default());
    let until = humantime::format_rfc3339_seconds(UNIX_EPOCH + until);
    let state = match read.days_left(now) {
        _ if is_revoked => "revoked".to_owned(),
        days if days < 0 => "EXPIRED".to_owned(),
        days => format!("{days} days left"),
    };
    let names = read.names.join(", ");
    let names = if names.is_empty() { "-" } else { &names };
    vec![
        format!("{file}: {}", read.subject),
        format!("  until        {until} ({state})"),
        format!("  names        {names}"),
        format!("  fingerprint  sha256:{}", read.fingerprint),
        format!("  pin          cert:SPKI=sha256/{}", read.key_pin),
    ]
}
