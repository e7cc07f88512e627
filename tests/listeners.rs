//! Where clients connect: sockets and their modes, several listeners, systems without IPv6 or
//! without file descriptors, and the messages when a listener cannot be opened.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::folder::Folder;
use crate::support::{FakeDaemon, Refused, Setup, everything, get};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

const INFO: &str = r#"allow = ["SystemInfo"]"#;

fn mode_of(path: &Path) -> u32 {
    let metadata = fs::symlink_metadata(path).unwrap();
    assert!(metadata.file_type().is_socket(), "{}", path.display());
    metadata.permissions().mode() & 0o7777
}

fn at(path: &Path) -> String {
    format!("unix://{}", path.display())
}

/// Becomes another program, in which some system calls fail.
const WITHOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/without.py");

#[test]
fn a_unix_listener_has_its_mode_from_the_start() {
    let daemon = FakeDaemon::start();
    for (written, want) in [
        ("", 0o660),
        ("mode = \"0600\"", 0o600),
        ("mode = \"0666\"", 0o666),
        ("mode = \"622\"", 0o622),
        ("mode = \"0777\"", 0o777),
    ] {
        for mask in ["000", "077"] {
            let case = format!("{written:?}, mask {mask}");
            let folder = Folder::new();
            let path = folder.path().join("gate.sock");
            // Its mode can only be the one that it was created with.
            let masked = format!("umask {mask} && exec python3 {WITHOUT} chmod \"$@\"");
            let mut setup = Setup::new(&daemon, INFO).through(&["sh", "-c", &masked, "sh"]);
            setup.settings = format!("[[listener]]\naddress = \"{}\"\n{written}", at(&path));
            setup.listen.clear();
            setup.more_listeners = 1;
            let gate = setup.start();
            assert_eq!(mode_of(&path), want, "{case}");
            gate.ask(get("/info")).assert_ok(&case);
        }
    }
}

#[test]
fn a_unix_listener_has_the_configured_owner() {
    let daemon = FakeDaemon::start();
    let folder = Folder::new();
    let path = folder.path().join("gate.sock");
    let mut setup = Setup::new(&daemon, INFO);
    setup.settings = format!(
        "[[listener]]\naddress = \"{}\"\nowner = \":4711\"",
        at(&path)
    );
    setup.listen.clear();
    setup.more_listeners = 1;
    let gate = setup.start();
    let metadata = fs::symlink_metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (0, 4711));
    gate.ask(get("/info")).assert_ok("by its owner");
}

#[test]
fn a_bind_line_of_haproxy_s_is_a_listener() {
    let daemon = FakeDaemon::start();
    let folder = Folder::new();
    let path = folder.path().join("gate.sock");
    let mut setup = Setup::new(&daemon, "");
    setup.policy = None;
    setup.listen.clear();
    setup.more_listeners = 1;
    let bind = format!("{} mode 606 uid 4711 gid 4712", path.display());
    setup.env = vec![("BIND_CONFIG", bind), ("INFO", "1".to_owned())];
    let gate = setup.start();
    let metadata = fs::symlink_metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (4711, 4712));
    assert_eq!(mode_of(&path), 0o606);
    gate.ask(get("/info")).assert_ok("by its path");
}

#[test]
fn a_socket_that_was_left_behind_is_replaced() {
    let daemon = FakeDaemon::start();
    let folder = Folder::new();
    let path = folder.path().join("gate.sock");
    for round in ["the first", "after one that may not remove its socket"] {
        let mut setup = Setup::new(&daemon, INFO);
        setup.listen = vec![at(&path)];
        setup.start().ask(get("/info")).assert_ok(round);
        // At its end it is no longer root, and the folder belongs to root.
        assert!(path.exists(), "{round}");
    }
    fs::remove_file(&path).unwrap();
    drop(UnixListener::bind(&path).unwrap());
    let mut setup = Setup::new(&daemon, INFO);
    setup.listen = vec![at(&path)];
    setup
        .start()
        .ask(get("/info"))
        .assert_ok("after one that was killed");
}

