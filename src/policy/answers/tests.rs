//! The closed set of lookups.

use super::*;

#[test]
fn each_question_is_one_get_of_an_operation_that_changes_nothing() {
    let name = || "web".to_owned();
    for (lookup, want) in [
        (Lookup::Container(name()), Some("/containers/web/json")),
        (Lookup::DefaultRuntime, Some("/info")),
        (Lookup::Exec(name()), Some("/exec/web/json")),
        (Lookup::Network(name()), Some("/networks/web")),
        (Lookup::Predecessor(name()), None),
        (Lookup::Service(name()), Some("/services/web")),
        (
            Lookup::SwarmObject(Object::Secret, name()),
            Some("/secrets/web"),
        ),
        (
            Lookup::SwarmObject(Object::Task, name()),
            Some("/tasks/web"),
        ),
        (
            Lookup::Labeled(Object::Service, "a=b".to_owned()),
            Some("/services?all=1&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D"),
        ),
        // A swarm has nothing with an empty label.
        (
            Lookup::Labeled(Object::Secret, String::new()),
            Some("/secrets"),
        ),
        (Lookup::Volume(name()), Some("/volumes/web")),
    ] {
        let call = lookup.call();
        let target = call.as_ref().map(Call::render);
        assert_eq!(target.as_deref(), want, "{lookup:?}");
        let operation = call.as_ref().and_then(Call::operation);
        assert_eq!(operation, lookup.operation(), "{lookup:?}");
        if let Some(call) = call {
            assert_eq!(call.method.as_str(), "GET", "{lookup:?}");
            assert_eq!(call.effect(), crate::docker::Effect::Read, "{lookup:?}");
        }
    }
}

#[test]
fn what_can_be_the_name_of_nothing_is_not_asked_about() {
    for name in [
        "..", ".", "a/b", "a%2fb", "/a", "a b", "a?b", "a#b", "-a", "é", "a\n", "a/../b", "a\0",
    ] {
        // Docker allows these names for networks.
        let is_network_name = matches!(name, "a/b" | "a%2fb" | "a b" | "a#b" | "-a" | "é");
        for lookup in [
            Lookup::Container,
            Lookup::Exec,
            Lookup::Network,
            Lookup::Service,
            |name| Lookup::SwarmObject(Object::Config, name),
            Lookup::Volume,
        ] {
            let lookup = lookup(name.to_owned());
            let is_asked = is_network_name && matches!(lookup, Lookup::Network(_));
            assert_eq!(lookup.call().is_some(), is_asked, "{lookup:?}");
        }
    }
}

#[test]
fn what_is_known_is_told_from_what_is_missing_and_what_must_be_asked() {
    let mut known = Answers::default();
    let (there, gone) = ("there".to_owned(), "gone".to_owned());
    let network = Network::parse(br#"{"Id":"1","Name":"there","Driver":"bridge"}"#).unwrap();
    let found = Answer::Network(Arc::new(network.clone()));
    known.learn(Lookup::Network(there.clone()), found);
    known.learn(Lookup::Network(gone.clone()), Answer::Missing);
    known.learn(Lookup::Volume(gone.clone()), Answer::Missing);
    assert_eq!(super::network(&known, &there).as_deref(), Ok(&network));
    let missing = Err(NeedsLookup::Missing(Lookup::Network(gone.clone())));
    assert_eq!(super::network(&known, &gone), missing);
    // The same name of another kind of object is another lookup.
    let ask = Err(NeedsLookup::Ask(Lookup::Volume(there.clone())));
    assert_eq!(volume(&known, &there), ask);
    assert_eq!(volume(&known, &gone), Ok(None));
    let ask = Err(NeedsLookup::Ask(Lookup::Container(there.clone())));
    assert_eq!(container(&known, &there), ask);
    assert_eq!(
        exec(&known, &there),
        Err(NeedsLookup::Ask(Lookup::Exec(there)))
    );
}
