//! What the query of an operation asks for.

use super::build;
use super::changes::{RESERVED_LABEL, check_changes};
use super::collector::{NOT_PLAIN, Read, Requirements, is_reserved, unclear_query as unclear};
use crate::docker::path::{cleaned, is_literal};
use crate::docker::reference::{BadReference, is_on_host};
use crate::docker::{Call, Json, Object, Parameters, Reference, ps};
use crate::policy::keys::Key;
use crate::policy::names::{self, READS_AS_ID, is_whole_id, reads_as_id};
use crate::policy::reason::{Denial, Reason};
use crate::policy::requirement::Touch;
use crate::policy::value::EVERY_VERSION;

/// The query keys that are forwarded; `None` forwards all. JSON operations have theirs in the table of operations.
fn keys(query: Parameters) -> Option<&'static [&'static str]> {
    match query {
        Parameters::Archive => Some(&["copyUIDGID", "noOverwriteDirNonDir", "path"]),
        Parameters::Attach => Some(&["detachKeys", "logs", "stderr", "stdin", "stdout", "stream"]),
        Parameters::Build => Some(build::KEYS),
        Parameters::Checkpoint => Some(&["checkpoint", "checkpoint-dir", "detachKeys"]),
        Parameters::Fetch => Some(IMPORT_KEYS),
        Parameters::NoKeys => Some(&[]),
        Parameters::Processes => Some(&["ps_args"]),
        Parameters::Push => Some(&["platform", "tag"]),
        Parameters::Rename => Some(&["name"]),
        Parameters::Tag => Some(&["repo", "tag"]),
        Parameters::Commit
        | Parameters::Free
        | Parameters::Load
        | Parameters::Name
        | Parameters::Registry
        | Parameters::Rollback => None,
    }
}

const IMPORT_KEYS: &[&str] = &[
    "changes",
    "fromImage",
    "fromSrc",
    "message",
    "platform",
    "repo",
    "tag",
];

pub(super) fn read(requirements: &mut Requirements, call: &Call) -> Read {
    let first = |key: &str| first(call, key);
    match requirements.judged().query {
        // A relative path begins at the root. A path with `..` is compared with the policy too, because without
        // `archive.paths` it is forwarded.
        Parameters::Archive => {
            requirements.push("path", Key::ArchivePath.asks(cleaned(first("path"))));
        }
        Parameters::Build => image_build(requirements, call)?,
        // A checkpoint is memory and processes that somebody else wrote.
        Parameters::Checkpoint => {
            let is_given = |key: &&str| !first(key).is_empty();
            for key in ["checkpoint", "checkpoint-dir"]
                .into_iter()
                .filter(is_given)
            {
                requirements.push(key, Key::CreateUnrestricted.flag());
            }
        }
        Parameters::Commit => {
            check_changes(call)?;
            requirements.touch_container("container", first("container"))?;
            tagged(requirements, call)?;
        }
        Parameters::Fetch => image_create(requirements, call)?,
        Parameters::Load => requirements.push("the tar", Key::Tag.asks("*")),
        Parameters::Name => name(requirements, call)?,
        // Harmless arguments are sent in the form in which they were judged.
        Parameters::Processes => {
            if ps::harmless(first("ps_args")).is_none() {
                requirements.push("ps_args", Key::PsArgs.asks(first("ps_args")));
            }
        }
        Parameters::Push => {
            let separator = if first("tag").is_empty() { "" } else { ":" };
            let image = [call.object().unwrap_or_default(), separator, first("tag")].concat();
            requirements.push("the image", Key::Push.asks(of_every_version(image)));
        }
        Parameters::Registry => registry(requirements, call),
        Parameters::Rename => {
            name(requirements, call)?;
            let container = call.object().unwrap_or_default().to_owned();
            let name = first("name").trim_start_matches('/').to_owned();
            requirements.push("name", Touch::Rename { container, name });
        }
        Parameters::Rollback => {
            if !first("rollback").is_empty() {
                requirements.push("rollback", Key::Rollback.flag());
            }
        }
        Parameters::Tag => tagged(requirements, call)?,
        // The keys of an attach are read with the path.
        Parameters::Attach | Parameters::Free | Parameters::NoKeys => {}
    }
    Ok(())
}

/// Drops the keys that the daemon does not read, if the query decides something.
pub(crate) fn strip_unknown_query_keys(call: &mut Call) -> Read {
    let query = call.judged().query;
    let kept = keys(query).map_or(Ok(()), |keys| call.query.retain(keys));
    kept.map_err(|bad| Denial::new(Reason::BadQuery, bad.to_string()))?;
    if query == Parameters::Build && !build::is_by_buildkit(call) {
        // The classic builder does not read it. Podman treats it as a folder of the host to write to.
        call.query.drop_key(build::OUTPUTS);
    }
    Ok(())
}

/// Denies a key that appears twice and that could make a client of something: engines could read either of the two.
pub(super) fn check_identifying(call: &Call) -> Read {
    let mut keys = ["labels", "name", "networkmode"].iter();
    let checked = keys.try_for_each(|key| call.query.once(key));
    checked.map_err(|bad| Denial::new(Reason::BadQuery, bad.to_string()))
}

fn first<'a>(call: &'a Call, key: &str) -> &'a str {
    call.query.first(key).unwrap_or_default()
}

