//! Two sessions over one store and one server that rotates: whatever is lost on the way to the
//! store, neither locks the other out, and no refresh token is presented twice.

mod support;

use std::{collections::HashSet, sync::Arc};

use proptest::{collection::vec, prelude::*};
use support::{HOUR, Session, at, login, machine, policy, tokens, unsaved};
use tokenflight_core::{
    AccessToken, Error, ErrorKind, FailureClass, GrantError, Now,
    store::{Body, Entry, Facts, Op, Outcome::Untouched, Owner, Reply, Seen, StoreErrorKind, apply},
};
use tokenflight_machine::{Decision, Outcome, Plan, Reconcile, Rules, Saved, Settled, Start, Times, WorkId, present};

/// The store, and what the server has seen.
#[derive(Default)]
struct Fixture {
    entry: Option<Entry>,
    presented: HashSet<String>,
}

/// How the store behaves during one deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Fine,
    /// Nothing gets through.
    Down,
    /// What is to be stored after the server's answer does not get through.
    DownAfter,
    /// As before, but it is stored, and only the answer is lost.
    AnswerLost,
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Login,
    Logout,
    Refresh,
    Reload,
}

impl Fixture {
    fn apply(&mut self, op: &Op) -> Reply {
        let (next, reply) = apply(self.entry.as_ref(), op, &Facts::in_process());
        if next.is_some() {
            self.entry = next;
        }
        reply
    }

    /// One write of a session, to its end.
    fn write(&mut self, session: &mut Session, write: WorkId, weather: Weather, now: Now) {
        let mut name = Some(write);
        while let Some(write) = name.take() {
            if matches!(weather, Weather::Down | Weather::DownAfter) {
                session.written(write, Err(unsaved(StoreErrorKind::NotDone)), now, 0);
                return;
            }
            session.settle(write, Some(&Seen::new(self.entry.clone(), Facts::in_process())));
            let op = session.pending(write).expect("something to be stored").op(now);
            let tried = self.entry.clone().unwrap_or_default();
            let reply = self.apply(&op);
            if weather == Weather::AnswerLost {
                let mut failure = unsaved(StoreErrorKind::Unknown);
                failure.tried = Some(Box::new(tried));
                session.written(write, Err(failure), now, 0);
                return;
            }
            if let Settled::Again(again) = session.written(write, Ok(reply), now, 0) {
                name = Some(again);
            }
        }
    }

    /// A refresh, as the engine does it.
    fn refresh(&mut self, rules: &Rules, plan: &Plan, weather: Weather, now: Now, token: u32) -> Outcome<u32> {
        if weather == Weather::Down {
            return support::failed(FailureClass::NotSent);
        }
        let seen = Seen::new(self.entry.clone(), Facts::in_process());
        let entry = seen.entry.clone().map(Arc::new);
        match rules.reconcile(plan, &seen, now) {
            Reconcile::Adopt(times) => Outcome::Found { entry, token: Some((number(seen.entry.as_ref()), times)) },
            Reconcile::Over => Outcome::Found { entry, token: None },
            Reconcile::Claim { .. } => self.present(rules, plan, weather, now, token),
            Reconcile::KeptBack => kept_back(),
            other => panic!("a session was locked out of an honest store: {other:?}"),
        }
    }

    fn present(&mut self, rules: &Rules, plan: &Plan, weather: Weather, now: Now, token: u32) -> Outcome<u32> {
        let entry = self.entry.clone().unwrap_or_default();
        let (owner, length) = (Owner::unique(), support::secs(75));
        let claim = Body::Claim { owner, seen: entry.op, length, yields: None, holder: "us".into() };
        let Reply::Granted(entry) = self.apply(&Op::new(None, now, claim)) else {
            return support::failed(FailureClass::NotSent);
        };
        let facts = Facts::in_process();
        let doubt = present::doubt_of(&entry, &facts, Some(owner));
        let usable = plan.is_usable(now);
        if present::may_present(rules.reuse, doubt, facts.now(now), usable, &rules.lengths()).is_none() {
            self.apply(&Op::new(None, now, Body::Settle { owner, outcome: Untouched }));
            return kept_back();
        }
        let presented = entry.tokens().and_then(|tokens| tokens.refresh.clone()).expect("a refresh token");
        assert!(self.presented.insert(presented.expose().to_owned()), "a refresh token was presented twice");
        let mut next = tokens(now.wall, Some(HOUR));
        next.access = Some(AccessToken::new(token.to_string()));
        let (epoch, login, over) = (entry.epoch, entry.login, entry.set);
        let op = Op::new(None, now, Body::Commit { epoch, login, over, presented: Some(presented), next });
        let stored = (weather != Weather::DownAfter).then(|| self.apply(&op));
        let saved = match stored {
            Some(Reply::Stored { entry, .. }) if weather == Weather::Fine => Saved::Stored(Arc::new(entry)),
            _ => Saved::Unsaved { op, error: Error::new(ErrorKind::Store) },
        };
        Outcome::Obtained { token, times: Times::new(now, Some(HOUR)), renewable: true, saved }
    }
}

