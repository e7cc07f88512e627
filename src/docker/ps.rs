//! The arguments that clients may pass to `ps` when they list a container's processes.
//!
//! The daemon runs `ps` on the host, as root, with these arguments and the container's processes (`-q`); if that
//! fails, it runs `ps` again for all processes of the host. From the output it shows the lines that have one of
//! the container's processes in the column titled `PID`. So the arguments must not show anything hidden, above
//! all the environment of processes (`e` in BSD style), and that column must be the real one.
//!
//! `ps` first reads `-ef` as Unix options. If any of them is wrong, it reads all of them again in BSD style,
//! where `e` shows environments. So Dockgate sends `-A` instead of `-e`: it means the same and is not a BSD
//! option.
//!
//! Source: `ps/parser.c` and `ps/sortformat.c` of procps; `daemon/top_unix.go` of moby/moby.

use super::closed::is_listed;

/// Unix options without a value.
const UNIX: &str = "AaFHLPTcdfjlmwy";
/// Unix options with a list of names or numbers that selects processes.
const UNIX_LISTS: &str = "CGUgpstu";
/// BSD options without a value.
const BSD: &str = "HSTacfgjlmrsuvwx";
/// BSD options with a list of names or numbers.
const BSD_LISTS: &str = "Upt";

/// The columns that may be shown and sorted by. Their text is always exactly one word.
const WORDS: &str = "%cpu %mem bsdtime c class cls cputime egid egroup etime etimes euid euser f flags gid group \
    lwp ni nice nlwp pcpu pgid pgrp pid pmem policy ppid pri psr rgid rgroup rss rssize rtprio \
    ruid ruser s sess sid size spid start_time stat state stime sz thcount tid time tname tt tty \
    uid uname user vsize vsz";
/// Columns whose text may have spaces, which would move the text after it into another column.
const TEXTS: &str = "args bsdstart cmd comm command fname lstart start ucmd ucomm";

/// Checks arguments that show no more than a list of processes, and returns them as they are sent;
/// `None` for any others.
///
/// Shape: Unix options (`-ef`, `-C NAME`), BSD options (`auxf`), `--forest`, `--sort KEYS`, `-o COLUMNS`,
/// separated by spaces.
pub(crate) fn harmless(arguments: &str) -> Option<String> {
    let mut words = arguments.split(' ').filter(|word| !word.is_empty());
    let mut sent = Sent::default();
    while let Some(word) = words.next() {
        let options = word.strip_prefix('-');
        // With an `x` among them, `ps` reads them in BSD style and not as Unix options.
        let is_unix = |options: &&str| !(options.starts_with('a') && options.contains('x'));
        if let Some(long) = word.strip_prefix("--") {
            sent.long(long, &mut words)?;
        } else if let Some(unix) = options.filter(is_unix) {
            sent.cluster("-", (UNIX, UNIX_LISTS), unix, &mut words)?;
        } else {
            sent.cluster("", (BSD, BSD_LISTS), options.unwrap_or(word), &mut words)?;
        }
    }
    Some(sent.words.join(" "))
}

/// The words to send.
#[derive(Default)]
struct Sent {
    words: Vec<String>,
    /// Whether a column with several words comes before the column with the process's number.
    is_moved: bool,
    has_pid: bool,
}

impl Sent {
    fn long<'a>(
        &mut self,
        option: &'a str,
        rest: &mut impl Iterator<Item = &'a str>,
    ) -> Option<()> {
        if option == "forest" {
            self.words.push("--forest".to_owned());
            return Some(());
        }
        let (name, value) = match option.split_once('=') {
            Some(named) => named,
            None => (option, rest.next()?),
        };
        match name {
            "sort" => self.sort(value),
            "format" => self.columns(value),
            "pid" | "ppid" | "user" if is_list(value) => {
                self.words.push(format!("--{name}={value}"));
                Some(())
            }
            _ => None,
        }
    }

    /// Options that are written together. The last one may have a value, either directly after it or
    /// as the next word.
    fn cluster<'a>(
        &mut self,
        dash: &str,
        (flags, lists): (&str, &str),
        options: &'a str,
        rest: &mut impl Iterator<Item = &'a str>,
    ) -> Option<()> {
        let mut sent = String::from(dash);
        for (place, option) in options.char_indices() {
            if option == 'e' && dash == "-" {
                sent.push('A');
                continue;
            }
            if flags.contains(option) {
                sent.push(option);
                continue;
            }
            if sent != dash {
                self.words.push(sent);
            }
            let attached = options.get(place + 1..).filter(|value| !value.is_empty());
            let value = attached.or_else(|| rest.next())?;
            return match option {
                'o' => self.columns(value),
                'k' if dash.is_empty() => self.sort(value),
                _ if lists.contains(option) && is_list(value) => {
                    let option = format!("{dash}{option}");
                    self.words.extend([option, value.to_owned()]);
                    Some(())
                }
                _ => None,
            };
        }
        (sent != dash).then(|| self.words.push(sent))
    }

    fn sort(&mut self, keys: &str) -> Option<()> {
        let is_key = |key: &str| is_column(key.strip_prefix(['+', '-']).unwrap_or(key));
        let sort = || self.words.push(format!("--sort={keys}"));
        keys.split(',').all(is_key).then(sort)
    }

    /// Columns with their widths and titles: `pid,user:20,args=WHAT`.
    fn columns(&mut self, columns: &str) -> Option<()> {
        for column in columns.split(',') {
            let (column, title) = match column.split_once('=') {
                Some((column, title)) => (column, Some(title)),
                None => (column, None),
            };
            let (name, width) = column.split_once(':').unwrap_or((column, "1"));
            let is_title = title.is_none_or(|title| is_title(name, title));
            if !(is_column(name) && is_width(width) && is_title) {
                return None;
            }
            self.has_pid |= name == "pid";
            self.is_moved |= is_listed(name, TEXTS) && !self.has_pid;
        }
        self.words.extend(["-o".to_owned(), columns.to_owned()]);
        (!self.is_moved).then_some(())
    }
}

