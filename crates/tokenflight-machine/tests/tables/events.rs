//! What is told, in which order, and how often.

use tokenflight_core::Source;

use crate::tables::*;

/// A refresh that was forced ends so.
fn refresh(machine: &mut Session, second: u64, outcome: impl FnOnce(&mut Plan) -> Outcome<u32>) -> Vec<Event> {
    let mut plan = started(machine.force(at(second)));
    let outcome = outcome(&mut plan);
    told(machine, |machine| machine.finish(&plan, outcome, at(second), ALL))
}

fn fail_to_store(machine: &mut Session, second: u64) -> Vec<&'static str> {
    let write = machine.flush().expect("a write");
    names(&told(machine, |machine| not_written(machine, write, StoreErrorKind::NotDone, at(second))))
}

fn stores(machine: &mut Session, second: u64) -> Vec<&'static str> {
    names(&told(machine, |machine| store(machine, at(second))))
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_login_a_logout_and_their_ids_are_told() {
    let mut machine = machine(Policy::default());
    let events = told(&mut machine, |machine| login(machine, None, at(0)));
    let [Event::LoggedIn { login: id, generation }] = events[..] else { panic!("{events:?}") };
    assert_eq!((id, generation), (machine.login_id(), machine.generation()));
    for _ in 0..2 {
        let events = told(&mut machine, |machine| machine.logout(at(1)));
        let [Event::LoggedOut { login: id }] = events[..] else { panic!("{events:?}") };
        assert_eq!(id, machine.login_id());
    }
}

#[test]
fn a_token_set_is_told_with_its_generation_and_where_it_came_from() {
    let refreshed = |events: &[Event], generation: Generation, from: Source| match events {
        [Event::Refreshed { generation: told, source }] => assert_eq!((*told, *source), (generation, from)),
        other => panic!("{other:?}"),
    };
    let mut machine = session();
    let first = machine.generation();
    refreshed(&refresh(&mut machine, 100, |plan| obtained(plan, Some(HOUR))), first.next(), Source::Server);
    refreshed(&refresh(&mut machine, 200, |plan| the_same_again(plan, Some(HOUR))), first.next(), Source::Server);
    let successor = |plan: &mut Plan| found(committed(plan.known.as_deref(), Some(HOUR), at(300)), 77, at(300));
    refreshed(&refresh(&mut machine, 300, successor), first.next().next(), Source::Store);
    // What the store held when it was first read is no login of now.
    let mut unread = crate::support::machine(Policy::default());
    let events = refresh(&mut unread, 300, |_| found(reset(None, Some(tokens(at(0).wall, None)), at(0)), 1, at(300)));
    refreshed(&events, Generation::new(1), Source::Store);
}

#[test]
fn what_is_stored_at_the_first_try_is_not_told() {
    let mut machine = session();
    for second in [10, 20] {
        login(&mut machine, None, at(second));
        assert_eq!(stores(&mut machine, second), NOTHING);
    }
}

