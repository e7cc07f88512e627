//! `certs`: an authority, and certificates for Dockgate and its clients, in the files that Docker's clients read.

mod files;
mod usage;

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};

use self::files::{Access, FileError};
use super::exit::{Exit, Stop};
use crate::certs::authority::{Authority, Issued, NotMade, Revoked};
use crate::certs::certificate::Certificate;

/// The arguments of `certs`.
#[derive(Debug, Args)]
pub(super) struct CertsArgs {
    #[command(subcommand)]
    command: CertsCommand,
}

#[derive(Debug, Subcommand)]
enum CertsCommand {
    /// Make an authority and a server certificate; again, to renew the server certificate
    #[command(
        after_help = "Example:\n  dockgate certs init --dir certs --host docker.example --host 192.0.2.7"
    )]
    Init {
        #[command(flatten)]
        folder: Folder,
        /// A DNS name or IP address that clients connect to; repeat it for each [default: ask, or those of the old certificate]
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        host: Vec<String>,
        #[command(flatten)]
        days: Days,
    },
    /// Make a certificate for a client; again, to renew it
    #[command(after_help = "Example:\n  dockgate certs client traefik --dir certs")]
    Client {
        /// The client's name
        name: String,
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        days: Days,
    },
    /// Revoke all certificates of a client
    #[command(after_help = "Example:\n  dockgate certs revoke traefik --dir certs")]
    Revoke {
        /// The client's name
        name: String,
        #[command(flatten)]
        folder: Folder,
    },
    /// Show the certificates, and until when they hold
    #[command(after_help = "Example:\n  dockgate certs show --dir certs")]
    Show {
        #[command(flatten)]
        folder: Folder,
    },
}

#[derive(Debug, Args)]
struct Folder {
    /// The folder of the certificates
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Debug, Args)]
struct Days {
    /// How many days the certificate holds
    #[arg(long, value_name = "DAYS", default_value_t = 825, value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: i64,
}

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
enum CertsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: {source}", path.display())]
    NotMade { path: PathBuf, source: NotMade },
    #[error(
        "{}: there is no authority in this folder: run `dockgate certs init --dir {}`", path.display(), path.display()
    )]
    NoAuthority { path: PathBuf },
    #[error("no certificate was made for \"{0}\" in this folder")]
    NoClient(String),
    #[error(
        "\"{0}\" cannot be a client's name: write letters, digits, `-`, `_` and `.`, beginning with a letter or a digit"
    )]
    BadName(String),
    #[error("no names: write --host NAME for each name and address that clients connect to")]
    NoHost,
}

