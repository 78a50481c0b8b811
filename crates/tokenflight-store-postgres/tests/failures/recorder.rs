//! A subscriber that keeps the events of the store's own target, for the thread that they are told
//! on.

use std::{cell::RefCell, fmt};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// One event: its level, and its fields with their texts.
pub(crate) type Told = (tracing::Level, Vec<(&'static str, String)>);

thread_local! {
    static TOLD: RefCell<Vec<Told>> = const { RefCell::new(Vec::new()) };
}

/// Listens from now on, on all threads: whether an event is wanted is asked once for all of them.
pub(crate) fn listen() {
    let _ = tracing::subscriber::set_global_default(Recorder);
}

/// What was told on this thread since this was asked last.
pub(crate) fn told() -> Vec<Told> {
    TOLD.take()
}

struct Recorder;

struct Fields(Vec<(&'static str, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tokenflight::store"
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(Vec::new());
        event.record(&mut fields);
        TOLD.with_borrow_mut(|told| told.push((*event.metadata().level(), fields.0)));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