#[test]
fn several_listeners_serve_at_once_each_with_its_rules() {
    let daemon = FakeDaemon::start();
    let folder = Folder::new();
    let path = folder.path().join("b.sock");
    let mut setup = Setup::new(&daemon, INFO).settings(&format!(
        "[[listener]]\naddress = \"{}\"\npolicy = [\"default\"]\nmode = \"0600\"",
        at(&path)
    ));
    setup.listen = [
        "tcp://127.0.0.1:0",
        "tcp://[::]:0",
        "unix://{folder}/a.sock",
    ]
    .map(str::to_owned)
    .into();
    setup.more_listeners = 1;
    let gate = setup.start();
    let mut clients: Vec<_> = (0..4).map(|listener| gate.connect_to(listener)).collect();
    for client in &mut clients {
        client.request(get("/info"));
    }
    let listed = gate.listeners().to_vec();
    for (client, address) in clients.iter_mut().zip(&listed) {
        let reply = client.reply();
        if *address == at(&path) {
            Refused(403, "not_granted").assert(&reply, address);
        } else {
            reply.assert_ok(address);
        }
    }
    let port = listed[1].rsplit_once(':').unwrap().1;
    for host in ["127.0.0.1", "[::1]"] {
        let mut client = gate.connect_at(&format!("tcp://{host}:{port}"));
        client.request(get("/info"));
        client.reply().assert_ok(host);
    }
}

#[test]
fn without_ipv6_dockgate_listens_on_ipv4() {
    let daemon = FakeDaemon::start();
    let without_ipv6 = ["python3", WITHOUT, "ipv6"];
    let mut setup = Setup::new(&daemon, INFO).through(&without_ipv6);
    setup.listen = vec!["tcp://[::]:0".to_owned()];
    let gate = setup.start();
    gate.ask(get("/info")).assert_ok("by IPv4");
    let address = &gate.listeners()[0];
    assert!(address.starts_with("tcp://0.0.0.0:"), "{address}");
    let told = format!("this system has no IPv6: using {address} instead of tcp://[::]:0");
    gate.assert_tells(&told);
    drop(gate);
    let mut setup = Setup::new(&daemon, INFO).through(&without_ipv6);
    setup.listen = vec!["tcp://[::1]:0".to_owned()];
    let (code, told) = setup.refused();
    assert_eq!(code, 1, "one address has no other in its place: {told}");
    assert!(told.contains("cannot listen on tcp://[::1]:0"), "{told}");
}

/// As a user without capabilities, whose ports begin at 1024 as usual.
const USER: &[&str] = &[
    "unshare",
    "--net",
    "setpriv",
    "--reuid=1000",
    "--clear-groups",
];

/// Fails unless a dockgate that should listen there prints this instead, and exits.
#[track_caller]
fn assert_not_listening(through: &[&str], address: &str, told: &str) {
    let nowhere = "unix:///nonexistent/docker.sock".to_owned();
    let mut setup = Setup::before(nowhere, INFO).through(through);
    setup.listen = vec![address.to_owned()];
    let (code, seen) = setup.refused();
    assert_eq!(code, 1, "{address}: {seen}");
    let told = format!(" ERROR {told}");
    assert!(
        seen.lines().any(|line| line.contains(&told)),
        "{told}\n{seen}"
    );
}

#[test]
fn a_port_that_cannot_be_opened_is_reported_with_a_remedy() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("tcp://{}", holder.local_addr().unwrap());
    for (through, address, remedy) in [
        (
            &[][..],
            taken.as_str(),
            "another process uses it: stop that, or change `listen`",
        ),
        (
            &[],
            "tcp://192.0.2.1:2375",
            "this host does not have this address; tcp://0.0.0.0 and tcp://[::] listen on all addresses",
        ),
        (
            USER,
            "tcp://0.0.0.0:80",
            "choose port 1024 or higher, or write `cap_add: [NET_BIND_SERVICE]`",
        ),
    ] {
        let told = format!("cannot listen on {address}: {remedy}: ");
        assert_not_listening(through, address, &told);
    }
}

