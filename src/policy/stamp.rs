//! The labels that say by which policy something was made: on what a body makes, on the volumes that a
//! container's body has made, and on images.

use super::names::tags;
use crate::docker::mount::{self, Source};
use crate::docker::{Call, Document, Json, Operation, Parameters, Reference};
use crate::policy::answers::{Answer, Answers, Lookup, NewVolume};
use crate::policy::keys::Blocks;
use crate::policy::objects::{IMAGE_LABEL, POLICY_LABEL};

/// Sets the label that says through which policy something was made, if one did, and those that the policy
/// wants.
pub(crate) fn labels(operation: Operation, body: &mut Json, policy: Option<&str>, blocks: &Blocks) {
    let judged = operation.spec().judged;
    let Some(block) = judged
        .block
        .filter(|_| judged.body.is_some_and(Document::has_labels))
    else {
        return;
    };
    let is_lifted = blocks.is_lifted(block);
    // A service that is updated keeps the marks that it was made with: one more would start its tasks anew.
    let is_made = judged.body != Some(Document::ServiceUpdate);
    let own = policy.filter(|_| is_made && !is_lifted);
    let own = own.map(|policy| (POLICY_LABEL, policy));
    let stamps: Vec<_> = blocks.create.labels.stamps().chain(own).collect();
    if stamps.is_empty() {
        return;
    }
    stamp(body, &stamps);
    let task = body.get_mut("TaskTemplate");
    if let Some(container) = task.and_then(|task| task.get_mut("ContainerSpec")) {
        stamp(container, &stamps);
    }
}

fn stamp(of: &mut Json, stamps: &[(&str, &str)]) {
    let Json::Object(members) = of else {
        return;
    };
    if !members.iter().any(|(key, _)| key == "Labels") {
        members.push(("Labels".into(), Json::Object(Vec::new())));
    }
    if let Some(Json::Object(labels)) = of.get_mut("Labels") {
        for (key, value) in stamps {
            let there = labels.iter().position(|(label, _)| label == key);
            // A mark that was granted is this policy's, or that of a container that is replaced: whoever
            // had the old one has the new one. One that says nothing came with an image.
            let has_mark = there.and_then(|at| labels.get(at)?.1.text());
            if *key == POLICY_LABEL && has_mark.is_some_and(|mark| !mark.is_empty()) {
                continue;
            }
            labels.retain(|(label, _)| label != key);
            let value = Json::Text((*value).to_owned().into());
            labels.push(((*key).to_owned().into(), value));
        }
    }
}

/// The first volume that a container's body mounts and that is not there yet, to be made with the labels
/// that it would have been made with, and the policy's.
pub(crate) fn new_volume(
    body: &Json,
    mark: &str,
    blocks: &Blocks,
    known: &Answers,
) -> Option<NewVolume> {
    let host = body.get("HostConfig")?;
    let binds = host.get("Binds").into_iter().flat_map(Json::texts);
    let binds = binds.map(|text| (mount::short(text), host.get("VolumeDriver")));
    let mounts = host.get("Mounts").map_or(&[][..], Json::items).iter();
    let mounts = mounts.map(|mount| (mount::long(mount), None));
    binds.chain(mounts).find_map(|(mount, usual_driver)| {
        let Source::Volume {
            name,
            driver,
            options,
            labels,
        } = mount.ok()?.source
        else {
            return None;
        };
        let lookup = Lookup::Volume(name?.to_owned());
        let is_missing = matches!(known.answer(&lookup), Some(Answer::Missing));
        let driver = driver
            .or(usual_driver.and_then(Json::text))
            .unwrap_or_default();
        let text = |text: &str| Json::Text(text.to_owned().into());
        let mut volume = Json::Object(vec![
            ("Name".into(), text(name?)),
            ("Driver".into(), text(driver)),
            ("DriverOpts".into(), Json::Object(options.to_vec())),
            ("Labels".into(), Json::Object(labels.to_vec())),
        ]);
        let stamps = blocks.create.labels.stamps();
        stamp(
            &mut volume,
            &stamps.chain([(POLICY_LABEL, mark)]).collect::<Vec<_>>(),
        );
        let mut body = String::new();
        volume.render(&mut body);
        let (name, mark) = (name?.to_owned(), mark.to_owned());
        is_missing.then_some(NewVolume { name, mark, body })
    })
}

/// Has an image that is made bear the policy's mark and the names that it gets, so that an image that
/// is made of it later does not pass for it; and takes a mark for containers out of it, as those that
/// others make of it are not the policy's.
pub(crate) fn image(call: &mut Call, mark: &str) {
    let query = call.judged().query;
    // What would have to be escaped is no name of a policy that anybody gives.
    if mark.contains(['"', '\\', '$', '`']) || mark.chars().any(char::is_control) {
        return;
    }
    let names: Vec<_> = tags(call).iter().map(Reference::to_string).collect();
    let value = [&[mark.to_owned()], names.as_slice()].concat().join(" ");
    let stamps = [(POLICY_LABEL, ""), (IMAGE_LABEL, value.as_str())];
    if query == Parameters::Build {
        let labels = call.query.first("labels").unwrap_or_default();
        let labels = Json::parse(labels.as_bytes()).unwrap_or(Json::Null);
        let mut labels = labels.members().to_vec();
        for (key, value) in stamps {
            labels.push((key.into(), Json::Text(value.into())));
        }
        let mut text = String::new();
        Json::Object(labels).render(&mut text);
        call.query.put("labels", &text);
    } else if query == Parameters::Commit
        || (query == Parameters::Fetch && call.query.first("fromSrc").is_some())
    {
        let labels = stamps.map(|(key, value)| format!("{key}=\"{value}\""));
        call.query
            .add("changes", &format!("LABEL {}", labels.join(" ")));
    }
}

#[cfg(test)]
mod tests;
