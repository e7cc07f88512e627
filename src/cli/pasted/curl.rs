//! What a `curl` command sends, as far as a verdict depends on it.
//!
//! Headers other than `Content-Type` and the place that it is sent to do not matter here. An option that
//! is not in the table is refused: it could change what is sent.
//!
//! Source: curl(1), and what curl 7.88 was seen to send.

use super::{Pasted, Piece, encoded};

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::cli) enum BadCurl {
    #[error(
        "curl would clean the path of `{0}`: write it without `.` and `..`, or add --path-as-is"
    )]
    Dots(String),
    #[error("`{0}` would be read from a file into the query: write what stands in it")]
    FileInQuery(String),
    #[error("curl would put the file's name behind `{0}`: write the whole target")]
    FileName(String),
    #[error(
        "curl reads `{{`, `}}`, `[` and `]` in `{0}` as a pattern of several requests: add -g, or write them as %7B, %7D, %5B, %5D"
    )]
    Glob(String),
    #[error("curl takes one of -I, -d and -T, and these are two of them: leave one out")]
    Methods,
    #[error("the command has no URL")]
    NoUrl,
    #[error("the option `{0}` has no value")]
    NoValue(String),
    #[error(
        "the option `{0}` of curl is not known here, and could change the request: leave it out"
    )]
    Option(String),
    #[error("curl speaks to the daemon by http: write `{0}` with http://")]
    Scheme(String),
    #[error(
        "the body would be read from another program's output: write it to a file and name that"
    )]
    Stdin,
    #[error("`{0}` and `{1}` are two URLs: one request at a time")]
    TwoUrls(String, String),
}

/// What an option is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Data,
    DataBinary,
    DataRaw,
    DataUrlencode,
    /// It has no value and does not matter.
    Flag,
    Get,
    Globoff,
    Head,
    Header,
    Json,
    PathAsIs,
    Request,
    Upload,
    Url,
    /// It has a value, and neither matters.
    Value,
}

use Meaning::{
    Data, DataBinary, DataRaw, DataUrlencode, Flag, Get, Globoff, Head, Header, Json, PathAsIs,
    Request, Upload, Url, Value,
};

/// The options: as a letter, or a space where there is none, as a word, and what for.
const OPTIONS: &[(char, &str, Meaning)] = &[
    ('d', "data", Data),
    (' ', "data-ascii", Data),
    (' ', "data-binary", DataBinary),
    (' ', "data-raw", DataRaw),
    (' ', "data-urlencode", DataUrlencode),
    ('G', "get", Get),
    ('g', "globoff", Globoff),
    ('I', "head", Head),
    ('H', "header", Header),
    (' ', "json", Json),
    (' ', "path-as-is", PathAsIs),
    ('X', "request", Request),
    ('T', "upload-file", Upload),
    (' ', "url", Url),
    ('0', "http1.0", Flag),
    (' ', "http1.1", Flag),
    ('4', "ipv4", Flag),
    ('6', "ipv6", Flag),
    (' ', "compressed", Flag),
    ('f', "fail", Flag),
    (' ', "fail-with-body", Flag),
    ('i', "include", Flag),
    ('k', "insecure", Flag),
    ('j', "junk-session-cookies", Flag),
    ('L', "location", Flag),
    ('N', "no-buffer", Flag),
    (' ', "no-progress-meter", Flag),
    ('#', "progress-bar", Flag),
    (' ', "raw", Flag),
    ('O', "remote-name", Flag),
    ('J', "remote-header-name", Flag),
    ('R', "remote-time", Flag),
    ('S', "show-error", Flag),
    ('s', "silent", Flag),
    (' ', "tlsv1.2", Flag),
    (' ', "tlsv1.3", Flag),
    ('v', "verbose", Flag),
    (' ', "abstract-unix-socket", Value),
    (' ', "cacert", Value),
    (' ', "capath", Value),
    ('E', "cert", Value),
    (' ', "cert-type", Value),
    (' ', "connect-timeout", Value),
    (' ', "connect-to", Value),
    ('b', "cookie", Value),
    ('c', "cookie-jar", Value),
    ('D', "dump-header", Value),
    (' ', "interface", Value),
    (' ', "keepalive-time", Value),
    (' ', "key", Value),
    (' ', "key-type", Value),
    (' ', "limit-rate", Value),
    ('m', "max-time", Value),
    ('o', "output", Value),
    (' ', "output-dir", Value),
    ('e', "referer", Value),
    (' ', "resolve", Value),
    (' ', "retry", Value),
    (' ', "retry-delay", Value),
    (' ', "retry-max-time", Value),
    (' ', "stderr", Value),
    (' ', "trace", Value),
    (' ', "trace-ascii", Value),
    (' ', "unix-socket", Value),
    ('u', "user", Value),
    ('A', "user-agent", Value),
    ('w', "write-out", Value),
];

