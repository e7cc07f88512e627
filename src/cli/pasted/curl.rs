//! What a `curl` command sends, if a verdict depends on it.
//!
//! Headers other than `Content-Type` and the host do not matter here. An unknown option is an error, because it could
//! change what is sent.
//!
//! Source: curl(1), and what curl 7.88 was seen to send.

use super::request::{Pasted, Piece, encoded};

/// What is wrong with a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadCurl {
    #[error(
        "curl would clean the path of `{0}`: write it without `.` and `..`, or add --path-as-is"
    )]
    Dots(String),
    #[error("`{0}` would be read from a file into the query: write its content")]
    FileInQuery(String),
    #[error("curl would add the file's name to `{0}`: write the whole target")]
    FileName(String),
    #[error(
        "curl reads `{{`, `}}`, `[` and `]` in `{0}` as a pattern of several requests: add -g, or write them as %7B, %7D, %5B, %5D"
    )]
    Glob(String),
    #[error("curl takes only one of -I, -d and -T: remove the others")]
    Methods,
    #[error("the command has no URL")]
    NoUrl,
    #[error("the option `{0}` has no value")]
    NoValue(String),
    #[error("explain does not know curl's option `{0}`, which could change the request: remove it")]
    Option(String),
    #[error("the daemon speaks http: write `{0}` with http://")]
    Scheme(String),
    #[error("the body comes from another program: write it to a file and use --body FILE")]
    Stdin,
    #[error("`{0}` and `{1}` are two URLs: explain takes one request at a time")]
    TwoUrls(String, String),
}

/// Options that change nothing in the request, by letter and word: those without a value, and those with one.
const FLAGS: &str = "
    0 http1.0 http1.1 4 ipv4 6 ipv6 compressed f fail fail-with-body i include k insecure j junk-session-cookies
    L location N no-buffer no-progress-meter # progress-bar raw O remote-name J remote-header-name R remote-time
    S show-error s silent tlsv1.2 tlsv1.3 v verbose";
const WITH_VALUE: &str = "
    abstract-unix-socket cacert capath E cert cert-type connect-timeout connect-to b cookie c cookie-jar
    D dump-header interface keepalive-time key key-type limit-rate m max-time o output output-dir e referer resolve
    retry retry-delay retry-max-time stderr trace trace-ascii unix-socket u user A user-agent w write-out";

pub(super) fn parse(arguments: &[String]) -> Result<Pasted, BadCurl> {
    let mut command = CurlCommand::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            words.by_ref().try_for_each(|word| command.url(word))?;
        } else if let Some(long) = word.strip_prefix("--") {
            if long.len() == 1 {
                return Err(BadCurl::Option(word.clone()));
            }
            command.option(long, word, &mut "", &mut words)?;
        } else if let Some(mut letters) = word.strip_prefix('-').filter(|it| !it.is_empty()) {
            // Letters stand together: the first that has a value has all that follows it.
            while let Some(letter) = letters.chars().next() {
                letters = letters.strip_prefix(letter).unwrap_or_default();
                let letter = letter.to_string();
                command.option(&letter, &format!("-{letter}"), &mut letters, &mut words)?;
            }
        } else {
            command.url(word)?;
        }
    }
    command.request()
}

/// What a command says.
#[derive(Default)]
struct CurlCommand {
    url: Option<String>,
    method: Option<String>,
    /// The pieces of `-d`, each with whether `&` comes before it.
    data: Vec<(Piece, bool)>,
    /// The values of `-H 'Content-Type: ...'`; empty ones take the header away.
    types: Vec<String>,
    /// The options that were there and have no value that matters.
    seen: Vec<&'static str>,
}

type Words<'a> = std::slice::Iter<'a, String>;

