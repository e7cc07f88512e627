//! Documents from the daemon. They need not be strict JSON, and only the requested parts are kept.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::value::{Json, Member};

impl Json<'static> {
    /// Parses a document. Keeps only these members of an object, or of each object in a list.
    pub(crate) fn pick(document: &[u8], keys: &[&str]) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_slice(document);
        let picked = Values(Some(keys)).deserialize(&mut deserializer).ok()?;
        deserializer.end().is_ok().then_some(picked)
    }

    /// Removes a key and returns its value, if this is an object that has it.
    pub(crate) fn take(&mut self, key: &str) -> Option<Self> {
        let value = self.get_mut(key)?;
        Some(std::mem::replace(value, Self::Null))
    }
}

/// The most memory that a value takes, in bytes, not counting its text: its place in a list or object, and the
/// same again while that grows.
const VALUE: usize = 2 * size_of::<Member<'_>>();

/// The most memory that a parsed document can take, in bytes, if at most this many values are parsed. It is
/// counted without parsing.
pub(crate) fn parsed_size(document: &[u8], most_values: usize) -> usize {
    // A value is the first of the document, the first in a bracket, or follows a comma. They are
    // counted in a byte for as long as they fit, so that the compiler can count many at a time.
    let is = |byte: u8, sign: u8| u8::from(byte == sign);
    let counts = document.chunks(240).map(|chunk| {
        let values = chunk.iter();
        let values = values.map(|&byte| is(byte, b',') | is(byte, b'[') | is(byte, b'{'));
        values.fold(0, u8::wrapping_add)
    });
    let values = 1 + counts.map(usize::from).sum::<usize>();
    let values = values.min(most_values);
    values.saturating_mul(VALUE).saturating_add(document.len())
}

/// Parses a value; of an object, or of each object in a list, either all members or only those with these
/// keys.
#[derive(Clone, Copy)]
struct Values<'k>(Option<&'k [&'k str]>);

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = Json<'static>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = Json<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, is_set: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(is_set))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Json::Number(number.to_string().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(number.to_string().into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("not a number"))?;
        Ok(Json::Number(number.to_string().into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(text.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let Self(keys) = self;
        // The last value of a repeated key counts, as it does for the daemon's own clients.
        let mut members = BTreeMap::new();
        while let Some(key) = object.next_key::<String>()? {
            if keys.is_none_or(|keys| keys.contains(&&*key)) {
                members.insert(key, object.next_value_seed(Self(None))?);
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        let members = members.into_iter();
        Ok(Json::Object(
            members.map(|(key, value)| (key.into(), value)).collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    impl From<&serde_json::Value> for Json<'static> {
        fn from(value: &serde_json::Value) -> Self {
            match value {
                Value::Null => Self::Null,
                Value::Bool(is_set) => Self::Bool(*is_set),
                Value::Number(number) => Self::Number(number.to_string().into()),
                Value::String(text) => Self::Text(text.clone().into()),
                Value::Array(values) => Self::List(values.iter().map(Self::from).collect()),
                Value::Object(members) => {
                    let members = members.iter();
                    Self::Object(
                        members
                            .map(|(key, value)| (key.clone().into(), value.into()))
                            .collect(),
                    )
                }
            }
        }
    }

    #[test]
    fn a_reply_is_read_as_serde_json_reads_it() {
        for text in [
            r#"{"b":[1,-2,0.5,1e3,-0,18446744073709551616,"\u00e9"],"a":{"y":null,"x":true}}"#,
            r#"{"a":1,"a":{"twice":[]},"":{}}"#,
            " { } ",
        ] {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            let read = Json::pick(text.as_bytes(), &["a", "b", ""]);
            assert_eq!(read, Some(Json::from(&value)), "{text}");
        }
        for text in ["[1,null,true]", "null", "-1", r#"[{"a":1,"b":{"c":2}},[]]"#] {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            let read = Json::pick(text.as_bytes(), &["a", "b"]);
            assert_eq!(read, Some(Json::from(&value)), "{text}");
        }
        for text in ["", "{", "{}{}", r#"{"a":}"#, r#"{"c":}"#, "[1"] {
            assert_eq!(Json::pick(text.as_bytes(), &["a"]), None, "{text}");
        }
    }

    #[test]
    fn only_the_requested_parts_are_kept() {
        let mut read = Json::pick(br#"{"a":1,"b":[2],"c":3}"#, &["b", "d"]).unwrap();
        assert_eq!(read.members().len(), 1);
        let two = Json::List(vec![Json::Number("2".into())]);
        assert_eq!((read.take("b"), read.take("a")), (Some(two), None));
        let list = Json::pick(br#"[{"a":1,"b":{"c":2}}]"#, &["b"]).unwrap();
        let mut kept = String::new();
        list.render(&mut kept);
        assert_eq!(kept, r#"[{"b":{"c":2}}]"#);
    }

    #[test]
    fn s13_the_size_of_a_document_covers_the_memory_of_its_values() {
        fn memory(value: &Json<'_>) -> usize {
            let within: usize = match value {
                Json::Null | Json::Bool(_) => 0,
                Json::Number(text) | Json::Text(text) => text.len(),
                Json::List(values) => values.iter().map(memory).sum(),
                Json::Object(members) => members
                    .iter()
                    .map(|(key, value)| key.len() + memory(value))
                    .sum(),
            };
            size_of::<Member<'_>>() + within
        }
        for text in [
            r#"{"a":[0,0,0,0,[[],{}]]}"#,
            r#"{"a":{"b":"c","d":{"e":[1]}}}"#,
            r#"{"a":null}"#,
        ] {
            let read = Json::pick(text.as_bytes(), &["a"]).unwrap();
            assert!(
                parsed_size(text.as_bytes(), usize::MAX) >= memory(&read),
                "{text}"
            );
        }
        let labels = vec![r#""a":"""#; 16_000].join(",");
        let text = format!("{{{labels}}}");
        let size = parsed_size(text.as_bytes(), usize::MAX);
        assert!((1 << 20..4 << 20).contains(&size), "{size}");
        let most = parsed_size(text.as_bytes(), 10);
        assert_eq!(most, 10 * VALUE + text.len());
    }
}