/// Parses the arguments of a command.
///
/// # Errors
///
/// curl would not send it, or an option is not known here.
pub(super) fn parse(arguments: &[String]) -> Result<Pasted, BadCurl> {
    let mut command = Command::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.strip_prefix("--") {
            Some("") => words.by_ref().try_for_each(|word| command.url(word))?,
            Some(long) => {
                let known = |option: &&(char, &str, Meaning)| option.1 == long;
                command.option(OPTIONS.iter().find(known), word, None, &mut words)?;
            }
            None => match word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                Some(letters) => command.letters(letters, &mut words)?,
                None => command.url(word)?,
            },
        }
    }
    command.request()
}

/// What a command says.
#[derive(Default)]
struct Command {
    url: Option<String>,
    method: Option<String>,
    /// The pieces of `-d`, each with whether `&` stands before it.
    data: Vec<(Piece, bool)>,
    /// The values of `-H 'Content-Type: ...'`; empty ones take the header away.
    types: Vec<String>,
    /// The options that were there, but for those that do not matter.
    seen: Vec<Meaning>,
}

type Words<'a> = std::slice::Iter<'a, String>;

impl Command {
    /// Letters that stand together: the first that has a value has all that follows it.
    fn letters(&mut self, letters: &str, words: &mut Words<'_>) -> Result<(), BadCurl> {
        for (at, letter) in letters.char_indices() {
            let known = |option: &&(char, &str, Meaning)| option.0 == letter && letter != ' ';
            let rest = letters.get(at + letter.len_utf8()..).unwrap_or_default();
            let rest = (!rest.is_empty()).then_some(rest);
            let took_rest = self.option(
                OPTIONS.iter().find(known),
                &format!("-{letter}"),
                rest,
                words,
            )?;
            if took_rest {
                break;
            }
        }
        Ok(())
    }

    /// An option, with its value if it has one: the rest of the word, or the next word. Whether it took
    /// the rest.
    fn option(
        &mut self,
        option: Option<&(char, &str, Meaning)>,
        told: &str,
        rest: Option<&str>,
        words: &mut Words<'_>,
    ) -> Result<bool, BadCurl> {
        let meaning = option.map(|(_, _, meaning)| *meaning);
        let meaning = meaning.ok_or_else(|| BadCurl::Option(told.to_owned()))?;
        self.seen.push(meaning);
        if matches!(meaning, Flag | Get | Globoff | Head | PathAsIs) {
            return Ok(false);
        }
        let next = rest.or_else(|| words.next().map(String::as_str));
        let value = next.ok_or_else(|| BadCurl::NoValue(told.to_owned()))?;
        self.value(meaning, value)?;
        Ok(rest.is_some())
    }

    fn has(&self, meaning: Meaning) -> bool {
        self.seen.contains(&meaning)
    }

    fn value(&mut self, meaning: Meaning, value: &str) -> Result<(), BadCurl> {
        match meaning {
            Data => self.data.push((piece(value, true)?, true)),
            DataBinary => self.data.push((piece(value, false)?, true)),
            DataRaw => self.data.push((Piece::Text(value.to_owned()), true)),
            DataUrlencode => self.data.push((Piece::Text(urlencoded(value)?), true)),
            Json => self.data.push((piece(value, false)?, false)),
            Header => {
                let (name, value) = value.split_once(':').unwrap_or((value, ""));
                if name.trim().eq_ignore_ascii_case("content-type") {
                    self.types.push(value.trim().to_owned());
                }
            }
            Request => self.method = Some(value.to_owned()),
            Url => self.url(value)?,
            Flag | Get | Globoff | Head | PathAsIs | Upload | Value => {}
        }
        Ok(())
    }

    fn url(&mut self, url: &str) -> Result<(), BadCurl> {
        match self.url.replace(url.to_owned()) {
            Some(before) => Err(BadCurl::TwoUrls(before, url.to_owned())),
            None => Ok(()),
        }
    }