impl CurlCommand {
    /// An option, with its value if it has one: the rest of the word, or the next word.
    fn option(
        &mut self,
        name: &str,
        written: &str,
        rest: &mut &str,
        words: &mut Words<'_>,
    ) -> Result<(), BadCurl> {
        let mut value = || match std::mem::take(rest) {
            "" => words
                .next()
                .ok_or_else(|| BadCurl::NoValue(written.to_owned()))
                .map(String::as_str),
            rest => Ok(rest),
        };
        let is_one_of = |names: &str| names.split_whitespace().any(|known| known == name);
        match name {
            "G" | "get" => self.seen.push("get"),
            "I" | "head" => self.seen.push("head"),
            "g" | "globoff" => self.seen.push("globoff"),
            "path-as-is" => self.seen.push("path-as-is"),
            "T" | "upload-file" => {
                value()?;
                self.seen.push("upload-file");
            }
            "X" | "request" => self.method = Some(value()?.to_owned()),
            "url" => self.url(value()?)?,
            "H" | "header" => {
                let header = value()?;
                let (name, value) = header.split_once(':').unwrap_or((header, ""));
                if name.trim().eq_ignore_ascii_case("content-type") {
                    self.types.push(value.trim().to_owned());
                }
            }
            "d" | "data" | "data-ascii" => self.data.push((piece(value()?, true)?, true)),
            "data-binary" => self.data.push((piece(value()?, false)?, true)),
            "data-raw" => self.data.push((Piece::Text(value()?.to_owned()), true)),
            "data-urlencode" => self.data.push((Piece::Text(urlencoded(value()?)?), true)),
            "json" => {
                self.data.push((piece(value()?, false)?, false));
                self.seen.push("json");
            }
            _ if is_one_of(FLAGS) => {}
            _ if is_one_of(WITH_VALUE) => _ = value()?,
            _ => return Err(BadCurl::Option(written.to_owned())),
        }
        Ok(())
    }

    fn has(&self, option: &str) -> bool {
        self.seen.contains(&option)
    }

    fn url(&mut self, url: &str) -> Result<(), BadCurl> {
        match self.url.replace(url.to_owned()) {
            Some(before) => Err(BadCurl::TwoUrls(before, url.to_owned())),
            None => Ok(()),
        }
    }

    fn request(self) -> Result<Pasted, BadCurl> {
        let url = self.url.as_deref().ok_or(BadCurl::NoUrl)?;
        let has_body = !self.data.is_empty() && !self.has("get");
        let kinds = [self.has("head"), self.has("upload-file"), has_body];
        if kinds.iter().filter(|is_set| **is_set).count() > 1 {
            return Err(BadCurl::Methods);
        }
        let mut target = self.target(url)?;
        if self.has("get") {
            self.add_to_query(&mut target)?;
        }
        let method = match kinds {
            [true, ..] => "HEAD",
            [_, true, _] => "PUT",
            [_, _, true] => "POST",
            [false, false, false] => "GET",
        };
        let content_types = has_body.then(|| self.content_types());
        let data = if has_body { self.data } else { Vec::new() };
        Ok(Pasted {
            method: self.method.unwrap_or_else(|| method.to_owned()),
            target,
            body: joined(data),
            content_types,
            left_out: Vec::new(),
            is_out_of_scope: false,
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
        let slash = if target.starts_with('/') { "" } else { "/" };
        let target = [slash, target].concat();
        let path = target.split('?').next().unwrap_or_default();
        let unescaped = path.replace("%2e", ".").replace("%2E", ".");
        let mut segments = unescaped.split('/');
        if !self.has("globoff") && target.contains(['{', '}', '[', ']']) {
            Err(BadCurl::Glob(whole()))
        } else if !self.has("path-as-is") && segments.any(|it| [".", ".."].contains(&it)) {
            Err(BadCurl::Dots(whole()))
        } else if self.has("upload-file") && path.ends_with('/') {
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

    /// The type of a body: a form, unless a header says otherwise.
    fn content_types(&self) -> Vec<String> {
        if self.types.is_empty() {
            let default = if self.has("json") {
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
    let (name, text) = match value.split_once('=') {
        Some((name, text)) if !name.contains('@') => (name, text),
        None if !value.contains('@') => ("", value),
        Some(_) | None => return Err(BadCurl::FileInQuery(value.to_owned())),
    };
    let equals = if name.is_empty() { "" } else { "=" };
    Ok([name, equals, &encoded(text)].concat())
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
