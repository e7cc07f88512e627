//! The arguments of `explain`: its options, and the request in any of its forms.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser as NoEmpty;
use clap::{Args, Parser};

use crate::cli::exit::Stop;
use crate::cli::pasted::{Pasted, Piece};
use crate::policyfile::Problem;

/// The arguments as the command line has them. Everything from the request on is parsed here, because only here it is
/// known whether `-d` is an option of `curl` or of ours.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    options: ExplainOptions,
    /// METHOD TARGET, an operation's name, a docker or curl command, or a line of the daemon's debug log, of an access
    /// log or of the audit log, in quotes or not; `-` reads standard input
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    request: Vec<String>,
}

#[derive(Clone, Debug, Args)]
#[allow(clippy::doc_markdown, reason = "users read the sentences as they are")]
pub(super) struct ExplainOptions {
    /// Built-in policies or policy files, separated by commas [default: those of the settings]
    #[arg(long, value_name = "NAME|FILE", value_delimiter = ',', value_parser = NoEmpty::new())]
    pub(super) policy: Vec<String>,
    /// Settings file [env: DOCKGATE_CONFIG] [default: /etc/dockgate/dockgate.toml if it exists]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Explain for this listener of the settings only [default: all]
    #[arg(long, value_name = "ADDR", value_parser = NoEmpty::new(), conflicts_with = "policy")]
    pub(super) listener: Option<String>,
    /// Explain for this client of the settings only [default: all]
    #[arg(long, value_name = "NAME", value_parser = NoEmpty::new(), conflicts_with_all = ["listener", "policy"])]
    pub(super) client: Option<String>,
    /// File with the request's body, in JSON
    #[arg(long, value_name = "FILE")]
    pub(super) body: Option<PathBuf>,
    /// Output JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Read the daemon's reply to the request from standard input, and print what the client would get
    #[arg(long, conflicts_with = "json")]
    pub(super) redacted: bool,
}

/// The words of a request that the shell has not split, with options before, between and after them.
#[derive(Debug, Parser)]
#[command(name = "dockgate explain")]
struct Unsplit {
    #[command(flatten)]
    options: ExplainOptions,
    /// Request method, such as GET; or the whole request in quotes; or `-` for standard input
    #[arg(value_name = "METHOD")]
    first: String,
    /// Request target, such as /v1.45/containers/json?all=1
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// What follows the target in a request line
    #[arg(hide = true, value_parser = ["HTTP/1.0", "HTTP/1.1"])]
    _version: Option<String>,
}

/// A request to be explained.
#[derive(Clone, Debug, Default)]
pub(super) struct ExplainedRequest {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) body: String,
    /// The lines of `Content-Type` that the body comes with.
    pub(super) content_types: Vec<String>,
    /// The query keys whose values are not known.
    pub(super) left_out: Vec<String>,
    /// Whether it is from an audit record with the reason `out_of_scope`.
    pub(super) is_out_of_scope: bool,
}

impl ExplainArgs {
    /// The options, and the request with its body.
    pub(super) fn read(self) -> Result<(ExplainOptions, ExplainedRequest), Stop> {
        let (options, pasted) = self.parse(&mut io::stdin())?;
        let asked = asked(pasted, &options)?;
        Ok((options, asked))
    }

    fn parse(self, input: &mut dyn Read) -> Result<(ExplainOptions, Pasted), Stop> {
        let Self { options, request } = self;
        if Pasted::is_split(&request) {
            return Ok((options, Pasted::parse_words(&request).map_err(Stop::usage)?));
        }
        let words = ["dockgate explain".to_owned()].into_iter().chain(request);
        let unsplit = Unsplit::try_parse_from(words)?;
        let options = options.and(unsplit.options)?;
        let pasted = match unsplit.target {
            Some(target) => Ok(Pasted::new(unsplit.first, target)),
            None if unsplit.first == "-" => Pasted::parse(&text(input)?),
            None => Pasted::parse(&unsplit.first),
        };
        Ok((options, pasted.map_err(Stop::usage)?))
    }
}

impl ExplainOptions {
    /// These, with the options after the request.
    fn and(mut self, behind: Self) -> Result<Self, Stop> {
        self.policy.extend(behind.policy);
        self.config = either("--config", self.config, behind.config)?;
        self.listener = either("--listener", self.listener, behind.listener)?;
        self.client = either("--client", self.client, behind.client)?;
        self.body = either("--body", self.body, behind.body)?;
        self.json |= behind.json;
        self.redacted |= behind.redacted;
        let given = [
            ("--client", self.client.is_some()),
            ("--listener", self.listener.is_some()),
            ("--policy", !self.policy.is_empty()),
        ];
        let mut given = given.iter().filter(|(_, is_given)| *is_given);
        if let (Some((one, _)), Some((other, _))) = (given.next(), given.next()) {
            let message = format!("use either {one} or {other}, not both");
            return Err(Stop::usage(message));
        }
        Ok(self)
    }
}

/// An option that may be before or after a request, but not in both places.
fn either<T>(flag: &str, before: Option<T>, behind: Option<T>) -> Result<Option<T>, Stop> {
    match (before, behind) {
        (Some(_), Some(_)) => Err(Stop::usage(format!("{flag} is given twice: keep one"))),
        (before, behind) => Ok(before.or(behind)),
    }
}

