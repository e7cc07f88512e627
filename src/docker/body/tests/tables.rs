//! Properties of all tables.

use std::collections::HashSet;

use super::*;
use crate::docker::json::folded;

/// Each documented field of each operation, with its type and the API versions that have it.
///
/// Source: `api/swagger.yaml` of moby/moby, API 1.25 to 1.56.
const DOCUMENTED: &str = include_str!("../../../../tests/data/docker-fields.tsv");

/// Errors in the documents: the path of a field, and what is true instead, if anything.
const MISTAKEN: &[(&str, Option<(&str, &str)>)] = &[
    // The array is missing, up to API 1.34.
    (
        "HostConfig.PortBindings{}.HostIp",
        Some(("HostConfig.PortBindings{}[].HostIp", "string")),
    ),
    (
        "HostConfig.PortBindings{}.HostPort",
        Some(("HostConfig.PortBindings{}[].HostPort", "string")),
    ),
    // They describe the type and its elements separately.
    (
        "HostConfig.Mounts[].Type",
        Some(("HostConfig.Mounts[].Type", "string")),
    ),
    (
        "TaskTemplate.ContainerSpec.Mounts[].Type",
        Some(("TaskTemplate.ContainerSpec.Mounts[].Type", "string")),
    ),
    // A keyword of the schema language, one level too low.
    ("Volumes.additionalProperties", None),
];

/// A field with the field that contains it, and its path.
struct Place {
    path: String,
    field: &'static Field,
    above: Option<&'static Field>,
}

fn places(operation: Operation) -> Vec<Place> {
    let mut found = Vec::new();
    descend(
        Shape::Object(table(operation).unwrap()),
        "",
        None,
        &mut found,
    );
    found
}

fn descend(shape: Shape, path: &str, above: Option<&'static Field>, found: &mut Vec<Place>) {
    match shape {
        Shape::List(inner) => descend(*inner, &format!("{path}[]"), above, found),
        Shape::Map(inner) => descend(*inner, &format!("{path}{{}}"), above, found),
        Shape::Object(table) => {
            for field in fields(table) {
                let separator = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{separator}{}", field.name);
                descend(field.shape, &path, Some(field), found);
                found.push(Place { path, field, above });
            }
        }
        Shape::Any
        | Shape::Bool
        | Shape::Integer
        | Shape::Number
        | Shape::Text
        | Shape::TextOrTexts => {}
    }
}

