//! Spans and events of `tracing`, target `tokenflight`. An event's name is its message as well,
//! because not every subscriber shows names.

use std::{future::Future, mem, time::Duration};

use tokenflight_core::FailureClass;
use tracing::{
    Instrument, Level,
    field::Empty,
    level_filters::{LevelFilter, STATIC_MAX_LEVEL},
};

use super::{Ended, ended::Begun, sets::Trigger, signal::Signal};
use crate::{
    breaker::Change,
    catch::caught_call,
    sync::{AtomicU64, Ordering},
};

const TARGET: &str = "tokenflight";

/// So many failures in a row are told at WARN.
const MANY: u64 = 3;

/// Stands beside the count: it was told that something is set up wrong.
const MISCONFIGURED: u64 = 1 << 63;

/// What is kept of a session: its label, and how many refreshes in a row have failed, with
/// [`MISCONFIGURED`].
#[derive(Debug)]
pub(super) struct Session {
    label: &'static str,
    failures: AtomicU64,
}

/// When something began, if something listened then.
pub(super) type Began = Option<Duration>;

/// A span, or none.
#[derive(Clone, Debug)]
pub(super) struct Span(tracing::Span);

/// Whether there may be a subscriber: one atomic load.
#[inline]
pub(super) fn listens() -> bool {
    LevelFilter::current() != LevelFilter::OFF && STATIC_MAX_LEVEL != LevelFilter::OFF
}

pub(super) fn began(now: impl FnOnce() -> Duration) -> Began {
    listens().then(now)
}

pub(super) const fn boot(began: Began) -> Option<Duration> {
    began
}

macro_rules! event {
    ($level:ident, $name:literal, $session:expr $(, $field:tt = $value:expr)* $(,)?) => {
        tracing::event!(
            name: $name,
            target: TARGET,
            Level::$level,
            "tokenflight.session" = $session.label,
            $($field = $value,)*
            message = $name,
        )
    };
}

impl Session {
    pub(super) const fn new(label: &'static str) -> Self {
        Self { label, failures: AtomicU64::new(0) }
    }

    pub(super) const fn label(&self) -> &'static str {
        self.label
    }

    /// Tells it. A subscriber's panic is its own affair.
    #[cold]
    pub(super) fn tell(&self, signal: Signal) {
        let _ = caught_call(|| self.event(signal));
    }

    fn event(&self, signal: Signal) {
        match signal {
            Signal::Waited { waited, outcome, error } => event!(
                DEBUG,
                "token.wait",
                self,
                "tokenflight.waited_ms" = millis(waited),
                "tokenflight.outcome" = outcome.name(),
                "error.type" = error.map(|error| error.name()),
            ),
            Signal::Refused { trigger, meaning, generation, replay } => event!(
                DEBUG,
                "request.refused",
                self,
                "http.response.status_code" = http_status(trigger),
                "rpc.grpc.status_code" = grpc_status(trigger),
                "tokenflight.meaning" = meaning.name(),
                "tokenflight.generation" = generation.get(),
                "tokenflight.replay" = replay.name(),
            ),
            Signal::Replayed { count, trigger, outcome } => event!(
                DEBUG,
                "request.replayed",
                self,
                "http.request.resend_count" = u64::from(count),
                "tokenflight.trigger" = trigger.name(),
                "tokenflight.outcome" = outcome.name(),
            ),
            Signal::Stored { operation, took, outcome } => event!(
                DEBUG,
                "store.operation",
                self,
                "tokenflight.operation" = operation.name(),
                "tokenflight.took_ms" = millis(took),
                "tokenflight.outcome" = outcome.name(),
            ),
            signal => self.session_event(signal),
        }
    }

    fn session_event(&self, signal: Signal) {
        match signal {
            Signal::Refreshed { generation, adopted } => {
                self.failures.store(0, Ordering::Relaxed);
                event!(
                    DEBUG,
                    "refreshed",
                    self,
                    "tokenflight.generation" = generation.get(),
                    "tokenflight.adopted" = adopted.name(),
                );
            }
            Signal::LoggedIn { generation } => {
                self.failures.store(0, Ordering::Relaxed);
                event!(INFO, "logged_in", self, "tokenflight.generation" = generation.get());
            }
            Signal::LoggedOut => event!(INFO, "logged_out", self),
            Signal::RefreshFailed { class, error, retry_after } => {
                let (class, error) = (class, error.name());
                let fields = (class.as_str(), retry_after.map(millis));
                match self.failed(class) {
                    Told::Quietly => event!(
                        DEBUG,
                        "refresh_failed",
                        self,
                        "tokenflight.class" = fields.0,
                        "error.type" = error,
                        "tokenflight.retry_after_ms" = fields.1,
                    ),
                    Told::Repeated => event!(
                        WARN,
                        "refresh_failed",
                        self,
                        "tokenflight.class" = fields.0,
                        "error.type" = error,
                        "tokenflight.retry_after_ms" = fields.1,
                    ),
                    Told::Config => event!(WARN, "config_error", self, "error.type" = error),
                }
            }
            Signal::InteractionRequired { error } => {
                event!(WARN, "interaction_required", self, "error.type" = error.name());
            }
            Signal::Ended { error } => event!(WARN, "ended", self, "error.type" = error.name()),
            Signal::SuspectedReuse { generation } => {
                event!(WARN, "suspected_reuse", self, "tokenflight.generation" = generation.get());
            }
            Signal::Unpersisted { generation } => {
                event!(WARN, "unpersisted", self, "tokenflight.generation" = generation.get());
            }
            Signal::Persisted { generation } => {
                event!(INFO, "persisted", self, "tokenflight.generation" = generation.get());
            }
            Signal::Overtaken { generation } => {
                event!(INFO, "overtaken", self, "tokenflight.generation" = generation.get());
            }
            Signal::ProactiveOff => event!(INFO, "proactive_off", self),
            Signal::Waiting { at_most } => {
                event!(INFO, "waiting", self, "tokenflight.at_most_ms" = at_most.map(millis));
            }
            Signal::RevocationFailed { error } => {
                event!(WARN, "revocation_failed", self, "error.type" = error.name());
            }
            Signal::Abandoned => event!(WARN, "abandoned", self),
            _ => {}
        }
    }

    /// Counts a failure. Events are told one after the other, so no two threads count at once.
    fn failed(&self, class: FailureClass) -> Told {
        let failures = self.failures.load(Ordering::Relaxed) + 1;
        let (count, was_told) = (failures & !MISCONFIGURED, failures & MISCONFIGURED != 0);
        let (told, mark) = match class {
            FailureClass::Config if was_told => (Told::Quietly, 0),
            FailureClass::Config => (Told::Config, MISCONFIGURED),
            _ if count == MANY => (Told::Repeated, 0),
            _ => (Told::Quietly, 0),
        };
        self.failures.store(failures | mark, Ordering::Relaxed);
        told
    }

    pub(super) fn refresh(&self, begun: Begun, cause: Span) -> Span {
        let span = caught_call(|| {
            let span = tracing::span!(
                target: TARGET,
                parent: None,
                Level::DEBUG,
                "tokenflight.refresh",
                "tokenflight.session" = self.label,
                "tokenflight.reason" = begun.reason.name(),
                "tokenflight.generation" = begun.generation.get(),
                "tokenflight.epoch" = begun.epoch.map(|epoch| epoch.get()),
                "tokenflight.outcome" = Empty,
                "tokenflight.adopted" = Empty,
                "error.type" = Empty,
            );
            span.follows_from(&cause.0);
            drop(cause);
            span
        });
        Span(span.unwrap_or_else(|_| tracing::Span::none()))
    }
}