/// A request with its body. Pieces of it may be in files.
fn asked(pasted: Pasted, options: &ExplainOptions) -> Result<ExplainedRequest, Stop> {
    let mut pieces = pasted.body;
    if let Some(file) = &options.body {
        if !pieces.is_empty() {
            let message = "the pasted request already has a body: remove --body";
            return Err(Stop::usage(message));
        }
        pieces.push(Piece::File {
            path: file.display().to_string(),
            in_one_line: false,
        });
    }
    let mut body = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => body.push_str(&text),
            Piece::File { path, in_one_line } => {
                let read = fs::read_to_string(&path);
                let read =
                    read.map_err(|error| vec![Problem::of_file(&path, error.to_string())])?;
                let is_kept = |end: &char| !in_one_line || !"\r\n\0".contains(*end);
                body.extend(read.chars().filter(is_kept));
            }
        }
    }
    let json = || vec!["application/json".to_owned()];
    Ok(ExplainedRequest {
        method: pasted.method,
        target: pasted.target,
        body,
        content_types: pasted.content_types.unwrap_or_else(json),
        left_out: pasted.left_out,
        is_out_of_scope: pasted.is_out_of_scope,
    })
}

/// Standard input, up to a length that no request has.
fn text(input: &mut dyn Read) -> Result<String, Stop> {
    let mut text = String::new();
    let read = input.take(MOST_TEXT).read_to_string(&mut text);
    read.map_err(|error| vec![Problem::of_file("standard input", error.to_string())])?;
    Ok(text)
}

/// More than the largest body that can be set, in bytes.
const MOST_TEXT: u64 = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    struct CommandLine {
        #[command(flatten)]
        args: ExplainArgs,
    }

    /// The request and the options of a command line; what is wrong with it otherwise.
    fn read(words: &[&str], input: &str) -> Result<(String, ExplainOptions), String> {
        let line = CommandLine::try_parse_from(["explain"].iter().chain(words));
        let parsed = line.map_err(|error| Stop::Usage(error.to_string()));
        let parsed = parsed.and_then(|line| line.args.parse(&mut input.as_bytes()));
        match parsed {
            Ok((options, pasted)) => Ok((format!("{} {}", pasted.method, pasted.target), options)),
            Err(Stop::Help(text) | Stop::Usage(text)) => Err(text),
            Err(stop) => Err(format!("{stop:?}")),
        }
    }

    #[test]
    fn options_stand_before_or_behind_a_request_that_is_not_split() {
        for words in [
            &["--body", "b", "--json", "--policy", "p,q", "POST", "/x"][..],
            &[
                "--policy", "p", "POST", "/x", "--body", "b", "--json", "--policy", "q",
            ],
            &[
                "--policy=p",
                "POST",
                "--json",
                "/x",
                "--policy=q",
                "--body=b",
            ],
            &[
                "--policy=p,q",
                "POST",
                "/x",
                "HTTP/1.1",
                "--json",
                "--body=b",
            ],
            &["--json", "POST /x HTTP/1.1", "--policy=p,q", "--body=b"],
            &["--json", "-", "--policy=p,q", "--body=b"],
        ] {
            let (request, options) = read(words, "POST /x").unwrap();
            assert_eq!(request, "POST /x", "{words:?}");
            assert!(options.json, "{words:?}");
            assert_eq!(options.policy, ["p", "q"], "{words:?}");
            assert_eq!(options.body, Some(PathBuf::from("b")), "{words:?}");
        }
    }

    #[test]
    fn the_options_of_a_split_command_are_its_own() {
        let words = ["--policy", "p", "curl", "--json", "{}", "-X", "PUT", "h/x"];
        let (request, options) = read(&words, "").unwrap();
        assert_eq!(request, "PUT /x");
        assert!(!options.json && options.policy == ["p"]);
        let (request, _) = read(&["time=1", "level=debug", "msg=Calling GET /x"], "").unwrap();
        assert_eq!(request, "GET /x");
    }

    #[test]
    fn a_wrong_command_line_is_reported() {
        for (words, want) in [
            (&["GET"][..], "this is not a request: write METHOD TARGET"),
            (&["GET", "/x", "/y"], "invalid value '/y'"),
            (&["GET", "/x", "HTTP/2"], "invalid value 'HTTP/2'"),
            (
                &["--polcy", "p", "GET", "/x"],
                "a similar argument exists: '--policy'",
            ),
            (
                &["GET", "/x", "--bdy", "b"],
                "a similar argument exists: '--body'",
            ),
            (
                &["--body", "b", "GET", "/x", "--body", "c"],
                "--body is given twice",
            ),
            (
                &["--policy", "p", "GET", "/x", "--listener", "l"],
                "use either --listener or --policy, not both",
            ),
            (
                &["--policy", "p", "--listener", "l", "GET", "/x"],
                "cannot be used with",
            ),
            (
                &["--listener", "", "GET", "/x"],
                "a value is required for '--listener <ADDR>'",
            ),
            (
                &["GET", "/x", "--policy", ""],
                "a value is required for '--policy <",
            ),
            (&[], "required arguments were not provided"),
        ] {
            let said = read(words, "").unwrap_err();
            assert!(said.contains(want), "{words:?}: {said}");
        }
    }
}
