//! Sets the labels that say which policy something was created through: on the object that a body describes, on the
//! volumes that a new container needs, and on images.

use super::names::tags;
use crate::docker::judged::Judged;
use crate::docker::mount::{self, Source};
use crate::docker::query::Query;
use crate::docker::{Call, Document, Json, Object, Parameters, Reference};
use crate::policy::answers::{Answer, Answers, Lookup, NewVolume, service, swarm_object};
use crate::policy::keys::Blocks;
use crate::policy::objects::Labels;
use crate::policy::owner::{CLIENT_LABEL, IMAGE_LABEL, Owner, POLICY_LABEL};
use crate::policy::requirements::is_reserved;
use crate::policy::scope::Scope;

/// Sets the labels of a new object: those of its owner, if a policy allows the request, and those in the policy's
/// `stamp`.
pub(crate) fn labels(
    judged: Judged,
    body: &mut Json,
    owner: Option<Owner<'_>>,
    (blocks, scope): (&Blocks, Option<&Scope>),
    updated: Option<&Updated>,
) {
    if !judged.body.is_some_and(Document::has_labels) {
        return;
    }
    // Configs and secrets, which no block limits, are labelled so that they are in scope.
    if judged.block.is_none() && scope.is_none() {
        return;
    }
    let is_lifted = judged.block.is_none_or(|block| blocks.is_lifted(block));
    // An updated service keeps its marks: another one would restart its tasks.
    let is_made = judged.body != Some(Document::ServiceUpdate) && updated.is_none();
    let is_marked = is_made && (scope.is_some() || !is_lifted);
    let own = owner.filter(|_| is_marked);
    let own = own.into_iter().flat_map(Owner::labels);
    let of_scope = scope.into_iter().flat_map(Scope::labels);
    let stamps = blocks.create.labels.stamps().chain(of_scope);
    let stamps: Vec<_> = stamps.chain(own).collect();
    if let Some(updated) = updated.filter(|_| scope.is_some()) {
        keep_marks(body, &updated.labels);
        if let Some(container) = body.at_mut(CONTAINER) {
            keep_marks(container, &updated.of_containers);
        }
    }
    if !stamps.is_empty() {
        stamp(body, &stamps);
        if let Some(container) = body.at_mut(CONTAINER) {
            stamp(container, &stamps);
        }
    }
    if let (Some(owner), Some(scope)) = (owner, scope)
        && let Some(container) = body.at_mut(CONTAINER)
    {
        volumes_of_service(container, owner, scope);
    }
}

/// The path in a service's body to what its containers are created with.
const CONTAINER: &[&str] = &["TaskTemplate", "ContainerSpec"];

/// The labels that an updated service, config or secret has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Updated {
    labels: Labels,
    /// Those of a service's containers.
    of_containers: Labels,
    version: Option<String>,
}

impl Updated {
    /// What the path of a call names, if that was looked up.
    pub(crate) fn of(call: &Call, known: &Answers) -> Option<Self> {
        let (kind, name) = call.objects().next().filter(|_| {
            let document = call.judged().body;
            document == Some(Document::ServiceUpdate) || document == Some(Document::ConfigOrSecret)
        })?;
        if kind == Object::Service {
            let service = service(known, name).ok()?;
            let container = service.spec.at("TaskTemplate").at("ContainerSpec");
            return Some(Self {
                labels: Labels::of(&[&service.spec]),
                of_containers: Labels::of(&[container]),
                version: service.version.clone(),
            });
        }
        let object = swarm_object(known, kind, name).ok()?;
        Some(Self {
            labels: object.labels.clone(),
            of_containers: Labels::default(),
            version: object.version.clone(),
        })
    }

    /// Makes sure that the update changes the version that was judged, or nothing.
    pub(crate) fn pin(&self, query: &mut Query) {
        let version = query.text("version");
        let is_number = !version.is_empty() && version.bytes().all(|digit| digit.is_ascii_digit());
        if is_number && self.version.as_deref() != Some(version) {
            // No object has this version.
            query.set("version", "0");
        }
    }
}

/// Gives an updated object the labels of Dockgate's own that it has, and no others.
fn keep_marks(of: &mut Json, had: &Labels) {
    let mut marks = had.iter().filter(|(key, _)| is_reserved(key)).peekable();
    if of.get("Labels").is_none() && marks.peek().is_none() {
        return;
    }
    if let Some(labels) = of.get_or_insert("Labels") {
        if let Json::Object(members) = labels {
            members.retain(|(key, _)| !is_reserved(key));
        }
        for (key, value) in marks {
            labels.set(key.to_owned(), Json::Text(value.to_owned().into()));
        }
    }
}

/// Labels the volumes that a service mounts, because each node creates those that it does not have.
fn volumes_of_service(container: &mut Json, owner: Owner<'_>, scope: &Scope) {
    let stamps: Vec<_> = scope.labels().chain(owner.labels()).collect();
    for mount in container.items_mut(&["Mounts"]) {
        let is_volume = matches!(mount.text_at("Type"), "" | "volume");
        if is_volume
            && !mount.text_at("Source").is_empty()
            && let Some(options) = mount.get_or_insert("VolumeOptions")
        {
            stamp(options, &stamps);
        }
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
