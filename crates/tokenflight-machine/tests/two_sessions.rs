//! Two sessions over one store: whatever is lost on the way to it, neither locks the other out.

mod support;

use proptest::{collection::vec, prelude::*};
use support::{HOUR, WALL, at, machine, tokens};
use tokenflight_core::{
    Epoch, Error, ErrorKind, Generation, Now,
    lease::{Record, RecordState, StoredTokens},
};
use tokenflight_machine::{Decision, Landing, Login, Machine, Obtained, Policy, Reconcile};

/// Tokens that live far beyond every moment of this file.
fn fresh() -> StoredTokens {
    tokens(WALL, Some(10 * HOUR))
}

/// One store and what is in it, as far as this file needs it.
#[derive(Default)]
struct Shelf {
    record: Option<Record>,
}

impl Shelf {
    /// Rule 7 of the store's contract.
    fn reset(&mut self, epoch: Epoch, generation: Generation, state: RecordState) -> (Epoch, Generation) {
        let (mut epoch, mut generation) = (epoch, generation);
        if let Some(record) = &self.record {
            epoch = epoch.max(record.epoch.next());
            generation = generation.max(record.generation.next());
        }
        self.record = Some(Record::new(epoch, generation, state));
        (epoch, generation)
    }

    /// Rule 5; without the refresh token, because this server takes any.
    fn commit(&mut self, epoch: Epoch, generation: Generation) -> Option<Generation> {
        let record = self.record.as_mut().filter(|record| record.epoch == epoch)?;
        record.generation = generation.max(record.generation.next());
        record.state = RecordState::Active(fresh());
        Some(record.generation)
    }
}

#[derive(Clone, Copy)]
enum Pending {
    Reset { epoch: Epoch, generation: Generation, login: bool },
    Commit { epoch: Epoch, generation: Generation },
}

struct Session {
    machine: Machine,
    pending: Option<Pending>,
}

impl Session {
    fn login(&mut self, now: Now) {
        self.machine.login(Login::new(Some(HOUR)), now, 0);
        let (epoch, generation) = (self.machine.epoch(), self.machine.generation());
        self.pending = Some(Pending::Reset { epoch, generation, login: true });
    }

    fn logout(&mut self) {
        self.machine.logout();
        let (epoch, generation) = (self.machine.epoch(), self.machine.generation().next());
        self.pending = Some(Pending::Reset { epoch, generation, login: false });
    }

    /// Stores what is pending. `false` if the store is not to be had.
    fn flush(&mut self, shelf: &mut Shelf, store_works: bool) -> bool {
        let Some(pending) = self.pending else { return true };
        if !store_works {
            return false;
        }
        self.pending = None;
        let (asked, stored) = match pending {
            Pending::Reset { epoch, generation, login } => {
                let state = if login { RecordState::Active(fresh()) } else { RecordState::LoggedOut };
                (epoch, Some(shelf.reset(epoch, generation, state)))
            }
            Pending::Commit { epoch, generation } => {
                (epoch, shelf.commit(epoch, generation).map(|generation| (epoch, generation)))
            }
        };
        let (epoch, generation) = stored.unwrap_or_else(|| (self.machine.epoch(), self.machine.generation()));
        self.machine.saved(asked, epoch, generation);
        true
    }

    /// A whole flight, if the machine wants one: what it landed with.
    fn fly(&mut self, shelf: &mut Shelf, store_works: bool, now: Now) -> Option<Landing> {
        let Decision::Start(mut plan) = self.machine.force(now) else { return None };
        let landing = if self.flush(shelf, store_works) {
            (plan.epoch, plan.generation) = (self.machine.epoch(), self.machine.generation());
            match self.machine.reconcile(&plan, shelf.record.as_ref(), now) {
                Reconcile::Adopt(found) => Landing::Found(found),
                Reconcile::Stop(landing) => landing,
                Reconcile::Present { epoch, generation } => self.answer(shelf, store_works, (epoch, generation), now),
            }
        } else {
            Landing::NotFlushed(Error::new(ErrorKind::Store))
        };
        self.machine.land(&plan, &landing, now, 0);
        Some(landing)
    }

