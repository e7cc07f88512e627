use super::*;

mod hostile;
mod random;
mod waiting;

const MEMBERS: Place = Place::Members(&["Volumes", "Images"]);
/// The longest element in most tests, and in those with long ones.
const MOST: usize = 200;
const LONG: usize = 1 << 20;

/// Drops elements with a certain word, and replaces those with another.
fn by_word(_: usize, element: &[u8]) -> Kept {
    let text = str::from_utf8(element).unwrap();
    if text.contains("drop") {
        Kept::Dropped
    } else if text.contains("swap") {
        Kept::Instead(b"{\"new\":[]}".to_vec())
    } else {
        Kept::As
    }
}

fn keep(_: usize, _: &[u8]) -> Kept {
    Kept::As
}

/// What is written for a document in these pieces.
fn split_as<'b>(
    place: Place,
    most: usize,
    pieces: impl IntoIterator<Item = &'b [u8]>,
    mut each: impl FnMut(usize, &[u8]) -> Kept,
) -> (Vec<u8>, Result<(), BadElements>) {
    let mut elements = Elements::new(place, most);
    let mut out = Vec::new();
    for piece in pieces {
        match elements.push(piece, &mut out, &mut each) {
            Ok(progress) => assert_eq!(progress, Progress::Done),
            Err(bad) => return (out, Err(bad)),
        }
    }
    let ended = elements.finish(&mut out, &mut each);
    (
        out,
        ended.map(|progress| assert_eq!(progress, Progress::Done)),
    )
}

