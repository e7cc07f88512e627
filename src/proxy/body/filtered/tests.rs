use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::task::noop_waker_ref;
use http::HeaderMap;
use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::net::client::ClientKey;
use crate::policy::filter::tests::Lines;
use crate::proxy::body::cut::BadGzip;
use crate::proxy::budget::{Budget, Share};

/// What a daemon sends next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Data(&'static str),
    Nothing,
    Trailers,
    Broken,
}

use Step::{Broken, Data, Nothing, Trailers};

/// A reply of a daemon, and how often it was read.
struct Script {
    steps: VecDeque<Step>,
    /// Whether the last data is known to be the last.
    has_length: bool,
    reads: Arc<AtomicUsize>,
}

impl Parts for Script {
    fn poll_part(&mut self, _: &mut Context<'_>) -> Poll<Polled> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(match self.steps.pop_front() {
            Some(Data(text)) => Some(Ok(Frame::data(text.into()))),
            Some(Nothing) => return Poll::Pending,
            Some(Trailers) => Some(Ok(Frame::trailers(HeaderMap::new()))),
            // Of all causes, this one can be made here.
            Some(Broken) => Some(Err(Cut::Gzip(BadGzip::Corrupt))),
            None => None,
        })
    }

    fn is_end(&self) -> bool {
        self.has_length && self.steps.is_empty()
    }
}

/// A filtered reply, with what its test can see and do.
struct Reply {
    body: Filtered<Script>,
    reads: Arc<AtomicUsize>,
    /// Answers the open question.
    answers: std::sync::mpsc::Receiver<(Lookup, oneshot::Sender<Option<Answer>>)>,
}

fn share() -> Share {
    Arc::new(Budget::new(0)).share_of(ClientKey::User(1))
}

/// Holds a reply until it ends.
#[derive(Debug, Default)]
struct Whole(Vec<u8>);

impl Filter for Whole {
    fn push(&mut self, part: &[u8], _: &mut Vec<u8>) -> Result<(), BadReply> {
        self.0.extend_from_slice(part);
        Ok(())
    }

    fn held(&self) -> usize {
        self.0.len()
    }

    fn reads(&self) -> usize {
        self.0.len()
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        out.append(&mut self.0);
        Ok(())
    }
}

/// The parts of a long reply.
struct Long {
    left: usize,
}

/// The length of a part.
const PART: usize = 100_000;

impl Parts for Long {
    fn poll_part(&mut self, _: &mut Context<'_>) -> Poll<Polled> {
        let Some(left) = self.left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(vec![b'x'; PART].into()))))
    }

    fn is_end(&self) -> bool {
        self.left == 0
    }
}

#[test]
fn what_a_filter_holds_is_taken_from_the_clients_share() {
    let filtered = |share: &Share, parts: usize| {
        let ask: Ask = Box::new(|_| panic!("nothing is asked"));
        let mut filtered = Filtered::of(
            Box::<Whole>::default(),
            Long { left: parts },
            ask,
            share.nothing(),
        );
        filtered.portion = PORTION;
        filtered
    };
    let share = share();
    let fits = |bytes: usize| share.nothing().take(bytes).is_ok();
    let most = share.size() / PART;
    for (parts, is_good) in [
        (most / 3, true),
        // What is held and what is put out together take too much.
        (most * 2 / 3, false),
        (most + 1, false),
    ] {
        let mut reply = filtered(&share, parts);
        let begun = reply.poll_begin(&mut context());
        if !is_good {
            assert!(
                matches!(begun, Poll::Ready(Err(Cut::Full(_)))),
                "{parts}: {begun:?}"
            );
            drop(reply);
            assert!(fits(share.size()), "{parts}: all is given back");
            continue;
        }
        assert!(matches!(begun, Poll::Ready(Ok(None))), "{parts}: {begun:?}");
        assert!(
            !fits(share.size() - parts * PART + PART),
            "{parts}: it is counted"
        );
        let mut lengths = Vec::new();
        while let Poll::Ready(Some(Ok(frame))) = reply.poll_frame(&mut context()) {
            lengths.push(frame.into_data().unwrap().len());
        }
        assert_eq!(lengths.iter().sum::<usize>(), parts * PART);
        let (last, equal) = lengths.split_last().unwrap();
        assert!(equal.iter().all(|length| *length == PORTION) && *last <= PORTION);
        drop(reply);
        assert!(fits(share.size()), "{parts}: all is given back");
    }
}

