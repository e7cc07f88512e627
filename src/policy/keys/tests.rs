//! The keys of the blocks: what they accept, the errors for what they do not accept, and that the docs list them.

use super::*;
use crate::docker::mount::Access;
use crate::policy::value;

/// The problems of a policy's blocks, each as `key: what is wrong`.
fn problems(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    Blocks::read(&text.parse().unwrap(), &mut |key, message| {
        found.push(format!("{key}: {message}"));
    });
    found
}

#[test]
fn what_is_not_written_as_it_must_be_is_told_with_its_key() {
    let list = "must be a list of strings: [\"...\"]";
    let path = "must be an absolute path without `..` or `//`, such as \"/srv/a\", \"/srv/a:rw\" or \"/srv/a/**:rw\"";
    let image =
        "must be the name of an image, such as \"registry.example/acme/*\" or \"postgres:16\"";
    let selector = "must be a container's name, label:key, label:key=value, project:name, or @own";
    let port = "must be a port or a range of ports, such as \"8080\" or \"127.0.0.1:8000-8099\"";
    let user = "must be numbers such as 1000:1000, or @non-root";
    let commands = "a list with a list for each command: [[\"npm\", \"test\", \"...\"]]";
    for (text, want) in [
        ("create = 1", "create: must be a table: [create]".to_owned()),
        ("[create]\nprivileged = 'true'", "create.privileged: must be true or false without quotes, but is \"true\"".to_owned()),
        ("[create]\nprivileged = 1", "create.privileged: must be true or false without quotes, but is 1".to_owned()),
        ("[create]\nbinds = 'srv'", format!("create.binds: \"srv\": {path}")),
        ("[create]\nbinds = [1]", format!("create.binds: {list}, but is [1]")),
        ("[create]\nbinds = ['srv']", format!("create.binds: \"srv\": {path}")),
        ("[create]\nbinds = ['/srv/../etc']", format!("create.binds: \"/srv/../etc\": {path}")),
        ("[create]\nbinds = ['/srv/']", format!("create.binds: \"/srv/\": {path}")),
        ("[create]\nbinds = ['/srv/*']", format!("create.binds: \"/srv/*\": {path}")),
        ("[create]\nbinds = ['/srv/**/a']", format!("create.binds: \"/srv/**/a\": {path}")),
        ("[create]\nbinds = ['/srv:z']", format!("create.binds: \"/srv:z\": {path}")),
        ("[create]\ncapabilities = ['']", "create.capabilities: \"\": must not be empty".to_owned()),
        ("[create]\nimages = ['']", format!("create.images: \"\": {image}")),
        ("[create]\nimages = ['a:']", format!("create.images: \"a:\": {image}")),
        ("[create]\nimages = ['a:1@sha256:b']", format!("create.images: \"a:1@sha256:b\": {image}")),
        ("[create]\njoin = ['@all']", format!("create.join: \"@all\": {selector}")),
        ("[create]\njoin = ['name:web']", format!("create.join: \"name:web\": {selector}")),
        ("[create]\njoin = ['label:']", format!("create.join: \"label:\": {selector}")),
        ("[create]\nnetworks = ['@host']", "create.networks: \"@host\": must be a network's name, @default, @own or @project".to_owned()),
        ("[create]\nports = ['a']", format!("create.ports: \"a\": {port}")),
        ("[create]\nports = ['2-1']", format!("create.ports: \"2-1\": {port}")),
        ("[create]\nports = ['65536']", format!("create.ports: \"65536\": {port}")),
        ("[create]\nports = ['localhost:1']", format!("create.ports: \"localhost:1\": {port}")),
        ("[create]\nusers = ['root']", format!("create.users: \"root\": {user}")),
        ("[create]\nusers = ['01']", format!("create.users: \"01\": {user}")),
        ("[create]\nusers = ['1:']", format!("create.users: \"1:\": {user}")),
        ("[create]\nlimits = 1", "create.limits: must be a table: { memory = \"2g\", cpus = 2, pids = 512 }".to_owned()),
        ("[create.limits]\nmemory = '2gb'", "create.limits: memory must be a number of bytes, or one with k, m or g such as \"2g\", but is \"2gb\"".to_owned()),
        ("[create.limits]\nmemory = '99999999999g'", "create.limits: memory must be a number of bytes, or one with k, m or g such as \"2g\", but is \"99999999999g\"".to_owned()),
        ("[create.limits]\ncpus = 0", "create.limits: cpus must be a number such as 1.5, but is 0".to_owned()),
        ("[create.limits]\npids = -1", "create.limits: pids must be a whole number such as 512, but is -1".to_owned()),
        ("[create.limits]\nmemry = 1", "create.limits: unknown key \"memry\": did you mean \"memory\"? The keys are cpus, memory, pids".to_owned()),
        ("[create]\nfill = 1", "create.fill: must be a table: { memory = \"2g\", cpus = 2, pids = 512, no_new_privileges = true, cap_drop = [\"ALL\"] }".to_owned()),
        ("[create.fill]\npids = 0", "create.fill: pids must be a whole number such as 512, but is 0".to_owned()),
        ("[create.fill]\nno_new_privileges = 'yes'", "create.fill: no_new_privileges must be true or false without quotes, but is \"yes\"".to_owned()),
        ("[create.fill]\ncap_drop = 1", "create.fill: cap_drop must be a list of names: [\"ALL\"], but is 1".to_owned()),
        ("[create.fill]\ncap_drop = ['']", "create.fill: cap_drop must be a list of names: [\"ALL\"], but is [\"\"]".to_owned()),
        ("[create.fill]\nnetwork = 'host'", "create.fill: network must be \"none\" or the name of a network that somebody created".to_owned()),
        ("[create.fill]\nnetwork = 'ci'", "create.fill: \"ci\" is not in create.networks: add it there".to_owned()),
        ("[create.fill]\nruntime = 'runsc'", "create.fill: \"runsc\" is not in create.runtimes: add it there".to_owned()),
        ("[create]\nlimits = { memory = '1g' }\nfill = { memory = '2g' }", "create.fill: memory exceeds create.limits: 2g, at most 1g".to_owned()),
        ("[create]\nreplaces = true\nfill = { pids = 9 }", "create.fill: cannot be used with create.replaces, because a replacement has what the old container had: remove one of them".to_owned()),
        ("[create.env]\nalow = []", "create.env: unknown key \"alow\": did you mean \"allow\"? The keys are allow, forbid".to_owned()),
        ("[create.labels]\nstamp = { 'dockgate.policy' = 'x' }", "create.labels: \"dockgate.policy\": only Dockgate sets labels that begin with \"dockgate.\"; leave the label out".to_owned()),
        ("[exec]\ncommands = ['ls']", format!("exec.commands: must be {commands}")),
        ("[exec]\ncommands = [['...']]", format!("exec.commands: must be {commands}")),
        ("[exec]\ncommands = [[]]", format!("exec.commands: must be {commands}")),
        ("[networks]\nsubnets = ['10.0.0.0']", "networks.subnets: \"10.0.0.0\": must be an address range, such as \"10.200.0.0/16\"".to_owned()),
        ("[networks]\noptions = ['parent']", "networks.options: \"parent\": must be key=value, such as \"type=nfs\"".to_owned()),
        ("[volumes]\ndriver = []", "volumes.driver: unknown key: did you mean \"drivers\"? The keys are unrestricted, drivers, options".to_owned()),
    ] {
        assert_eq!(problems(text), [want], "{text}");
    }
}

