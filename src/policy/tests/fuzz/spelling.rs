//! An unusual spelling gets the same verdict as the plain one: keys in another case, and fields that are repeated with
//! the same value, change neither the verdict nor a byte of what is sent. A field that is repeated with another value
//! is denied, also in observe mode.

use super::mutate::Chance;
use super::{Fuzz, REQUESTS, corpus};
use crate::advice::dry_run;
use crate::docker::body::{Class, Shape, Table, parse, table};
use crate::docker::{Json, Operation, Target, classify};
use crate::policy::{Judgement, Reason, Rules};

/// The result for a body: what is sent, or why it is denied.
fn decided(rules: &Rules, operation: Operation, body: &str) -> Result<String, (Reason, String)> {
    let (_, target) = REQUESTS.iter().find(|(of, _)| *of == operation).unwrap();
    let call = classify("POST", Target::parse(target).unwrap()).unwrap();
    match dry_run::judge(rules, call, body, &[]) {
        Ok((Judgement::Allow(permit), _)) => Ok(permit.request.body.as_ref().unwrap().to_owned()),
        Ok((Judgement::Deny(denial), _)) | Err(denial) => Err((denial.reason, denial.message)),
        Ok((Judgement::Missing(_), _)) => Err((Reason::NotFound, String::new())),
        Ok((Judgement::Ask(..) | Judgement::Inspect(_), _)) => panic!("something is not supposed"),
    }
}

/// Writes a body in another spelling.
struct Speller {
    chance: Chance,
    /// The number of the repeatable field that gets a second value, if any.
    second: Option<usize>,
    /// How many repeatable fields there have been so far.
    passed: usize,
}

impl Speller {
    fn value(&mut self, value: &Json, shape: Shape, to: &mut String) {
        match (shape, value) {
            (Shape::Object(table), Json::Object(members)) => {
                let members = members.iter();
                let members = members.flat_map(|(key, value)| self.field(key, value, table));
                to.push_str(&["{", &members.collect::<Vec<_>>().join(","), "}"].concat());
            }
            (Shape::Map(inner), Json::Object(members)) => {
                let members = members.iter();
                let members = members.flat_map(|(key, value)| self.entry(key, value, *inner));
                to.push_str(&["{", &members.collect::<Vec<_>>().join(","), "}"].concat());
            }
            (Shape::List(inner), Json::List(values)) => {
                let values = values.iter().map(|value| self.respelled(value, *inner));
                to.push_str(&["[", &values.collect::<Vec<_>>().join(","), "]"].concat());
            }
            _ => value.render(to),
        }
    }

    fn respelled(&mut self, value: &Json, shape: Shape) -> String {
        let mut text = String::new();
        self.value(value, shape, &mut text);
        text
    }

    /// Writes a member, usually once.
    fn field(&mut self, key: &str, value: &Json, table: &'static Table) -> Vec<String> {
        let Some(field) = table.field(key) else {
            return vec![format!(
                "{}:{}",
                text(key),
                self.respelled(value, Shape::Any)
            )];
        };
        let mut times = 1 + usize::from(self.chance.is_one_in(6)) * 2;
        let mut members = Vec::new();
        while times > 0 {
            let value = self.respelled(value, field.shape);
            members.push(format!("{}:{value}", text(&self.in_any_case(key))));
            times -= 1;
        }
        if field.class != Class::Ignored && *value != Json::Null {
            self.passed += 1;
            if Some(self.passed - 1) == self.second {
                members.push(format!("{}:{}", text(&self.in_any_case(key)), other(value)));
            }
        }
        members
    }

    /// The value of a key that the client chose, which has only one spelling.
    fn entry(&mut self, key: &str, value: &Json, shape: Shape) -> Vec<String> {
        let times = 1 + usize::from(self.chance.is_one_in(6));
        let entries = (0..times).map(|_| format!("{}:{}", text(key), self.respelled(value, shape)));
        entries.collect()
    }

    fn in_any_case(&mut self, name: &str) -> String {
        let fold = |letter: char, pick: usize| match (letter, pick) {
            ('s' | 'S', 3) => '\u{17f}',
            ('k' | 'K', 3) => '\u{212a}',
            (_, 1) => letter.to_ascii_uppercase(),
            (_, 2) => letter.to_ascii_lowercase(),
            _ => letter,
        };
        let letters = name.chars();
        letters
            .map(|letter| fold(letter, self.chance.below(4)))
            .collect()
    }
}

fn text(key: &str) -> String {
    let mut rendered = String::new();
    Json::Text(key.into()).render(&mut rendered);
    rendered
}

/// Another value of the same kind, if there is any.
fn other(value: &Json) -> String {
    match value {
        Json::Bool(is_set) => (!is_set).to_string(),
        Json::Number(number) => if number == "17" { "18" } else { "17" }.to_owned(),
        Json::Text(text) => format!("{:?}", format!("x{}", text.len())),
        Json::List(values) if !values.is_empty() => "[]".to_owned(),
        Json::Null | Json::List(_) | Json::Object(_) => "null".to_owned(),
    }
}

#[test]
fn another_spelling_of_a_body_is_judged_and_sent_as_the_plain_one() {
    let fuzz = Fuzz::new();
    let observed = fuzz.rules.clone().observed(true);
    let (mut respelled, mut doubled) = (0, 0);
    for (number, (operation, body)) in corpus().into_iter().enumerate() {
        let table = table(operation).unwrap();
        let Ok(plain) = Json::parse(body.as_bytes()) else {
            continue;
        };
        if parse(body.as_bytes(), table).is_err() {
            continue;
        }
        let spell = |seed: usize, second| {
            let mut speller = Speller {
                chance: Chance::new(u64::try_from(number * 100 + seed).unwrap()),
                second,
                passed: 0,
            };
            let text = speller.respelled(&plain, Shape::Object(table));
            (text, speller.passed)
        };
        let wanted = [&fuzz.rules, &observed].map(|rules| decided(rules, operation, &body));
        for seed in 0..4 {
            let (text, fields) = spell(seed, None);
            let found = [&fuzz.rules, &observed].map(|rules| decided(rules, operation, &text));
            assert_eq!(found, wanted, "{operation} {body}\n{text}");
            respelled += usize::from(text != body);
            if fields == 0 {
                continue;
            }
            let (text, _) = spell(seed, Some(seed * 7 % fields));
            for rules in [&fuzz.rules, &observed] {
                let (reason, message) = decided(rules, operation, &text).unwrap_err();
                assert_eq!(reason, Reason::BadBody, "{text}: {message}");
                assert!(message.contains("different values"), "{text}: {message}");
            }
            doubled += 1;
        }
    }
    assert!(respelled > 1000, "{respelled}");
    assert!(doubled > 1000, "{doubled}");
}