#[test]
fn a_socket_that_cannot_be_created_is_reported_with_a_remedy() {
    let folder = Folder::new();
    folder.write("file", "");
    let _live = UnixListener::bind(folder.path().join("live.sock")).unwrap();
    let place = folder.path().display();
    let read_only =
        format!("mount --bind {place} {place} && mount -o remount,bind,ro {place} && exec \"$@\"");
    for (through, name, remedy) in [
        (
            &[][..],
            "live.sock",
            "another process uses it: stop that, or change `listen`",
        ),
        (
            &[],
            "none/gate.sock",
            "create its folder, or mount a volume there",
        ),
        (
            &[],
            "file/gate.sock",
            "its folder is a file: change `listen`",
        ),
        (
            USER,
            "gate.sock",
            "give the user that Dockgate is started as write access to its folder",
        ),
        (
            &["unshare", "--mount", "sh", "-c", &read_only, "sh"],
            "gate.sock",
            "mount a volume at its folder",
        ),
    ] {
        let address = at(&folder.path().join(name));
        let told = format!("cannot listen on {address}: {remedy}: ");
        assert_not_listening(through, &address, &told);
    }
}

#[test]
fn a_file_at_a_sockets_path_is_left_alone() {
    let folder = Folder::new();
    let file = folder.write("file", "precious");
    let told = format!(
        "{} exists and is not a socket: remove it, or change `listen`",
        file.display()
    );
    assert_not_listening(&[], &at(&file), &told);
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    let link = folder.path().join("link");
    symlink("nothing", &link).unwrap();
    let told = format!("{} exists and is not a socket: ", link.display());
    assert_not_listening(&[], &at(&link), &told);
    let old = folder.path().join("old.sock");
    drop(UnixListener::bind(&old).unwrap());
    fs::set_permissions(&old, fs::Permissions::from_mode(0o666)).unwrap();
    let told = format!(
        "{} is left over from an earlier process, and Dockgate may not remove it: remove it yourself: ",
        old.display()
    );
    assert_not_listening(USER, &at(&old), &told);
}

#[test]
fn a_socket_in_use_is_not_removed_even_if_nobody_accepts() {
    let folder = Folder::new();
    let path = folder.path().join("full.sock");
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    // One connection may wait in the queue, and a second one would have to wait for it.
    socket.listen(0).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();
    let told = format!(
        "cannot listen on {}: another process uses it: stop that, or change `listen`: ",
        at(&path)
    );
    assert_not_listening(&[], &at(&path), &told);
}

#[test]
fn an_existing_socket_without_permission_is_reported_with_its_owner() {
    let folder = Folder::new();
    let old = folder.path().join("old.sock");
    drop(UnixListener::bind(&old).unwrap());
    fs::set_permissions(&old, fs::Permissions::from_mode(0o600)).unwrap();
    let told = format!(
        "{} is a socket of user 0, and user 1000 may not check whether it is in use: remove it if it is not, or \
         change `listen`: ",
        old.display()
    );
    assert_not_listening(USER, &at(&old), &told);
    assert!(old.exists());
}

#[test]
fn accepting_survives_clients_that_are_gone_already() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, INFO).start();
    let address = gate.listeners()[0].strip_prefix("tcp://").unwrap();
    for _ in 0..64 {
        let client = TcpStream::connect(address).unwrap();
        // Closing then resets the connection, which may not have been accepted yet.
        SockRef::from(&client)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
    gate.ask(get("/info")).assert_ok("afterwards");
}

