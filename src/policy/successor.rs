//! Whether a request makes a container again that was removed a moment ago, as updaters do.

use super::answers::{self, Answer, Answers, Lookup, NeedsLookup};
use super::objects::Container;
use super::replaces;
use super::request::Request;
use crate::docker::{Document, Json};

/// Whether a request asks for nothing but what the container before it had.
pub(super) fn is_replacement(request: &Request<'_>, known: &Answers) -> Result<bool, NeedsLookup> {
    let differences = differences(request, known)?;
    Ok(differences.is_some_and(|differences| differences.is_empty()))
}

/// Where a container, or its place on a network, is not that of the one before it; `None` if there was
/// none.
pub(super) fn differences(
    request: &Request<'_>,
    known: &Answers,
) -> Result<Option<Vec<String>>, NeedsLookup> {
    let Some(body) = &request.body else {
        return Ok(None);
    };
    let is_create = request.call.judged().body == Some(Document::Container);
    let Some(name) = name(request, body, known)? else {
        return Ok(None);
    };
    let lookup = Lookup::Predecessor(name);
    let olds = match known.answer(&lookup) {
        Some(Answer::Containers(olds)) => olds,
        Some(_) => return Ok(None),
        None => return Err(NeedsLookup::Ask(lookup)),
    };
    // A new container without a name may be that of any of them: it gets its name afterwards.
    let mut least: Option<Vec<String>> = None;
    let newest = replaces::newest(body, olds);
    for old in newest.iter().rev() {
        let mut differences = if is_create {
            replaces::differences(body, old)
        } else {
            endpoint_differences(request, body, old)
        };
        if differences.is_empty() && is_create {
            differences = unlike_now(body, old, known)?;
        }
        if differences.is_empty() {
            return Ok(Some(differences));
        }
        let is_least = |least: &Vec<String>| differences.len() < least.len();
        if least.as_ref().is_none_or(is_least) {
            least = Some(differences);
        }
    }
    if newest.len() < olds.len() {
        let least = least.get_or_insert_default();
        least.insert(0, TOO_LARGE.to_owned());
    }
    Ok(least)
}

/// The name of the container that is made, or put on or off a network; `None` for other requests.
fn name(
    request: &Request<'_>,
    body: &Json,
    known: &Answers,
) -> Result<Option<String>, NeedsLookup> {
    Ok(match request.call.judged().body {
        Some(Document::Container) => {
            let name = request.call.query.first("name").unwrap_or_default();
            Some(name.trim_start_matches('/').to_owned())
        }
        Some(Document::Endpoint | Document::Leaving) => {
            let name = body.get("Container").and_then(Json::text);
            let name = name.unwrap_or_default().trim_start_matches('/');
            Some(answers::container(known, name)?.name.clone())
        }
        Some(
            Document::ContainerUpdate
            | Document::Exec
            | Document::ExecStart
            | Document::ImageConfig
            | Document::Network
            | Document::Service
            | Document::ServiceUpdate
            | Document::Volume
            | Document::VolumeUpdate,
        )
        | None => None,
    })
}

/// Where a place on a network is not the one that the old container had there.
fn endpoint_differences(request: &Request<'_>, body: &Json, old: &Container) -> Vec<String> {
    let endpoint = body.get("EndpointConfig").unwrap_or(&Json::Null);
    let network = request.call.object().unwrap_or_default();
    let is_other = !replaces::joins(network, endpoint, old);
    is_other
        .then(|| "EndpointConfig".to_owned())
        .into_iter()
        .collect()
}

/// Why a container that has nothing else than the one before it does not take its place all the same: that
/// one runs, or what was left out is not what its image says.
fn unlike_now(body: &Json, old: &Container, known: &Answers) -> Result<Vec<String>, NeedsLookup> {
    let lookup = Lookup::Container(old.id.clone());
    match known.answer(&lookup) {
        Some(Answer::Container(now)) if now.is_running => {
            return Ok(vec!["its time: the old one still runs".to_owned()]);
        }
        Some(_) => {}
        None => return Err(NeedsLookup::Ask(lookup)),
    }
    let left_out = replaces::left_out(body, old, &Json::Null);
    if left_out.is_empty() || old.image.is_empty() {
        return Ok(left_out);
    }
    let lookup = Lookup::Image(old.image.clone());
    Ok(match known.answer(&lookup) {
        Some(Answer::Image(image)) => replaces::left_out(body, old, &image.config),
        Some(_) => left_out,
        None => return Err(NeedsLookup::Ask(lookup)),
    })
}

/// The difference that is reported when a request was not compared with every container that it could replace.
const TOO_LARGE: &str = "its size: it was compared with the containers that were removed last, and older ones were \
    skipped; give it the name of the one that it replaces, or recreate that one first";
