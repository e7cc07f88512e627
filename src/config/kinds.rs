//! What settings take: lists, numbers, times, words, and texts with a meaning.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use figment::value::Value;
use serde_json::{Value as Json, json};

use super::rows::{SettingRow, ValueShape, number};
use super::table::{SettingKind, SettingsReader};
use super::values::{self, Dialect, LineFormat, LogLevel, OnFailure, Output, RunAs, UnknownClient};
use super::{ListenAddress, UpstreamAddress};
use crate::clients::matcher::Matcher;
use crate::docker::ApiVersion;
use crate::policy::keys::setting::or_one;
use crate::policy::redact::Hidden;
use crate::policyfile::spelling::did_you_mean;
use crate::policyfile::{Entry, Written, schema};

/// Makes a table of settings that are written as a text. A row is a name, what it means, its schema, and how it
/// is read.
macro_rules! texts {
    ($(
        $(#[$about:meta])*
        $name:ident($text:ident): $value:ty, $schema:expr, $read:expr $(, instead: $instead:literal)?;
    )+) => {$(
        $(#[$about])*
        pub(crate) struct $name;

        impl SettingKind for $name {
            type Value = $value;
            const SHAPE: ValueShape = ValueShape::Text;
            $(const INSTEAD: &str = $instead;)?

            fn read(value: &Value, reader: &mut SettingsReader<'_>) -> Option<$value> {
                let $text = value.as_str()?;
                let read: Result<_, String> = $read;
                read.map_err(|wrong| reader.wrong(wrong)).ok()
            }

            fn schema() -> Json {
                $schema
            }
        }
    )+};
}

texts! {
    Authorities(text): Option<PathBuf>, like("^(none$|/)"),
        if text == "none" { Ok(None) } else {
            must(text, whole_path(text).map(Some), "must be an absolute path, such as \"/certs/ca.pem\", or \"none\"")
        };
    ClientName(text): Arc<str>, like(CLIENT_NAME),
        must(text, client_name(text), "is not a client's name: write small letters, digits, `-`, `_` and `.`, \
            beginning with a letter or a digit, up to 64 of them");
    From(text): Matcher, json!({"type": "string", "minLength": 1}),
        Matcher::parse(text).map_err(|bad| bad.to_string()), instead: "write \"network:NAME\"";
    ApiMin(text): ApiVersion, like(r"^[0-9]+\.[0-9]+$"),
        must(text, api_min(text), "must be a version from 1.24 on, such as \"1.44\"");
    Format(text): LineFormat, one_of(LineFormat::ALL, LineFormat::as_str),
        choose(LineFormat::ALL, LineFormat::as_str, text);
    /// A host name without a port, in lower case once it is read.
    HostName(text): String, like("^[^:/*]*$"),
        must(text, host_name(text), "is not a host name: write \"dash.example\", without a port");
    UidGid(text): RunAs, like("^[0-9]+:[0-9]+$"),
        must(text, RunAs::parse(text), "must be a user and a group by number: \"65532:65532\"");
    DialectName(text): Dialect, one_of(Dialect::ALL, Dialect::as_str),
        choose(Dialect::ALL, Dialect::as_str, text);
    Level(text): LogLevel, one_of(LogLevel::ALL, LogLevel::as_str),
        choose(LogLevel::ALL, LogLevel::as_str, text);
    Listen(text): ListenAddress, like(ADDRESS),
        ListenAddress::parse(text).map_err(|bad| bad.to_string()), instead: "write an address";
    Mode(text): u32, like("^0?[0-7]{3}$"),
        must(text, values::mode(text), "must be an octal mode that lets somebody connect: \"0660\" for owner \
            and group, \"0666\" for everybody");
    Origin(text): String, like(r"^[a-z]+://[a-z0-9.:\[\]-]+$"),
        must(text, origin(text), "is not an origin: write \"https://dash.example\", as browsers send it: in lower \
            case, without a path or a `*`");
    OutputName(text): Output, like("^(stdout$|stderr$|none$|/)"),
        must(text, Output::parse(text), "must be stdout, stderr, none or an absolute path");
    Owner(text): (Option<u32>, Option<u32>), like("^[0-9]*:[0-9]*$"),
        must(text, values::owner(text), "must be a user and a group by number, or one of them: \
            \"1000:998\", \":998\"");
    /// A policy's name or file, which is read once all settings are.
    PolicyName(text): String, schema::reference(), Ok(text.to_owned()), instead: "write a policy";
    Rate(text): Option<u64>, like("^(off|[0-9]+([KMG]i)?B)$"),
        or_off(text, must(text, values::bytes(text), "must be a number of bytes per second with a unit, up to \
            1GiB, such as \"16KiB\", or \"off\""));
    Time(text): Duration, like(r"[0-9]\s*[a-zA-Zµ]"), must(text, time(text), TIME);
    TimeOrOff(text): Option<Duration>, like(r"^off$|[0-9]\s*[a-zA-Zµ]"),
        or_off(text, must(text, time(text), TIME));
    DaemonAddress(text): UpstreamAddress, like(ADDRESS),
        UpstreamAddress::parse(text).map_err(|bad| bad.to_string());
    Unknown(text): UnknownClient, one_of(UnknownClient::ALL, UnknownClient::as_str),
        choose(UnknownClient::ALL, UnknownClient::as_str, text);
    WholePath(text): PathBuf, like("^/"),
        must(text, whole_path(text), "must be an absolute path, such as \"/certs\"");
    WhenFull(text): OnFailure, one_of(OnFailure::ALL, OnFailure::as_str),
        choose(OnFailure::ALL, OnFailure::as_str, text);
}

fn whole_path(text: &str) -> Option<PathBuf> {
    Path::new(text).is_absolute().then(|| text.into())
}

const ADDRESS: &str = r"^(tcp://[^@]+|unix:///[\s\S]*)$";
const TIME: &str =
    "must be a time with a unit, above zero and up to a year, such as \"10s\" or \"15m\"";

/// The schema of a text of which a regular expression tells some that is wrong.
fn like(pattern: &str) -> Json {
    json!({"type": "string", "pattern": pattern})
}

fn must<T>(text: &str, read: Option<T>, must: &str) -> Result<T, String> {
    read.ok_or_else(|| format!("`{text}` {must}"))
}

fn one_of<T: Copy>(choices: &[T], word: fn(T) -> &'static str) -> Json {
    let words = choices.iter().map(|choice| word(*choice));
    json!({"enum": words.collect::<Vec<_>>()})
}

fn choose<T: Copy>(choices: &[T], word: fn(T) -> &'static str, text: &str) -> Result<T, String> {
    let mut chosen = choices.iter().copied();
    chosen.find(|choice| word(*choice) == text).ok_or_else(|| {
        let words: Vec<_> = choices.iter().map(|choice| word(*choice)).collect();
        let hint = did_you_mean(text, words.iter().copied());
        format!("`{text}` must be one of {}{hint}", words.join(", "))
    })
}

const CLIENT_NAME: &str = r"^[a-z0-9][a-z0-9_.\-]{0,63}$";

fn client_name(text: &str) -> Option<Arc<str>> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let begins = text.bytes().next().is_some_and(is_plain);
    // `learn --client` also takes addresses.
    let is_name = begins && text.len() <= 64 && text.parse::<IpAddr>().is_err();
    let is_name = is_name
        && text
            .bytes()
            .all(|byte| is_plain(byte) || b"-_.".contains(&byte));
    is_name.then(|| text.into())
}

fn api_min(text: &str) -> Option<ApiVersion> {
    let version = ApiVersion::parse(text);
    version.filter(|version| *version >= ApiVersion::LEAST && version.patch.is_none())
}

fn host_name(text: &str) -> Option<String> {
    (!text.contains([':', '/', '*'])).then(|| text.to_ascii_lowercase())
}

fn or_off<T>(text: &str, read: Result<T, String>) -> Result<Option<T>, String> {
    if text == "off" {
        return Ok(None);
    }
    read.map(Some)
}

fn origin(text: &str) -> Option<String> {
    let (scheme, host) = text.split_once("://")?;
    let is_host_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_lowercase()) && !scheme.is_empty();
    let is_host = host.bytes().all(is_host_byte) && !host.is_empty();
    (is_scheme && is_host).then(|| text.to_owned())
}