fn reply(steps: &[Step]) -> Reply {
    let reads = Arc::<AtomicUsize>::default();
    let script = Script {
        steps: steps.iter().copied().collect(),
        has_length: false,
        reads: Arc::clone(&reads),
    };
    let (sender, answers) = std::sync::mpsc::channel();
    let ask: Ask = Box::new(move |lookup| {
        let (answer, answered) = oneshot::channel();
        sender.send((lookup, answer)).unwrap();
        Box::pin(async { answered.await.unwrap() })
    });
    Reply {
        body: Filtered::of(Box::<Lines>::default(), script, ask, share().nothing()),
        reads,
        answers,
    }
}

impl Reply {
    fn with_length(mut self) -> Self {
        self.body.parts.has_length = true;
        self
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// What [`Filtered::poll_begin`] returns: `waits`, `begun`, `whole: <text>`, or the error.
    fn begin(&mut self) -> String {
        match self.body.poll_begin(&mut context()) {
            Poll::Pending => "waits".to_owned(),
            Poll::Ready(Ok(None)) => "begun".to_owned(),
            Poll::Ready(Ok(Some(whole))) => format!("whole: {}", str::from_utf8(&whole).unwrap()),
            Poll::Ready(Err(cut)) => cut.to_string(),
        }
    }

    /// What comes next: `waits`, `end`, a frame's text, or the error.
    fn next(&mut self) -> String {
        match self.body.poll_frame(&mut context()) {
            Poll::Pending => "waits".to_owned(),
            Poll::Ready(None) => "end".to_owned(),
            Poll::Ready(Some(Err(cut))) => cut.to_string(),
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap();
                assert!(!data.is_empty(), "an empty frame");
                String::from_utf8(data.into()).unwrap()
            }
        }
    }

    /// The frames until the end.
    fn rest(&mut self) -> String {
        let frames = std::iter::repeat_with(|| self.next());
        let frames: Vec<_> = frames.take_while(|next| next != "end").take(99).collect();
        frames.join("|")
    }

    fn answer(&self, name: &str, answer: Option<Answer>) {
        let (lookup, sender) = self.answers.try_recv().expect("a question");
        assert_eq!(lookup, Lookup::Container(name.to_owned()));
        sender.send(answer).unwrap();
        assert!(self.answers.try_recv().is_err(), "one question at a time");
    }
}

fn context() -> Context<'static> {
    Context::from_waker(noop_waker_ref())
}

const BAD: &str = "the reply cannot be filtered: a line is bad";

#[test]
fn a_reply_that_ends_at_once_is_known_whole() {
    for (case, steps, want) in [
        ("nothing", &[][..], ""),
        ("all of it is hidden", &[Data("-a\n"), Data("-b\n")], ""),
        ("it is put out at the end", &[Data("a"), Data("b")], "ab"),
        ("trailers end it", &[Data("a"), Trailers, Data("b\n")], "a"),
    ] {
        let mut reply = reply(steps);
        assert_eq!(reply.begin(), format!("whole: {want}"), "{case}");
        assert!(reply.body.is_over(), "{case}");
    }
    let mut known = reply(&[Data("a\n-b\n"), Data("c")]).with_length();
    assert_eq!(known.begin(), "begun", "its end is not there yet");
    assert_eq!(known.rest(), "a\n|c");
    let mut known = reply(&[Data("a\n-b\nc")]).with_length();
    assert_eq!(
        known.begin(),
        "whole: a\nc",
        "its length says that it has ended"
    );
    assert_eq!(known.reads(), 2);
}

#[test]
fn a_reply_begins_with_the_first_bytes_that_may_be_passed_on() {
    let mut reply = reply(&[Data("-a\nb"), Nothing, Data("\nc\n"), Nothing, Data("d\n")]);
    assert_eq!(reply.begin(), "waits", "no line yet");
    assert_eq!(reply.begin(), "begun");
    assert_eq!(reply.begin(), "begun", "and still the same");
    assert_eq!(
        reply.reads(),
        3,
        "nothing is read while something waits to be taken"
    );
    assert!(!reply.body.is_over());
    assert_eq!(reply.next(), "b\nc\n");
    assert_eq!(reply.reads(), 3, "one frame, as it was read");
    assert_eq!(reply.next(), "waits");
    assert_eq!(reply.rest(), "d\n");
    assert!(reply.body.is_over());
}

#[test]
fn a_bad_reply_is_known_before_it_begins() {
    for (case, steps) in [
        ("at first", &[Data("!\n")][..]),
        ("after what is hidden", &[Data("-a\n"), Data("!\n")]),
        ("after what the same call put out", &[Data("a\n!\n")]),
        ("at its end", &[Data("-a\n"), Data("!")]),
    ] {
        let begun = reply(steps).begin();
        assert_eq!(begun, BAD, "{case}");
        let begun = reply(steps).with_length().begin();
        assert_eq!(begun, BAD, "{case}, with a length");
    }
    let begun = reply(&[Data("a\n!")]).with_length().begin();
    assert_eq!(begun, BAD, "a whole reply is judged whole");
    let begun = reply(&[Data("-a\n"), Broken]).begin();
    assert_eq!(begun, BadGzip::Corrupt.to_string(), "the daemon left");
}

