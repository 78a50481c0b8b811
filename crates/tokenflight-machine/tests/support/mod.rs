//! What the test files share: readable moments, plans, answers of the server and of the store.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod laws;

use std::{env, sync::Arc, time::Duration};

use proptest::test_runner::Config;
use tokenflight_core::{
    Error, ErrorKind, Event, FailureClass, GrantError, Now, RefreshToken, TokenSet,
    store::{Body, Entry, EntryState, Facts, Op, OpId, Reply, Seen, StoreErrorKind, StoredTokens, apply},
};
use tokenflight_machine::{
    Decision, Failure, Machine, OriginId, Outcome, Plan, Policy, Refused, Rules, Saved, Settled, Start, Times, WorkId,
};

/// A machine whose tokens are numbers.
pub(crate) type Session = Machine<u32>;

/// So many cases, unless `PROPTEST_CASES` says otherwise; a failure is printed, not kept in a file.
pub(crate) fn cases(otherwise: u32) -> Config {
    let cases = env::var("PROPTEST_CASES").ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise);
    Config { cases, failure_persistence: None, ..Config::default() }
}

/// Where the wall clock stands when the boot clock shows zero.
pub(crate) const WALL: Duration = Duration::from_secs(1_700_000_000);

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Most of the longest wait: jitter is full, so the tests draw nearly all of it.
pub(crate) const ALL: u64 = u64::MAX;

/// The one origin of the tests that need only one.
pub(crate) const API: OriginId = OriginId::new(1);
pub(crate) const OTHER: OriginId = OriginId::new(2);

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

pub(crate) fn machine(policy: Policy) -> Session {
    Machine::new(rules(policy))
}

pub(crate) fn rules(policy: Policy) -> Arc<Rules> {
    Arc::new(Rules::new(policy).expect("a sane policy"))
}

/// The default policy, changed.
pub(crate) fn policy(change: impl FnOnce(&mut Policy)) -> Policy {
    let mut policy = Policy::default();
    change(&mut policy);
    policy
}

/// A machine with a token of this lifetime, logged in at 0 s and stored; renewal drawn at 70 %.
pub(crate) fn logged_in(policy: Policy, lifetime: Option<Duration>) -> Session {
    let mut machine = machine(policy);
    login(&mut machine, lifetime, at(0));
    store(&mut machine, at(0));
    machine
}

/// With the default policy, for an hour.
pub(crate) fn session() -> Session {
    logged_in(Policy::default(), Some(HOUR))
}

/// A login with an access token and a refresh token.
pub(crate) fn login(machine: &mut Session, lifetime: Option<Duration>, now: Now) {
    let token = next_token(machine.generation().get());
    machine.login(Some(token), Times::new(now, lifetime), tokens(now.wall, lifetime), now, 0);
}

/// This entry, read in a storage that says nothing of itself.
pub(crate) fn seen(entry: &Entry) -> Seen {
    Seen::new(Some(entry.clone()), Facts::none())
}

/// Stores what is not stored. Returns the answer.
#[track_caller]
pub(crate) fn store(machine: &mut Session, now: Now) -> Settled {
    let write = machine.flush().expect("something to be stored");
    let entry = machine.known().map(|known| Entry::clone(known));
    machine.settle(write, entry.as_ref().map(seen).as_ref());
    write_to(machine, write, entry.as_ref(), now)
}

/// A write reaches a store that holds this entry.
#[track_caller]
pub(crate) fn write_to(machine: &mut Session, write: WorkId, entry: Option<&Entry>, now: Now) -> Settled {
    let op = machine.pending(write).expect("something to be stored").op(now);
    let (_, reply) = apply(entry, &op, &Facts::in_process());
    machine.written(write, Ok(reply), now, 0)
}

/// The write fails in this way.
pub(crate) fn not_written(machine: &mut Session, write: WorkId, kind: StoreErrorKind, now: Now) -> Settled {
    machine.written(write, Err(unsaved(kind)), now, ALL)
}

