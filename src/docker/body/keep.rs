//! Turns a body as received into the body to send: checks that values have the right shape, spells keys as the daemon
//! does, and drops what the daemon ignores. Then lists the fields that a policy must check.

use std::borrow::Cow;
use std::fmt::Write;

use super::container;
use super::field_meaning::FieldMeaning;
use super::table::{Class, Entry, Field, Shape, Table, Zero, is_zero};
use crate::docker::json::{BadJson, Json, Member, shortened, single};

/// Why a body is rejected before any policy is consulted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadBody {
    /// It is not strict JSON.
    #[error(transparent)]
    Json(#[from] BadJson),
    /// A field appears twice with different values. The daemon ignores the case of keys.
    #[error("{0} is sent twice with different values (keys are not case-sensitive): send it once")]
    Doubled(String),
    /// The value has the wrong type.
    #[error("{path} must be {want}")]
    Kind { path: String, want: &'static str },
    /// A field of `HostConfig` is next to it instead of in it. Some engines read it there, others
    /// do not.
    #[error("{path} is read by some engines only: send it as HostConfig.{right}")]
    Misplaced { path: String, right: &'static str },
    /// No version of the API has the field.
    #[error("{0} is not a field of the Docker API: leave it out")]
    Unknown(String),
}

impl BadBody {
    /// Whether the body can be sent anyway: it was understood, except for parts that the daemon itself ignores or
    /// rejects.
    pub(super) fn can_be_rebuilt(&self) -> bool {
        match self {
            Self::Kind { .. } | Self::Unknown(_) => true,
            Self::Doubled(_) | Self::Json(_) | Self::Misplaced { .. } => false,
        }
    }
}

/// A place in a body.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Place(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// The place as text, such as `HostConfig.Privileged`. It is made for every field that is
    /// checked.
    pub(super) fn name(&self) -> String {
        let mut name = String::with_capacity(32);
        self.append(&mut name);
        name
    }

    fn append(&self, to: &mut String) {
        match self {
            Self::Root => to.push_str("the body"),
            Self::Key(above, key) => {
                if !matches!(above, Self::Root) {
                    above.append(to);
                    to.push('.');
                }
                to.push_str(shortened(key));
            }
            Self::Place(above, place) => {
                above.append(to);
                // Writing to a String cannot fail.
                _ = write!(to, "[{place}]");
            }
        }
    }
}

/// State while walking through a body.
#[derive(Default)]
pub(super) struct Keeper {
    /// The first thing that the daemon itself would ignore or reject.
    pub(super) flaw: Option<BadBody>,
}

impl Keeper {
    /// Notes a problem, unless it prevents the body from being sent.
    fn note(&mut self, bad: BadBody) -> Result<(), BadBody> {
        if !bad.can_be_rebuilt() {
            return Err(bad);
        }
        self.flaw.get_or_insert(bad);
        Ok(())
    }

    /// Checks that a value has its shape.
    pub(super) fn keep(
        &mut self,
        value: &mut Json,
        shape: Shape,
        path: Path<'_>,
    ) -> Result<(), BadBody> {
        let fits = match (shape, &mut *value) {
            (Shape::Any, _)
            | (Shape::Bool, Json::Bool(_))
            | (Shape::Number, Json::Number(_))
            | (Shape::Text | Shape::TextOrTexts, Json::Text(_)) => true,
            (Shape::Integer, Json::Number(number)) => !number.contains(['.', 'e', 'E']),
            (Shape::TextOrTexts, Json::List(values)) => {
                return self.keep_each(values, Shape::Text, path);
            }
            (Shape::List(inner), Json::List(values)) => {
                return self.keep_each(values, *inner, path);
            }
            (Shape::Map(inner), Json::Object(members)) => {
                return self.keep_map(members, *inner, path);
            }
            (Shape::Object(table), Json::Object(members)) => {
                return self.keep_members(members, table, path);
            }
            (
                _,
                Json::Null
                | Json::Bool(_)
                | Json::Number(_)
                | Json::Text(_)
                | Json::List(_)
                | Json::Object(_),
            ) => false,
        };
        if fits {
            return Ok(());
        }
        let (path, want) = (path.name(), shape.expected());
        self.note(BadBody::Kind { path, want })
    }

    fn keep_each(
        &mut self,
        values: &mut [Json],
        shape: Shape,
        path: Path<'_>,
    ) -> Result<(), BadBody> {
        let mut places = values.iter_mut().enumerate();
        places.try_for_each(|(place, value)| self.keep(value, shape, Path::Place(&path, place)))
    }

    fn keep_map(
        &mut self,
        members: &mut Vec<Member<'_>>,
        shape: Shape,
        path: Path<'_>,
    ) -> Result<(), BadBody> {
        for (key, value) in &mut *members {
            if let (Json::Null, Some(zero)) = (&*value, nothing(shape)) {
                *value = zero;
            }
            self.keep(value, shape, Path::Key(&path, key))?;
        }
        once(members, path)
    }

    fn keep_members(
        &mut self,
        members: &mut Vec<Member<'_>>,
        table: &'static Table,
        path: Path<'_>,
    ) -> Result<(), BadBody> {
        let (mut seen, mut is_doubled) = (0_u128, false);
        for (key, value) in &mut *members {
            let Some(Entry { field, place }) = table.find(key) else {
                is_doubled |= !value.is_null();
                self.keep_unknown(key, value, table, path)?;
                continue;
            };
            // If a table has more fields than this has bits, two fields share a bit, and the slower
            // comparison below decides.
            let bit = 1_u128.rotate_left(place);
            is_doubled |= seen & bit != 0;
            seen |= bit;
            self.keep_member(key, value, field, path)?;
        }
        if is_doubled {
            once(members, path)?;
        }
        members.retain(|(_, value)| !value.is_null());
        Ok(())
    }

    /// Keeps a member with a known field and spells its key as the daemon does. A member that is not sent on
    /// becomes null.
    fn keep_member(
        &mut self,
        key: &mut Cow<'_, str>,
        value: &mut Json,
        field: &'static Field,
        path: Path<'_>,
    ) -> Result<(), BadBody> {
        if key != field.name {
            *key = Cow::Borrowed(field.name);
        }
        if field.class == Class::Ignored {
            *value = Json::Null;
        }
        // The daemon keeps its value, as if the key were missing.
        if value.is_null() {
            return Ok(());
        }
        self.keep(value, field.shape, Path::Key(&path, key))
    }

    /// Notes a key that is not in the table, unless it means nothing to any version of the daemon.
    fn keep_unknown(
        &mut self,
        key: &str,
        value: &mut Json,
        table: &'static Table,
        path: Path<'_>,
    ) -> Result<(), BadBody> {
        if value.is_null() {
            return Ok(());
        }
        let here = Path::Key(&path, key);
        let Some(Entry { field, .. }) = beside_host_config(table).and_then(|host| host.find(key))
        else {
            return self.note(BadBody::Unknown(here.name()));
        };
        if field.zero == Zero::Absent && is_zero(value, field.shape) {
            *value = Json::Null;
            return Ok(());
        }
        let (path, right) = (here.name(), field.name);
        self.note(BadBody::Misplaced { path, right })
    }
}

/// Removes repeated keys. Both have the same value.
fn once(members: &mut Vec<Member<'_>>, path: Path<'_>) -> Result<(), BadBody> {
    single(members).map_err(|key| BadBody::Doubled(Path::Key(&path, &key).name()))
}

/// The fields of `HostConfig` that engines up to 26.1 also read at the top level of a container's creation if
/// it has no `HostConfig`.
fn beside_host_config(table: &'static Table) -> Option<&'static Table> {
    std::ptr::eq(table, &raw const container::CONTAINER_CREATE).then_some(&container::HOST_CONFIG)
}

/// The value that the daemon reads a null as, under a key of a map. A null in place of an object
/// with fields is rejected, because engines disagree about it.
fn nothing(shape: Shape) -> Option<Json<'static>> {
    match shape {
        Shape::Text => Some(Json::Text(Cow::Borrowed(""))),
        Shape::List(_) => Some(Json::List(Vec::new())),
        Shape::Object(table) if table.index.is_empty() => Some(Json::Object(Vec::new())),
        Shape::Any
        | Shape::Bool
        | Shape::Integer
        | Shape::Number
        | Shape::TextOrTexts
        | Shape::Map(_)
        | Shape::Object(_) => None,
    }
}

/// A field of a body that a policy must check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked<'a> {
    /// Its place, such as `HostConfig.Privileged`.
    pub(crate) path: String,
    /// What it asks for. Without a meaning, nothing allows it.
    pub(crate) meaning: Option<FieldMeaning>,
    /// Its value, without nulls.
    pub(crate) value: &'a Json<'a>,
}

/// The fields of a kept body that a policy must check, in the body's order.
///
/// Leaves out a zero value if it means the same as a missing one: the daemon's own client sends
/// `""`, `0`, `false` or `{}` for every option that was not given.
pub(crate) fn asked<'a>(value: &'a Json<'a>, table: &'static Table) -> Vec<Asked<'a>> {
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
