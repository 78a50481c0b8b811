//! What the test files share: readable moments, plans and errors.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{env, time::Duration};

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use proptest::test_runner::Config;
use tokenflight_core::{
    Epoch, Error, ErrorKind, FailureClass, Generation, GrantError, Now, TokenSet,
    lease::{Record, RecordState, StoredTokens},
};
use tokenflight_machine::{
    Beside, Decision, FlightPlan, Found, Landing, Login, Machine, Obtained, OriginId, Policy, Reconcile, Refused,
};

/// So many cases, unless `PROPTEST_CASES` says otherwise; a failure is printed, not written to a file.
pub(crate) fn cases(otherwise: u32) -> Config {
    Config { cases: number("PROPTEST_CASES", otherwise), failure_persistence: None, ..Config::default() }
}

pub(crate) fn number(name: &str, otherwise: u32) -> u32 {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Where the wall clock stands when the boot clock shows zero.
pub(crate) const WALL: Duration = Duration::from_secs(1_700_000_000);

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The one origin of the tests that need only one.
pub(crate) const API: OriginId = OriginId::new(1);

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Both clocks, `after` the start of the test.
pub(crate) fn moment(after: Duration) -> Now {
    Now::new(after, WALL.saturating_add(after))
}

/// Both clocks, so many seconds after the start of the test.
pub(crate) fn at(seconds: u64) -> Now {
    moment(secs(seconds))
}

pub(crate) fn machine(policy: Policy) -> Machine {
    Machine::new(policy).expect("a sane policy")
}

/// A machine with a token of this lifetime, logged in at second zero and stored; its renewal is drawn at 70 %.
pub(crate) fn logged_in(policy: Policy, lifetime: Option<Duration>) -> Machine {
    let mut machine = machine(policy);
    machine.login(Login::new(lifetime), at(0), 0);
    store(&mut machine);
    machine
}

/// Says that everything is stored, under the machine's own numbers.
pub(crate) fn store(machine: &mut Machine) {
    let (epoch, generation) = (machine.epoch(), machine.generation());
    machine.saved(epoch, epoch, generation);
}

/// A refusal of the current token by [`API`].
pub(crate) fn refusal(machine: &Machine) -> Refused {
    Refused::new(machine.epoch(), machine.generation(), API)
}

/// The flight that must have been started.
#[track_caller]
pub(crate) fn started(decision: Decision) -> FlightPlan {
    match decision {
        Decision::Start(plan) | Decision::Use { beside: Beside::Start(plan) } => plan,
        other => panic!("expected a flight, got {other:?}"),
    }
}

/// The kind of the refusal that must have been given.
#[track_caller]
pub(crate) fn refused_with(decision: Decision) -> ErrorKind {
    match decision {
        Decision::Refuse(error) => error.kind().clone(),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// Whether the answer is "use this, and nothing else is to be done".
pub(crate) const fn just_use(decision: &Decision) -> bool {
    matches!(decision, Decision::Use { beside: Beside::Nothing })
}

/// Whether the answer lets the caller use the current token at once.
pub(crate) const fn uses(decision: &Decision) -> bool {
    matches!(decision, Decision::Use { .. })
}

/// The server's answer to a plan: the next generation, stored.
pub(crate) fn obtained(plan: &FlightPlan, lifetime: Option<Duration>) -> Landing {
    Landing::Obtained(Obtained::new(plan.epoch, plan.generation.next(), plan.started, lifetime))
}

pub(crate) fn failed(class: FailureClass) -> Landing {
    failure(GrantError::new(class))
}

pub(crate) fn failure(error: GrantError) -> Landing {
    Landing::Failed { class: error.class(), error: Error::from(error), rotated: None }
}

pub(crate) fn ended(epoch: Epoch) -> Landing {
    Landing::Over { epoch, error: Error::from(GrantError::terminal("invalid_grant")) }
}

/// Tokens as a store keeps them, received when the wall clock showed `received`.
pub(crate) fn tokens(received: Duration, lifetime: Option<Duration>) -> StoredTokens {
    let mut tokens = StoredTokens::from_set(&TokenSet::new("access").refresh_token("refresh"), received, None);
    tokens.lifetime = lifetime;
    tokens
}

pub(crate) fn record(epoch: u64, generation: u64, tokens: StoredTokens) -> Record {
    Record::new(Epoch::new(epoch), Generation::new(generation), RecordState::Active(tokens))
}

/// A token set found in the store. Made by the machine itself, because nobody else can.
pub(crate) fn found(epoch: Epoch, generation: Generation, anchor: Now, lifetime: Option<Duration>) -> Found {
    let mut machine = machine(Policy::default());
    let plan = started(machine.usable(at(0)));
    let Reconcile::Adopt(mut found) = machine.reconcile(&plan, Some(&record(1, 1, tokens(WALL, None))), at(0)) else {
        panic!("a machine that knows nothing adopts what the store has");
    };
    (found.epoch, found.generation, found.anchor, found.lifetime) = (epoch, generation, anchor, lifetime);
    found
}

/// Unpadded base64 of the URL-safe alphabet.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Unpadded base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD_NO_PAD.encode(bytes)
}