/// Tells what a breaker of this name does. A subscriber's panic is its own affair.
pub(crate) fn breaker(label: &'static str, change: Change) {
    let _ = caught_call(|| match change {
        Change::Opened { ended, answered, wait } => tracing::event!(
            name: "breaker_opened",
            target: TARGET,
            Level::WARN,
            "tokenflight.breaker" = label,
            "tokenflight.ended" = u64::from(ended),
            "tokenflight.answered" = u64::from(answered),
            "tokenflight.wait_ms" = millis(wait),
            message = "breaker_opened",
        ),
        Change::Closed => tracing::event!(
            name: "breaker_closed",
            target: TARGET,
            Level::INFO,
            "tokenflight.breaker" = label,
            message = "breaker_closed",
        ),
    });
}

/// How a failed refresh is told.
enum Told {
    Quietly,
    /// It is one of many in a row.
    Repeated,
    /// What is set up wrong stays wrong.
    Config,
}

impl Span {
    pub(super) fn current() -> Self {
        let span = listens().then(|| caught_call(tracing::Span::current).ok()).flatten();
        Self(span.unwrap_or_else(tracing::Span::none))
    }

    pub(super) fn take(&mut self) -> Self {
        Self(mem::replace(&mut self.0, tracing::Span::none()))
    }

    pub(super) fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        work.instrument(self.0.clone())
    }

    pub(super) fn end(&self, ended: Ended) {
        let _ = caught_call(|| {
            let span = &self.0;
            span.record("tokenflight.outcome", ended.outcome.name());
            if let Some(adopted) = ended.adopted {
                span.record("tokenflight.adopted", adopted.name());
            }
            if let Some(error) = ended.error {
                span.record("error.type", error.name());
            }
            if let Some(epoch) = ended.epoch {
                span.record("tokenflight.epoch", epoch.get());
            }
        });
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn http_status(trigger: Trigger) -> Option<u64> {
    match trigger {
        Trigger::Http(status) => Some(status.as_u16().into()),
        Trigger::Grpc => None,
    }
}

fn grpc_status(trigger: Trigger) -> Option<u64> {
    match trigger {
        Trigger::Http(_) => None,
        Trigger::Grpc => Some(16),
    }
}