pub(super) fn fields(table: &'static Table) -> Vec<&'static Field> {
    let embedded = table.embedded.iter().flat_map(|table| fields(table));
    table.own.iter().chain(embedded).collect()
}

/// Every object of a table below an operation's, including that one.
pub(super) fn objects(table: &'static Table, found: &mut Vec<&'static Table>) {
    found.push(table);
    for field in fields(table) {
        let mut shape = field.shape;
        while let Shape::List(inner) | Shape::Map(inner) = shape {
            shape = *inner;
        }
        if let Shape::Object(table) = shape {
            objects(table, found);
        }
    }
}

fn everywhere() -> impl Iterator<Item = (Operation, Place)> {
    let all = TABLES.iter().map(|(operation, _)| *operation);
    all.flat_map(|operation| {
        places(operation)
            .into_iter()
            .map(move |place| (operation, place))
    })
}

/// The shape of a path as the documents write it: `[]` after a list and `{}` after a map.
fn shape_of(operation: Operation, path: &str) -> Option<Shape> {
    let mut shape = Shape::Object(table(operation).unwrap());
    for step in path.split('.') {
        let key = step.split(['[', '{']).next().unwrap();
        let Shape::Object(table) = shape else {
            return None;
        };
        // The documents write some of them in another case.
        let field = table.find(key).map(|entry| entry.field);
        shape = field.filter(|field| field.class != Class::Ignored)?.shape;
        for wrapped in step.as_bytes()[key.len()..].chunks(2) {
            shape = match (wrapped, shape) {
                (b"[]", Shape::List(inner)) | (b"{}", Shape::Map(inner)) => *inner,
                _ => return None,
            };
        }
    }
    Some(shape)
}

fn fits(documented: &str, shape: Shape) -> bool {
    match documented {
        "boolean" => matches!(shape, Shape::Bool),
        "integer" => matches!(shape, Shape::Integer),
        "number" => matches!(shape, Shape::Number),
        "string" => matches!(shape, Shape::Text),
        "object" => matches!(shape, Shape::Object(_)),
        "array of integer" => matches!(shape, Shape::List(Shape::Integer)),
        "array of string" => matches!(shape, Shape::List(Shape::Text) | Shape::TextOrTexts),
        "array of object" => matches!(shape, Shape::List(Shape::Object(_))),
        "array of array" => matches!(shape, Shape::List(Shape::List(Shape::Text))),
        "map of string" => matches!(shape, Shape::Map(Shape::Text)),
        "map of object" => matches!(shape, Shape::Map(Shape::Object(_))),
        "map of array" => matches!(shape, Shape::Map(Shape::List(Shape::Object(_)))),
        other => panic!("{other} is not a type of the documents"),
    }
}

#[test]
fn every_documented_field_has_a_row_of_its_shape() {
    let mut rows = 0;
    let mut mistaken = 0;
    for line in DOCUMENTED.lines().skip(1) {
        let columns: Vec<_> = line.split('\t').collect();
        let operation = Operation::named(columns[0]).unwrap();
        let (mut path, mut documented) = (columns[1], columns[2]);
        if let Some((_, instead)) = MISTAKEN.iter().find(|(mistaken, _)| *mistaken == path) {
            mistaken += 1;
            let Some(instead) = instead else { continue };
            (path, documented) = *instead;
        }
        let Some(shape) = shape_of(operation, path) else {
            panic!("{operation} has no row for {path}");
        };
        assert!(
            fits(documented, shape),
            "{operation}: {path} is {documented}, not {shape:?}"
        );
        rows += 1;
    }
    assert_eq!(rows, 776, "rows that were compared");
    assert_eq!(mistaken, 7, "rows that the documents have wrong");
}

#[test]
fn every_checked_body_is_documented_and_every_documented_one_checked() {
    let mut documented: Vec<_> = DOCUMENTED
        .lines()
        .skip(1)
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    documented.dedup();
    let mut judged: Vec<_> = TABLES
        .iter()
        .map(|(operation, _)| operation.to_string())
        .collect();
    judged.sort();
    assert_eq!(judged, documented);
}

#[test]
fn parts_are_exactly_below_checked_and_refused_fields() {
    for (operation, Place { path, field, above }) in everywhere() {
        let above = above.map_or(Class::Harmless, |field| field.class);
        let is_within = matches!(above, Class::Judged(_) | Class::Refused | Class::Part);
        assert_eq!(field.class == Class::Part, is_within, "{operation}: {path}");
    }
}

#[test]
fn no_two_fields_of_an_object_are_one_to_the_daemon() {
    for (operation, table) in TABLES.iter() {
        let mut found = Vec::new();
        objects(table, &mut found);
        for object in found {
            let names: Vec<_> = fields(object).iter().map(|field| field.name).collect();
            for (at, name) in names.iter().enumerate() {
                let twin = names[at + 1..]
                    .iter()
                    .find(|other| folded(name) == folded(other));
                assert_eq!(twin, None, "{operation}: {name}");
            }
        }
    }
}

#[test]
fn only_dropped_fields_may_have_any_value() {
    for (operation, Place { path, field, .. }) in everywhere() {
        let is_loose = matches!(field.shape, Shape::Any);
        assert_eq!(
            field.class == Class::Ignored,
            is_loose,
            "{operation}: {path}"
        );
    }
}

#[test]
fn only_checked_or_refused_fields_have_meaningful_zeros() {
    for (operation, Place { path, field, .. }) in everywhere() {
        let is_asked = matches!(field.class, Class::Judged(_) | Class::Refused);
        assert!(
            is_asked || field.zero == Zero::Absent,
            "{operation}: {path}"
        );
    }
}

#[test]
fn only_maps_have_keys_to_check() {
    for (operation, Place { path, field, .. }) in everywhere() {
        if let Class::Keys(_) = field.class {
            assert!(matches!(field.shape, Shape::Map(_)), "{operation}: {path}");
        }
    }
}

#[test]
fn every_meaning_is_used_somewhere() {
    let classes: Vec<_> = everywhere().map(|(_, place)| place.field.class).collect();
    for meaning in FieldMeaning::ALL {
        let is_asked =
            |class: &Class| *class == Class::Judged(*meaning) || *class == Class::Keys(*meaning);
        assert!(classes.iter().any(is_asked), "{meaning:?}");
    }
}

/// Each is found by its key in any case, and no two share a place: so a repeated field is noticed.
#[test]
fn every_field_is_found_in_any_case_and_has_its_own_position() {
    for (operation, table) in TABLES.iter() {
        let mut found = Vec::new();
        objects(table, &mut found);
        for object in found {
            let mut places = HashSet::new();
            for field in fields(object) {
                for key in [
                    field.name.to_owned(),
                    field.name.to_lowercase(),
                    field.name.to_uppercase(),
                ] {
                    let entry = object.find(&key).unwrap();
                    assert!(std::ptr::eq(entry.field, field), "{operation}: {key}");
                    places.insert(entry.place);
                }
            }
            assert_eq!(places.len(), fields(object).len(), "{operation}");
            assert!(places.iter().all(|place| *place < 128), "{operation}");
        }
    }
}

/// Engines up to 26.1 read the fields of a host configuration from the level above.
#[test]
fn fields_of_host_config_are_not_accepted_one_level_above() {
    let create = table(CREATE).unwrap();
    let host_config = create.field("HostConfig").unwrap();
    let Shape::Object(host_config) = host_config.shape else {
        panic!("HostConfig is an object");
    };
    for field in fields(host_config) {
        let is_taken = create.find(field.name).is_some();
        assert!(!is_taken, "{} at the top level is accepted", field.name);
    }
}

/// People look up fields in them.
#[test]
fn rows_are_sorted() {
    for (operation, table) in TABLES.iter() {
        let mut found = Vec::new();
        objects(table, &mut found);
        let embedded: Vec<_> = found.iter().flat_map(|object| object.embedded).collect();
        for object in found.iter().chain(embedded) {
            let names: Vec<_> = object.own.iter().map(|field| field.name).collect();
            assert!(names.is_sorted(), "{operation}: {names:?}");
        }
    }
}