#[test]
fn what_could_not_be_stored_is_told_once_and_so_is_that_it_is() {
    let mut machine = session();
    login(&mut machine, None, at(10));
    assert_eq!(fail_to_store(&mut machine, 10), ["unpersisted"]);
    for _ in 0..5 {
        assert_eq!(fail_to_store(&mut machine, 10), NOTHING);
    }
    assert_eq!(stores(&mut machine, 20), ["persisted"]);
    let events = refresh(&mut machine, 100, |plan| obtained_unsaved(plan, None));
    assert_eq!(names(&events), ["refreshed", "unpersisted"]);
    let Event::Unpersisted { generation, error } = &events[1] else { panic!("{events:?}") };
    assert_eq!((*generation, error.kind()), (machine.generation(), &ErrorKind::Store));
    let events = told(&mut machine, |machine| store(machine, at(101)));
    let [Event::Persisted { generation: stored }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(stored, generation);
}

#[test]
fn what_a_logout_or_login_replaces_before_it_is_stored_is_overtaken() {
    let mut machine = session();
    login(&mut machine, None, at(10));
    fail_to_store(&mut machine, 10);
    let generation = machine.generation();
    let events = told(&mut machine, |machine| machine.logout(at(11)));
    assert_eq!(names(&events), ["overtaken", "logout"]);
    assert!(matches!(events[0], Event::Overtaken { generation: lost } if lost == generation));
    assert_eq!(fail_to_store(&mut machine, 11), ["unpersisted"]);
    let events = told(&mut machine, |machine| login(machine, None, at(12)));
    assert_eq!(names(&events), ["overtaken", "login"]);
    // What was never told to be unsaved raises no question.
    let events = told(&mut machine, |machine| machine.logout(at(13)));
    assert_eq!(names(&events), ["logout"]);
    assert_eq!(stores(&mut machine, 14), NOTHING);
}

/// A login that this process could never store, whether it had seen another one before or none.
#[test]
fn another_processs_login_that_came_first_is_told_as_a_login_when_it_is_read() {
    for (reads, failures) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
        let mut machine = if reads { session() } else { machine(Policy::default()) };
        let known = machine.known().map(|known| Entry::clone(known)).unwrap_or_else(|| reset(None, None, at(0)));
        login(&mut machine, None, at(10));
        for _ in 0..failures {
            fail_to_store(&mut machine, 10);
        }
        let write = machine.flush().expect("a write");
        machine.settle(write, Some(&seen(&known)));
        let theirs = reset(Some(&known), Some(tokens(at(9).wall, Some(HOUR))), at(9));
        let events = told(&mut machine, |machine| {
            assert!(
                matches!(write_to(machine, write, Some(&theirs), at(11)), Settled::Overtaken(revoke) if revoke.is_empty())
            );
        });
        assert_eq!(names(&events), if failures > 0 { &["overtaken"][..] } else { &[] });
        let events = refresh(&mut machine, 12, |_| found(theirs, 7, at(12)));
        let [Event::LoggedIn { login, .. }] = events[..] else { panic!("{events:?}") };
        assert_eq!(login, machine.login_id());
    }
}

#[test]
fn a_login_elsewhere_is_told_as_a_login_also_when_its_token_had_run_out() {
    let mut machine = session();
    let before = machine.login_id();
    let theirs = reset(machine.known().map(|known| &**known), Some(tokens(at(0).wall, Some(secs(50)))), at(0));
    let next = committed(Some(&theirs), Some(HOUR), at(100));
    let times = Times::new(at(100), Some(HOUR));
    let mut unsaved = machine.clone();
    let events = refresh(&mut machine, 100, |plan| answered(plan, times, Saved::Stored(Arc::new(next))));
    assert_eq!((names(&events), machine.login_id()), (vec!["login"], before.next()));
    // Nor is anything lost if what came back could not be stored.
    let saved = |plan: &mut Plan| {
        plan.known = Some(Arc::new(theirs.clone()));
        let (op, error) = (commit(Some(&theirs), Some(HOUR), at(100)), Error::new(ErrorKind::Store));
        Saved::Unsaved { op, error }
    };
    let events = refresh(&mut unsaved, 100, |plan| {
        let saved = saved(plan);
        answered(plan, times, saved)
    });
    assert_eq!((names(&events), unsaved.login_id()), (vec!["login", "unpersisted"], before.next()));
    let write = unsaved.flush().expect("a write");
    let events = told(&mut unsaved, |machine| write_to(machine, write, Some(&theirs), at(101)));
    assert_eq!((names(&events), unsaved.login_id()), (vec!["persisted"], before.next()));
}

