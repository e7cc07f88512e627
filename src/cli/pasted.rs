//! Requests in the forms that people have: the name of an operation, a `docker` or `curl` command, a line of the
//! daemon's debug log, of an access log, or of the audit log.
//!
//! Nothing is guessed: what is not understood is an error. No file is read here: the caller reads the files that a
//! body comes from.
//!
//! Source: `daemon/server/middleware/debug.go` of moby/moby for the daemon's lines, and its older
//! `api/server/middleware/debug.go`, which has the body in a line of its own; `docs/audit.md`.

mod curl;
mod docker;
mod request;

use serde_json::{Map, Value};

use self::request::encoded;
pub(super) use self::request::{Pasted, Piece};
use crate::docker::Operation;
use crate::policy::Reason;

/// Why a text is not a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPaste {
    #[error(
        "`docker {0}` is not a command that explain knows: write METHOD TARGET, such as `GET /containers/json`"
    )]
    Command(String),
    #[error(transparent)]
    Curl(#[from] curl::BadCurl),
    #[error(
        "options decide what {0} asks for, and explain does not read them: write the request, and its body if it has one, \
         such as `POST /containers/create --body create.json`; the audit log and the daemon's debug log have requests to \
         paste"
    )]
    Options(Operation),
    #[error(
        "the text is empty: write METHOD TARGET, such as `GET /containers/json`, or paste a request"
    )]
    Empty,
    #[error(
        "this audit record has no method and path, because the request was denied before they were read: use another record"
    )]
    Head,
    #[error("a quotation mark is not closed: paste the whole line")]
    Quote,
    #[error("the text has two requests, {0} and {1}: paste one")]
    Two(String, String),
    #[error(
        "this is not a request: write METHOD TARGET, such as `GET /containers/json`, an operation's name, such as \
         ContainerList, or paste a docker or curl command, or a line of the daemon's debug log, of an access log, or of \
         the audit log"
    )]
    Unknown,
}

impl Pasted {
    /// Whether the words of a command line are one of these texts, split by the shell.
    pub(super) fn is_split(words: &[String]) -> bool {
        let is_message = |word: &String| word.starts_with("msg=");
        let is_command = |first: &String| first == CURL || first == DOCKER;
        words.first().is_some_and(is_command) || words.iter().any(is_message)
    }

    /// Parses a text that the shell has split into words.
    pub(super) fn parse_words(words: &[String]) -> Result<Self, BadPaste> {
        match words.split_first().map(|(word, rest)| (&**word, rest)) {
            Some((CURL, arguments)) => return Ok(curl::parse(arguments)?),
            Some((DOCKER, arguments)) => {
                return docker::parse(arguments);
            }
            _ => {}
        }
        let mut found = FoundRequest::default();
        found.line(&fields(words))?;
        found.only()
    }

    pub(super) fn parse(text: &str) -> Result<Self, BadPaste> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadPaste::Empty);
        }
        if let Some(operation) = Operation::named(text) {
            return Ok(docker::request(operation, "NAME"));
        }
        let command = text.strip_prefix("$ ").unwrap_or(text);
        let first = command.split_whitespace().next();
        if first == Some(CURL) || first == Some(DOCKER) {
            let mut words = shlex::split(&in_one_line(command)).ok_or(BadPaste::Quote)?;
            // What reads the command's output is not part of the request.
            let end = words.iter().position(|word| word == "|");
            words.truncate(end.unwrap_or(words.len()));
            return Self::parse_words(&words);
        }
        let mut found = FoundRequest::default();
        for line in text.lines() {
            if let Some(object) = object(line) {
                found.object(&object)?;
            } else if line.contains("msg=") {
                found.line(&fields(&shlex::split(line).ok_or(BadPaste::Quote)?))?;
            } else if let Some(request) = request_line(line) {
                found.keep(request)?;
            }
        }
        found.only()
    }
}

const CURL: &str = "curl";
const DOCKER: &str = "docker";

/// What was found in a text so far.
#[derive(Default)]
struct FoundRequest(Option<Pasted>);