    /// The server answers, and the answer is stored or not.
    fn answer(
        &mut self,
        shelf: &mut Shelf,
        store_works: bool,
        (epoch, generation): (Epoch, Generation),
        now: Now,
    ) -> Landing {
        let generation = generation.next();
        let stored = if store_works { shelf.commit(epoch, generation) } else { None };
        let mut obtained = Obtained::new(epoch, stored.unwrap_or(generation), now, Some(HOUR));
        if stored.is_none() {
            obtained.unsaved = Some(Error::new(ErrorKind::Store));
            self.pending = Some(Pending::Commit { epoch, generation });
        }
        Landing::Obtained(obtained)
    }
}

/// What one of the two sessions does.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Login,
    Logout,
    Fly,
    /// A flight during which the store works until the answer is there.
    FlyUnsaved,
    FlyWithoutStore,
    Reload,
}

fn deeds() -> impl Strategy<Value = Vec<(bool, Deed)>> {
    let deed = prop_oneof![
        3 => Just(Deed::Login),
        1 => Just(Deed::Logout),
        6 => Just(Deed::Fly),
        3 => Just(Deed::FlyUnsaved),
        1 => Just(Deed::FlyWithoutStore),
        1 => Just(Deed::Reload),
    ];
    vec((any::<bool>(), deed), 1..40)
}

fn play(deeds: &[(bool, Deed)]) {
    let session = || Session { machine: machine(Policy::default()), pending: None };
    let (mut shelf, mut sessions) = (Shelf::default(), [session(), session()]);
    let mut clock = 1000;
    let mut honest = |session: &mut Session, shelf: &mut Shelf, deed| {
        clock += 20;
        let now = at(clock);
        let landing = match deed {
            Deed::Login => return session.login(now),
            Deed::Logout => return session.logout(),
            Deed::Reload => return session.machine.reload(),
            Deed::Fly => session.fly(shelf, true, now),
            Deed::FlyWithoutStore => session.fly(shelf, false, now),
            Deed::FlyUnsaved => {
                session.flush(shelf, true);
                session.fly(shelf, false, now)
            }
        };
        if let Some(Landing::Failed { class, error, .. }) = landing {
            panic!("a session was locked out of an honest store: {class:?} {error:?}");
        }
    };
    for (which, deed) in deeds {
        honest(&mut sessions[usize::from(*which)], &mut shelf, *deed);
    }
    // Once the store works again, both get along.
    for _ in 0..3 {
        for session in &mut sessions {
            session.flush(&mut shelf, true);
            honest(session, &mut shelf, Deed::Fly);
        }
    }
}

/// Login here, a rotation that could not be stored, a login elsewhere: the generations have come apart.
#[test]
fn a_session_whose_count_ran_ahead_of_the_stores_goes_on_with_the_stores() {
    let (here, there) = (false, true);
    play(&[
        (here, Deed::Login),
        (here, Deed::Fly),
        (here, Deed::FlyUnsaved),
        (there, Deed::Login),
        (there, Deed::FlyUnsaved),
        (here, Deed::Fly),
        (here, Deed::Fly),
    ]);
}

/// The end of a session says nothing about the store's count, and a reload reads it anew.
#[test]
fn a_session_that_reads_the_store_again_after_its_end_believes_what_it_finds() {
    let (here, there) = (true, false);
    play(&[
        (here, Deed::Login),
        (here, Deed::FlyUnsaved),
        (there, Deed::Login),
        (there, Deed::FlyUnsaved),
        (there, Deed::Logout),
        (here, Deed::Fly),
        (here, Deed::Fly),
        (here, Deed::FlyUnsaved),
        (there, Deed::FlyUnsaved),
        (here, Deed::Fly),
        (here, Deed::Reload),
        (there, Deed::Logout),
        (here, Deed::Fly),
    ]);
}

proptest! {
    #![proptest_config(support::cases(4000))]

    #[test]
    fn two_sessions_over_one_store_never_lock_each_other_out(deeds in deeds()) {
        play(&deeds);
    }
}
