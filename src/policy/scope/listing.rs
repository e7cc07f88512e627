//! Requests about all objects of a kind, as they are sent: so that the daemon neither counts objects out of scope nor
//! says whether they exist.

use super::Scoped;
use super::images::image_in;
use crate::docker::query::Query;
use crate::docker::{Call, Json, Object, Operation, Shows};
use crate::policy::answers::{Answers, NeedsLookup, container, service};
use crate::policy::filter::error_text::StandIn;

/// The most elements of a list that a client asks for.
pub(super) fn limit(call: &Call) -> Option<usize> {
    let is_list = call.operation() == Some(Operation::ContainerList);
    let limit: i64 = call
        .query
        .first("limit")
        .filter(|_| is_list)?
        .parse()
        .ok()?;
    usize::try_from(limit).ok().filter(|limit| *limit > 0)
}

/// The filter keys of a list of containers whose values name containers.
const NAMING: [&str; 3] = ["before", "id", "since"];

/// The filter key of a list of tasks whose values name services.
const SERVICE: &str = "service";

/// The filters of a call; `None` if they are not such as the API describes.
fn filters(call: &Call) -> Option<Json<'_>> {
    let text = call.query.text("filters");
    if text.is_empty() {
        return Some(Json::Object(Vec::new()));
    }
    let filters = Json::parse(text.as_bytes()).ok()?;
    let are_lists = |is_list: bool| {
        let mut values = filters.members().iter();
        values.all(|(_, value)| matches!(value, Json::List(_)) == is_list)
    };
    let is_known = matches!(filters, Json::Object(_)) && (are_lists(true) || are_lists(false));
    is_known.then_some(filters)
}

/// The values of a filter, which is a list, or an object with the values as its keys.
fn values<'j>(filter: &'j Json<'_>) -> impl Iterator<Item = &'j str> {
    let keys = filter.members().iter().map(|(value, _)| &**value);
    keys.chain(filter.texts())
}

/// Whether a list depends on what uses an object. The containers of others count too, so such a list has only
/// objects in scope: whoever may delete them finds it out anyway.
pub(super) fn depends_on_use(call: &Call) -> bool {
    let is_asked = |kind| kind == Object::Network || kind == Object::Volume;
    let is_list = matches!(call.judged().shows, Shows::List(kind) if is_asked(kind));
    is_list && filters(call).is_some_and(|filters| filters.get("dangling").is_some())
}

/// Whether the filters of a list could be read in another way by the daemon, such as a key that stands twice.
pub(super) fn has_unclear_filters(call: &Call) -> bool {
    matches!(call.judged().shows, Shows::List(_)) && filters(call).is_none()
}

