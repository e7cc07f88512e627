//! The generated files in the repository are up to date.
//!
//! `DOCKGATE_WRITE=1 cargo test --test integration generated::` writes them again.

mod command_line;
pub(crate) mod kept;
mod lookups;
mod names;

use std::fmt::Write;

use clap_complete::Shell;
use dockgate::config::{self, Config, Files, Flags};
use dockgate::docker::Operation;
use dockgate::policyfile::{self, Policy, shipped};
use dockgate::proxy::ask::MAX_LOOKUPS;
use kept::generated;
use serde_json::Value as Json;
use toml::{Table, Value};

#[test]
fn each_policy_says_how_much_it_allows_and_how_much_its_clients_variables_allow() {
    for sheet in shipped::ALL.iter().map(Sheet::of) {
        generated(&format!("policies/{}.toml", sheet.name), &sheet.text);
    }
}

#[test]
fn the_page_of_policies_is_up_to_date() {
    generated("docs/policies.md", &policies());
}

#[test]
fn the_schemas_are_up_to_date() {
    let text = |schema: &Json| format!("{}\n", serde_json::to_string_pretty(schema).unwrap());
    let policy = text(&policyfile::schema::policy());
    generated("policies/policy.schema.json", &policy);
    let settings = text(&config::schema::settings());
    generated("docs/settings.schema.json", &settings);
}

#[test]
fn the_tables_of_keys_are_up_to_date() {
    generated("docs/bodies.md", &bodies(&policyfile::schema::policy()));
}

/// The page about blocks, with the keys of each in the table below its heading.
fn bodies(schema: &Json) -> String {
    let page = std::fs::read_to_string("docs/bodies.md").unwrap();
    let (mut text, mut blocks) = (String::new(), Vec::new());
    for line in page.lines() {
        if line.starts_with("## ") {
            let named = line.split('`').skip(1).step_by(2);
            blocks = named.map(|name| name.trim_matches(['[', ']'])).collect();
        }
        let is_row = !blocks.is_empty() && line.starts_with("| `");
        if !is_row {
            writeln!(text, "{line}").unwrap();
        }
        if line == "| --- | --- | --- |" {
            for block in &blocks {
                let keys = schema["properties"][block]["properties"].as_object();
                for (key, of) in keys.into_iter().flatten() {
                    let told = of["description"].as_str().unwrap();
                    let (told, default) = told.rsplit_once(" Default: ").unwrap();
                    let default = default.trim_end_matches('.');
                    let within = if blocks.len() > 1 {
                        format!("{block}.")
                    } else {
                        String::new()
                    };
                    writeln!(text, "| `{within}{key}` | {default} | {told} |").unwrap();
                }
            }
        }
    }
    text
}

#[test]
fn the_completions_and_the_man_page_are_up_to_date() {
    for (shell, file) in [
        (Shell::Bash, "dockgate.bash"),
        (Shell::Fish, "dockgate.fish"),
        (Shell::Zsh, "_dockgate"),
    ] {
        let made = command_line::completions(shell);
        generated(&format!("docs/completions/{file}"), &made);
    }
    generated("docs/man/dockgate.1", &command_line::man_page());
}

#[test]
fn the_operations_of_each_built_in_policy_were_reviewed() {
    generated("tests/data/granted.txt", &granted());
}

/// Requests that need too many lookups are denied, so no known request may come near the limit.
#[test]
fn what_each_operation_has_looked_up_is_what_was_reviewed() {
    let made = lookups::lookups();
    generated("tests/data/lookups.txt", &made);
    for line in made.lines() {
        let most: usize = line.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(most < MAX_LOOKUPS / 2, "{line}");
    }
}

/// Each operation with its effect and the built-in policies that allow it, one per line. Review a change
/// before you accept it.
fn granted() -> String {
    let load = |(name, _): &(&str, _)| Policy::load(name, &Files).unwrap();
    let policies: Vec<_> = shipped::ALL.iter().map(load).collect();
    let line = |operation: &Operation| {
        let effect = operation.spec().effect.as_str();
        let granting = policies.iter().filter(|policy| policy.has(*operation));
        let names = granting.map(|policy| format!(" {}", policy.name));
        format!("{operation} {effect}{}\n", names.collect::<String>())
    };
    Operation::ALL.iter().map(line).collect()
}

/// The text before the list of policies.
const POLICIES: &str = "<!-- Generated from policies/ by tests/generated.rs. Edit those files instead. -->

# Built-in policies

To use a policy, set `DOCKGATE_POLICY=NAME` or pass `--policy NAME`. `dockgate policies` lists them all, and `dockgate policies NAME` prints one.

A policy has the name of its client, and allows what the client does in its default configuration. If a feature needs more, there is a variant
that extends the policy, such as `dozzle-actions`. The tests compare each policy with what its client is known to call: it allows everything
that the client requires, and nothing that the client never calls.

