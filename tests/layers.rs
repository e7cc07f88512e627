//! A module imports only from its own and lower layers, and the lowest three are pure.
//!
//! Reads the sources as text: an import is `use crate::...`, `use super::...` or such a path in the
//! code. Tests within the sources may import anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module's layer. Modules below a listed one are in the same layer, unless they are listed
/// themselves; `proxy::` means the modules below `proxy`.
///
/// A parent that only declares its children is in the highest of their layers.
const LAYERS: &[(&str, u8)] = &[
    ("digest", 0),
    ("docker", 0),
    ("sync", 0),
    ("policy", 1),
    ("policyfile", 1),
    ("advice", 2),
    ("certs", 2),
    ("clients", 2),
    ("compat", 2),
    ("config", 2),
    ("audit::process", 2),
    ("audit::record", 2),
    ("audit::json", 2),
    ("audit::reading", 2),
    ("audit::text", 2),
    ("audit::outage", 3),
    ("audit::metrics", 3),
    ("audit::output", 3),
    ("audit::entry", 3),
    ("audit::writer", 3),
    ("audit::log", 3),
    ("audit", 3),
    ("privileges", 3),
    ("net", 3),
    ("paint", 3),
    ("net::client", 2),
    ("proxy::", 3),
    ("proxy::connection", 4),
    ("proxy::handler", 4),
    ("proxy", 4),
    ("server", 5),
    ("app", 6),
    ("cli", 6),
    ("main", 7),
    ("lib", 7),
];

/// The highest layer without I/O.
const PURE: u8 = 2;

/// What a pure layer may not use, and the files that may.
const IMPURE: &[(&str, &[&str])] = &[
    ("tokio", &[]),
    ("hyper", &[]),
    ("hyper_util", &[]),
    ("http_body", &[]),
    (
        "std::fs",
        &[
            "config::files",
            "config::files::key",
            "config::load",
            "config::load::circle",
        ],
    ),
    ("std::env", &["config::load"]),
    ("tracing", &[]),
    ("std::thread", &[]),
    ("std::process", &[]),
    ("TcpStream", &[]),
    ("TcpListener", &[]),
    ("UnixStream", &[]),
    ("UnixListener", &[]),
    ("Instant", &[]),
    ("SystemTime::now", &[]),
];

