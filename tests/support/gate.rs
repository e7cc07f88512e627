//! A running dockgate, its record and its end.
//!
//! Every process writes its records to a separate file in the folder `DOCKGATE_TEST_RECORDS`. A second
//! file has the number of requests that it was sent, so that a complete test run can be checked
//! afterwards.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::Value;

use super::client::{Client, Reply};
use super::daemon::FakeDaemon;
use super::folder::Folder;
use super::stream::Stream;
use super::wait::{LIMIT, eventually};

/// The settings and arguments of a dockgate.
pub(crate) struct Setup {
    pub(crate) upstream: String,
    /// The text of the policy file; without it, the settings or the default decide.
    pub(crate) policy: Option<String>,
    /// The text of the settings file.
    pub(crate) settings: String,
    pub(crate) env: Vec<(&'static str, String)>,
    pub(crate) listen: Vec<String>,
    /// How many listeners the settings add.
    pub(crate) more_listeners: usize,
    /// A command, with arguments, that starts dockgate; it must become dockgate.
    pub(crate) through: Vec<String>,
    /// Whether the records go to a pipe that no one reads.
    pub(crate) stdout_unread: bool,
}

/// Ends with SIGTERM when it is dropped, and then fails the test unless it exits with 0 and has written
/// exactly one record for each request.
pub(crate) struct Gate {
    child: Child,
    records: PathBuf,
    /// Where the test looks for the next record in the file.
    read: usize,
    sent: Arc<AtomicUsize>,
    diagnostics: Arc<Lines>,
    listeners: Vec<String>,
    reader: Option<JoinHandle<()>>,
    told_to_end: Cell<bool>,
    ended: Option<ExitStatus>,
    /// Whether records do not go to the file.
    pub(crate) unrecorded: bool,
    /// Deleted together with it.
    folder: Folder,
}

#[derive(Default)]
struct Lines {
    seen: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

impl Setup {
    /// In front of this daemon with this policy, on a loopback port that the system chooses.
    pub(crate) fn new(daemon: &FakeDaemon, policy: &str) -> Self {
        Self::before(daemon.upstream().to_owned(), policy)
    }

    /// The same, in front of this address.
    pub(crate) fn before(upstream: String, policy: &str) -> Self {
        Self {
            upstream,
            policy: Some(policy.to_owned()),
            settings: String::new(),
            env: Vec::new(),
            listen: vec!["tcp://127.0.0.1:0".to_owned()],
            more_listeners: 0,
            through: Vec::new(),
            stdout_unread: false,
        }
    }

    /// Also with these settings.
    pub(crate) fn settings(mut self, text: &str) -> Self {
        self.settings = text.to_owned();
        self
    }

    /// Started by this command.
    pub(crate) fn through(mut self, command: &[&str]) -> Self {
        self.through = command.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    pub(crate) fn start(self) -> Gate {
        let listeners = self.listen.len() + self.more_listeners;
        let mut gate = self.spawn();
        gate.listeners = gate.diagnostics.wait_for_listeners(listeners);
        gate
    }

    /// Starts a dockgate that must fail to start; returns its exit code and diagnostics.
    pub(crate) fn refused(self) -> (i32, String) {
        let what = format!(
            "exit of a dockgate that must not start with {:?}",
            self.policy
        );
        let mut gate = self.spawn();
        let status = eventually(&what, || gate.child.try_wait().unwrap());
        gate.ended = Some(status);
        gate.reader.take().unwrap().join().unwrap();
        (status.code().unwrap(), gate.diagnostics())
    }

    fn spawn(self) -> Gate {
        let folder = Folder::new();
        let records = new_records_file();
        let mut command = self.command(&folder);
        command.arg("serve").arg("--upstream").arg(&self.upstream);
        command
            .arg("--config")
            .arg(folder.write("dockgate.toml", &self.settings));
        for address in &self.listen {
            command
                .arg("--listen")
                .arg(address.replace("{folder}", &folder.path().display().to_string()));
        }
        if let Some(policy) = &self.policy {
            command
                .arg("--policy")
                .arg(folder.write("policy.toml", policy));
        }
        without_settings(&mut command);
        // A file, not a pipe: its content at any moment was written before that moment.
        let file = File::create(&records).unwrap();
        let stdout = if self.stdout_unread {
            Stdio::piped()
        } else {
            file.into()
        };
        let spawned = command
            .envs(self.env)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.unwrap();
        let diagnostics = Arc::<Lines>::default();
        let (lines, stderr) = (Arc::clone(&diagnostics), child.stderr.take().unwrap());
        let reader = Some(thread::spawn(move || lines.read(stderr)));
        let (read, sent) = (0, Arc::default());
        let (listeners, ended) = (Vec::new(), None);
        let (told_to_end, unrecorded) = (Cell::new(false), self.stdout_unread);
        Gate {
            child,
            records,
            read,
            sent,
            diagnostics,
            listeners,
            reader,
            told_to_end,
            ended,
            unrecorded,
            folder,
        }
    }
}

impl Setup {
    /// The program, without its arguments.
    fn command(&self, folder: &Folder) -> Command {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_dockgate"));
        let Some((first, rest)) = self.through.split_first() else {
            return Command::new(program);
        };
        // In a place where any user may run it; the build folder may be private.
        let copy = folder.path().join("dockgate");
        // In a separate process: a file that this one writes to is also open in whatever another
        // thread starts at that moment, and then it cannot be run.
        let copied = Command::new("cp").arg(program).arg(&copy).status();
        assert!(copied.unwrap().success());
        let mut command = Command::new(first);
        command.args(rest).arg(copy);
        command
    }
}

impl Gate {
    /// In front of this daemon with this policy.
    pub(crate) fn start(daemon: &FakeDaemon, policy: &str) -> Self {
        Setup::new(daemon, policy).start()
    }

