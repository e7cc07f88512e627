use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use super::*;

const LINE: &str = r#"{"time":"2026-11-29T10:20:07.482615Z","event":"request","id":"4c3af244-1","client":{"address":"172.18.0.3:40022","name":"watchtower","by":"network"},"listener":"tcp://[::]:2375","policy":"watchtower","method":"GET","path":"/v1.45/containers/web/json","query":[],"api_version":"1.45","operation":"ContainerInspect","effect":"read","object":"web","object_id":"4f0c9c1b2a3d","verdict":"allow","reason":"granted","status":200,"bytes_in":0,"bytes_out":9,"duration_us":1234,"end":"complete","schema":1,"instance":"4c3af244","seq":1}"#;

/// A line with other values.
fn line(seq: u64, changes: &[(&str, &str)]) -> String {
    let text = LINE.replace(r#""seq":1}"#, &format!(r#""seq":{seq}}}"#));
    let mut text = text.replace("4c3af244-1", &format!("4c3af244-{seq:x}"));
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

fn denied(seq: u64, detail: &str) -> String {
    let reason = format!(r#""verdict":"deny","reason":"not_granted","detail":"{detail}""#);
    line(
        seq,
        &[
            (r#""verdict":"allow","reason":"granted""#, &reason),
            (r#""policy":"watchtower","#, ""),
            ("ContainerInspect", "ContainerKill"),
            ("watchtower", "traefik"),
            (r#""status":200"#, r#""status":403"#),
            ("T10:20:07", "T10:20:09"),
        ],
    )
}

/// What is shown of a log, without colors.
fn shown(log: &str, arguments: &[&str], columns: Option<usize>) -> String {
    let mut out = Vec::new();
    let args = Cli::parse_from(["tail"].iter().chain(arguments));
    let (filter, count) = (
        Filter {
            client: args.args.client,
            operations: args.args.operation,
            verdicts: args.args.verdict,
            object: args.args.object,
        },
        args.args.lines.unwrap_or(Count::All),
    );
    let mut view = View::new(filter, count, Layout::of(columns));
    let mut input = BufReader::new(log.as_bytes());
    let read = follow::stream(&mut input, &mut |event| match event {
        Event::Line(parsed) => view.take(&parsed, &mut out),
        Event::Wait => Ok(()),
        Event::End => view.show_recent(&mut out),
    });
    assert!(read.is_ok());
    String::from_utf8(out).unwrap()
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: TailArgs,
}

use clap::Parser as _;

#[test]
fn a_denial_has_its_remedy_below_and_foreign_lines_are_skipped() {
    let log = format!(
        "gate-1  | {}\ndb-1    | ready for connections\ngate-1  | {}\n",
        line(1, &[]),
        denied(
            2,
            "ContainerKill is not allowed; to allow it, add \\\"ContainerKill\\\" to allow"
        ),
    );
    assert_eq!(
        shown(&log, &[], Some(80)),
        "2026-11-29\n\
         10:20:07 allow      200 watchtower    1.2ms ContainerInspect   web\n\
         10:20:09 deny       403 traefik       1.2ms ContainerKill      web\n         \
         ContainerKill is not allowed; to allow it, add \"ContainerKill\" to allow\n"
    );
    for (columns, text) in [(Some(80), 80), (Some(40), 40)] {
        let rows = shown(&log, &[], columns);
        assert!(rows.lines().all(|row| row.len() <= text), "{rows}");
    }
    let wide = shown(&log, &[], None);
    assert!(wide.contains(" web by watchtower\n"), "{wide}");
}

#[test]
fn a_filter_shows_what_it_names_and_nothing_else() {
    let stream = line(
        3,
        &[
            (r#""event":"request""#, r#""event":"begin""#),
            ("ContainerInspect", "SystemEvents"),
            ("/containers/web/json", "/events"),
            (r#""object":"web","object_id":"4f0c9c1b2a3d","#, ""),
        ],
    );
    let begin = line(
        4,
        &[
            (r#""event":"request""#, r#""event":"begin""#),
            (r#""effect":"read""#, r#""effect":"write""#),
        ],
    );
    let log = [line(1, &[]), denied(2, "no"), stream, begin].join("\n");
    for (arguments, want) in [
        (&[][..], "ContainerInspect ContainerKill SystemEvents"),
        (&["--client", "traefik"], "ContainerKill"),
        (
            &["--client", "172.18.0.3"],
            "ContainerInspect ContainerKill SystemEvents",
        ),
        (&["--client", "homepage"], ""),
        (
            &["--operation", "containerkill,SystemEvents"],
            "ContainerKill SystemEvents",
        ),
        (&["--operation", "Container"], ""),
        (&["--verdict", "deny"], "ContainerKill"),
        (&["--verdict", "allow"], "ContainerInspect SystemEvents"),
        (&["--object", "web"], "ContainerInspect ContainerKill"),
        (&["--object", "we"], ""),
        (&["--object", "4f0c9c1b"], "ContainerInspect ContainerKill"),
        (&["--object", "4f1c"], ""),
        (&["-n", "2"], "ContainerKill SystemEvents"),
        (
            &["-n", "all"],
            "ContainerInspect ContainerKill SystemEvents",
        ),
    ] {
        let rows = shown(&log, arguments, Some(80));
        let words = rows.split_whitespace();
        let found: Vec<_> = words
            .filter(|word| ["ContainerInspect", "ContainerKill", "SystemEvents"].contains(word))
            .collect();
        assert_eq!(found.join(" "), want, "{arguments:?}:\n{rows}");
    }
    assert!(
        shown(&log, &[], None).contains(" open "),
        "a stream that was opened"
    );
}

#[test]
fn missing_lines_and_what_happened_to_the_process_are_shown() {
    let stop = r#"{"time":"2026-11-30T10:20:07.482615Z","event":"stop","version":"0.1.0","settings_sha256":"ab","policies":[{"listener":"x","policy":"ci","sha256":"ab"}],"schema":1,"instance":"4c3af244","seq":6}"#;
    let other = line(
        9,
        &[(r#""instance":"4c3af244""#, r#""instance":"00000001""#)],
    );
    let log = [line(1, &[]), line(4, &[]), other, stop.to_owned()].join("\n");
    let rows = shown(&log, &["--client", "nobody"], None);
    assert_eq!(
        rows,
        "2026-11-29\nmissing: 2 lines of the log are not here\n\
         2026-11-30\nmissing: 1 line of the log is not here\n"
    );
    let rows = shown(&log, &[], None);
    assert!(
        rows.ends_with("10:20:07 stop       Dockgate 0.1.0, policies ci\n"),
        "{rows}"
    );
}

#[test]
fn what_a_client_wrote_never_makes_a_line() {
    let detail = r"no\n10:20:07 allow\u001b[2K\u009b\u202e";
    let log = denied(1, detail);
    let policy = line(
        2,
        &[(r#""policy":"watchtower""#, r#""policy":"a\nb\u001b""#)],
    );
    let rows = shown(&[log, policy].join("\n"), &[], None);
    assert_eq!(rows.lines().count(), 4, "S7: {rows}");
    assert!(
        rows.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')),
        "S7: {rows}"
    );
}

#[test]
fn a_summary_counts_clients_denials_and_use() {
    let mut log = vec![
        line(1, &[]),
        line(2, &[]),
        denied(3, "add x"),
        denied(5, "add x"),
    ];
    log.push("db-1 | ready".to_owned());
    let mut summary = Summary::default();
    for line in &log {
        summary.take(&Parsed::of(line), &Filter::default()).unwrap();
    }
    let mut out = Vec::new();
    assert!(summary.write(None, &mut out).unwrap());
    let text = String::from_utf8(out).unwrap();
    let squeezed: Vec<_> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        squeezed,
        [
            "from 2026-11-29 10:20:07 to 2026-11-29 10:20:09 (UTC)",
            "4 requests of 2 clients, 2 denied",
            "missing: 1 line of the log is not here",
            "",
            "client requests denied last request",
            "traefik 2 2 2026-11-29 10:20:09",
            "watchtower 2 0 2026-11-29 10:20:07",
            "",
            "denied times last denied",
            "traefik ContainerKill web 2 2026-11-29 10:20:09",
            "add x",
            "",
            "used times last used",
            "ContainerInspect 2 2026-11-29 10:20:07",
        ]
    );
    assert!(!Summary::default().write(None, &mut Vec::new()).unwrap());
}

#[test]
fn a_followed_file_is_read_on_through_its_rotation() {
    let folder = std::env::temp_dir().join(format!("dockgate-tail-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (path, old) = (folder.join("audit"), folder.join("audit.1"));
    fs::write(&path, line(1, &[]) + "\n").unwrap();
    let (sender, seqs) = mpsc::channel();
    let followed = path.clone();
    std::thread::spawn(move || {
        follow::file(&followed, true, &mut |event| {
            if let Event::Line(Parsed::Request(line)) = event {
                sender.send(line.seq.unwrap()).map_err(io::Error::other)?;
            }
            Ok(())
        })
    });
    let next = || seqs.recv_timeout(Duration::from_secs(20)).unwrap();
    let append = |path: &Path, text: &str| {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    assert_eq!(next(), 1);
    let (begin, end) = (line(2, &[]), line(3, &[]) + "\n");
    let (half, other_half) = begin.split_at(100);
    append(&path, half);
    std::thread::sleep(2 * Duration::from_millis(200));
    append(&path, &format!("{other_half}\n"));
    assert_eq!(next(), 2, "a line that arrives in two parts");
    fs::rename(&path, &old).unwrap();
    append(&old, &end);
    assert_eq!(next(), 3, "written to the renamed file");
    fs::write(&path, line(4, &[]) + "\n").unwrap();
    assert_eq!(next(), 4, "in the file that takes its place");
    File::create(&path).unwrap();
    std::thread::sleep(3 * Duration::from_millis(200));
    append(&path, &(line(5, &[]) + "\n"));
    assert_eq!(next(), 5, "in the file that was emptied");
    fs::remove_dir_all(&folder).unwrap();
}
