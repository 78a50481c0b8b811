//! Flights of any kind, for what only takes them to their end.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokenflight_core::store::OpId;

use crate::{
    flight::{Flight, Stay},
    parts::Applied,
    refresh::Refreshed,
    unstored::Written,
};

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
