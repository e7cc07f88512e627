//! Elements of which it is not known yet whether they are kept.

use super::*;

/// Answers `Later` this many times before each answer.
struct Slow {
    delay: usize,
    asked: usize,
    given: Vec<String>,
}

impl Slow {
    fn new(delay: usize) -> Self {
        Self {
            delay,
            asked: 0,
            given: Vec::new(),
        }
    }

    fn each(&mut self, list: usize, element: &[u8]) -> Kept {
        self.given.push(str::from_utf8(element).unwrap().to_owned());
        if self.asked < self.delay {
            self.asked += 1;
            return Kept::Later;
        }
        self.asked = 0;
        by_word(list, element)
    }
}

#[test]
fn an_element_that_waits_changes_nothing_in_the_end() {
    for (place, document, want) in [
        (
            Place::List,
            "[ \"drop\", 1 ,\"swap\",\"drop\" , 2 ] ",
            "[ 1 ,{\"new\":[]}, 2 ] ",
        ),
        (
            MEMBERS,
            r#"{"Images":[1,"drop"],"a":[1,"drop"],"Volumes":["drop",2]}"#,
            r#"{"Images":[1],"a":[1,"drop"],"Volumes":[2]}"#,
        ),
        (
            Place::Values,
            "{\"a\":1}\n{\"drop\":1}\n\"swap\"\n2",
            "{\"a\":1}\n{\"new\":[]}\n2",
        ),
        (Place::Whole, " {\"swap\":1} ", " {\"new\":[]} "),
    ] {
        for (delay, size) in [(1, 1), (2, 1), (1, 3), (3, 5), (1, 1000), (2, 1000)] {
            for is_patient in [true, false] {
                let mut slow = Slow::new(delay);
                let mut each = |list, element: &[u8]| slow.each(list, element);
                let mut elements = Elements::new(place, MOST);
                let mut out = Vec::new();
                for piece in document.as_bytes().chunks(size) {
                    let mut progress = elements.push(piece, &mut out, &mut each);
                    // One caller asks again before it reads more, and the other reads on.
                    while is_patient && progress == Ok(Progress::Waits) {
                        progress = elements.push(b"", &mut out, &mut each);
                    }
                    _ = progress.unwrap();
                }
                while elements.finish(&mut out, &mut each).unwrap() == Progress::Waits {}
                let out = String::from_utf8(out).unwrap();
                assert_eq!(out, want, "{document} {delay} {size} {is_patient}");
                let times = delay + 1;
                for same in slow.given.chunks(times) {
                    assert_eq!(same, vec![same[0].clone(); times], "the same element again");
                }
            }
        }
    }
}

#[test]
fn nothing_is_read_after_an_element_that_waits() {
    let mut elements = Elements::new(Place::Values, MOST);
    let mut out = Vec::new();
    let mut later = |_, element: &[u8]| {
        assert_eq!(element, b"{\"b\":1}");
        Kept::Later
    };
    let all = b"{\"a\":1}\n{\"b\":1}\n}not JSON";
    let first = |_, element: &[u8]| match element {
        b"{\"a\":1}" => Kept::As,
        _ => Kept::Later,
    };
    let progress = elements.push(all, &mut out, &mut { first });
    assert_eq!(progress, Ok(Progress::Waits));
    assert_eq!(
        elements.push(b" more", &mut out, &mut later),
        Ok(Progress::Waits)
    );
    assert_eq!(elements.finish(&mut out, &mut later), Ok(Progress::Waits));
    assert_eq!(out, b"{\"a\":1}\n");
    // The element before an error is whole, so it can be kept.
    let bad = elements.push(b"", &mut out, &mut keep).unwrap_err();
    assert!(matches!(bad, BadElements::Syntax { at: 16, .. }), "{bad}");
    assert_eq!(out, b"{\"a\":1}\n{\"b\":1}\n");
}

#[test]
fn what_waited_is_let_go() {
    let mut elements = Elements::new(Place::Values, MOST);
    let mut out = Vec::new();
    let event = b"{\"a\":1}\n".repeat(1000);
    let mut slow = Slow::new(1);
    let mut each = |list, element: &[u8]| slow.each(list, element);
    let mut progress = elements.push(&event, &mut out, &mut each).unwrap();
    assert!(elements.rest.len() > 7_900);
    let mut calls = 0;
    while progress == Progress::Waits {
        progress = elements.push(b"", &mut out, &mut each).unwrap();
        calls += 1;
    }
    assert_eq!(calls, 1000);
    assert_eq!(elements.held.capacity(), 0);
    assert!(!elements.rest.try_reclaim(1), "no memory is kept");
    assert_eq!(out, event);
}
