//! From a body as it came to what is sent on of it: its values are checked against their shapes, its keys brought into
//! the daemon's own spelling, and what the daemon makes nothing of is dropped.

use std::borrow::Cow;

use super::container;
use super::place::{BadBody, Path};
use super::table::{Class, Entry, Field, Shape, Table, Zero, is_zero};
use crate::docker::json::{Json, Member, single};

/// What walks through a body.
#[derive(Default)]
pub(super) struct Keeper {
    /// The first thing that the daemon itself would ignore or refuse.
    pub(super) flaw: Option<BadBody>,
}

impl Keeper {
    /// Notes what is wrong, unless it keeps the body from being sent.
    fn note(&mut self, bad: BadBody) -> Result<(), BadBody> {
        if !bad.can_be_rebuilt() {
            return Err(bad);
        }
        self.flaw.get_or_insert(bad);
        Ok(())
    }

    /// Checks a value against its shape.
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
                is_doubled |= *value != Json::Null;
                self.keep_unknown(key, value, table, path)?;
                continue;
            };
            // A table with more fields than there are bits has two of them looked at more closely.
            let bit = 1_u128.rotate_left(place);
            is_doubled |= seen & bit != 0;
            seen |= bit;
            self.keep_member(key, value, field, path)?;
        }
        if is_doubled {
            once(members, path)?;
        }
        members.retain(|(_, value)| *value != Json::Null);
        Ok(())
    }

    /// Keeps a member whose field is known, its key in the daemon's own spelling. What is not to be sent on becomes
    /// a null.
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
        // The daemon leaves what it has, as without the key.
        if *value == Json::Null {
            return Ok(());
        }
        self.keep(value, field.shape, Path::Key(&path, key))
    }

    /// Notes a key that no field has, unless no version of the daemon can make anything of it.
    fn keep_unknown(
        &mut self,
        key: &str,
        value: &mut Json,
        table: &'static Table,
        path: Path<'_>,
    ) -> Result<(), BadBody> {
        if *value == Json::Null {
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

/// Leaves each key once, as both of a doubled one have the same value.
fn once(members: &mut Vec<Member<'_>>, path: Path<'_>) -> Result<(), BadBody> {
    single(members).map_err(|key| BadBody::Doubled(Path::Key(&path, &key).name()))
}

/// The fields that engines up to 26.1 read at the top of a container's creation too, if it has no `HostConfig`.
fn beside_host_config(table: &'static Table) -> Option<&'static Table> {
    std::ptr::eq(table, &raw const container::CONTAINER_CREATE).then_some(&container::HOST_CONFIG)
}

/// What the daemon takes a null for that stands under a key of a map. A null for an object with
/// fields is refused: engines differ on it.
fn nothing(shape: Shape) -> Option<Json<'static>> {
    match shape {
        Shape::Text => Some(Json::Text(Cow::Borrowed(""))),
        Shape::List(_) => Some(Json::List(Vec::new())),
        Shape::Object(table) if table.is_empty() => Some(Json::Object(Vec::new())),
        Shape::Any
        | Shape::Bool
        | Shape::Integer
        | Shape::Number
        | Shape::TextOrTexts
        | Shape::Map(_)
        | Shape::Object(_) => None,
    }
}
