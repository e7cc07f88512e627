//! What of a body a policy must judge, found along its table.

use super::field_meaning::FieldMeaning;
use super::place::Path;
use super::table::{Class, Field, Shape, Table, Zero, is_zero};
use crate::docker::json::Json;

/// A field that a policy must judge, as it stands in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Where it stands, as `HostConfig.Privileged`.
    pub path: String,
    /// What it asks for; nothing grants what has no topic.
    pub meaning: Option<FieldMeaning>,
    /// Its value. No null is in it.
    pub value: &'a Json<'a>,
}

/// What of a body that was kept a policy must judge, in the order of the body.
///
/// A zero value is left out where it means the same as none: the daemon's own client sends `""`,
/// `0`, `false` or `{}` for everything that it was not asked for.
#[must_use]
pub fn asked<'a>(value: &'a Json<'a>, table: &'static Table) -> Vec<Asked<'a>> {
    let mut found = Vec::new();
    collect(value, Shape::Object(table), Path::Root, &mut found);
    found
}

fn collect<'a>(value: &'a Json<'a>, shape: Shape, path: Path<'_>, found: &mut Vec<Asked<'a>>) {
    match (shape, value) {
        (Shape::Object(table), Json::Object(members)) => {
            for (key, value) in members {
                if let Some(field) = table.field(key) {
                    collect_field(value, field, Path::Key(&path, key), found);
                }
            }
        }
        (Shape::List(inner), Json::List(values)) => {
            for (place, value) in values.iter().enumerate() {
                collect(value, *inner, Path::Place(&path, place), found);
            }
        }
        (Shape::Map(inner), Json::Object(members)) => {
            for (key, value) in members {
                collect(value, *inner, Path::Key(&path, key), found);
            }
        }
        (
            Shape::Any
            | Shape::Bool
            | Shape::Integer
            | Shape::Number
            | Shape::Text
            | Shape::TextOrTexts
            | Shape::List(_)
            | Shape::Map(_)
            | Shape::Object(_),
            _,
        ) => {}
    }
}

fn collect_field<'a>(
    value: &'a Json<'a>,
    field: &Field,
    path: Path<'_>,
    found: &mut Vec<Asked<'a>>,
) {
    let meaning = match field.class {
        Class::Judged(meaning) | Class::Keys(meaning) => Some(meaning),
        Class::Refused => None,
        Class::Harmless => return collect(value, field.shape, path, found),
        Class::Part | Class::Ignored => return,
    };
    if field.zero == Zero::Meant || !is_zero(value, field.shape) {
        let path = path.name();
        found.push(Asked {
            path,
            meaning,
            value,
        });
    }
    if let Class::Keys(_) = field.class {
        collect(value, field.shape, path, found);
    }
}
