//! What is in progress: the results that flights end in, and flights of any kind, for what only
//! takes them to their end.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokenflight_core::{Error, store::OpId};

use crate::{
    flight::{Flight, Stay},
    parts::Applied,
    session::{Revocation, Token},
    sync::StdArc,
};

/// What a refresh is to those who wait for it.
///
/// `None` is nothing new, of a refresh that only looked into the store: they ask again. There may
/// be very many: what they get is passed on as one pointer.
pub(crate) type Refreshed = Result<Option<StdArc<Brought>>, Error>;

/// A token, and when it was the current one.
#[derive(Debug)]
pub(crate) struct Brought {
    pub(crate) token: Token,
    /// Whether the authorization server issued it since this refresh began, to any session.
    pub(crate) fresh: bool,
    /// The session's stamp when it was published; zero, which a session never shows, if it could
    /// not be used even then. As long as the session shows it, this is the current token.
    pub(crate) stamp: u64,
    /// When that was, by the boot clock.
    pub(crate) at: Duration,
}

/// How a write ended: what became of the refresh tokens that a logout has made useless.
pub(crate) type Written = Result<Revocation, Error>;

/// A flight of any kind, to be taken to its end.
#[derive(Clone)]
pub(crate) enum AnyFlight {
    Refresh(Flight<Refreshed>),
    Write(Flight<Written>),
    Apply(Flight<Applied>, OpId),
}

impl AnyFlight {
    /// Takes it to its end; nothing if this thread is inside it.
    pub(crate) fn carry(&self) -> Option<Carry> {
        match self {
            Self::Refresh(flight) => flight.stay().ok().map(Carry::Refresh),
            Self::Write(flight) => flight.stay().ok().map(Carry::Write),
            Self::Apply(flight, _) => flight.stay().ok().map(Carry::Apply),
        }
    }

    /// Sends its waiters away.
    pub(crate) fn abandon(&self) {
        match self {
            Self::Refresh(flight) => flight.abandon(),
            Self::Write(flight) => flight.abandon(),
            Self::Apply(flight, _) => flight.abandon(),
        }
    }

    /// There was a logout.
    pub(crate) fn log_out(&self) {
        match self {
            Self::Refresh(flight) => flight.log_out(),
            Self::Write(_) | Self::Apply(..) => {}
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        match self {
            Self::Refresh(flight) => flight.is_finished(),
            Self::Write(flight) => flight.is_finished(),
            Self::Apply(flight, _) => flight.is_finished(),
        }
    }

    pub(crate) fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Refresh(one), Self::Refresh(other)) => one.same_as(other),
            (Self::Write(one), Self::Write(other)) => one.same_as(other),
            (Self::Apply(one, _), Self::Apply(other, _)) => one.same_as(other),
            _ => false,
        }
    }
}

/// Keeps a flight moving, and does not want its result.
#[derive(Debug)]
pub(crate) enum Carry {
    Refresh(Stay<Refreshed>),
    Write(Stay<Written>),
    Apply(Stay<Applied>),
}

impl Future for Carry {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Self::Refresh(stay) => Pin::new(stay).poll(cx).map(drop),
            Self::Write(stay) => Pin::new(stay).poll(cx).map(drop),
            Self::Apply(stay) => Pin::new(stay).poll(cx).map(drop),
        }
    }
}

/// Keeps all that stands still moving, for a caller that does something else meanwhile.
#[derive(Debug)]
pub(crate) struct Carries(Vec<Carry>);

impl Carries {
    /// `None` if there is nothing to keep moving.
    pub(crate) fn of(flights: impl IntoIterator<Item = Carry>) -> Option<Self> {
        let all: Vec<_> = flights.into_iter().collect();
        if all.is_empty() { None } else { Some(Self(all)) }
    }
}

impl Future for Carries {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.retain_mut(|carry| Pin::new(carry).poll(cx).is_pending());
        if self.0.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Does the work, and keeps moving beside it what perhaps nothing else does. The work first: what
/// flies beside it may bring the next token, and a request must be out with this one by then.
pub(crate) fn carrying<B: Future<Output = ()> + Unpin, F: Future + Unpin>(
    beside: &mut Option<B>,
    mut work: F,
) -> impl Future<Output = F::Output> {
    poll_fn(move |cx| {
        let polled = Pin::new(&mut work).poll(cx);
        if polled.is_pending() && beside.as_mut().is_some_and(|flight| Pin::new(flight).poll(cx).is_ready()) {
            *beside = None;
        }
        polled
    })
}

/// Does the work, and keeps these moving beside it.
pub(crate) async fn carried<F: Future + Unpin>(work: F, mut beside: Option<Box<Carries>>) -> F::Output {
    carrying(&mut beside, work).await
}