fn time(text: &str) -> Option<Duration> {
    let time = humantime::parse_duration(text).ok()?;
    (!time.is_zero() && time <= LONGEST).then_some(time)
}

/// Longer times are slips, and clocks cannot add them.
const LONGEST: Duration = Duration::from_hours(366 * 24);

impl SettingKind for bool {
    type Value = Self;
    const SHAPE: ValueShape = ValueShape::Flag;

    fn read(value: &Value, _reader: &mut SettingsReader<'_>) -> Option<Self> {
        value.to_bool()
    }

    fn schema() -> Json {
        json!({"type": "boolean"})
    }
}
pub(crate) struct List<K>(PhantomData<K>);

impl<K: SettingKind> SettingKind for List<K> {
    type Value = Vec<K::Value>;
    const SHAPE: ValueShape = ValueShape::List;

    fn read(value: &Value, reader: &mut SettingsReader<'_>) -> Option<Self::Value> {
        Some(reader.entries::<K>(value.as_array()?))
    }

    fn schema() -> Json {
        or_one(&json!({"type": "array", "items": K::schema()}))
    }
}
pub(crate) struct Filled<K>(PhantomData<K>);

impl<K: SettingKind> SettingKind for Filled<K> {
    type Value = Vec<K::Value>;
    const SHAPE: ValueShape = ValueShape::List;