pub(crate) fn unsaved(kind: StoreErrorKind) -> Failure {
    Failure { kind, tried: None, error: Error::new(ErrorKind::Store) }
}

/// A refusal of the current token by [`API`].
pub(crate) fn refusal(machine: &Session) -> Refused {
    refused_by(machine, API)
}

pub(crate) fn refused_by(machine: &Session, origin: OriginId) -> Refused {
    Refused::new(machine.login_id(), machine.generation(), Some(origin))
}

/// The refresh that must have been started.
#[track_caller]
pub(crate) fn started(decision: Decision) -> Plan {
    match decision {
        Decision::Start(Start::Refresh(plan)) => plan,
        other => panic!("expected a refresh, got {other:?}"),
    }
}

/// The answer to a question; if that is a look into the store, the one after it has found nothing.
pub(crate) fn after_a_look(machine: &mut Session, now: Now, ask: impl Fn(&mut Session) -> Decision) -> Decision {
    match ask(machine) {
        Decision::Start(Start::Refresh(plan)) if plan.looks => {
            let error = Error::failed(GrantError::new(FailureClass::Ambiguous));
            machine.finish(&plan, Outcome::KeptBack { error }, now, 0);
            ask(machine)
        }
        other => other,
    }
}

/// The write that must have been started.
#[track_caller]
pub(crate) fn writing(decision: Decision) -> WorkId {
    match decision {
        Decision::Start(Start::Write(write)) => write,
        other => panic!("expected a write, got {other:?}"),
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
    matches!(decision, Decision::Use { beside: None })
}

/// Whether the answer lets the caller use the current token at once.
pub(crate) const fn uses(decision: &Decision) -> bool {
    matches!(decision, Decision::Use { .. })
}

/// Another token than that of this generation.
pub(crate) fn next_token(generation: u64) -> u32 {
    u32::try_from(generation % 1_000_000).expect("a small number") + 1
}

/// The server's answer to a plan: another token, stored.
pub(crate) fn obtained(plan: &Plan, lifetime: Option<Duration>) -> Outcome<u32> {
    let entry = committed(plan.known.as_deref(), lifetime, plan.started);
    answered(plan, Times::new(plan.started, lifetime), Saved::Stored(Arc::new(entry)))
}

/// The server's answer to a plan: another token, stored or not.
pub(crate) fn answered(plan: &Plan, times: Times, saved: Saved) -> Outcome<u32> {
    Outcome::Obtained { token: next_token(plan.generation.get()), times, renewable: true, saved }
}

/// The server gave the very token again that there was.
pub(crate) fn the_same_again(plan: &Plan, lifetime: Option<Duration>) -> Outcome<u32> {
    match obtained(plan, lifetime) {
        Outcome::Obtained { times, renewable, saved, .. } => {
            Outcome::Obtained { token: next_token(plan.generation.get() - 1), times, renewable, saved }
        }
        other => other,
    }
}

/// The same answer; the store did not take it.
pub(crate) fn obtained_unsaved(plan: &Plan, lifetime: Option<Duration>) -> Outcome<u32> {
    let op = commit(plan.known.as_deref(), lifetime, plan.started);
    let saved = Saved::Unsaved { op, error: Error::new(ErrorKind::Store) };
    answered(plan, Times::new(plan.started, lifetime), saved)
}

/// The operation that stores a successor of this entry.
pub(crate) fn commit(known: Option<&Entry>, lifetime: Option<Duration>, now: Now) -> Op {
    let entry = known.cloned().unwrap_or_default();
    let presented = entry.tokens().and_then(|tokens| tokens.refresh.clone());
    let (epoch, login, over) = (entry.epoch, entry.login, entry.set);
    Op::new(None, now, Body::Commit { epoch, login, over, presented, next: tokens(now.wall, lifetime) })
}

/// The entry with a successor, brought by whichever process.
pub(crate) fn committed(known: Option<&Entry>, lifetime: Option<Duration>, now: Now) -> Entry {
    stored(apply(known, &commit(known, lifetime, now), &Facts::in_process()).1)
}

/// The entry after another process's login (with tokens) or logout.
pub(crate) fn reset(known: Option<&Entry>, tokens: Option<StoredTokens>, now: Now) -> Entry {
    stored(apply(known, &Op::new(None, now, Body::Reset { base: None, tokens }), &Facts::in_process()).1)
}

/// The entry after the server has ended the session.
pub(crate) fn ended_entry(known: &Entry, now: Now) -> Entry {
    let (tokens, reason) =
        (known.tokens().expect("tokens").clone(), GrantError::terminal("invalid_grant").end_reason());
    let state = EntryState::Ended { tokens, reason, at: now.wall };
    let mut entry = known.clone();
    (entry.op, entry.state) = (OpId::unique(), state);
    entry
}

#[track_caller]
fn stored(reply: Reply) -> Entry {
    match reply {
        Reply::Stored { entry, .. } => entry,
        other => panic!("expected to store, got {other:?}"),
    }
}

/// The store held this entry; its access token is this one.
pub(crate) fn found(entry: Entry, token: u32, now: Now) -> Outcome<u32> {
    let times = entry.tokens().and_then(|tokens| rules(Policy::default()).times(tokens, now));
    Outcome::Found { entry: Some(Arc::new(entry)), token: times.map(|times| (token, times)) }
}

pub(crate) fn failed(class: FailureClass) -> Outcome<u32> {
    failure(GrantError::new(class))
}

pub(crate) fn failure(error: GrantError) -> Outcome<u32> {
    Outcome::Failed { class: error.class(), error: Error::failed(error), in_doubt: None, rotated: None }
}

/// No answer: the refresh token may have been presented from then on.
pub(crate) fn lost(since: Duration) -> Outcome<u32> {
    let error = Error::failed(GrantError::new(FailureClass::Ambiguous));
    Outcome::Failed { class: FailureClass::Ambiguous, error, in_doubt: Some(since), rotated: None }
}

/// The server ended the session.
pub(crate) fn ended(plan: &Plan) -> Outcome<u32> {
    let entry = ended_entry(plan.known.as_ref().expect("a stored entry"), plan.started);
    Outcome::Ended { entry: Arc::new(entry), error: Error::from(GrantError::terminal("invalid_grant")) }
}

/// What one step has to tell.
pub(crate) fn told<T>(machine: &mut Session, step: impl FnOnce(&mut Session) -> T) -> Vec<Event> {
    let before = machine.view();
    step(machine);
    before.events(&machine.view())
}

pub(crate) fn names(events: &[Event]) -> Vec<&'static str> {
    let name = |event: &Event| match event {
        Event::Refreshed { .. } => "refreshed",
        Event::RefreshFailed { .. } => "failed",
        Event::Ended { .. } => "ended",
        Event::InteractionRequired { .. } => "interaction",
        Event::LoggedIn { .. } => "login",
        Event::LoggedOut { .. } => "logout",
        Event::Unpersisted { .. } => "unpersisted",
        Event::Persisted { .. } => "persisted",
        Event::Overtaken { .. } => "overtaken",
        Event::ProactiveOff => "reactive",
        _ => "another",
    };
    events.iter().map(name).collect()
}

/// Tokens as a store keeps them, received when the wall clock showed `received`.
pub(crate) fn tokens(received: Duration, lifetime: Option<Duration>) -> StoredTokens {
    let set = TokenSet::new("access").refresh_token(format!("refresh {}", OpId::unique().get()));
    let mut tokens = StoredTokens::from_set(&set, received, None);
    tokens.lifetime = lifetime;
    tokens
}

/// The same without a refresh token.
pub(crate) fn unrefreshable(mut tokens: StoredTokens) -> StoredTokens {
    tokens.refresh = None;
    tokens
}

pub(crate) fn refresh_token(tokens: &StoredTokens) -> &RefreshToken {
    tokens.refresh.as_ref().expect("a refresh token")
}
