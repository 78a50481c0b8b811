//! Without the feature `tracing` nothing listens.

use std::{future::Future, time::Duration};

use super::{Ended, ended::Begun, signal::Signal};
use crate::breaker::Change;

/// What is kept of a session: nothing.
#[derive(Debug)]
pub(super) struct Session;

/// When something began: not looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Began;

/// A span that is none.
#[derive(Clone, Debug)]
pub(super) struct Span;

pub(super) const fn listens() -> bool {
    false
}

pub(super) fn began(_: impl FnOnce() -> Duration) -> Began {
    Began
}

pub(super) const fn boot(_: Began) -> Option<Duration> {
    None
}

pub(crate) fn breaker(_: &'static str, _: Change) {}

impl Session {
    pub(super) const fn new(_: &'static str) -> Self {
        Self
    }

    pub(super) const fn label(&self) -> &'static str {
        ""
    }

    pub(super) fn tell(&self, _: Signal) {}

    pub(super) const fn refresh(&self, _: Begun, cause: Span) -> Span {
        cause
    }
}

impl Span {
    pub(super) const fn current() -> Self {
        Self
    }

    pub(super) const fn take(&mut self) -> Self {
        Self
    }

    pub(super) fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        work
    }

    pub(super) fn end(&self, _: Ended) {}
}
