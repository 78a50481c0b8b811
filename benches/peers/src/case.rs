//! What there is to know of a peer.

use std::fmt;

use crate::{Error, Fixture, Recipe, storm::Storming};

/// Something that is ready to be called, its token cached and fresh.
pub trait Peer {
    /// Makes a request as the recipe says and sends it through; whether it was answered.
    fn call(&mut self, recipe: &Recipe) -> bool;
}

/// A peer that has been set up.
pub type Built = Result<Box<dyn Peer>, Error>;

/// How far a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Measured {
    /// Nothing but the request and what answers it: what others are counted net of.
    Base,
    /// A request goes in and is handed on with its token.
    Layer,
    /// The token is read from the cache and made a header value.
    Read,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base => "base",
            Self::Layer => "whole layer",
            Self::Read => "token read",
        })
    }
}

/// A peer, or a base.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Case {
    /// How it is asked for.
    pub name: &'static str,
    /// Its crate; empty for what is ours, or of no crate.
    pub package: &'static str,
    /// How far a call goes.
    pub measured: Measured,
    /// What exactly is called.
    pub what: &'static str,
    /// What it cannot do, that the layer of ours can.
    pub cannot: &'static [&'static str],
    /// The case that it is counted net of.
    pub base: &'static str,
    /// The case of ours that does the same.
    pub ours: &'static str,
    /// Sets it up.
    pub build: fn(&Fixture) -> Built,
    /// Sets it up with an empty cache, for many to ask at once.
    pub storm: Option<fn(crate::Source) -> Storming>,
}

impl Case {
    /// The one of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        crate::CASES.iter().find(|case| case.name == name)
    }

    /// The version that the manifest pins, so that no second list of them can go stale.
    pub fn version(&self) -> &'static str {
        include_str!("../Cargo.toml")
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .find(|(package, _)| *package == self.package)
            .and_then(|(_, pin)| pin.split_once("\"=")?.1.split('"').next())
            .unwrap_or("-")
    }
}
