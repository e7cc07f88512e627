//! The values of image-swap variables, read like the images read them.

use figment::value::{Dict, Value};

use crate::config::{Dialect, ListenAddress, UpstreamAddress, values};

/// Whether HAProxy takes a text for true: an integer other than 0. It reads one sign and the digits after it, so
/// `true`, `yes` and the empty text are false.
pub(super) fn is_true(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text).bytes();
    digits
        .take_while(u8::is_ascii_digit)
        .any(|digit| digit != b'0')
}

/// Whether a text is what people write for a boolean, and nothing that only HAProxy understands.
pub(super) fn is_plain(text: &str) -> bool {
    text.is_empty() || text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `DISABLE_IPV6` is on. A script of each image reads it, in its own way.
pub(super) fn disables_ipv6(dialect: Dialect, text: &str) -> bool {
    match dialect {
        Dialect::Hardened | Dialect::Tecnativa => {
            ["1", "true", "yes"].contains(&text.to_ascii_lowercase().as_str())
        }
        Dialect::Linuxserver => text == "1",
    }
}

/// Our `log`, and whether allowed reads are recorded, for a syslog level.
pub(super) fn level(text: &str) -> Result<(&'static str, bool), String> {
    match text {
        "emerg" | "alert" | "crit" | "err" => Ok(("error", false)),
        "warning" => Ok(("warn", false)),
        "notice" => Ok(("info", false)),
        "info" => Ok(("info", true)),
        "debug" => Ok(("debug", true)),
        _ => Err(format!(
            "`{text}` must be one of emerg, alert, crit, err, warning, notice, info, debug"
        )),
    }
}

/// Our `upstream`, for an address as HAProxy writes that of a server.
pub(super) fn upstream(text: &str) -> Result<String, String> {
    let (address, shape) = match plain_path(text) {
        Some(path) => (format!("unix://{path}"), SOCKET),
        None => (
            format!("tcp://{}", bracketed(without_family(text).1)),
            "must be a path or host:port: write /var/run/docker.sock, or engine:2375",
        ),
    };
    // A problem is reported in the form of the variable, not in ours.
    let parsed = UpstreamAddress::parse(&address).ok();
    parsed
        .filter(|_| !text.contains("://"))
        .map(|_| address)
        .ok_or_else(|| format!("`{text}` {shape}"))
}

/// The message about a path that a socket cannot have.
const SOCKET: &str = "is not a valid socket path: at most 107 bytes, without `/` at the end";

/// Where to listen, for the arguments of HAProxy's `bind`: addresses by comma, then words. The mode
/// and the owner are for those that are paths.
pub(super) fn listen(text: &str) -> Result<Value, String> {
    let mut words = text.split_ascii_whitespace();
    let addresses = words.next().unwrap_or_default();
    let mut given = [("mode", None), ("uid", None), ("gid", None)];
    while let Some(word) = words.next() {
        if word == "v4v6" {
            continue;
        }
        let place = given.iter_mut().find(|(name, _)| *name == word);
        let (_, place) = place.ok_or_else(|| {
            format!("`{word}` is not supported: use v4v6, mode, uid or gid, or set DOCKGATE_LISTEN")
        })?;
        let value = words.next();
        let value = value.ok_or_else(|| format!("`{word}` needs a value"))?;
        if place.replace(value).is_some() {
            return Err(format!("`{word}` appears twice: keep one"));
        }
    }
    let has_path = addresses.split(',').any(|text| plain_path(text).is_some());
    if let Some((word, _)) = given.iter().find(|(_, value)| value.is_some() && !has_path) {
        return Err(format!(
            "`{word}` works only with a path, but the address is `{addresses}`: remove it"
        ));
    }
    let [(_, mode), (_, uid), (_, gid)] = given;
    for (word, id) in [("uid", uid), ("gid", gid)] {
        if let Some(id) = id.filter(|id| values::id(id).is_none()) {
            return Err(format!("`{word} {id}` is not a number: write {word} 1000"));
        }
    }
    if let Some(mode) = mode.filter(|mode| values::mode(mode).is_none()) {
        return Err(format!(
            "`mode {mode}` lets nobody connect: write mode 660, or mode 666 for everybody"
        ));
    }
    let has_owner = uid.is_some() || gid.is_some();
    let owner = format!("{}:{}", uid.unwrap_or_default(), gid.unwrap_or_default());
    let of_path = [("mode", mode), ("owner", has_owner.then_some(&*owner))];
    let listener = |text| {
        let address = address(text)?;
        let is_path = address.starts_with("unix:");
        let of_path = of_path.iter().filter(|_| is_path);
        let of_path = of_path.filter_map(|(key, value)| Some((*key, (*value)?.to_owned())));
        let keys = of_path.chain([("address", address)]);
        let keys = keys.map(|(key, value)| (key.to_owned(), Value::from(value)));
        Ok(Value::from(keys.collect::<Dict>()))
    };
    let listeners: Result<Vec<_>, String> = addresses.split(',').map(listener).collect();
    listeners.map(Value::from)
}

fn address(text: &str) -> Result<String, String> {
    let (all, plain) = without_family(text);
    let tcp = "must be an IP address and port, or a path: write [::]:2375, or /run/dockgate.sock";
    let (address, shape) = match (plain_path(text), plain.rsplit_once(':')) {
        (Some(path), _) => (format!("unix://{path}"), SOCKET),
        (None, Some(("" | "*", port))) => (format!("tcp://{all}:{port}"), tcp),
        (None, _) => (format!("tcp://{}", bracketed(plain)), tcp),
    };
    let parsed = ListenAddress::parse(&address);
    parsed
        .map(|_| address)
        .map_err(|_| format!("`{text}` {shape}"))
}

/// The unspecified address of an address's family, and the address without its family.
fn without_family(text: &str) -> (&'static str, &str) {
    match (text.strip_prefix("ipv4@"), text.strip_prefix("ipv6@")) {
        (_, Some(plain)) => ("[::]", plain),
        (plain, None) => ("0.0.0.0", plain.unwrap_or(text)),
    }
}

/// The path of an address that is a path.
fn plain_path(text: &str) -> Option<&str> {
    let named = text
        .strip_prefix("unix@")
        .filter(|path| path.starts_with('/'));
    named.or_else(|| text.starts_with('/').then_some(text))
}

/// An address and port with the brackets that HAProxy does not need.
fn bracketed(text: &str) -> String {
    match text.rsplit_once(':') {
        Some((host, port)) if host.contains(':') && !host.starts_with('[') => {
            format!("[{host}]:{port}")
        }
        Some(_) | None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(listener: &'a Value, key: &str) -> Option<&'a str> {
        listener.as_dict()?.get(key)?.as_str()
    }

    #[test]
    fn a_boolean_is_an_integer_as_haproxy_reads_it() {
        for text in [
            "1",
            "2",
            "-1",
            "+1",
            "01",
            "1abc",
            "1.2.3",
            "99999999999999999999",
        ] {
            assert!(is_true(text), "{text}");
        }
        for text in [
            "", "0", "00", "-0", "-", "+-1", "true", "TRUE", "yes", "on", " 1", "x1", "0x1",
        ] {
            assert!(!is_true(text), "{text}");
        }
    }

    #[test]
    fn disable_ipv6_is_no_boolean_of_haproxys() {
        for (text, classic, linuxserver) in [
            ("1", true, true),
            ("true", true, false),
            ("Yes", true, false),
            ("2", false, false),
            ("0", false, false),
            ("", false, false),
        ] {
            assert_eq!(disables_ipv6(Dialect::Tecnativa, text), classic, "{text}");
            assert_eq!(disables_ipv6(Dialect::Hardened, text), classic, "{text}");
            assert_eq!(
                disables_ipv6(Dialect::Linuxserver, text),
                linuxserver,
                "{text}"
            );
        }
    }

    #[test]
    fn takes_the_addresses_that_haproxy_takes() {
        for (text, want) in [
            ("/var/run/docker.sock", "unix:///var/run/docker.sock"),
            ("unix@/run/podman.sock", "unix:///run/podman.sock"),
            ("engine:2375", "tcp://engine:2375"),
            ("ipv4@10.0.0.1:2375", "tcp://10.0.0.1:2375"),
            ("fd00::1:2375", "tcp://[fd00::1]:2375"),
        ] {
            assert_eq!(upstream(text).as_deref(), Ok(want), "{text}");
        }
        for (text, want) in [
            ("[::]:2375 v4v6", &["tcp://[::]:2375"][..]),
            (":2375", &["tcp://0.0.0.0:2375"]),
            (
                "*:2375,/run/x.sock",
                &["tcp://0.0.0.0:2375", "unix:///run/x.sock"],
            ),
            (":::2375", &["tcp://[::]:2375"]),
            ("ipv6@:2375", &["tcp://[::]:2375"]),
            ("ipv6@*:2375", &["tcp://[::]:2375"]),
            ("ipv4@:2375", &["tcp://0.0.0.0:2375"]),
        ] {
            let found = listen(text).unwrap();
            let found = found.as_array().unwrap().iter();
            let found: Vec<_> = found.filter_map(|one| key(one, "address")).collect();
            assert_eq!(found, want, "{text}");
        }
        for text in [":2375 ssl crt /x.pem", "[::]:2375 v6only", "2375", ""] {
            assert!(listen(text).is_err(), "{text}");
        }
        for (text, want) in [
            ("/x mode 660 mode 600", "`mode` appears twice: keep one"),
            ("/x uid 1 gid 2 uid 3", "`uid` appears twice: keep one"),
            ("/x mode 660 gid", "`gid` needs a value"),
            (
                "[::]:2375 v4v6 mode 600",
                "`mode` works only with a path, but the address is `[::]:2375`: remove it",
            ),
        ] {
            assert_eq!(listen(text).unwrap_err(), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_told_in_the_form_that_the_variable_takes() {
        for text in [
            "engine",
            "abns@docker",
            "tcp://engine:2375",
            "unix:///x",
            "engine:x",
            "unix@x",
        ] {
            let want = format!(
                "`{text}` must be a path or host:port: write /var/run/docker.sock, or engine:2375"
            );
            assert_eq!(upstream(text).unwrap_err(), want);
        }
        for text in [
            "nobody:2375",
            "127.0.0.1:x",
            "run/x.sock",
            "unix@x",
            "tcp://[::]:1",
        ] {
            let want = format!(
                "`{text}` must be an IP address and port, or a path: write [::]:2375, or \
                 /run/dockgate.sock"
            );
            assert_eq!(listen(text).unwrap_err(), want);
        }
        let long = format!("/{}", "s".repeat(107));
        let want = format!(
            "`{long}` is not a valid socket path: at most 107 bytes, without `/` at the end"
        );
        assert_eq!(listen(&long).unwrap_err(), want);
        assert_eq!(upstream(&long).unwrap_err(), want);
        for (text, want) in [
            (
                "/x mode 999",
                "`mode 999` lets nobody connect: write mode 660, or mode 666 for everybody",
            ),
            ("/x uid root", "`uid root` is not a number: write uid 1000"),
            ("/x gid -1", "`gid -1` is not a number: write gid 1000"),
        ] {
            assert_eq!(listen(text).unwrap_err(), want);
        }
    }

    #[test]
    fn a_path_has_the_mode_and_the_owner_that_haproxy_would_give_it() {
        let found = listen("/run/x.sock,:2375 mode 660 gid 998").unwrap();
        let [path, port] = found.as_array().unwrap() else {
            panic!("{found:?}")
        };
        let of = |value| (key(value, "mode"), key(value, "owner"));
        assert_eq!(of(path), (Some("660"), Some(":998")));
        assert_eq!(of(port), (None, None));
    }

    #[test]
    fn a_syslog_level_above_info_keeps_allowed_reads_out_of_the_record() {
        for (text, want) in [
            ("emerg", ("error", false)),
            ("warning", ("warn", false)),
            ("notice", ("info", false)),
            ("info", ("info", true)),
            ("debug", ("debug", true)),
        ] {
            assert_eq!(level(text), Ok(want), "{text}");
        }
        for text in ["INFO", "warn", "none", ""] {
            assert!(level(text).is_err(), "{text}");
        }
    }
}