fn is_column(name: &str) -> bool {
    is_listed(name, WORDS) || is_listed(name, TEXTS)
}

/// Names or numbers separated by commas, which cannot be mistaken for an option.
fn is_list(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.,/:@+-".contains(&byte);
    !text.starts_with('-') && !text.is_empty() && text.bytes().all(is_plain)
}

fn is_width(text: &str) -> bool {
    (1..=3).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a title is one word that the daemon cannot confuse with the title of the column that it looks
/// for.
fn is_title(column: &str, title: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.%-".contains(&byte);
    let is_pid = title.to_ascii_uppercase().contains("PID");
    !title.is_empty() && title.bytes().all(is_plain) && (!is_pid || column == "pid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_harmless_arguments_of_ps_are_sent_in_one_spelling() {
        for (arguments, want) in [
            ("", ""),
            ("-ef", "-Af"),
            ("aux", "aux"),
            ("-aux", "aux"),
            ("-auxww", "auxww"),
            ("auxf", "auxf"),
            ("faux", "faux"),
            ("-ef  --forest", "-Af --forest"),
            ("-eLf", "-ALf"),
            ("-eo pid,user", "-A -o pid,user"),
            ("-eopid,user", "-A -o pid,user"),
            ("-o pid,user:20", "-o pid,user:20"),
            ("-o pid,args=WHAT,user", "-o pid,args=WHAT,user"),
            ("-o pid=PID -o comm", "-o pid=PID -o comm"),
            ("axo pid,comm", "ax -o pid,comm"),
            ("o pid,comm", "-o pid,comm"),
            ("--format=pid,comm", "-o pid,comm"),
            ("aux --sort pid", "aux --sort=pid"),
            ("aux --sort=-%cpu,+pid", "aux --sort=-%cpu,+pid"),
            ("auxk -rss", "aux --sort=-rss"),
            ("-p 1", "-p 1"),
            ("-p1,2", "-p 1,2"),
            ("-fp 1", "-f -p 1"),
            ("p 1", "p 1"),
            ("-C x", "-C x"),
            ("-Csleep,sh", "-C sleep,sh"),
            ("-u root -f", "-u root -f"),
            ("--ppid 1", "--ppid=1"),
            ("-e -o pid,state", "-A -o pid,state"),
            ("-o user,pid,args", "-o user,pid,args"),
        ] {
            assert_eq!(harmless(arguments).as_deref(), Some(want), "N: {arguments}");
        }
    }

    #[test]
    fn n_arguments_that_show_more_than_processes_are_not_harmless() {
        for arguments in [
            "e",
            "auxe",
            "auxeww",
            "eaux",
            "-auxe",
            "-axe",
            "ae",
            // Words that are columns after `-o`, and options without it.
            "user",
            "etime",
            "-f -e e",
            // The environment as a column.
            "-o pid,environ",
            "-eo pid,environ",
            "--format pid,environ",
            // Another column that could be mistaken for the process's number.
            "-o ppid=PID",
            "-oppid=PID,args",
            "-o user=,pid",
            "-o pid=,args=",
            "-o user=xPIDx,pid",
            "-o args,pid",
            "-o comm -o pid,args",
            "-eo lstart,pid,args",
            // Not a list of processes, or something that is read.
            "L",
            "V",
            "-V",
            "--version",
            "--info",
            "--help",
            "-n /etc/shadow",
            "N /etc/shadow",
            "-D %s",
            "-q 1",
            "-M",
            "axh",
            "--no-headers",
            "--sort nosuch",
            "--sort",
            "-o",
            "-p",
            "-p -e",
            "-C -e",
            "-C '-e'",
            "-o nosuch",
            "-o pid:0",
            "-o pid:1000",
            "-o pid,",
            "-",
            "--",
            "-- e",
            "-a-e",
            "1",
            "+1",
            "-1",
            "aux\te",
            "aux\ne",
            "aux\u{a0}e",
            "äux",
        ] {
            assert_eq!(harmless(arguments), None, "beside N: {arguments}");
        }
    }
}