#[test]
fn a_login_that_came_before_our_logout_is_another_login_when_it_is_read() {
    let mut machine = machine(Policy::default());
    machine.logout(at(10));
    let (write, ours) = (machine.flush().expect("a write"), machine.login_id());
    let known = reset(None, None, at(0));
    machine.settle(write, Some(&seen(&known)));
    let theirs = reset(Some(&known), Some(tokens(at(9).wall, None)), at(9));
    write_to(&mut machine, write, Some(&theirs), at(11));
    machine.reload(at(10));
    let events = refresh(&mut machine, 12, |_| found(theirs, 7, at(12)));
    let [Event::LoggedIn { login, .. }] = events[..] else { panic!("{events:?}") };
    assert!(login == machine.login_id() && login > ours);
}

/// Its first answer brought a refresh token, but no access token that can be used.
#[test]
fn a_login_elsewhere_is_told_when_its_first_tokens_are_adopted() {
    for unread in [false, true] {
        let mut machine = session();
        let before = machine.login_id();
        if unread {
            machine.logout(at(10));
            store(&mut machine, at(10));
            machine.reload(at(10));
        }
        let theirs = reset(machine.known().map(|known| &**known), Some(tokens(at(0).wall, Some(secs(50)))), at(20));
        let rotated = Some(Saved::Stored(Arc::new(committed(Some(&theirs), None, at(100)))));
        let (class, error) = (FailureClass::Config, Error::new(ErrorKind::Store));
        let events = refresh(&mut machine, 100, |_| Outcome::Failed { class, error, in_doubt: None, rotated });
        assert_eq!(names(&events), ["failed"]);
        assert!(machine.token().is_none() && machine.login_id() > before);
        let events = refresh(&mut machine, 400, |plan| obtained(plan, None));
        let [Event::LoggedIn { login, .. }] = events[..] else { panic!("{events:?}") };
        assert_eq!(login, machine.login_id());
    }
}

#[test]
fn a_logout_elsewhere_is_told_as_a_logout() {
    let mut machine = session();
    let before = machine.login_id();
    let events = refresh(&mut machine, 100, |plan| found(reset(plan.known.as_deref(), None, at(90)), 0, at(100)));
    let [Event::LoggedOut { login }] = events[..] else { panic!("{events:?}") };
    assert_eq!(login, before.next());
}

#[test]
fn each_failure_is_told_with_its_class() {
    let mut machine = session();
    for (second, class) in [(100, FailureClass::NotSent), (500, FailureClass::Throttled), (900, FailureClass::Config)] {
        let events = refresh(&mut machine, second, |_| failed(class));
        assert!(matches!(&events[..], [Event::RefreshFailed { class: told, error }]
            if *told == class && error.class() == Some(class)));
    }
}

#[test]
fn that_the_user_is_wanted_is_told_once_a_login() {
    let interaction = |_: &mut Plan| failure(GrantError::new(FailureClass::Interaction).code("consent_required"));
    let mut machine = session();
    let events = refresh(&mut machine, 100, interaction);
    assert_eq!(names(&events), ["interaction", "failed"]);
    assert!(matches!(&events[0], Event::InteractionRequired { error } if error.code() == Some("consent_required")));
    // A wavering server is no news.
    for (second, outcome) in
        [(400, failed(FailureClass::NotSent)), (800, interaction(&mut started(session().force(at(1)))))]
    {
        assert_eq!(names(&refresh(&mut machine, second, |_| outcome)), ["failed"]);
    }
    assert!(machine.has_usable(None, at(900)), "the session goes on");
    login(&mut machine, Some(HOUR), at(1000));
    store(&mut machine, at(1000));
    assert_eq!(names(&refresh(&mut machine, 1100, interaction)), ["interaction", "failed"]);
}

#[test]
fn questions_tell_nothing() {
    let mut machine = session();
    let refused = refusal(&machine);
    let events = told(&mut machine, |machine| {
        machine.refused(refused, at(5));
        machine.note_use();
        machine.refused(refused, at(60));
        machine.usable(None, at(60));
        machine.tick(at(60));
        machine.close();
    });
    assert_eq!(names(&events), NOTHING);
}