#[test]
fn accepting_survives_a_lack_of_files() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, INFO)
        .through(&["sh", "-c", "ulimit -n 40 && exec \"$@\"", "sh"])
        .start();
    let warned = "WARN 40 open files are allowed, but limits.connections = 1024 may need 3104: raise the \
        limit (`ulimits: { nofile: 3104 }`), or lower `limits.connections`";
    gate.assert_tells(warned);
    let mut taken: Vec<_> = (0..60).map(|_| gate.connect()).collect();
    let told = "cannot accept connections: they wait until this is over";
    gate.assert_tells(told);
    let mut waiting = taken.pop().unwrap();
    waiting.request(get("/info"));
    assert!(waiting.stays_silent(), "there is no file for it");
    drop(taken);
    waiting.reply().assert_ok("one that had to wait");
    gate.ask(get("/info")).assert_ok("a new one");
    let said = gate.end().1;
    assert_eq!(said.matches(told).count(), 1, "{said}");
}

#[test]
fn a_lack_of_files_is_not_blamed_on_the_daemon() {
    const TOLD: &str = "too many files are open for another connection to the daemon";
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, INFO)
        .settings("limits.connect = '300ms'")
        .through(&["sh", "-c", "ulimit -n 40 && exec \"$@\"", "sh"])
        .start();
    // Dockgate's only question is over, and its file descriptor is free.
    gate.assert_tells("connected to ");
    let mut clients: Vec<_> = (0..60).map(|_| gate.connect()).collect();
    gate.assert_tells("cannot accept connections");
    for client in &mut clients[..2] {
        client.request(get("/info"));
        let told = Refused(502, "daemon_unreachable").assert(&client.reply(), "no file");
        let want = "dockgate: too many files are open for a connection to the Docker daemon: \
            raise the limit on open files, or lower limits.connections";
        assert_eq!(told, want);
    }
    clients.truncate(2);
    clients[0].request(get("/info"));
    clients[0].reply().assert_ok("with files again");
    let said = gate.end().1;
    assert_eq!(said.matches(TOLD).count(), 1, "{said}");
    assert!(!said.contains("cannot reach the daemon"), "{said}");
}

#[test]
fn a_daemon_that_does_not_accept_is_given_up_after_the_limit() {
    let daemon = TcpListener::bind("127.0.0.1:0").unwrap();
    // The system queues as many connections as allowed, and one more.
    SockRef::from(&daemon).listen(0).unwrap();
    let address = daemon.local_addr().unwrap();
    let _waiting = TcpStream::connect(address).unwrap();
    let gate = Setup::before(format!("tcp://{address}"), &everything())
        .settings("[limits]\nconnect = \"300ms\"")
        .start();
    let start = Instant::now();
    Refused(502, "daemon_unreachable").assert(&gate.ask(get("/info")), "no answer");
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn dockgate_waits_for_a_daemon_that_accepts_slowly() {
    let folder = Folder::new();
    let path = folder.path().join("d.sock");
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
    // One connection may wait in the queue; for a second one the system says at once that it
    // cannot.
    socket.listen(0).unwrap();
    let daemon = UnixListener::from(socket);
    let _waiting = UnixStream::connect(&path).unwrap();
    let gate = Setup::before(at(&path), INFO).start();
    let mut client = gate.connect();
    client.request(get("/info"));
    assert!(client.stays_silent(), "it waits");
    drop(daemon.accept().unwrap());
    // The client's, and dockgate's own question at start.
    for _ in 0..2 {
        let (mut asked, _) = daemon.accept().unwrap();
        let mut request = [0; 1024];
        assert!(asked.read(&mut request).unwrap() > 0);
        asked
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            .unwrap();
    }
    client.reply().assert_ok("in the end");
}

#[test]
fn a_connection_that_is_idle_beyond_the_limit_ends() {
    let daemon = FakeDaemon::start();
    let gate = Setup::new(&daemon, INFO)
        .settings("[limits]\nidle = \"300ms\"")
        .start();
    let mut client = gate.connect();
    client.request(get("/info"));
    client.reply().assert_ok("before");
    let start = Instant::now();
    client.assert_closed("idle");
    assert!(
        start.elapsed() >= Duration::from_millis(250),
        "{:?}",
        start.elapsed()
    );
}