fn kept_back() -> Outcome<u32> {
    Outcome::KeptBack { error: Error::failed(GrantError::new(FailureClass::Ambiguous)) }
}

/// The access token of an entry, as a number.
fn number(entry: Option<&Entry>) -> u32 {
    let access = entry.and_then(Entry::tokens).and_then(|tokens| tokens.access.as_ref());
    access.and_then(|access| access.expose().parse().ok()).unwrap_or(0)
}

fn play(deeds: &[(bool, Deed, Weather)]) {
    let policy = policy(|policy| policy.min_interval = std::time::Duration::ZERO);
    let (mut fixture, mut sessions) = (Fixture::default(), [machine(policy.clone()), machine(policy)]);
    let mut clock = 1000;
    let mut act = |session: &mut Session, deed, weather| {
        clock += 20;
        let now = at(clock);
        match deed {
            Deed::Login => login(session, Some(HOUR), now),
            Deed::Logout => session.logout(now),
            Deed::Reload => session.reload(now),
            Deed::Refresh => {
                if let Some(write) = session.flush() {
                    fixture.write(session, write, weather, now);
                }
                if let Decision::Start(Start::Refresh(plan)) = session.force(now) {
                    let rules = Arc::clone(session.rules());
                    let outcome = fixture.refresh(&rules, &plan, weather, now, clock as u32);
                    session.finish(&plan, outcome, now, 0);
                    assert_eq!(session.running(tokenflight_machine::Work::Refresh), None);
                }
            }
        }
    };
    for (which, deed, weather) in deeds {
        act(&mut sessions[usize::from(*which)], *deed, *weather);
    }
    // Once the store works again both store what they owe, and then agree on what is in it.
    for _ in 0..3 {
        for session in &mut sessions {
            act(session, Deed::Reload, Weather::Fine);
            act(session, Deed::Refresh, Weather::Fine);
        }
    }
    let last = fixture.entry.as_ref().and_then(Entry::tokens).and_then(|tokens| tokens.refresh.clone());
    for session in &sessions {
        assert!(!session.has_unsaved());
        let known = session.known().and_then(|known| known.tokens()).and_then(|tokens| tokens.refresh.clone());
        assert!(session.over().is_some() == last.is_none(), "{:?}", session.over());
        assert!(last.is_none() || known.is_some());
    }
}

const HERE: bool = false;
const THERE: bool = true;

/// Its outcome is not known, and meanwhile the other one has logged in.
#[test]
fn a_rotation_that_was_not_stored_yields_to_another_sessions_login() {
    for weather in [Weather::DownAfter, Weather::AnswerLost] {
        play(&[
            (HERE, Deed::Login, Weather::Fine),
            (HERE, Deed::Refresh, weather),
            (THERE, Deed::Login, Weather::Fine),
            (THERE, Deed::Refresh, weather),
            (HERE, Deed::Refresh, Weather::Fine),
        ]);
    }
}

#[test]
fn a_session_that_reads_the_store_again_after_its_end_believes_what_it_finds() {
    play(&[
        (HERE, Deed::Login, Weather::Fine),
        (HERE, Deed::Refresh, Weather::DownAfter),
        (THERE, Deed::Login, Weather::Fine),
        (THERE, Deed::Logout, Weather::Fine),
        (THERE, Deed::Refresh, Weather::AnswerLost),
        (HERE, Deed::Refresh, Weather::Fine),
        (HERE, Deed::Reload, Weather::Fine),
        (THERE, Deed::Refresh, Weather::Fine),
        (HERE, Deed::Refresh, Weather::Fine),
    ]);
}

fn deeds() -> impl Strategy<Value = Vec<(bool, Deed, Weather)>> {
    let deed = prop_oneof![
        3 => Just(Deed::Login),
        1 => Just(Deed::Logout),
        8 => Just(Deed::Refresh),
        1 => Just(Deed::Reload),
    ];
    let weather = prop_oneof![
        4 => Just(Weather::Fine),
        1 => Just(Weather::Down),
        2 => Just(Weather::DownAfter),
        2 => Just(Weather::AnswerLost),
    ];
    vec((any::<bool>(), deed, weather), 1..40)
}

proptest! {
    #![proptest_config(support::cases(4000))]

    #[test]
    fn two_sessions_over_one_store_never_lock_each_other_out(deeds in deeds()) {
        play(&deeds);
    }
}
