//! The configurations: which storage, which server, how many holders, which faults.

use tokenflight_core::grant::ReusePolicy;

use crate::prelude::*;

/// How often each fault may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) flights: u8,
    pub(crate) resets: u8,
    pub(crate) crashes: u8,
    pub(crate) pauses: u8,
    /// Answers of the store, lost both ways.
    pub(crate) lost: u8,
    /// Writes that land later than their holder was told that their outcome is unknown.
    pub(crate) zombies: u8,
    /// Answers of the authorization server.
    pub(crate) answers: u8,
    /// Connections to the authorization server that cannot be made.
    pub(crate) refused: u8,
    pub(crate) outages: u8,
    pub(crate) failovers: u8,
    /// Steps of the storage's clock, of a holder's wall clock.
    pub(crate) jumps: u8,
    pub(crate) walls: u8,
    pub(crate) turns: u8,
    pub(crate) cuts: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Kernel locks and the boot clock of the one machine.
    File,
    /// A clock of its own, and incarnations.
    Sql,
    /// Incarnations, and no clock.
    Timeless,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Rotates; reuse ends the family.
    Strict,
    /// Rotates; answers again within so many ticks.
    Grace(u8),
    /// Rotates; answers again until the successor is used.
    UntilUsed,
    /// Does not rotate.
    Same,
    /// Rotates; reuse is refused and ends nothing.
    NoFamilies,
}

/// What a complete search is to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every law holds in every state.
    Holds,
    /// Laws are broken, but only after what the contract says it cannot prevent.
    HoldsUntilExcused,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) storage: Storage,
    pub(crate) server: Server,
    pub(crate) holders: usize,
    /// The last holder has never talked to the store.
    pub(crate) fresh: bool,
    /// Flights start only after all failovers.
    pub(crate) late: bool,
    /// How many writes a failover can lose.
    pub(crate) depth: usize,
    pub(crate) budget: Budget,
    /// How long a claim lasts, and a token request.
    pub(crate) claim: u8,
    pub(crate) request: u8,
    pub(crate) verdict: Verdict,
}

/// How far a clock jumps.
pub(crate) const JUMP: i8 = 4;
/// For how long what was sent may still arrive once its sender is known to send no more.
pub(crate) const DRAIN: u8 = 2;
/// How long a request takes to arrive at most. Its answer takes what is left of the request's time.
pub(crate) const TRAVEL: u8 = 1;
/// For how long the storage has answered before a claim that ran out is taken over.
pub(crate) const QUIET: u8 = 1;

pub(crate) const fn ticks(ticks: u8) -> Duration {
    Duration::from_secs(ticks as u64)
}

impl Config {
    const fn new(name: &'static str, storage: Storage, holders: usize, what: &'static str, budget: Budget) -> Self {
        Self {
            name,
            what,
            storage,
            server: Server::Strict,
            holders,
            fresh: false,
            late: false,
            depth: if budget.failovers > 0 { 2 } else { 0 },
            budget,
            claim: 3,
            request: 1,
            verdict: Verdict::Holds,
        }
    }

    pub(crate) const fn server(self, server: Server) -> Self {
        Self { server, ..self }
    }

    /// With as few holders and as little of everything as lets each fault happen: small enough for
    /// every test run.
    pub(crate) fn narrow(self) -> Self {
        let Budget { flights, resets, lost, .. } = self.budget;
        let both = if flights > 0 { 1 } else { 3 };
        let budget = Budget { flights: flights.min(2), resets: resets.min(both), lost: lost.min(1), ..self.budget };
        Self { holders: self.holders.min(2), budget, ..self }
    }

    const fn excused(self) -> Self {
        Self { verdict: Verdict::HoldsUntilExcused, ..self }
    }

    pub(crate) const fn timing(&self) -> Timing {
        Timing { drain: ticks(DRAIN), quiet: ticks(QUIET) }
    }

    /// A request may be sent until one tick after the claim's first try.
    pub(crate) const fn lengths(&self) -> Lengths {
        Lengths {
            request: ticks(self.request),
            claim: ticks(self.claim),
            reserve: ticks(self.claim - self.request - 1),
            least: ticks(1),
            gap: ticks(1),
        }
    }

    pub(crate) const fn policy(&self) -> ReusePolicy {
        match self.server {
            Server::Strict | Server::NoFamilies => ReusePolicy::Strict,
            Server::Grace(window) => ReusePolicy::Grace { window: ticks(window) },
            Server::UntilUsed => ReusePolicy::UntilUsed,
            Server::Same => ReusePolicy::NonRotating,
        }
    }

    /// The lifetime of access tokens: longer than a grace window, so that it matters which is over.
    pub(crate) const fn lifetime(&self) -> u8 {
        match self.server {
            Server::Grace(window) => window + 4,
            _ => 5,
        }
    }
}

macro_rules! config {
    ($name:literal, $storage:ident $holders:literal, $what:literal, $($fault:ident $times:literal),+) => {
        Config::new($name, Storage::$storage, $holders, $what, Budget { $($fault: $times,)+ ..NONE })
    };
}

#[rustfmt::skip]
const NONE: Budget = Budget {
    flights: 0, resets: 0, crashes: 0, pauses: 0, lost: 0, zombies: 0, answers: 0, refused: 0,
    outages: 0, failovers: 0, jumps: 0, walls: 0, turns: 0, cuts: 0,
};