Some policies have a [scope](scope.md#built-in-policies-with-a-scope): with `compose` or `ci-runner`, a client sees and changes only what it
created. Without a scope, an allowed operation usually works on every object except Dockgate's own container. A policy file of your own that
extends one can add a scope. [matrix.md](matrix.md) shows what each policy leaves open.

## Several policies

Separate them with commas: `--policy traefik,homepage`. One of them must allow the whole request. Each policy knows what was created through
it (`@own` in the blocks) by its mark. So what was created through `compose` is not `@own` to `compose-exec`, and if you change from one to
the other, it does not recognize the old containers and networks, and its scope does not have them. So use one policy from the start, or extend
several in a file of your own:

```toml
# stacks.toml
extends = [\"compose-exec\", \"compose-logs\"]

[create]
binds = [\"/srv/stacks/**:rw\"]
```

A block in your file replaces the same block of the policies that it extends, so copy what you want to keep. If two extended policies have the
same block, the first one applies. The start report and `dockgate check` warn of keys that are lost this way. [bodies.md](bodies.md) has every
key, and [settings.md](settings.md#policy-files) describes policy files.

To let your editor complete and check your file, write the schema beside it with `dockgate schema policy > policy.schema.json`. The first line
of each policy, `#:schema ./policy.schema.json`, points to it: see [settings.md](settings.md#editors).

## All policies

The last column shows how many operations Tecnativa's docker-socket-proxy allows with the variables that the client's documents or users name;
if nobody names any, with the fewest variables that the client works with. Each operation counts once, whatever paths and methods it has.
Operations that are allowed without any variable count too.

";

fn policies() -> String {
    let sheets: Vec<_> = shipped::ALL.iter().map(Sheet::of).collect();
    let mut page = POLICIES.to_owned();
    page.push_str("| policy | for | operations | with Tecnativa |\n| --- | --- | --- | --- |\n");
    for sheet in &sheets {
        let (name, for_what) = (sheet.name, &sheet.policy.description);
        let (count, usual) = (sheet.operations().len(), sheet.allowed_by_variables());
        writeln!(
            page,
            "| [`{name}`](#{name}) | {for_what} | {count} | {usual} |"
        )
        .unwrap();
    }
    page.push_str(&sources(&sheets));
    for sheet in &sheets {
        page.push_str(&sheet.render());
    }
    page
}

/// The text before the table of sources.
const SOURCES: &str = "
## Sources

Each policy was written from the source code of its client, at the commit in this table and, if known, the release. The last column says which
version ran through Dockgate under the policies of the row: by hand on real engines, or in the tests each time. Another release of the client may
call something else: use `dockgate learn` to find out ([learning.md](learning.md)).

| policies | based on | tested |
| --- | --- | --- |
";

fn sources(sheets: &[Sheet]) -> String {
    let mut rows: Vec<(&str, Vec<String>)> = Vec::new();
    for sheet in sheets {
        let name = format!("`{}`", sheet.name);
        match rows
            .iter_mut()
            .find(|(source, _)| *source == sheet.source())
        {
            Some((_, names)) => names.push(name),
            None => rows.push((sheet.source(), vec![name])),
        }
    }
    let mut table = SOURCES.to_owned();
    for (source, names) in rows {
        let (read, run) = source.split_once(". Tested: ").unwrap_or((source, "–"));
        writeln!(table, "| {} | {read} | {run} |", names.join(", ")).unwrap();
    }
    table
}

/// The beginning of the line that says which source a policy is based on.
const BASED_ON: &str = "Based on ";

/// The texts before and after the client's variables in the second line of a policy.
const VARIABLES: (&str, &str) = ("; the usual Tecnativa variables, ", ", allow ");

/// The text of a policy, with the number of allowed operations in its second line.
fn counted(text: &str, policy: &Policy) -> String {
    let all = Operation::ALL.iter();
    let count = all.filter(|operation| policy.has(**operation)).count();
    let noun = if count == 1 {
        "operation"
    } else {
        "operations"
    };
    let (schema, rest) = text.split_once('\n').unwrap();
    let (second, rest) = rest.split_once('\n').unwrap();
    let (before, after) = VARIABLES;
    let compared = variables_of(second).map(|variables| {
        let allowed = allowed_by(variables);
        format!("{before}{variables}{after}{allowed}")
    });
    let compared = compared.unwrap_or_default();
    // A new policy may have no such line yet.
    let kept = if second.starts_with("# Allows ") {
        rest.to_owned()
    } else {
        format!("{second}\n{rest}")
    };
    format!("{schema}\n# Allows {count} {noun}{compared}.\n{kept}")
}

/// The client's variables in the second line of a policy.
fn variables_of(second: &str) -> Option<&str> {
    let (before, after) = VARIABLES;
    let (variables, _) = second.split_once(before)?.1.split_once(after)?;
    Some(variables)
}

/// How many operations Tecnativa's image would allow with these variables.
///
/// An operation counts once, however many paths and methods it has; GET and HEAD of `/_ping`, events and version
/// are allowed without a variable.
fn allowed_by(variables: &str) -> usize {
    let pairs = format!("DOCKGATE_DIALECT=tecnativa {variables}");
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    let pairs: Vec<_> = pairs.split(' ').map(pair).collect();
    let config = Config::load(&Flags::default(), pairs).unwrap();
    let rules = &config.listeners[0].rules;
    let all = Operation::ALL.iter();
    all.filter(|operation| rules.grants(**operation)).count()
}

/// A built-in policy and its text.
struct Sheet {
    name: &'static str,
    text: String,
    table: Table,
    policy: Policy,
}

impl Sheet {
    fn of((name, text): &(&'static str, &'static str)) -> Self {
        let policy = Policy::load(name, &Files).unwrap();
        Self {
            name,
            text: counted(text, &policy),
            table: text.parse().unwrap(),
            policy,
        }
    }

    fn operations(&self) -> Vec<Operation> {
        let all = Operation::ALL.iter().copied();
        all.filter(|operation| self.policy.has(*operation))
            .collect()
    }

    fn strings(&self, key: &str) -> Vec<&str> {
        let values = self.table.get(key).and_then(Value::as_array);
        let values = values.into_iter().flatten();
        values.map(|value| value.as_str().unwrap()).collect()
    }

    /// The comment lines after the first line, which names the schema: how much the policy allows, and other
    /// notes.
    fn head(&self) -> Vec<&str> {
        let lines = self.text.lines().skip(1);
        let head = lines.map_while(|line| line.strip_prefix("# "));
        head.filter(|line| !line.starts_with(BASED_ON)).collect()
    }

    /// Its source and what it was tested with: its own line, or that of the first policy that it extends.
    fn source(&self) -> &'static str {
        let mut text = shipped::text(self.name).unwrap();
        loop {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix("# "));
            if let Some(source) = lines.find_map(|line| line.strip_prefix(BASED_ON)) {
                return source.trim_end_matches('.');
            }
            let table: Table = text.parse().unwrap();
            let parents = table.get("extends").and_then(Value::as_array);
            let parent = parents.and_then(|parents| parents.first()?.as_str());
            let parent = parent.unwrap_or_else(|| panic!("{} does not say its source", self.name));
            text = shipped::text(parent).unwrap();
        }
    }

    fn allowed_by_variables(&self) -> &str {
        let first = self.head()[0];
        let allowed = first.rsplit_once(VARIABLES.1).map(|(_, allowed)| allowed);
        allowed.unwrap_or_default().trim_end_matches('.')
    }

    /// The comment after an entry of `allow`.
    fn comment(&self, entry: &str) -> &str {
        let begin = format!("\"{entry}\",");
        let mut lines = self.text.lines().map(str::trim_start);
        let line = lines.find(|line| line.starts_with(&begin));
        let comment = line.and_then(|line| line.split_once('#'));
        comment.map_or("", |(_, comment)| comment.trim())
    }

    /// The text between `allow`, or `extends` of a policy that allows no more operations, and the examples.
    fn blocks(&self) -> &str {
        let (head, _) = self.text.split_once("[[example]]").unwrap();
        let list = head.split_once("allow = [");
        let (_, rest) = list.or_else(|| head.split_once("extends = [")).unwrap();
        let (_, blocks) = rest.split_once("]\n").unwrap();
        blocks.trim()
    }

    fn render(&self) -> String {
        let head = self.head();
        let (first, notes) = head.split_first().unwrap();
        let mut out = format!("\n## `{}`\n\n{}.\n", self.name, self.policy.description);
        if !notes.is_empty() {
            writeln!(out, "{}", notes.join("\n")).unwrap();
        }
        let link = |name: &&str| format!("[`{name}`](#{name})");
        let parents: Vec<_> = self.strings("extends").iter().map(link).collect();
        let parents = parents.join(", ");
        let first = mark_variables(first);
        if parents.is_empty() {
            write!(out, "\n{first}\n\n").unwrap();
        } else {
            write!(out, "\nExtends {parents}. {first}\n\n").unwrap();
        }
        out.push_str("| operation | effect | why |\n| --- | --- | --- |\n");
        for entry in self.strings("allow") {
            let named = Operation::ALL.iter().find(|it| it.to_string() == entry);
            let group = || entry.split_once(':').unwrap().1;
            let effect = named.map_or_else(group, |it| it.spec().effect.as_str());
            let comment = self.comment(entry);
            writeln!(out, "| `{entry}` | {effect} | {comment} |").unwrap();
        }
        if !self.blocks().is_empty() {
            write!(out, "\n```toml\n{}\n```\n", self.blocks()).unwrap();
        }
        out
    }
}

/// The variables of the first line, as code.
fn mark_variables(line: &str) -> String {
    match variables_of(line) {
        Some(variables) => line.replace(variables, &format!("`{variables}`")),
        None => line.to_owned(),
    }
}
