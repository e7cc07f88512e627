//! The lines on stderr: each has its time and its level, as text or as JSON.

use std::fmt::{self, Debug, Write as _};
use std::io::{self, Write};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use super::condition::{Detail, aligned};
use crate::audit::json;
use crate::config::{Config, LineFormat, LogLevel};
use crate::docker::json::printable;
use crate::paint;

/// How a line is written.
#[derive(Clone, Copy, Debug)]
struct Style {
    format: LineFormat,
    is_colored: bool,
}

/// Writes the start report and the report of a reload, whatever `log` leaves out.
pub(crate) struct Diagnostics<'a> {
    style: Style,
    to: &'a mut dyn Write,
}

impl<'a> Diagnostics<'a> {
    /// Starts the log on stderr, and writes the reports to `to`.
    pub(crate) fn start(config: &Config, to: &'a mut dyn Write) -> Self {
        let style = Style {
            format: config.log_format,
            is_colored: paint::is_wanted(&io::stderr()),
        };
        tracing_subscriber::fmt()
            .with_max_level(level(config.log))
            .with_writer(io::stderr)
            .event_format(style)
            .try_init()
            .ok();
        Self { style, to }
    }

    pub(crate) fn say(&mut self, detail: &Detail) {
        let level = if detail.is_warning() {
            Level::WARN
        } else {
            Level::INFO
        };
        self.write(level, &detail.text());
    }

    pub(crate) fn error(&mut self, message: &str) {
        self.write(Level::ERROR, message);
    }

    fn write(&mut self, level: Level, message: &str) {
        let line = self.style.line(SystemTime::now(), level, message, &[]);
        // An operator who has closed stderr does without.
        _ = self.to.write_all(line.as_bytes());
    }
}

impl Style {
    fn line(
        self,
        time: SystemTime,
        level: Level,
        message: &str,
        fields: &[(&str, String)],
    ) -> String {
        let time = humantime::format_rfc3339_millis(time);
        match self.format {
            LineFormat::Json => {
                let level = level.as_str().to_ascii_lowercase();
                let mut line = format!(r#"{{"time":"{time}","level":"{level}""#);
                let message = ("message", message.to_owned());
                for (key, value) in [message].iter().chain(fields) {
                    _ = write!(line, r#","{key}":{}"#, json::string(value));
                }
                line.push_str("}\n");
                line
            }
            LineFormat::Text => {
                let (mut text, mut lines) = (aligned(message), String::new());
                for (key, value) in fields {
                    _ = write!(text, " {key}={value}");
                }
                let word = format!("{:>5}", level.as_str());
                let word = if self.is_colored {
                    paint::level(&word)
                } else {
                    word
                };
                for line in text.lines() {
                    _ = writeln!(lines, "{time} {word} {}", printable(line));
                }
                lines
            }
        }
    }
}

impl<S, N> FormatEvent<S, N> for Style
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        let line = self.line(SystemTime::now(), level, &fields.message, &fields.others);
        writer.write_str(&line)
    }
}

/// What an event says.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        if field.name() == "message" {
            self.message = value;
        } else {
            self.others.push((field.name(), value));
        }
    }
}

fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LineFormat, level: Level, message: &str) -> String {
        let style = Style {
            format,
            is_colored: false,
        };
        let fields = [("error", "refused".to_owned())];
        style.line(SystemTime::UNIX_EPOCH, level, message, &fields)
    }

    #[test]
    fn each_line_has_its_time_and_its_level() {
        for (format, level, message, want) in [
            (
                LineFormat::Text,
                Level::WARN,
                "two\nlines",
                "1970-01-01T00:00:00.000Z  WARN two\n1970-01-01T00:00:00.000Z  WARN lines error=refused\n",
            ),
            (
                LineFormat::Text,
                Level::INFO,
                "runs as user 1",
                "1970-01-01T00:00:00.000Z  INFO runs as      user 1 error=refused\n",
            ),
            (
                LineFormat::Text,
                Level::ERROR,
                "\u{1b}[2K",
                "1970-01-01T00:00:00.000Z ERROR \\u{1b}[2K error=refused\n",
            ),
            (
                LineFormat::Json,
                Level::ERROR,
                "\"two\"\nlines",
                "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"error\",\"message\":\"\\\"two\\\"\\u000alines\",\"error\":\"refused\"}\n",
            ),
        ] {
            assert_eq!(line(format, level, message), want);
        }
    }
}