#[test]
fn a_bad_reply_is_cut_after_what_was_passed_on() {
    for (steps, error) in [
        (&[Data("a\n"), Data("b\n!\n"), Data("c\n")][..], BAD),
        (&[Data("a\n"), Data("!")], BAD),
        (
            &[Data("a\n"), Data("b"), Broken],
            "the upload is not valid gzip",
        ),
    ] {
        let mut reply = reply(steps);
        assert_eq!(reply.begin(), "begun", "{steps:?}");
        assert_eq!(reply.next(), "a\n", "{steps:?}");
        assert_eq!(
            reply.next(),
            "waits",
            "{steps:?}: the bytes before it are written first"
        );
        assert!(!reply.body.is_over(), "{steps:?}");
        assert_eq!(reply.next(), error, "{steps:?}");
        assert_eq!(reply.next(), "end", "{steps:?}");
    }
    // A reply that may last is passed on without waiting for its beginning.
    assert_eq!(reply(&[Data("!\n")]).next(), BAD);
}

#[test]
fn an_answer_is_awaited_before_more_is_read() {
    let mut reply = reply(&[Data("?a\nb\n"), Data("?c\n"), Data("d\n?e")]);
    assert_eq!([reply.begin(), reply.begin()], ["waits", "waits"]);
    assert_eq!(reply.reads(), 1);
    reply.answer("a", Some(Answer::Missing));
    assert_eq!(reply.begin(), "begun");
    assert_eq!(reply.next(), "a is missing\nb\n");
    assert_eq!([reply.next(), reply.next()], ["waits", "waits"]);
    assert_eq!(reply.reads(), 2);
    reply.answer("c", None);
    assert_eq!(reply.next(), "c is unknown\n");
    assert_eq!(reply.next(), "d\n", "before what comes after it");
    assert_eq!(reply.next(), "waits");
    assert!(
        !reply.body.is_over(),
        "the reply has ended, but the filter has not"
    );
    reply.answer("e", Some(Answer::Missing));
    assert_eq!(reply.rest(), "e is missing\n");
    assert!(reply.body.is_over());
    assert_eq!(reply.reads(), 4, "until its end");
}

#[test]
fn a_bad_answer_cuts_the_reply() {
    let bad = || Some(Answer::Text("bad".into()));
    let mut first = reply(&[Data("?a\n")]);
    assert_eq!(first.begin(), "waits");
    first.answer("a", bad());
    assert_eq!(first.begin(), BAD);
    let mut later = reply(&[Data("b\n?a\n")]).with_length();
    assert_eq!(later.begin(), "begun", "it is not waited for");
    assert_eq!(later.next(), "b\n");
    assert_eq!(later.next(), "waits");
    later.answer("a", bad());
    assert_eq!([later.next(), later.next()], ["waits", BAD]);
}

#[test]
fn dropping_a_reply_ends_its_question() {
    let mut reply = reply(&[Data("?a\n")]);
    assert_eq!(reply.begin(), "waits");
    let (_, answer) = reply.answers.try_recv().unwrap();
    drop(reply);
    assert!(answer.is_closed());
}

proptest! {
    #[test]
    fn a_reply_is_the_same_in_any_parts(
        lines in prop::collection::vec("[-?]?[ab]{0,3}", 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        has_length in any::<bool>(),
    ) {
        let text: &'static str = lines.join("\n").leak();
        let passed = |cuts: &[usize]| {
            let mut steps = Vec::new();
            let mut from = 0;
            for to in cuts.iter().copied().chain([text.len()]) {
                steps.extend([Data(&text[from..to]), Nothing]);
                from = to;
            }
            let mut reply = reply(&steps[..steps.len() - 1]);
            reply.body.parts.has_length = has_length;
            let (mut passed, mut has_begun) = (String::new(), false);
            loop {
                if let Ok((_, answer)) = reply.answers.try_recv() {
                    answer.send(None).unwrap();
                }
                let next = if has_begun { reply.next() } else { reply.begin() };
                match &*next {
                    "waits" => {}
                    "begun" => has_begun = true,
                    "end" => return passed,
                    next => match next.strip_prefix("whole: ") {
                        Some(whole) => return whole.to_owned(),
                        None => passed += next,
                    },
                }
            }
        };
        let mut cuts: Vec<_> = cuts.iter().map(|at| at.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(passed(&cuts), passed(&[]), "{}", text);
    }
}
