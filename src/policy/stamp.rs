//! Sets the labels that say which policy something was created through: on the object that a body describes, on the
//! volumes that a new container needs, and on images.

use super::names::tags;
use crate::docker::judged::Judged;
use crate::docker::mount::{self, Source};
use crate::docker::{Call, Document, Json, Parameters, Reference};
use crate::policy::answers::{Answer, Answers, Lookup, NewVolume};
use crate::policy::keys::Blocks;
use crate::policy::owner::{CLIENT_LABEL, IMAGE_LABEL, Owner, POLICY_LABEL};
use crate::policy::scope::Scope;

/// Sets the labels of a new object: those of its owner, if a policy allows the request, and those in the policy's
/// `stamp`.
pub(crate) fn labels(
    judged: Judged,
    body: &mut Json,
    owner: Option<Owner<'_>>,
    (blocks, scope): (&Blocks, Option<&Scope>),
) {
    let Some(block) = judged
        .block
        .filter(|_| judged.body.is_some_and(Document::has_labels))
    else {
        return;
    };
    // An updated service keeps its marks: another one would restart its tasks.
    let is_made = judged.body != Some(Document::ServiceUpdate);
    let is_marked = is_made && (scope.is_some() || !blocks.is_lifted(block));
    let own = owner.filter(|_| is_marked);
    let own = own.into_iter().flat_map(Owner::labels);
    let of_scope = scope
        .filter(|_| is_made)
        .into_iter()
        .flat_map(Scope::labels);
    let stamps = blocks.create.labels.stamps().chain(of_scope);
    let stamps: Vec<_> = stamps.chain(own).collect();
    if stamps.is_empty() {
        return;
    }
    stamp(body, &stamps);
    if let Some(container) = body.at_mut(&["TaskTemplate", "ContainerSpec"]) {
        stamp(container, &stamps);
    }
}

fn stamp(of: &mut Json, stamps: &[(&str, &str)]) {
    let Some(labels) = of.get_or_insert("Labels") else {
        return;
    };
    for (key, value) in stamps {
        // A mark that was allowed is this policy's, or that of the replaced container, whose owner also owns the new
        // one. An empty mark came with an image.
        let mark = labels.get(key).and_then(Json::text).unwrap_or_default();
        if !matches!(*key, POLICY_LABEL | CLIENT_LABEL) || mark.is_empty() {
            labels.set((*key).to_owned(), Json::Text((*value).to_owned().into()));
        }
    }
}

/// The first volume that a container's body mounts and that does not exist yet. It is created with the labels in the
/// body and with the policy's.
pub(crate) fn new_volume(
    body: &Json,
    owner: Owner<'_>,
    (blocks, scope): (&Blocks, Option<&Scope>),
    known: &Answers,
) -> Option<NewVolume> {
    let host = body.get("HostConfig")?;
    let usual_driver = host.text_at("VolumeDriver");
    let binds = host.at("Binds").texts();
    let binds = binds.map(|text| (mount::short(text), usual_driver));
    let mounts = host.at("Mounts").items().iter();
    let mounts = mounts.map(|mount| (mount::long(mount), ""));
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
        let text = |text: &str| Json::Text(text.to_owned().into());
        let mut volume = Json::Object(vec![
            ("Name".into(), text(name?)),
            ("Driver".into(), text(driver.unwrap_or(usual_driver))),
            ("DriverOpts".into(), Json::Object(options.to_vec())),
            ("Labels".into(), Json::Object(labels.to_vec())),
        ]);
        let stamps = blocks.create.labels.stamps();
        let of_scope = scope.into_iter().flat_map(Scope::labels);
        let stamps: Vec<_> = stamps.chain(of_scope).chain(owner.labels()).collect();
        stamp(&mut volume, &stamps);
        let mut body = String::new();
        volume.render(&mut body);
        let labels = owner
            .labels()
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let (name, labels) = (name?.to_owned(), labels.collect());
        is_missing.then_some(NewVolume { name, labels, body })
    })
}

/// Labels a new image with its owner and with the names that it gets, so that an image that is built from it
/// later is not mistaken for it. Also empties the mark that its containers would get from it, because containers that
/// others create from it are not the policy's.
pub(crate) fn image(call: &mut Call, owner: Owner<'_>) {
    let query = call.judged().query;
    let mark = owner.of_image();
    // Nobody gives a policy a name that would need escapes.
    if mark.contains(['"', '\\', '$', '`']) || mark.chars().any(char::is_control) {
        return;
    }
    let names: Vec<_> = tags(call).iter().map(Reference::to_string).collect();
    let value = [&[mark], names.as_slice()].concat().join(" ");
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