#[test]
fn every_module_imports_from_its_own_layer_or_a_lower_one() {
    let files = sources();
    assert!(files.len() > 20, "read {} files", files.len());
    let modules: Vec<&str> = files.keys().map(String::as_str).collect();
    let broken: Vec<_> = files
        .iter()
        .flat_map(|(module, code)| upward_imports(module, code, &modules))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_lowest_layers_are_pure() {
    let broken: Vec<_> = sources()
        .iter()
        .flat_map(|(module, code)| impure_names(module, code))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_module_has_a_layer_and_every_layer_its_modules() {
    let files = sources();
    for module in files.keys() {
        assert!(
            layer(module).is_some(),
            "{module} has no layer: give it one"
        );
    }
    for (listed, _) in LAYERS {
        let has_file = files
            .keys()
            .any(|module| module == listed || listed.ends_with("::") && module.starts_with(listed));
        assert!(has_file, "{listed} has a layer but no file");
    }
}

/// A crate with a few modules, to add imports to.
const PLANTED: &[&str] = &[
    "docker",
    "docker::classify",
    "docker::target",
    "policy",
    "audit",
    "audit::record",
    "proxy",
    "proxy::head",
    "server",
];

#[test]
fn an_import_from_a_higher_layer_is_found() {
    for (module, code) in [
        ("docker::target", "use crate::policy::Reason;"),
        ("docker::target", "use super::super::policy::Reason;"),
        (
            "docker::target",
            "use crate::{docker::Query, policy::Reason};",
        ),
        (
            "docker::target",
            "use crate::{\n    docker::Query,\n    server::{A, B},\n};",
        ),
        (
            "docker::target",
            "fn f() -> crate::policy::Reason { todo!() }",
        ),
        ("docker::target", "pub use crate::policy::Reason;"),
        ("policy", "use crate::proxy::head::Head;"),
        ("proxy::head", "use super::Gate;"),
        ("proxy::head", "use super::super::server;"),
        ("audit::record", "use super::Log;"),
    ] {
        let found = upward_imports(module, &production(code), PLANTED);
        assert!(!found.is_empty(), "{module}: {code}");
    }
}

#[test]
fn an_import_from_the_same_or_a_lower_layer_is_allowed() {
    let in_tests = "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::policy::Reason;\n}\n";
    for (module, code) in [
        ("policy", "use crate::docker::Call;"),
        ("docker::target", "use super::classify::Call;"),
        ("docker::target", "use super::{classify::Call, target};"),
        ("docker", "use self::classify::Call;"),
        (
            "proxy",
            "use crate::{docker::Call, policy::{Reason, Permit}};",
        ),
        ("docker::target", "// see `crate::policy`\nfn f() {}"),
        (
            "docker::target",
            "fn f() { \"use crate::policy::Reason;\"; }",
        ),
        ("docker::target", in_tests),
    ] {
        let found = upward_imports(module, &production(code), PLANTED);
        assert_eq!(found, [""; 0], "{module}: {code}");
    }
}

#[test]
fn an_io_import_in_a_pure_layer_is_found() {
    for (module, code) in [
        ("docker::target", "use tokio::net::TcpStream;"),
        ("policy", "fn f() { std::fs::read(\"a\"); }"),
        ("policy", "use std::{fs, io};"),
        ("config", "use std::fs;"),
        ("audit::record", "fn f() { std::time::SystemTime::now(); }"),
        ("audit::record", "use std::time::{Duration, Instant};"),
        ("policy", "type Body = hyper::body::Incoming;"),
        ("policy", "fn f() { tracing::warn!(\"\"); }"),
        ("config::rows", "use std::{env, fmt};"),
    ] {
        assert!(!impure_names(module, code).is_empty(), "{module}: {code}");
    }
    for (module, code) in [
        ("config::load", "use std::{env, fs};"),
        ("audit::log", "use std::fs::File; use std::time::Instant;"),
        ("audit::record", "use std::time::{Duration, SystemTime};"),
        ("policy", "fn hyperbole() {}"),
    ] {
        assert_eq!(impure_names(module, code), [""; 0], "{module}: {code}");
    }
}

/// Every module of the crate with its code: without comments, without the content of strings, without
/// tests.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let modules = files
        .iter()
        .filter(|file| {
            let mut parts = file.strip_prefix(&root).unwrap().iter();
            !parts.any(|part| part == "tests" || part == "tests.rs")
        })
        .map(|file| {
            let path = file.strip_prefix(&root).unwrap().with_extension("");
            let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
            (
                parts.join("::"),
                production(&fs::read_to_string(file).unwrap()),
            )
        });
    modules.collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Removes comments, the content of strings, and items under `#[cfg(test)]`.
fn production(source: &str) -> String {
    let mut code = String::new();
    let mut is_test = false;
    for line in source.lines() {
        let line = without_strings(line.split("//").next().unwrap());
        // rustfmt ends an item at the left margin with a brace on its own line, or with a semicolon on
        // the item's line.
        is_test |= line == "#[cfg(test)]";
        if !is_test {
            code.push_str(&line);
            code.push('\n');
        }
        is_test &= line != "}" && !(line.starts_with("mod ") && line.ends_with(';'));
    }
    code
}

fn without_strings(line: &str) -> String {
    line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

/// The layer of a module, or of an item in it.
fn layer(path: &str) -> Option<u8> {
    let covers = |listed: &str| {
        let rest = path.strip_prefix(listed);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || listed.ends_with("::"))
    };
    let listed = LAYERS.iter().filter(|(listed, _)| covers(listed));
    listed
        .max_by_key(|(listed, _)| listed.len())
        .map(|(_, layer)| *layer)
}

fn upward_imports(module: &str, code: &str, modules: &[&str]) -> Vec<String> {
    let own = layer(module).unwrap();
    let imports = paths(code)
        .into_iter()
        .filter_map(|path| absolute(module, &path));
    let named = imports.map(|path| {
        // An item that is defined in a module itself, such as `proxy::Gate`, has that module's
        // layer.
        let mut known = path.as_str();
        while !modules.contains(&known) && known.contains("::") {
            known = known.rsplit_once("::").unwrap().0;
        }
        (layer(known), path.clone())
    });
    let upward = named.filter(|(layer, _)| layer.is_some_and(|layer| layer > own));
    upward
        .map(|(layer, path)| {
            format!(
                "{module} (layer {own}) imports {path} (layer {})",
                layer.unwrap()
            )
        })
        .collect()
}

/// A path from the crate's root, for one that begins with `crate`, `self` or `super`.
fn absolute(module: &str, path: &str) -> Option<String> {
    let mut at: Vec<&str> = module.split("::").collect();
    let mut rest = path;
    if let Some(below) = rest.strip_prefix("crate::") {
        return Some(below.to_owned());
    }
    if let Some(below) = rest.strip_prefix("self::") {
        rest = below;
    } else if !rest.starts_with("super::") {
        return None;
    }
    while let Some(above) = rest.strip_prefix("super::") {
        at.pop()?;
        rest = above;
    }
    at.push(rest);
    Some(at.join("::"))
}

/// Every path in the code, with the braces of `use` expanded.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for root in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if !before
                .is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':')
            {
                expand("", &code[at..], &mut found);
            }
        }
    }
    found
}

/// Reads one path, or a list of paths in braces; returns the rest of the code.
fn expand<'a>(prefix: &str, text: &'a str, found: &mut Vec<String>) -> &'a str {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let path = format!("{prefix}{}", &text[..end]);
    let mut rest = &text[end..];
    if !path.ends_with("::") || !rest.starts_with('{') {
        found.push(path.trim_end_matches("::").to_owned());
        return rest;
    }
    while !rest.starts_with('}') {
        rest = expand(&path, rest[1..].trim_start(), found).trim_start();
        rest = rest.trim_start_matches(|c| !",}".contains(c));
    }
    &rest[1..]
}

fn impure_names(module: &str, code: &str) -> Vec<String> {
    if layer(module).unwrap() > PURE {
        return Vec::new();
    }
    let mut named = Vec::new();
    for root in code.match_indices("use ").map(|(at, _)| &code[at + 4..]) {
        expand("", root, &mut named);
    }
    let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    named.extend(words.map(str::to_owned));
    let is_named = |name: &str| {
        named
            .iter()
            .find(|path| format!("::{path}::").contains(&format!("::{name}::")))
    };
    let barred = IMPURE
        .iter()
        .filter(|(_, allowed)| !allowed.contains(&module));
    barred
        .filter_map(|(name, _)| {
            is_named(name).map(|path| format!("{module} is in a pure layer but uses {path}"))
        })
        .collect()
}