impl FoundRequest {
    fn keep(&mut self, request: Pasted) -> Result<(), BadPaste> {
        match &mut self.0 {
            // The audit log has a line before and after a change, and the daemon logs errors once more.
            Some(kept) if kept.is_same(&request) => {
                kept.is_out_of_scope |= request.is_out_of_scope;
            }
            Some(kept) => return Err(BadPaste::Two(kept.line(), request.line())),
            None => self.0 = Some(request),
        }
        Ok(())
    }

    fn only(self) -> Result<Pasted, BadPaste> {
        self.0.ok_or(BadPaste::Unknown)
    }

    /// A line of the audit log or of the daemon's log, as JSON.
    fn object(&mut self, object: &Map<String, Value>) -> Result<(), BadPaste> {
        if object.contains_key("msg") {
            let text = |value: &Value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            };
            let fields = object.iter().map(|(key, value)| (key.clone(), text(value)));
            return self.line(&fields.collect::<Vec<_>>());
        }
        if !object.contains_key("verdict") {
            return Err(BadPaste::Unknown);
        }
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        let (Some(method), Some(path)) = (text("method"), text("path")) else {
            return Err(BadPaste::Head);
        };
        let query = object.get("query").and_then(Value::as_array);
        let query = query.into_iter().flatten().filter_map(Value::as_str);
        let mut request = Pasted::new(method, path);
        request.is_out_of_scope = text("reason") == Some(Reason::OutOfScope.code());
        for (at, pair) in query.enumerate() {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !pair.contains('=') {
                request.left_out.push(key.to_owned());
            }
            let pair = [&encoded(key), "=", &encoded(value)].concat();
            request.target.push(if at == 0 { '?' } else { '&' });
            request.target.push_str(&pair);
        }
        self.keep(request)
    }

    /// A line of the daemon's log, as its fields.
    fn line(&mut self, fields: &[(String, String)]) -> Result<(), BadPaste> {
        let field = |key: &str| {
            let found = fields.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| &**value)
        };
        let message = field("msg").unwrap_or_default();
        if let Some(body) = message.strip_prefix("form data: ") {
            if let Some(request) = &mut self.0 {
                request.body = vec![Piece::Text(body.to_owned())];
            }
            return Ok(());
        }
        let called = message.strip_prefix("Calling ");
        let called = called.and_then(|called| called.split_once(' '));
        let handled = field("method").zip(field("request-url"));
        let Some((method, target)) = called.or(handled) else {
            return Ok(());
        };
        let mut request = Pasted::new(method, target);
        let body = field("form-data").map(|body| Piece::Text(body.to_owned()));
        request.body.extend(body);
        self.keep(request)
    }
}

/// A command without the `\` at the ends of its lines. Single-quoted text stays as it is.
fn in_one_line(command: &str) -> String {
    let mut line = String::with_capacity(command.len());
    let mut characters = command.chars().filter(|character| *character != '\r');
    let mut quote = None;
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', None | Some('"')) => match characters.next() {
                Some('\n') => {}
                escaped => line.extend(Some('\\').into_iter().chain(escaped)),
            },
            ('\'' | '"', None) => {
                quote = Some(character);
                line.push(character);
            }
            _ => {
                quote = quote.filter(|quote| *quote != character);
                line.push(character);
            }
        }
    }
    line
}

/// The `key=value` words of a log's line.
fn fields(words: &[String]) -> Vec<(String, String)> {
    let pairs = words.iter().filter_map(|word| word.split_once('='));
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    pairs.map(owned).collect()
}

/// The JSON object at the end of a line. `docker compose logs` puts a prefix before it.
fn object(line: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(line.get(line.find('{')?..)?).ok()
}

/// `GET /info`, or a line that has `GET /info HTTP/1.1` in it.
fn request_line(line: &str) -> Option<Pasted> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut threes = words.windows(3).filter(|words| {
        let last = words.last().map(|word| word.trim_end_matches('"'));
        last.is_some_and(|word| word.starts_with("HTTP/"))
    });
    let (method, target) = match (threes.next(), &*words) {
        (Some([method, target, _]), _) => (method.trim_start_matches('"'), *target),
        (_, [method, target]) => (*method, *target),
        _ => return None,
    };
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_method && threes.next().is_none() && target.starts_with('/'))
        .then(|| Pasted::new(method, target))
}

#[cfg(test)]
mod tests;