#[rustfmt::skip]
pub(crate) const CONFIGS: [Config; 32] = [
    config!("A1", File 2, "crash, lost, server's answer lost", flights 4, crashes 1, lost 1, answers 1),
    config!("A2", File 3, "2 crashes, lost, pause", flights 3, crashes 2, lost 1, pauses 1),
    config!("A3", File 2, "2 resets, lost, outage, crash", flights 2, resets 2, lost 1, outages 1, crashes 1),
    Config { claim: 6, request: 3, ..config!("A4", File 3, "turn file replaced, crash", flights 3, turns 1, crashes 1) },
    config!("A5", File 2, "turn file replaced, pause", flights 2, turns 1, pauses 1).excused(),
    config!("A6", File 2, "reset, pause, lost, crash", flights 2, resets 1, pauses 1, lost 1, crashes 1),
    config!("B1", Sql 3, "crash, lost, zombie", flights 3, crashes 1, lost 1, zombies 1),
    config!("B2", Sql 2, "3 flights: crash, lost, zombie, server's answer lost, no connection",
        flights 3, crashes 1, lost 1, zombies 1, answers 1, refused 1),
    config!("B3", Sql 2, "2 resets, 2 lost, zombie", flights 2, resets 2, lost 2, zombies 1),
    config!("B4", Sql 3, "3 resets, lost, outage", flights 0, resets 3, lost 1, outages 1),
    config!("B5", Sql 3, "pause, lost", flights 3, pauses 1, lost 1).excused(),
    config!("B6", Sql 3, "outage longer than a claim, lost, crash", flights 3, outages 1, lost 1, crashes 1),
    config!("B7", Sql 2, "3 flights: outage, zombie, lost, server's answer lost",
        flights 3, outages 1, zombies 1, lost 1, answers 1),
    Config { fresh: true, ..config!("B8", Sql 3, "one fresh: failover, crash", flights 3, failovers 1, crashes 1) },
    config!("B9", Sql 2, "2 resets, failover, lost", flights 2, resets 2, failovers 1, lost 1),
    config!("B10", Sql 3, "client's clock jumps, crash, lost", flights 3, walls 1, crashes 1, lost 1),
    config!("B11", Sql 3, "store's clock jumps, crash", flights 3, jumps 1, crashes 1),
    Config { fresh: true, ..config!("B12", Sql 3, "one fresh: store's clock jumps, crash", flights 3, jumps 1, crashes 1).excused() },
    Config { depth: 4, ..config!("B13", Sql 2, "failover by up to 4 writes, crash", flights 4, failovers 1, crashes 1) },
    config!("B14", Sql 2, "3 resets, failover, lost", flights 0, resets 3, failovers 1, lost 1),
    config!("B15", Sql 3, "one cut off", flights 3, cuts 1).excused(),
    config!("B16", Sql 2, "reset, pause, zombie, crash", flights 2, resets 1, pauses 1, zombies 1, crashes 1).excused(),
    Config { late: true, ..config!("B17", Sql 2, "reset, failover, late flights", flights 3, resets 1, failovers 1) },
    config!("C1", Timeless 3, "crash, lost, outage", flights 3, crashes 1, lost 1, outages 1),
    config!("C2", Timeless 2, "pause, zombie, lost", flights 2, pauses 1, zombies 1, lost 1).excused(),
    config!("C3", Timeless 3, "failover", flights 3, failovers 1),
    config!("G1", Sql 2, "crash, lost, server's answer lost", flights 4, crashes 1, lost 1, answers 1)
        .server(Server::Grace(5)),
    config!("G2", Sql 3, "2 crashes, lost, server's answer lost", flights 3, crashes 2, lost 1, answers 1)
        .server(Server::Grace(5)),
    config!("G3", Sql 3, "pause, lost", flights 3, pauses 1, lost 1).server(Server::Grace(5)).excused(),
    config!("X1", Sql 3, "no families: pause, lost", flights 3, pauses 1, lost 1).server(Server::NoFamilies).excused(),
    config!("N1", Sql 2, "not rotating: crash, lost, zombie, server's answer lost",
        flights 4, crashes 1, lost 1, zombies 1, answers 1).server(Server::Same),
    config!("S1", Sql 2, "two sessions of one process: lost, server's answer lost, no connection",
        flights 3, lost 1, answers 1, refused 1),
];

/// Faults that come together in none of the others.
#[rustfmt::skip]
pub(crate) const MORE: [Config; 10] = [
    config!("C4", Timeless 3, "crash", flights 3, crashes 1),
    config!("A7", File 2, "pause, lost", flights 2, pauses 1, lost 1),
    Config { depth: 4, ..config!("B20", Sql 2, "failover by up to 4 writes, lost", flights 3, failovers 1, lost 1) },
    config!("G0", Sql 2, "server's answer lost", flights 3, answers 1).server(Server::Grace(0)),
    config!("B19", Sql 2, "pause, outage", flights 2, pauses 1, outages 1).excused(),
    config!("B18", Sql 2, "failover, lost", flights 3, failovers 1, lost 1),
    config!("G4", Sql 2, "pause, server's answer lost", flights 3, pauses 1, answers 1)
        .server(Server::Grace(5)).excused(),
    config!("G5", Sql 2, "store's clock jumps, server's answer lost", flights 3, jumps 1, answers 1)
        .server(Server::Grace(5)),
    config!("U1", Sql 2, "good until used: crash, lost, 2 of the server's answers lost", flights 4, crashes 1, lost 1, answers 2)
        .server(Server::UntilUsed),
    config!("G6", Timeless 2, "crash, server's answer lost", flights 3, crashes 1, answers 1)
        .server(Server::Grace(5)),
];

pub(crate) fn config(name: &str) -> Config {
    *CONFIGS.iter().chain(&MORE).find(|config| config.name == name).expect("a configuration has this name")
}
