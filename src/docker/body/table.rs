//! What a table of fields says, and the notation that its rows are written in.
//!
//! A table is one object of the API. Its rows are read along the daemon's own types: a table may
//! embed another, as those types do, and a name is the one that the daemon gives the field.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use super::field_meaning::FieldMeaning;
use crate::docker::json::{Json, folded};

/// The fields of one kind of object.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its own fields, sorted by name.
    pub(crate) own: &'static [Field],
    /// Tables whose fields stand in it too, as if they were its own.
    pub(crate) embedded: &'static [&'static Table],
    /// All of these fields by their keys.
    pub(super) index: LazyLock<Index>,
    /// The same by their keys as the daemon folds them: a body can have thousands of keys that no field has.
    pub(super) folded: LazyLock<HashMap<String, Entry>>,
}

/// A field, and its place among all that its table has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) field: &'static Field,
    /// No two fields of a table have the same.
    pub(super) place: u32,
}

/// Fields by their keys. Its rows are fixed, so that no choice of keys makes it slow.
pub(super) type Index = HashMap<&'static str, Entry, BuildHasherDefault<Ends>>;

/// A hash of the first and the last bytes of a key, which hardly two fields of a table share: there are
/// many keys in each body.
#[derive(Debug, Default)]
pub(super) struct Ends(u64);

impl Hasher for Ends {
    fn write(&mut self, bytes: &[u8]) {
        let word = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => {
                u64::from_le_bytes(*first).rotate_left(29) ^ u64::from_le_bytes(*last)
            }
            _ => bytes
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        // Digits of pi, odd: bits without a pattern.
        self.0 = word.wrapping_mul(0x243f_6a88_85a3_08d3);
    }

    /// One key is all that is hashed: what marks its end says nothing.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        // The map takes the upper bits for a first look, and the lower ones for the place.
        self.0 ^ self.0.rotate_left(32)
    }
}

/// One field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its key, spelled as the daemon spells it, and as it is sent on.
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) class: Class,
    /// What its zero value means to the daemon.
    pub(crate) zero: Zero,
}

/// What may stand at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Anything; only for what is dropped.
    Any,
    Bool,
    /// A number without fraction or exponent.
    Integer,
    Number,
    Text,
    /// A string, or an array of strings: engines before 29 take either.
    TextOrTexts,
    List(&'static Shape),
    /// An object of any keys with these.
    Map(&'static Shape),
    Object(&'static Table),
}

/// What a field means to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It concerns the object alone, or its fields have classes of their own.
    Harmless,
    /// A rule decides; the fields within it are part of that.
    Judged(FieldMeaning),
    /// A rule decides which keys may stand in it; what stands under them has classes of its own.
    Keys(FieldMeaning),
    /// Within a judged or refused field.
    Part,
    /// No rule grants it.
    Refused,
    /// The clients that the row names send it, no engine reads it, and it is dropped.
    Ignored,
}

/// What `false`, `0`, an empty string, array or object, or an object of such alone mean to the
/// daemon. Its own client sends them for everything that it was not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zero {
    /// The same as if the field were not there.
    Absent,
    /// Something else: the daemon's type tells the two apart.
    Meant,
}

impl Table {
    /// Its field of this key, spelled as the daemon spells it.
    pub(crate) fn field(&self, key: &str) -> Option<&'static Field> {
        self.index.get(key).map(|entry| entry.field)
    }

    /// The field that the daemon takes this key for: it does not regard case.
    pub(super) fn find(&self, key: &str) -> Option<Entry> {
        let exact = self.index.get(key);
        exact.or_else(|| self.folded.get(&folded(key))).copied()
    }

    /// Makes the index. A name of its own wins over one that it embeds.
    pub(super) fn indexed(&self) -> Index {
        let embedded = self.embedded.iter().flat_map(|table| table.index.values());
        let fields = embedded.map(|entry| entry.field).chain(self.own);
        let fields: HashMap<_, _> = fields.map(|field| (field.name, field)).collect();
        let entries = fields.into_iter().zip(0..);
        entries
            .map(|((key, field), place)| (key, Entry { field, place }))
            .collect()
    }

    /// Makes the index of folded keys.
    pub(super) fn by_folded_key(&self) -> HashMap<String, Entry> {
        let entries = self.index.iter();
        entries.map(|(key, entry)| (folded(key), *entry)).collect()
    }

    /// The keys of an object, as the daemon reports it, that the table does not have and that have a value
    /// other than zero: what they mean is not known.
    pub(crate) fn unknown<'a>(&'static self, value: &'a Json<'a>) -> impl Iterator<Item = &'a str> {
        let members = value.members().iter();
        let unknown =
            members.filter(|(key, value)| self.field(key).is_none() && !is_zero(value, Shape::Any));
        unknown.map(|(key, _)| &**key)
    }
}

impl Shape {
    /// How it is called in a message.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::TextOrTexts => "a string or an array of strings",
            Self::List(_) => "an array",
            Self::Map(_) | Self::Object(_) => "an object",
        }
    }
}

/// Whether a value is the zero of its shape: `false`, `0`, or empty.
pub(super) fn is_zero(value: &Json, shape: Shape) -> bool {
    match (value, shape) {
        (Json::Null, _) => true,
        (Json::Bool(is_set), _) => !is_set,
        (Json::Number(number), _) => matches!(&**number, "0" | "-0"),
        (Json::Text(text), _) => text.is_empty(),
        (Json::List(values), _) => values.is_empty(),
        (Json::Object(members), Shape::Object(table)) => members.iter().all(|(key, value)| {
            let field = table.field(key);
            field.is_some_and(|field| is_zero(value, field.shape))
        }),
        (Json::Object(members), _) => members.is_empty(),
    }
}

/// Makes tables. A row is `Name shape class[, Meant];`. A shape is one word, `[x]` for an
/// array of x, `{x}` for an object of any keys with x, or `(TABLE)` for an object of a table's fields.
macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident $(embeds $($embedded:ident),+)? {
        $($name:ident $shape:tt $class:ident $(($meaning:ident))? $(, $zero:ident)?;)*
    })+) => {$(
        $(#[$doc])*
        pub(super) static $table: Table = Table {
            own: &[$(Field {
                name: stringify!($name),
                shape: shape!($shape),
                class: Class::$class $((FieldMeaning::$meaning))?,
                zero: or!(Zero::Absent $(, Zero::$zero)?),
            }),*],
            embedded: &[$($(&$embedded),+)?],
            index: LazyLock::new(|| $table.indexed()),
            folded: LazyLock::new(|| $table.by_folded_key()),
        };
    )+};
}

macro_rules! shape {
    ([$of:tt]) => {
        Shape::List(&shape!($of))
    };
    ({$of:tt}) => {
        Shape::Map(&shape!($of))
    };
    (($table:ident)) => {
        Shape::Object(&$table)
    };
    ($plain:ident) => {
        Shape::$plain
    };
}

/// The second, if there is one.
macro_rules! or {
    ($default:expr) => {
        $default
    };
    ($default:expr, $given:expr) => {
        $given
    };
}

pub(super) use {or, shape, tables};