impl Scoped<'_> {
    /// Whether only objects in scope can be deleted: the daemon selects them by labels.
    pub(super) fn can_delete_unused(self, call: &Call) -> bool {
        self.label_filter().is_some() && filters(call).is_some()
    }

    /// The query of a list or of a deletion of unused objects, if it must be another one than the client's. Names in it
    /// that nothing has stand for those of containers out of scope.
    pub(super) fn narrowed(
        self,
        call: &Call,
        view: &Answers,
    ) -> Result<(Option<Query>, Vec<StandIn>), NeedsLookup> {
        let mut query = call.query.clone();
        let mut stand_ins = Vec::new();
        match call.judged().shows {
            Shows::List(Object::Container) => {
                if limit(call).is_some() {
                    query.drop_key("limit");
                    // A limit also lists containers that do not run.
                    query.put("all", "1");
                }
                if let Some(mut filters) = filters(call) {
                    for key in NAMING {
                        if let Some(filter) = filters.get_mut(key) {
                            resolve(filter, |name| id_of(name, view, &mut stand_ins))?;
                        }
                    }
                    if let Some(filter) =
                        filters.get_mut("ancestor").filter(|_| self.limits_images())
                    {
                        resolve(filter, |name| seen_image(name, view, &mut stand_ins))?;
                    }
                    put(&mut query, &filters);
                }
            }
            Shows::List(Object::Image) => {
                // Those have the containers of others.
                query.drop_key("manifests");
                if let Some(mut filters) = filters(call).filter(|_| self.limits_images()) {
                    for key in ["before", "since"] {
                        if let Some(filter) = filters.get_mut(key) {
                            resolve(filter, |name| seen_image(name, view, &mut stand_ins))?;
                        }
                    }
                    put(&mut query, &filters);
                }
            }
            Shows::List(Object::Task) => {
                if let Some(mut filters) = filters(call) {
                    if let Some(filter) = filters.get_mut(SERVICE) {
                        resolve(filter, |name| service_id(name, view, &mut stand_ins))?;
                    }
                    put(&mut query, &filters);
                }
            }
            Shows::Named if call.operation() == Some(Operation::ImageInspect) => {
                query.drop_key("manifests");
            }
            Shows::Unused(_) => {
                let filters = filters(call).unwrap_or(Json::Null);
                put(&mut query, &self.only_own(filters));
            }
            Shows::Counts
            | Shows::Events
            | Shows::List(_)
            | Shows::Members
            | Shows::Named
            | Shows::Nothing
            | Shows::Usage => return Ok((None, stand_ins)),
        }
        Ok((Some(query), stand_ins))
    }

    /// The filters, and the labels of the objects in scope: the daemon deletes only what has all of them.
    fn only_own(self, mut filters: Json<'_>) -> Json<'_> {
        let given = filters.get("label").into_iter().flat_map(values);
        let given = given.map(str::to_owned);
        let all: Vec<_> = given
            .chain(self.label_filter().unwrap_or_default())
            .collect();
        let mut others = filters.members().iter();
        let all = if others.any(|(_, value)| matches!(value, Json::Object(_))) {
            let members = all
                .into_iter()
                .map(|label| (label.into(), Json::Bool(true)));
            Json::Object(members.collect())
        } else {
            Json::List(
                all.into_iter()
                    .map(|label| Json::Text(label.into()))
                    .collect(),
            )
        };
        filters.set("label", all);
        filters
    }
}

/// The id of the container in a filter, or a name that nothing has.
fn id_of(name: &str, view: &Answers, stand_ins: &mut Vec<StandIn>) -> Result<String, NeedsLookup> {
    let id = container(view, name.trim_start_matches('/')).map(|it| it.id.clone());
    or_nothing(name, id, stand_ins)
}

/// The same for a service.
fn service_id(
    name: &str,
    view: &Answers,
    stand_ins: &mut Vec<StandIn>,
) -> Result<String, NeedsLookup> {
    let id = service(view, name).map(|it| it.id.clone());
    or_nothing(name, id, stand_ins)
}

/// The id that was found for a name, or a name that nothing has.
fn or_nothing(
    name: &str,
    id: Result<String, NeedsLookup>,
    stand_ins: &mut Vec<StandIn>,
) -> Result<String, NeedsLookup> {
    match id {
        Ok(id) => Ok(id),
        Err(NeedsLookup::Missing(_)) => {
            let stand_in = StandIn::of(name);
            let word = stand_in.word.clone();
            stand_ins.push(stand_in);
            Ok(word)
        }
        Err(ask @ NeedsLookup::Ask(_)) => Err(ask),
    }
}

/// The image in a filter, if the client sees it, otherwise a name that no image has.
fn seen_image(
    name: &str,
    view: &Answers,
    stand_ins: &mut Vec<StandIn>,
) -> Result<String, NeedsLookup> {
    if image_in(view, name)?.is_some() {
        return Ok(name.to_owned());
    }
    let (absent, stand_in) = StandIn::of_image(name);
    stand_ins.push(stand_in);
    Ok(absent)
}

/// Replaces the names in a filter.
fn resolve(
    filter: &mut Json<'_>,
    mut resolved: impl FnMut(&str) -> Result<String, NeedsLookup>,
) -> Result<(), NeedsLookup> {
    match filter {
        Json::Object(members) => {
            for (value, _) in members {
                *value = resolved(value)?.into();
            }
        }
        Json::List(items) => {
            for item in items {
                *item = Json::Text(resolved(item.text().unwrap_or_default())?.into());
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => {}
    }
    Ok(())
}

/// Sets the filters of a query.
fn put(query: &mut Query, filters: &Json<'_>) {
    query.drop_key("filters");
    if !filters.members().is_empty() {
        let mut text = String::new();
        filters.render(&mut text);
        query.add("filters", &text);
    }
}