    fn request(self) -> Result<Pasted, BadCurl> {
        let url = self.url.as_deref().ok_or(BadCurl::NoUrl)?;
        let has_body = !self.data.is_empty() && !self.has(Get);
        let kinds = [self.has(Head), self.has(Upload), has_body];
        if kinds.iter().filter(|is_set| **is_set).count() > 1 {
            return Err(BadCurl::Methods);
        }
        let mut target = self.target(url)?;
        if self.has(Get) {
            self.add_to_query(&mut target)?;
        }
        let method = match kinds {
            [true, ..] => "HEAD",
            [_, true, _] => "PUT",
            [_, _, true] => "POST",
            [false, false, false] => "GET",
        };
        let content_types = has_body.then(|| self.content_types());
        Ok(Pasted {
            method: self.method.unwrap_or_else(|| method.to_owned()),
            target,
            body: if has_body {
                joined(self.data)
            } else {
                Vec::new()
            },
            content_types,
            left_out: Vec::new(),
        })
    }

    /// The target that a URL asks for: without the scheme, the host and the fragment.
    fn target(&self, url: &str) -> Result<String, BadCurl> {
        let whole = || url.to_owned();
        let asked = url.split('#').next().unwrap_or_default();
        let (scheme, rest) = asked.split_once(":/").unwrap_or(("", asked));
        let is_scheme =
            !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let hosted = match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => rest.trim_start_matches('/'),
            _ if is_scheme => return Err(BadCurl::Scheme(whole())),
            _ => asked,
        };
        let start = hosted.find(['/', '?']).unwrap_or(hosted.len());
        let target = hosted.get(start..).unwrap_or_default();
        let target = if target.starts_with('/') {
            target.to_owned()
        } else {
            format!("/{target}")
        };
        let path = target.split('?').next().unwrap_or_default();
        let is_dots = |segment: &str| {
            matches!(
                segment.replace("%2e", ".").replace("%2E", ".").as_str(),
                "." | ".."
            )
        };
        if !self.has(Globoff) && target.contains(['{', '}', '[', ']']) {
            Err(BadCurl::Glob(whole()))
        } else if !self.has(PathAsIs) && path.split('/').any(is_dots) {
            Err(BadCurl::Dots(whole()))
        } else if self.has(Upload) && path.ends_with('/') {
            Err(BadCurl::FileName(whole()))
        } else {
            Ok(target)
        }
    }

    fn add_to_query(&self, target: &mut String) -> Result<(), BadCurl> {
        for (piece, _) in &self.data {
            let text = match piece {
                Piece::Text(text) => text,
                Piece::File { path, .. } => return Err(BadCurl::FileInQuery(format!("@{path}"))),
            };
            if !target.contains('?') {
                target.push('?');
            } else if !target.ends_with('?') {
                target.push('&');
            }
            target.push_str(text);
        }
        Ok(())
    }

    /// What a body is sent as: a form, unless something else is said.
    fn content_types(&self) -> Vec<String> {
        if self.types.is_empty() {
            let default = if self.has(Json) {
                "application/json"
            } else {
                "application/x-www-form-urlencoded"
            };
            return vec![default.to_owned()];
        }
        let named = self.types.iter().filter(|value| !value.is_empty());
        named.cloned().collect()
    }
}

/// The value of a `-d`: a text, or the file behind an `@`.
fn piece(value: &str, in_one_line: bool) -> Result<Piece, BadCurl> {
    match value.strip_prefix('@') {
        Some("-") => Err(BadCurl::Stdin),
        Some(path) => Ok(Piece::File {
            path: path.to_owned(),
            in_one_line,
        }),
        None => Ok(Piece::Text(value.to_owned())),
    }
}

/// The value of a `--data-urlencode`: `text`, `=text` or `name=text`; with `@` from a file.
fn urlencoded(value: &str) -> Result<String, BadCurl> {
    let (name, text) = match value.find(['=', '@']) {
        Some(at) if value.get(at..).is_some_and(|rest| rest.starts_with('@')) => {
            return Err(BadCurl::FileInQuery(value.to_owned()));
        }
        Some(at) => (
            value.get(..at).unwrap_or_default(),
            value.get(at + 1..).unwrap_or_default(),
        ),
        None => ("", value),
    };
    let before = if name.is_empty() {
        String::new()
    } else {
        format!("{name}=")
    };
    Ok(before + &encoded(text))
}

/// The pieces of a body with the `&` between them.
fn joined(data: Vec<(Piece, bool)>) -> Vec<Piece> {
    let mut body = Vec::new();
    for (piece, has_and) in data {
        if has_and && !body.is_empty() {
            body.push(Piece::Text("&".to_owned()));
        }
        body.push(piece);
    }
    body
}
