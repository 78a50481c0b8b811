//! A subscriber that keeps everything at every level.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_core::span::Current;

thread_local! {
    /// The spans this thread is in, outermost first.
    static INSIDE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// A span or an event, with all its fields as text.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    metadata: &'static Metadata<'static>,
    pub(crate) fields: BTreeMap<&'static str, String>,
    /// The span it is in, by its place.
    pub(crate) parent: Option<usize>,
    /// The names of the spans it follows from.
    pub(crate) follows: Vec<&'static str>,
    /// How often a thread has entered it.
    pub(crate) entered: usize,
}

impl Told {
    pub(crate) fn name(&self) -> &'static str {
        self.metadata.name()
    }

    pub(crate) fn level(&self) -> Level {
        *self.metadata.level()
    }

    fn is_ours(&self) -> bool {
        self.metadata.target() == "tokenflight"
    }

    /// What a field says; an absent one is empty.
    pub(crate) fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }

    /// What these fields say, without the prefix of our own names.
    pub(crate) fn says<const N: usize>(&self, fields: [&str; N]) -> [&str; N] {
        fields.map(|field| {
            let own = format!("tokenflight.{field}");
            self.get(if self.fields.contains_key(own.as_str()) { &own } else { field })
        })
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

/// All that was told.
pub(crate) struct Everything {
    /// Of each span, the crate it is of.
    pub(crate) spans: Vec<String>,
    /// Of each span and event, a line with all its fields.
    pub(crate) text: String,
}

#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    spans: Vec<Told>,
    events: Vec<Told>,
}

impl Recorder {
    /// Does this with a recorder listening on this thread.
    pub(crate) fn during<T>(work: impl FnOnce() -> T) -> (Self, T) {
        let recorder = Self::default();
        let result = tracing::subscriber::with_default(recorder.clone(), work);
        (recorder, result)
    }

    /// All our events of this name, in order.
    pub(crate) fn events(&self, name: &str) -> Vec<Told> {
        let kept = self.0.lock().unwrap();
        kept.events.iter().filter(|event| event.is_ours() && event.name() == name).cloned().collect()
    }

    /// The one event of this name.
    #[track_caller]
    pub(crate) fn one(&self, name: &str) -> Told {
        let events = self.events(name);
        assert_eq!(events.len(), 1, "{name} of {:?}", self.names());
        events[0].clone()
    }

    /// The names of all our events, in order.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let kept = self.0.lock().unwrap();
        kept.events.iter().filter(|event| event.is_ours()).map(Told::name).collect()
    }

    /// The spans of refreshes, in order.
    pub(crate) fn refreshes(&self) -> Vec<Told> {
        self.spans("tokenflight.refresh")
    }

    /// All spans of this name, in order.
    pub(crate) fn spans(&self, name: &str) -> Vec<Told> {
        self.0.lock().unwrap().spans.iter().filter(|span| span.name() == name).cloned().collect()
    }

    /// The name of the span that this is in.
    pub(crate) fn parent(&self, told: &Told) -> Option<&'static str> {
        told.parent.map(|at| self.0.lock().unwrap().spans[at].name())
    }

    /// All that was told by anything at all.
    pub(crate) fn everything(&self) -> Everything {
        let kept = self.0.lock().unwrap();
        let crate_of = |told: &Told| told.metadata.target().split("::").next().unwrap_or_default().to_owned();
        let spans = kept.spans.iter().map(crate_of).collect();
        let lines = kept
            .spans
            .iter()
            .chain(&kept.events)
            .map(|told| format!("{} {} {:?}\n", told.metadata.target(), told.name(), told.fields));
        Everything { spans, text: lines.collect() }
    }

    fn told(metadata: &'static Metadata<'static>, parent: Option<u64>) -> Told {
        Told { metadata, fields: BTreeMap::new(), parent: parent.map(place), follows: Vec::new(), entered: 0 }
    }
}

fn place(id: u64) -> usize {
    usize::try_from(id).unwrap() - 1
}

fn inside() -> Option<u64> {
    INSIDE.with_borrow(|inside| inside.last().copied())
}

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let parent = match attributes.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if attributes.is_contextual() => inside(),
            None => None,
        };
        let mut span = Self::told(attributes.metadata(), parent);
        attributes.record(&mut span);
        let mut kept = self.0.lock().unwrap();
        kept.spans.push(span);
        Id::from_u64(kept.spans.len().try_into().unwrap())
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        values.record(&mut self.0.lock().unwrap().spans[place(span.into_u64())]);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        let mut kept = self.0.lock().unwrap();
        let name = kept.spans[place(follows.into_u64())].name();
        kept.spans[place(span.into_u64())].follows.push(name);
    }

    fn event(&self, event: &Event<'_>) {
        let parent = event.parent().map(Id::into_u64).or_else(|| inside().filter(|_| event.is_contextual()));
        let mut told = Self::told(event.metadata(), parent);
        event.record(&mut told);
        self.0.lock().unwrap().events.push(told);
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().spans[place(span.into_u64())].entered += 1;
        INSIDE.with_borrow_mut(|inside| inside.push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        INSIDE.with_borrow_mut(|inside| {
            let at = inside.iter().rposition(|id| *id == span.into_u64());
            at.map(|at| inside.remove(at))
        });
    }

    fn current_span(&self) -> Current {
        match inside() {
            Some(id) => Current::new(Id::from_u64(id), self.0.lock().unwrap().spans[place(id)].metadata),
            None => Current::none(),
        }
    }
}