    fn read(value: &Value, reader: &mut SettingsReader<'_>) -> Option<Self::Value> {
        let list = List::<K>::read(value, reader)?;
        if value.as_array()?.is_empty() {
            let place = reader.written_as();
            reader.wrong(format!("is empty: {}, or remove the {place}", K::INSTEAD));
        }
        Some(list)
    }

    fn schema() -> Json {
        or_one(&json!({"type": "array", "items": K::schema(), "minItems": 1}))
    }
}
pub(crate) struct Tables<T>(PhantomData<T>);

impl<K: SettingKind> SettingKind for Tables<K> {
    type Value = Vec<K::Value>;
    const SHAPE: ValueShape = ValueShape::Tables;
    const ROWS: &'static [SettingRow] = K::ROWS;

    fn read(value: &Value, reader: &mut SettingsReader<'_>) -> Option<Self::Value> {
        reader.tables::<K>(value.as_array()?)
    }

    fn schema() -> Json {
        json!({"type": "array", "items": K::schema()})
    }
}

/// A table, or `false` for none.
pub(crate) struct OrFalse<T>(PhantomData<T>);

impl<K: SettingKind> SettingKind for OrFalse<K> {
    type Value = Option<K::Value>;
    const SHAPE: ValueShape = ValueShape::TableOrFalse;
    const ROWS: &'static [SettingRow] = K::ROWS;

    fn read(value: &Value, reader: &mut SettingsReader<'_>) -> Option<Self::Value> {
        if value.to_bool().is_some() {
            return Some(None);
        }
        K::read(value, reader).map(Some)
    }

    fn schema() -> Json {
        json!({"anyOf": [{"const": false}, K::schema()]})
    }
}

/// Nothing, for the default of a list or a table.
pub(crate) const EMPTY: Vec<Value> = Vec::new();
pub(crate) struct Number<const LEAST: u64, const MOST: u64>;

impl<const LEAST: u64, const MOST: u64> SettingKind for Number<LEAST, MOST> {
    type Value = usize;
    const SHAPE: ValueShape = ValueShape::Number;

    fn read(value: &Value, reader: &mut SettingsReader<'_>) -> Option<usize> {
        let number = number(value)?;
        if !(LEAST..=MOST).contains(&number) {
            reader.wrong(format!("{number} must be from {LEAST} to {MOST}"));
        }
        usize::try_from(number).ok()
    }

    fn schema() -> Json {
        json!({"type": "integer", "minimum": LEAST, "maximum": MOST})
    }
}

/// An entry of `allow` and `deny`.
impl SettingKind for Entry {
    type Value = Written;
    const SHAPE: ValueShape = ValueShape::Text;
    const INSTEAD: &str = "write what it allows";

    fn read(value: &Value, reader: &mut SettingsReader<'_>) -> Option<Written> {
        let text = value.as_str()?;
        let entry = Entry::parse(text);
        let entry = entry.map_err(|error| reader.wrong(format!("\"{text}\": {error}")));
        Some(Written::new(entry.ok()?, text, reader.place()))
    }

    fn schema() -> Json {
        schema::entry()
    }
}

/// An entry of `redact`.
impl SettingKind for Hidden {
    type Value = Self;
    const SHAPE: ValueShape = ValueShape::Text;

    fn read(value: &Value, reader: &mut SettingsReader<'_>) -> Option<Self> {
        let text = value.as_str()?;
        let hidden = Self::parse(text);
        let hidden = hidden.map_err(|bad| reader.wrong(format!("\"{text}\": {bad}")));
        hidden.ok()
    }

    fn schema() -> Json {
        schema::redact()
    }
}