    pub(crate) fn connect(&self) -> Client {
        self.connect_to(0)
    }

    /// Connects to a listener by its index in `listen`.
    pub(crate) fn connect_to(&self, listener: usize) -> Client {
        Client::connect(&self.listeners[listener], &self.sent)
    }

    /// Connects to one of its addresses other than those that it prints.
    pub(crate) fn connect_at(&self, address: &str) -> Client {
        Client::connect(address, &self.sent)
    }

    /// Connects to the first listener from this address.
    pub(crate) fn connect_from(&self, address: &str) -> Client {
        Client::from(
            Stream::connect_from(address, &self.listeners[0]),
            &self.sent,
        )
    }

    /// Counts requests, or handshakes that fail, of clients of another kind.
    pub(crate) fn count(&self, requests: usize) {
        self.sent.fetch_add(requests, Ordering::SeqCst);
    }

    pub(crate) fn listeners(&self) -> &[String] {
        &self.listeners
    }

    /// Sends one request on a new connection and reads the reply.
    #[track_caller]
    pub(crate) fn ask(&self, request: impl AsRef<[u8]>) -> Reply {
        let mut client = self.connect();
        client.request(request);
        client.reply()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it ever used, according to the kernel.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }

    /// The file that the records are written to.
    pub(crate) fn records_file(&self) -> PathBuf {
        self.records.clone()
    }

    /// Its records of requests so far, line by line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.lines_from(0).map(|(line, _)| line);
        lines.filter(|line| line["id"].is_string()).collect()
    }

    /// Waits for the next record of a request.
    #[track_caller]
    pub(crate) fn record(&mut self) -> Value {
        let (record, end) = eventually("a record", || {
            self.lines_from(self.read)
                .find(|(line, _)| line["event"] == "request")
        });
        self.read = end;
        record
    }

    /// The complete lines after a position in the file, each with the position of its end.
    fn lines_from(&self, start: usize) -> impl Iterator<Item = (Value, usize)> + use<> {
        let text = fs::read_to_string(&self.records).unwrap().split_off(start);
        let mut end = start;
        let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        lines
            .into_iter()
            .filter(|line| line.ends_with('\n'))
            .map(move |line| {
                end += line.len();
                let value = serde_json::from_str(&line);
                (value.unwrap_or_else(|error| panic!("{line}: {error}")), end)
            })
    }

    /// Its diagnostics so far.
    pub(crate) fn diagnostics(&self) -> String {
        self.diagnostics.seen.lock().unwrap().0.join("\n")
    }

    /// Fails unless this text is in its diagnostics, or appears: they are written at the same time as
    /// the events.
    #[track_caller]
    pub(crate) fn assert_tells(&self, what: &str) {
        let lacks = |lines: &[String]| !(lines.join("\n") + "\n").contains(what);
        let seen = self.diagnostics.wait_while(lacks);
        assert!(!lacks(&seen), "{what}: not in:\n{}", seen.join("\n"));
    }