pub(super) fn run(args: CertsArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Exit, Stop> {
    let mut answer = Vec::new();
    let done = match args.command {
        CertsCommand::Init { folder, host, days } => {
            init(&folder.dir, host, days.days, &mut answer)
        }
        CertsCommand::Client { name, folder, days } => {
            client(&folder.dir, &name, days.days, &mut answer)
        }
        CertsCommand::Revoke { name, folder } => revoke(&folder.dir, &name, &mut answer),
        CertsCommand::Show { folder } => show(&folder.dir, &mut answer),
    };
    for line in answer {
        writeln!(out, "{line}")?;
    }
    if let Err(error) = &done {
        writeln!(err, "dockgate: {error}")?;
    }
    Ok(Exit::done_if(done.is_ok()))
}

fn init(
    dir: &Path,
    hosts: Vec<String>,
    days: i64,
    answer: &mut Vec<String>,
) -> Result<(), CertsError> {
    let hosts = if hosts.is_empty() { asked(dir)? } else { hosts };
    files::make_folder(dir)?;
    let now = now();
    let authority = if dir.join(CA).exists() {
        answer.push(format!("kept the authority {}", dir.join(CA).display()));
        open(dir)?
    } else {
        let (authority, key) = Authority::create(now).map_err(at(dir))?;
        files::write(&dir.join(CA_KEY), &key, Access::OwnerOnly)?;
        files::write(&dir.join(CA), &authority.pem, Access::Everybody)?;
        answer.push(format!("made the authority {}", dir.join(CA).display()));
        authority
    };
    if !dir.join(CRL).exists() {
        let list = authority.revocations(&Revoked::default(), now);
        let list = list.map_err(at(dir))?;
        files::write(&dir.join(CRL), &list, Access::Everybody)?;
    }
    let issued = authority.server(&hosts, now, days).map_err(at(dir))?;
    let access = files::write(&dir.join(SERVER_KEY), &issued.key, Access::Group)?;
    files::write(&dir.join(SERVER), &issued.certificate, Access::Everybody)?;
    answer.extend(access);
    answer.push(format!(
        "made {} for {}",
        dir.join(SERVER).display(),
        hosts.join(", ")
    ));
    answer.push(String::new());
    answer.extend(usage::of_server(dir));
    Ok(())
}

fn client(dir: &Path, name: &str, days: i64, answer: &mut Vec<String>) -> Result<(), CertsError> {
    check_name(name)?;
    let authority = open(dir)?;
    let issued = authority.client(name, now(), days).map_err(at(dir))?;
    let folder = dir.join(CLIENTS).join(name);
    files::make_folder(&folder)?;
    note(dir, name, &issued)?;
    let access = files::write(&folder.join("key.pem"), &issued.key, Access::Group)?;
    files::write(
        &folder.join("cert.pem"),
        &issued.certificate,
        Access::Everybody,
    )?;
    files::write(&folder.join(CA), &authority.pem, Access::Everybody)?;
    let host = names(dir).into_iter().next();
    let host = host.unwrap_or_else(|| "HOST".to_owned());
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    answer.push(format!(
        "made ca.pem, cert.pem and key.pem in {}",
        folder.display()
    ));
    answer.extend(access);
    answer.push(String::new());
    answer.extend(usage::of_client(name, &folder, &host));
    Ok(())
}

fn revoke(dir: &Path, name: &str, answer: &mut Vec<String>) -> Result<(), CertsError> {
    check_name(name)?;
    let authority = open(dir)?;
    let now = now();
    let serials: Vec<_> = issued(dir)?
        .into_iter()
        .filter(|(_, of)| of == name)
        .collect();
    if serials.is_empty() {
        return Err(CertsError::NoClient(name.to_owned()));
    }
    let mut revoked = revoked(dir)?;
    let count = serials
        .iter()
        .filter(|(serial, _)| revoked.add(serial, now))
        .count();
    revoked.number += 1;
    let list = authority.revocations(&revoked, now).map_err(at(dir))?;
    files::write(&dir.join(CRL), &list, Access::Everybody)?;
    let certificates = if count == 1 {
        "certificate"
    } else {
        "certificates"
    };
    answer.push(format!(
        "revoked {count} {certificates} of {name} in {}",
        dir.join(CRL).display()
    ));
    answer.push(
        "A running Dockgate that reads this file ends the connections of their owner within a second."
            .to_owned(),
    );
    Ok(())
}

fn show(dir: &Path, answer: &mut Vec<String>) -> Result<(), CertsError> {
    open(dir)?;
    let (now, revoked) = (now(), revoked(dir)?);
    for file in [CA, SERVER] {
        let path = dir.join(file);
        if path.exists() {
            let read = certificate(&path)?;
            answer.extend(usage::about(file, &read, now, false));
        }
    }
    let mut clients: Vec<_> = issued(dir)?.into_iter().map(|(_, name)| name).collect();
    clients.sort();
    clients.dedup();
    for name in clients {
        let file = format!("{CLIENTS}/{name}/cert.pem");
        let path = dir.join(&file);
        if path.exists() {
            let read = certificate(&path)?;
            let mut serials = revoked.serials.iter();
            let is_revoked = serials.any(|(serial, _)| *serial == read.serial);
            answer.extend(usage::about(&file, &read, now, is_revoked));
        }
    }
    Ok(())
}

const CA: &str = "ca.pem";
const CA_KEY: &str = "ca-key.pem";
const SERVER: &str = "server-cert.pem";
const SERVER_KEY: &str = "server-key.pem";
const CRL: &str = "crl.pem";
const CLIENTS: &str = "clients";
/// A line for each client certificate that was made: its serial number and its client. `revoke` needs those that were
/// renewed, too.
const ISSUED: &str = "issued.txt";

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or_default()
}

