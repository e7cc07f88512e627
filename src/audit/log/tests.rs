use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};

use super::*;
use crate::audit::Verdict;
use crate::audit::entry::Entry;
use crate::audit::writer::Writer;
use crate::config::Output;
use crate::net::client::Client;

/// An output that hands each write to the test, and fails while it is broken.
struct Pipe {
    lines: mpsc::Sender<String>,
    broken: Arc<std::sync::atomic::AtomicBool>,
}

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.lines
            .send(String::from_utf8_lossy(bytes).into_owned())
            .unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Running {
    log: Arc<Log>,
    writer: Writer,
    lines: mpsc::Receiver<String>,
    broken: Arc<std::sync::atomic::AtomicBool>,
}

fn start(on_failure: OnFailure, allowed_reads: bool) -> Running {
    let (sender, lines) = mpsc::channel();
    let broken = Arc::<std::sync::atomic::AtomicBool>::default();
    let settings = AuditSettings {
        argv: false,
        output: Output::None,
        format: Some(LineFormat::Json),
        allowed_reads,
        on_failure,
    };
    let pipe = Pipe {
        lines: sender,
        broken: Arc::clone(&broken),
    };
    let (log, writer) = Log::start(Box::new(pipe), &settings, 8, None).unwrap();
    Running {
        log,
        writer,
        lines,
        broken,
    }
}

impl Running {
    fn open(&self) -> Result<Entry, Unavailable> {
        Entry::open(&self.log, &Client::of_user(0).into(), &"listener".into())
    }

    fn stop(self) -> Vec<String> {
        self.log.close();
        assert!(self.writer.wait(CONFIRM));
        self.lines
            .iter()
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }
}

#[test]
fn every_entry_leaves_one_line_however_it_ends() {
    let running = start(OnFailure::Refuse, true);
    running.open().unwrap().finish(End::Complete);
    drop(running.open().unwrap());
    let panicking = running.open().unwrap();
    let panicked = std::thread::spawn(move || {
        let _entry = panicking;
        panic!("planted");
    });
    assert!(panicked.join().is_err());
    let lines = running.stop();
    let ends: Vec<_> = lines
        .iter()
        .map(|line| line.split(r#""end":""#).nth(1).unwrap().split('"').next())
        .map(Option::unwrap)
        .collect();
    assert_eq!(ends, ["complete", "client_gone", "panic"], "{lines:?}");
}

#[test]
fn the_queue_is_bounded_and_places_come_back() {
    let running = start(OnFailure::Refuse, true);
    let places = SLACK / LINES_OF_A_REQUEST + 8;
    let entries: Vec<_> = (0..places).map(|_| running.open().unwrap()).collect();
    assert!(running.open().is_err(), "no place is left");
    drop(entries);
    assert_eq!(running.stop().len(), places);
}

#[tokio::test]
async fn a_change_waits_for_its_line_and_is_refused_without() {
    let running = start(OnFailure::Refuse, true);
    let mut entry = running.open().unwrap();
    entry.begin_confirmed().await.unwrap();
    assert!(
        running
            .lines
            .try_recv()
            .unwrap()
            .contains(r#""event":"begin""#),
        "written before it is confirmed"
    );
    running.broken.store(true, Ordering::SeqCst);
    let mut refused = running.open().unwrap();
    assert!(refused.begin_confirmed().await.is_err());
    assert!(
        running.open().is_err(),
        "nothing is let in while the record cannot be written"
    );
    running.broken.store(false, Ordering::SeqCst);
    drop((entry, refused));
    let lines = running.stop();
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains(r#""event":"request""#))
            .count(),
        2,
        "nothing is lost: {lines:?}"
    );
}

#[tokio::test]
async fn it_goes_on_without_a_record_only_where_that_is_configured() {
    let running = start(OnFailure::Continue, true);
    running.broken.store(true, Ordering::SeqCst);
    let mut entry = running.open().unwrap();
    assert!(entry.begin_confirmed().await.is_ok());
    assert!(running.open().is_ok());
}

#[test]
fn allowed_reads_can_be_left_out_and_nothing_else() {
    let running = start(OnFailure::Refuse, false);
    for (target, verdict) in [
        ("/info", Verdict::Allow),
        ("/info", Verdict::Deny),
        ("/swarm", Verdict::Allow),
    ] {
        let mut entry = running.open().unwrap();
        let call =
            crate::docker::classify("GET", crate::docker::Target::parse(target).unwrap()).unwrap();
        entry.record.understood(&call);
        (entry.record.verdict, entry.record.reason) = (verdict, Reason::Granted);
        entry.finish(End::Complete);
    }
    let lines = running.stop();
    let kept: Vec<_> = lines
        .iter()
        .map(|line| line.contains("SystemInfo"))
        .collect();
    assert_eq!(kept, [true, false], "{lines:?}");
}