    /// Asks it to stop. A second signal would abort it, so only the first is sent.
    pub(crate) fn terminate(&self) {
        if !self.told_to_end.replace(true) {
            self.signal("TERM");
        }
    }

    /// Asks it to reload its settings, and waits for this message about it.
    #[track_caller]
    pub(crate) fn reload(&self, said: &str) {
        let before = self.diagnostics().matches(said).count();
        self.signal("HUP");
        eventually(said, || {
            (self.diagnostics().matches(said).count() > before).then_some(())
        });
    }

    fn signal(&self, name: &str) {
        // The shell's own kill: a minimal system may have no other.
        let pid = self.pid().to_string();
        let kill = Command::new("sh")
            .args(["-c", "kill -\"$2\" \"$1\"", "sh", &pid, name])
            .status();
        assert!(kill.unwrap().success());
    }

    /// Its settings file and its policy file.
    pub(crate) fn files(&self) -> (PathBuf, PathBuf) {
        let folder = self.folder.path();
        (folder.join("dockgate.toml"), folder.join("policy.toml"))
    }

    /// Stops it, and returns all lines about requests that it wrote.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Vec<Value> {
        self.finish();
        self.lines()
    }

    /// Stops it, and returns everything that it wrote: its records and its diagnostics.
    #[track_caller]
    pub(crate) fn end(mut self) -> (String, String) {
        self.finish();
        self.reader.take().unwrap().join().unwrap();
        (
            fs::read_to_string(&self.records).unwrap(),
            self.diagnostics(),
        )
    }

    #[track_caller]
    fn finish(&mut self) {
        if self.ended.is_none() {
            self.terminate();
            self.ended = Some(eventually("the end after SIGTERM", || {
                self.child.try_wait().unwrap()
            }));
            let status = self.ended.unwrap();
            assert!(status.success(), "{status}: {}", self.diagnostics());
        }
        let sent = self.note_sent();
        let recorded = of_requests(self.lines());
        assert_eq!(
            recorded.len(),
            sent,
            "requests sent, and their records: {recorded:#?}"
        );
    }

    fn note_sent(&self) -> usize {
        let sent = if self.unrecorded {
            0
        } else {
            self.sent.load(Ordering::SeqCst)
        };
        fs::write(self.records.with_extension("sent"), sent.to_string()).unwrap();
        sent
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            self.note_sent();
        } else {
            self.finish();
        }
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Lines {
    fn read(&self, stderr: ChildStderr) {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            self.seen.lock().unwrap().0.push(line);
            self.changed.notify_all();
        }
        self.seen.lock().unwrap().1 = true;
        self.changed.notify_all();
    }

    /// Returns the lines when they no longer satisfy this, when no more can come, or at the time
    /// limit.
    fn wait_while(&self, is_so: impl Fn(&[String]) -> bool) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let is_awaited = |(lines, ended): &mut (Vec<String>, bool)| !*ended && is_so(lines);
        let waited = self.changed.wait_timeout_while(seen, LIMIT, is_awaited);
        waited.unwrap().0.0.clone()
    }

    fn wait_for_listeners(&self, count: usize) -> Vec<String> {
        let listening = |lines: &[String]| -> Vec<String> {
            let addresses = lines
                .iter()
                .filter_map(|line| line.split_once("listening on "));
            addresses
                .map(|(_, address)| address.trim().to_owned())
                .collect()
        };
        let seen = self.wait_while(|lines| listening(lines).len() < count);
        let addresses = listening(&seen);
        assert_eq!(addresses.len(), count, "dockgate does not listen: {seen:?}");
        addresses
    }
}

/// Removes this process's variables for dockgate, including the tests' own, from a command's environment.
pub(crate) fn without_settings(command: &mut Command) -> &mut Command {
    let inherited =
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DOCKGATE_"));
    for (name, _) in inherited {
        command.env_remove(name);
    }
    command
}

fn of_requests(lines: Vec<Value>) -> Vec<Value> {
    lines
        .into_iter()
        .filter(|line| line["event"] == "request")
        .collect()
}

/// An empty file named after the test, this process and a number.
fn new_records_file() -> PathBuf {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-records").into();
    let folder = std::env::var_os("DOCKGATE_TEST_RECORDS").map_or(default, PathBuf::from);
    fs::create_dir_all(&folder).unwrap();
    let test = thread::current()
        .name()
        .unwrap_or("test")
        .replace("::", "-");
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{test}-{}-{number}.jsonl", std::process::id()))
}
