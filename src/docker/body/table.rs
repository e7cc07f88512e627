//! The tables of fields, and the notation of their rows.
//!
//! A table describes one object of the API. Its rows follow the daemon's own types: a table may
//! embed another one, as those types do, and fields have the daemon's names.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use super::field_meaning::FieldMeaning;
use crate::docker::json::{Json, folded};

/// The fields of one type of object.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its own fields, sorted by name.
    pub(crate) own: &'static [Field],
    /// Tables whose fields it also has, as if they were its own.
    pub(crate) embedded: &'static [&'static Table],
    /// All of these fields by their keys.
    pub(super) index: LazyLock<Index>,
    /// The same by case-folded keys, for quick lookups: a body can have thousands of keys that are not fields.
    pub(super) folded: LazyLock<HashMap<String, Entry>>,
}

/// A field, and its position among all fields of its table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) field: &'static Field,
    /// Unique among the fields of a table.
    pub(super) place: u32,
}

/// Fields by their keys. The keys in it are fixed, so no client can choose keys that make it slow.
pub(super) type Index = HashMap<&'static str, Entry, BuildHasherDefault<Ends>>;

/// Hashes the first and last bytes of a key, which rarely collide within a table. It must be fast,
/// because each body has many keys.
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
        // Digits of pi, made odd: bits without a pattern.
        self.0 = word.wrapping_mul(0x243f_6a88_85a3_08d3);
    }

    /// Only one key is hashed, so the byte that marks its end adds nothing.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        // The map uses the upper bits for its first comparison, and the lower ones for the
        // position.
        self.0 ^ self.0.rotate_left(32)
    }
}

/// One field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its key, as the daemon spells it and as it is sent on.
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) class: Class,
    /// What its zero value means to the daemon.
    pub(crate) zero: Zero,
}

/// The type of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Anything; only for fields that are dropped.
    Any,
    Bool,
    /// A number without fraction or exponent.
    Integer,
    Number,
    Text,
    /// A string, or an array of strings: engines before 29 accept either.
    TextOrTexts,
    List(&'static Shape),
    /// An object with any keys, and values of this shape.
    Map(&'static Shape),
    Object(&'static Table),
}

/// How a policy treats a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It affects only the object itself, or its fields have classes of their own.
    Harmless,
    /// A rule decides about it together with the fields in it.
    Judged(FieldMeaning),
    /// A rule decides about its keys; the values have classes of their own.
    Keys(FieldMeaning),
    /// Part of a checked or rejected field.
    Part,
    /// No rule allows it.
    Refused,
    /// Dropped: some clients send it, as the row says, but no engine reads it.
    Ignored,
}

/// What `false`, `0`, an empty string, array or object, or an object that has only such values
/// means to the daemon. Its own client sends these for every option that was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zero {
    /// The same as a missing field.
    Absent,
    /// Something else: the daemon's type distinguishes the two.
    Meant,
}

impl Table {
    /// The field with this key, in the daemon's spelling.
    pub(crate) fn field(&self, key: &str) -> Option<&'static Field> {
        self.index.get(key).map(|entry| entry.field)
    }

    /// The field that the daemon reads this key as: it ignores case.
    pub(super) fn find(&self, key: &str) -> Option<Entry> {
        let exact = self.index.get(key);
        exact.or_else(|| self.folded.get(&folded(key))).copied()
    }

    /// Makes the index. The table's own fields take precedence over embedded ones.
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

    /// The keys of an object from the daemon that the table does not have and whose value is not zero.
    /// Their meaning is unknown.
    pub(crate) fn unknown<'a>(&'static self, value: &'a Json<'a>) -> impl Iterator<Item = &'a str> {
        let members = value.members().iter();
        let unknown =
            members.filter(|(key, value)| self.field(key).is_none() && !is_zero(value, Shape::Any));
        unknown.map(|(key, _)| &**key)
    }
}

impl Shape {
    /// Its name in a message.
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

/// Makes tables. A row is `Name shape class[, Meant];`. A shape is one word, `[x]` for an array of x,
/// `{x}` for an object with any keys and values of x, or `(TABLE)` for an object with a table's
/// fields.
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

/// The second argument, or else the first.
macro_rules! or {
    ($default:expr) => {
        $default
    };
    ($default:expr, $given:expr) => {
        $given
    };
}

pub(super) use {or, shape, tables};