/// What is written for a document, which must not depend on where it is cut.
#[track_caller]
fn split(
    place: Place,
    document: &[u8],
    each: impl Fn(usize, &[u8]) -> Kept,
) -> Result<String, BadElements> {
    let (out, want) = split_as(place, MOST, [document], &each);
    let want = want.map(|()| String::from_utf8(out).unwrap());
    let shown = String::from_utf8_lossy(document);
    for cut in 0..=document.len() {
        let (first, second) = document.split_at(cut);
        let (out, result) = split_as(place, MOST, [first, second], &each);
        let result = result.map(|()| String::from_utf8(out).unwrap());
        assert_eq!(result, want, "{shown} cut at {cut}");
    }
    let (out, result) = split_as(place, MOST, document.chunks(1), &each);
    let result = result.map(|()| String::from_utf8(out).unwrap());
    assert_eq!(result, want, "{shown} byte by byte");
    want
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn commas_and_white_space_are_right_whatever_is_dropped() {
    for (place, document, want) in [
        (Place::List, "[]", "[]"),
        (Place::List, " [ ] \n", " [ ] \n"),
        (Place::List, " null\n", " null\n"),
        (Place::List, r#"["drop"]"#, "[]"),
        (Place::List, r#"["drop","drop","drop"]"#, "[]"),
        (Place::List, r#"["drop",1,2]"#, "[1,2]"),
        (Place::List, r#"[1,"drop",2]"#, "[1,2]"),
        (Place::List, r#"[1,2,"drop"]"#, "[1,2]"),
        (Place::List, r#"["drop","drop",1]"#, "[1]"),
        (Place::List, r#"["drop",1,"drop"]"#, "[1]"),
        (Place::List, r#"[1,"drop","drop"]"#, "[1]"),
        (Place::List, r#"[1,"drop","drop",2]"#, "[1,2]"),
        (
            Place::List,
            r#"["swap",1,"swap","drop","swap"]"#,
            r#"[{"new":[]},1,{"new":[]},{"new":[]}]"#,
        ),
        // A dropped element takes its comma along, and the white space after both.
        (
            Place::List,
            "[\n  1 ,\n  \"drop\" ,\n  2\n]\n",
            "[\n  1 ,\n  2\n]\n",
        ),
        (
            Place::List,
            "[\n  \"drop\" ,\n  1 ,\n  \"swap\"\n]\n",
            "[\n  1 ,\n  {\"new\":[]}\n]\n",
        ),
        (Place::List, "[ \"drop\" , \"drop\" ]", "[ ]"),
        (Place::List, "[ 1 , 2 , \"drop\" ]", "[ 1 , 2 ]"),
        (
            MEMBERS,
            r#"{"Volumes":[1,"drop"],"Warnings":["drop"],"Images":["drop",2]} "#,
            r#"{"Volumes":[1],"Warnings":["drop"],"Images":[2]} "#,
        ),
        (
            MEMBERS,
            "{ \"Images\" : [ 1 , \"drop\" ] ,\n \"Volumes\" : null , \"drop\" : {\"a\":[ \"drop\" , 1e0]} }",
            "{ \"Images\" : [ 1 ] ,\n \"Volumes\" : null , \"drop\" : {\"a\":[ \"drop\" , 1e0]} }",
        ),
        (
            MEMBERS,
            r#"{"Volumes":[],"Images":[]}"#,
            r#"{"Volumes":[],"Images":[]}"#,
        ),
        (MEMBERS, " { } ", " { } "),
        // Only the members of the document count, not those of its values.
        (
            MEMBERS,
            r#"{"a":{"Volumes":["drop"]},"b":[{"Images":["drop"]}],"c":"drop"}"#,
            r#"{"a":{"Volumes":["drop"]},"b":[{"Images":["drop"]}],"c":"drop"}"#,
        ),
        (
            MEMBERS,
            r#"{"\u0056olumes":["drop",1]}"#,
            r#"{"\u0056olumes":[1]}"#,
        ),
        (Place::Values, "", ""),
        (Place::Values, "\n", "\n"),
        (
            Place::Values,
            "{\"a\":1}\n{\"drop\":1}\n{\"b\":2}\n",
            "{\"a\":1}\n{\"b\":2}\n",
        ),
        (Place::Values, "{\"drop\":1}\r\n{\"a\":1}", "{\"a\":1}"),
        (
            Place::Values,
            "{}{\"drop\":1}[]\"\"\"swap\"{}",
            "{}[]\"\"{\"new\":[]}{}",
        ),
        // A dropped element must not bring two numbers together.
        (
            Place::Values,
            "1 {\"drop\":1} 2 true \"drop\"3",
            "1 2 true 3",
        ),
        (Place::Whole, " {\"a\":[1 ,2]}\n", " {\"a\":[1 ,2]}\n"),
        (Place::Whole, " {\"swap\":1}\n", " {\"new\":[]}\n"),
        (Place::Whole, " {\"drop\":1}\n", ""),
        (Place::Whole, "-1.5e+3", "-1.5e+3"),
    ] {
        let out = split(place, document.as_bytes(), by_word);
        assert_eq!(out.as_deref(), Ok(want), "{document}");
        let same = split(place, document.as_bytes(), keep);
        assert_eq!(same.as_deref(), Ok(document));
    }
}

#[test]
fn kept_elements_keep_their_bytes() {
    let elements = [
        r#"{ "Id" : "a\u0062\/\ud83d\ude00" , "z":1,"a":0.10E+02, "z":1 }"#,
        "123456789012345678901234567890.0",
        "-0",
        "\"]}\\\",[{\u{e9}\u{20ac}\u{1f600}\u{7f}\\\\\"",
        "[ [ ] , { } , [ { \"]\" : \"[\" } ] ]",
        "true",
        "false",
        "null",
    ];
    let given = std::cell::RefCell::new(Vec::new());
    let record = |list, element: &[u8]| {
        let element = str::from_utf8(element).unwrap().to_owned();
        given.borrow_mut().push((list, element));
        Kept::As
    };
    let joined = elements.join("\r\n,\t");
    let list = format!("[{joined}]");
    let members = format!(r#"{{"Images":[{joined}],"other":[1],"Volumes":[{joined}]}}"#);
    let values = elements.join("\n");
    let twice = elements.map(|element| (1, element));
    let twice = twice
        .into_iter()
        .chain(elements.map(|element| (0, element)));
    let once: Vec<_> = elements.map(|element| (0, element)).into();
    for (place, document, want) in [
        (Place::List, list.as_str(), once.clone()),
        (MEMBERS, &members, twice.collect()),
        (Place::Values, &values, once),
        (Place::Whole, &list, vec![(0, list.as_str())]),
    ] {
        for size in [1, 2, 3, 7, document.len()] {
            let pieces = document.as_bytes().chunks(size);
            let (out, result) = split_as(place, LONG, pieces, record);
            assert_eq!(result, Ok(()), "{document}");
            assert_eq!(str::from_utf8(&out), Ok(document));
            let given = given.take();
            let given: Vec<_> = given.iter().map(|(list, text)| (*list, &**text)).collect();
            assert_eq!(given, want, "{place:?} in pieces of {size}");
        }
    }
}

#[test]
fn the_beginning_of_a_document_is_not_a_document() {
    for (place, document) in [
        (Place::List, r#"[1, {"a":"\u00e9"}, null ]"#),
        (Place::List, "null"),
        (
            MEMBERS,
            r#"{"Volumes":[{"a":1.5},2] , "b" : {"c":[]},"Images":null}"#,
        ),
        (Place::Whole, r#"{"a":[1,"b"]}"#),
        (Place::Whole, "true"),
    ] {
        for length in 0..document.len() {
            let prefix = &document[..length];
            let result = split(place, prefix.as_bytes(), keep);
            assert_eq!(result, Err(BadElements::Incomplete(length)), "{prefix}");
        }
        assert!(split(place, document.as_bytes(), keep).is_ok());
    }
    // A sequence of values can end after each.
    let values = "{\"a\":1}\n{\"b\":[2]} 3 ";
    for length in 0..=values.len() {
        let prefix = &values[..length];
        let is_between = matches!(length, 0 | 7 | 8 | 17 | 18 | 19 | 20);
        let result = split(Place::Values, prefix.as_bytes(), keep);
        assert_eq!(result.is_ok(), is_between, "{prefix}");
    }
}

#[test]
fn elements_are_given_at_their_last_byte() {
    let mut given = Vec::new();
    let mut elements = Elements::new(Place::Values, MOST);
    let mut out = Vec::new();
    for (at, byte) in b"{\"a\":1}\n\"b\" 3 ".chunks(1).enumerate() {
        let mut each = |_, _: &[u8]| {
            given.push(at);
            Kept::As
        };
        _ = elements.push(byte, &mut out, &mut each).unwrap();
    }
    // Only the byte after a number shows that it has ended.
    assert_eq!(given, [6, 10, 13]);
    let mut count = 0;
    let mut each = |_, _: &[u8]| {
        count += 1;
        Kept::As
    };
    let mut whole = Elements::new(Place::Whole, MOST);
    _ = whole.push(b"{} ", &mut out, &mut each).unwrap();
    assert_eq!(out, b"{\"a\":1}\n\"b\" 3 ");
    _ = whole.finish(&mut out, &mut each).unwrap();
    assert_eq!((count, out), (1, b"{\"a\":1}\n\"b\" 3 {} ".to_vec()));
}

#[test]
fn only_one_element_is_held() {
    let mut elements = Elements::new(Place::List, MOST);
    let mut out = Vec::new();
    let element = format!(",\"{}\"", "a".repeat(MOST - 2));
    _ = elements.push(b"[1", &mut out, &mut keep).unwrap();
    for _ in 0..100 {
        let bytes = element.repeat(10);
        _ = elements
            .push(bytes.as_bytes(), &mut out, &mut keep)
            .unwrap();
        assert_eq!(
            elements.held.capacity(),
            0,
            "nothing is held between elements"
        );
        for byte in element.as_bytes() {
            _ = elements.push(&[*byte], &mut out, &mut keep).unwrap();
            assert!(elements.held.capacity() <= 2 * MOST);
        }
    }
}