/// Says in which folder nothing was made.
fn at(dir: &Path) -> impl Fn(NotMade) -> CertsError {
    let path = dir.to_owned();
    move |source| CertsError::NotMade {
        path: path.clone(),
        source,
    }
}

/// The names of the server: asks on a terminal, and takes those of its old certificate for an empty answer.
fn asked(dir: &Path) -> Result<Vec<String>, CertsError> {
    let old = names(dir);
    if !old.is_empty() {
        return Ok(old);
    }
    let mut answer = String::new();
    if io::stdin().is_terminal() {
        let question = "Names and addresses that clients connect to, separated by spaces: ";
        // An operator without a terminal for the question sees the error.
        _ = io::stderr().write_all(question.as_bytes());
        _ = io::stdin().lock().read_line(&mut answer);
    }
    let names = answer
        .split([' ', ',', '\n'])
        .filter(|name| !name.is_empty());
    let names: Vec<_> = names.map(str::to_owned).collect();
    if names.is_empty() {
        return Err(CertsError::NoHost);
    }
    Ok(names)
}

/// The names of the server's certificate, if there is one.
fn names(dir: &Path) -> Vec<String> {
    certificate(&dir.join(SERVER)).map_or_else(|_| Vec::new(), |read| read.names)
}

fn certificate(path: &Path) -> Result<Certificate, CertsError> {
    let pem = files::read(path)?;
    let read = Certificate::first(&pem);
    read.map_err(|bad| FileError::of(path, bad.to_string()).into())
}

fn open(dir: &Path) -> Result<Authority, CertsError> {
    if !dir.join(CA).exists() {
        let path = dir.to_owned();
        return Err(CertsError::NoAuthority { path });
    }
    let pem = files::read(&dir.join(CA))?;
    let key = files::read(&dir.join(CA_KEY))?;
    Authority::open(pem, &key).map_err(at(&dir.join(CA_KEY)))
}

fn revoked(dir: &Path) -> Result<Revoked, CertsError> {
    let path = dir.join(CRL);
    if !path.exists() {
        return Ok(Revoked::default());
    }
    Revoked::read(&files::read(&path)?).map_err(at(&path))
}

/// The client certificates that were made, as serial number and name.
fn issued(dir: &Path) -> Result<Vec<(String, String)>, CertsError> {
    let path = dir.join(ISSUED);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = files::read(&path)?;
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    Ok(lines
        .map(|(serial, name)| (serial.to_owned(), name.to_owned()))
        .collect())
}

/// Notes that a certificate was made, so that it can be revoked.
fn note(dir: &Path, name: &str, made: &Issued) -> Result<(), CertsError> {
    let path = dir.join(ISSUED);
    let read = Certificate::first(&made.certificate);
    let read = read.map_err(|bad| FileError::of(&path, bad.to_string()))?;
    let mut text = if path.exists() {
        files::read(&path)?
    } else {
        String::new()
    };
    // A String takes every write.
    _ = writeln!(text, "{} {name}", read.serial);
    files::write(&path, &text, Access::OwnerOnly)?;
    Ok(())
}

fn check_name(name: &str) -> Result<(), CertsError> {
    let begins = name
        .bytes()
        .next()
        .is_some_and(|it| it.is_ascii_alphanumeric());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if begins && name.len() <= MAX_NAME && name.bytes().all(is_plain) {
        Ok(())
    } else {
        Err(CertsError::BadName(name.to_owned()))
    }
}

/// The longest common name of a certificate. Source: RFC 5280, `ub-common-name`.
const MAX_NAME: usize = 64;
