use super::trace;

/// What a session's signals are told with.
#[derive(Debug)]
pub(crate) struct Telemetry(pub(super) trace::Session);

/// When something began, by the boot clock, if something listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer(pub(super) trace::Began);

impl Telemetry {
    pub(crate) const fn new(label: &'static str) -> Self {
        Self(trace::Session::new(label))
    }

    /// The session's label.
    pub(crate) const fn label(&self) -> &'static str {
        self.0.label()
    }
}