#[test]
fn a_path_covers_itself_and_with_two_stars_what_is_below() {
    let binds = |text: &str| {
        let value = Value::Array(vec![Value::String(text.to_owned())]);
        <Binds as Setting>::read(&value).unwrap()
    };
    let (read, top, write) = (Access::Read, Access::ReadNonRecursive, Access::Write);
    for (rule, path, access, want) in [
        ("/srv", "/srv", read, true),
        ("/srv", "/srv", write, false),
        ("/srv:ro", "/srv", write, false),
        ("/srv:rw", "/srv", write, true),
        ("/srv:rw", "/srv", read, true),
        ("/srv", "/srv", top, false),
        ("/srv:ro", "/srv", top, false),
        ("/srv:ro-nonrecursive", "/srv", top, true),
        ("/srv:ro-nonrecursive", "/srv", read, true),
        ("/srv:ro-nonrecursive", "/srv", write, false),
        ("/srv:rw", "/srv", top, true),
        ("/srv/**:ro-nonrecursive", "/srv/a", top, true),
        ("/srv", "/srv/a", read, false),
        ("/srv", "/", read, false),
        ("/srv/**", "/srv", read, true),
        ("/srv/**", "/srv/a/b", read, true),
        ("/srv/**", "/srva", read, false),
        ("/srv/**", "/sr", read, false),
        ("/srv/**:rw", "/srv/a", write, true),
        ("/**", "/", read, true),
        ("/**", "/etc", read, true),
        ("/", "/", read, true),
        ("/", "/etc", read, false),
    ] {
        let path = path.to_owned();
        let asked = value::Value::Bind { path, access };
        assert_eq!(binds(rule).allows(&asked), want, "{rule} {asked:?}");
    }
}

#[test]
fn a_pattern_is_of_the_whole_text() {
    for (pattern, text, want) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a", "A", false),
        ("a", "a\n", false),
        ("a*", "a", true),
        ("a*", "ba", false),
        ("*a", "ba", true),
        ("a?", "a", false),
        ("a?", "ab", true),
        ("a.b", "aXb", false),
        ("", "", true),
    ] {
        let value = Value::Array(vec![Value::String(format!("x{pattern}"))]);
        let patterns = <Patterns as Setting>::read(&value).unwrap();
        assert_eq!(
            patterns.covers(&format!("x{text}")),
            want,
            "{pattern} {text}"
        );
    }
}

#[test]
fn an_image_is_compared_with_all_that_a_short_name_leaves_out() {
    use crate::docker::Reference;
    let digest = format!("sha256:{}", "a".repeat(64));
    for (rule, image, want) in [
        ("nginx", "nginx", true),
        ("nginx", "nginx:1", true),
        ("nginx", &*format!("nginx@{digest}"), true),
        ("nginx", "docker.io/library/nginx", true),
        ("nginx", "evil/nginx", false),
        ("nginx", "evil.io/library/nginx", false),
        ("nginx:1", "nginx:1", true),
        ("nginx:1", "nginx:1.1", false),
        ("nginx:1*", "nginx:1.1", true),
        ("nginx:1", &*format!("nginx:1@{digest}"), false),
        (
            &*format!("nginx@{digest}"),
            &*format!("nginx:9@{digest}"),
            true,
        ),
        (&*format!("nginx@{digest}"), "nginx", false),
        ("acme/*", "acme/a/b", true),
        ("acme/*", "evil.io/acme/a", false),
        ("registry.example/acme/*", "registry.example/acme/a", true),
        (
            "registry.example/acme/*",
            "registry.example/acme-evil/a",
            false,
        ),
        ("host:5000/a", "host:5000/a:1", true),
        ("*", "evil.io/x", true),
    ] {
        let value = Value::Array(vec![Value::String(rule.to_owned())]);
        let references = <References as Setting>::read(&value).unwrap();
        let reference = Reference::parse(image).unwrap();
        assert_eq!(references.covers(&reference), want, "{rule} {image}");
    }
}