fn name(requirements: &mut Requirements, call: &Call) -> Read {
    let name = first(call, "name").trim_start_matches('/');
    if is_whole_id(name) {
        return Err(unclear("name", READS_AS_ID));
    }
    if reads_as_id(name) {
        requirements.push("name", Touch::NewId(Object::Container, name.to_owned()));
    }
    // The daemon rejects the ASCII names that it does not accept.
    if name.is_ascii() {
        requirements.push("name", Touch::Name(name.to_owned()));
        return Ok(());
    }
    Err(unclear("name", NOT_PLAIN))
}

/// Reads what makes the daemon ask a registry. Only registries on the host itself need a key.
fn registry(requirements: &mut Requirements, call: &Call) {
    let asked = [
        ("the image", call.object()),
        ("remote", call.query.first("remote")),
        ("term", call.query.first("term")),
    ];
    for (path, name) in asked {
        if let Some(name) = name.filter(|name| is_on_host(name)) {
            requirements.push(path, Key::Pull.asks(name));
        }
    }
}

/// An image without a tag or digest is pulled and pushed with every tag.
fn of_every_version(image: String) -> String {
    let last = image.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) {
        image
    } else {
        image + EVERY_VERSION
    }
}

/// Reads the name that an image gets, if it gets one.
fn tagged(requirements: &mut Requirements, call: &Call) -> Read {
    let image = names::tagged(call);
    if image.is_empty() {
        return Ok(());
    }
    named(requirements, "repo", image)
}

/// Reads a name that an image gets.
fn named(requirements: &mut Requirements, key: &str, image: String) -> Read {
    let is_id = match Reference::parse(&image) {
        Ok(reference) => {
            let short = reference.repository.strip_prefix("docker.io/library/");
            short.is_some_and(reads_as_id)
        }
        Err(BadReference::Id) => reads_as_id(&image),
        Err(BadReference::Spelling) => false,
    };
    if is_id {
        return Err(unclear(key, READS_AS_ID));
    }
    requirements.push(key, Key::Tag.asks(image));
    Ok(())
}

fn image_create(requirements: &mut Requirements, call: &Call) -> Read {
    let first = |key: &str| first(call, key);
    check_changes(call)?;
    match first("fromSrc") {
        "" => {}
        "-" => requirements.push("fromSrc", Key::Import.flag()),
        address => requirements.push("fromSrc", Key::ImportFrom.asks(address)),
    }
    if !first("fromSrc").is_empty() {
        tagged(requirements, call)?;
    }
    // The daemon removes a colon at the end.
    let image = first("fromImage").trim_end_matches(':');
    if !image.is_empty() {
        let separator = match first("tag") {
            "" => "",
            digest if digest.contains(':') => "@",
            _ => ":",
        };
        let image = [image, separator, first("tag")].concat();
        requirements.push("fromImage", Key::Pull.asks(of_every_version(image)));
    }
    Ok(())
}

fn image_build(requirements: &mut Requirements, call: &Call) -> Read {
    let first = |key: &str| first(call, key);
    for (_, name) in call.query.pairs().filter(|(key, _)| *key == "t") {
        named(requirements, "t", name.to_owned())?;
    }
    match first("networkmode") {
        "" | "default" | "none" => {}
        mode => requirements.push("networkmode", Key::BuildNetwork.asks(mode)),
    }
    match first("remote") {
        // The client itself sends the context, through the session or in another request.
        "" | "client-session" => {}
        "upload-request" if first("version") == "2" => {}
        remote => requirements.push("remote", Key::BuildRemote.asks(remote)),
    }
    if !is_in_context(first("dockerfile")) {
        return Err(unclear("dockerfile", NOT_IN_CONTEXT));
    }
    for key in ["cgroupparent", "securityopt"] {
        if !first(key).is_empty() {
            requirements.push(key, Key::BuildUnrestricted.flag());
        }
    }
    build::read(requirements, call)?;
    for argument in members(call, "buildargs")? {
        // Replaces the program that reads Dockerfiles.
        if argument == "BUILDKIT_SYNTAX" {
            requirements.push("buildargs", Key::BuildUnrestricted.flag());
        }
    }
    if members(call, "labels")?.iter().any(|key| is_reserved(key)) {
        return Err(unclear("labels", RESERVED_LABEL));
    }
    Ok(())
}

/// Whether the name of a Dockerfile is a path within the build context. Podman fetches URLs, and gives a list and a `-`
/// another meaning.
fn is_in_context(name: &str) -> bool {
    let name = name.strip_prefix("./").unwrap_or(name);
    let is_listed = name.starts_with(['[', '-']);
    name.is_empty() || (!is_listed && is_literal(&format!("/{name}")))
}

const NOT_IN_CONTEXT: &str = "is not a path within the build context: write it without `..`, `//`, `:`, `,` and `*`, \
                              and without `/`, `[` or `-` at its start";

/// The keys of a JSON object in the query.
fn members(call: &Call, key: &str) -> Result<Vec<String>, Denial> {
    let text = first(call, key);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let value = Json::parse(text.as_bytes());
    let value = value.map_err(|_| unclear(key, "is not valid JSON, or has a key twice"))?;
    let keys = value.members().iter().map(|(key, _)| key.to_string());
    Ok(keys.collect())
}
