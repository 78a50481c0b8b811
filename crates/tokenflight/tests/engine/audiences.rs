//! Several audiences.

use super::support::*;

fn audiences(time: &ManualTime, store: &ModelStore, grant: &MockGrant, names: &[&str]) -> Audiences {
    let builder = Audiences::builder().store(store.clone()).time(time.clone());
    names.iter().fold(builder, |builder, name| builder.audience(*name, grant.clone())).build().unwrap()
}

/// Another process has logged in again: an audience never learns it, whatever it is asked; only a restart helps.
#[test]
fn an_audience_can_be_reloaded_after_a_login_of_another_process() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let (here, there) = (
        audiences(&time, &model, &MockGrant::new(), &["mail"]),
        audiences(&time, &model, &MockGrant::new(), &["mail"]),
    );
    time.run(here.login(set("0"))).unwrap();
    let mail = here.session("mail").unwrap();
    time.run(mail.token()).unwrap();
    time.run(there.logout()).unwrap();
    time.advance(SECOND * 301);
    time.run(mail.token()).unwrap_err();
    time.run(there.login(set("again"))).unwrap();
    time.advance(SECOND * 60);
    let reloaded = time.run(mail.reload());
    assert!(reloaded.is_ok(), "{reloaded:?}");
}

/// A login for several audiences waits five seconds for each of them whose refresh hangs, one after the other.
#[test]
fn a_login_for_all_audiences_waits_for_them_side_by_side() {
    let (time, model, grant) = (ManualTime::new(1), ModelStore::new(), MockGrant::new());
    let names = ["a", "b", "c", "d", "e", "f"];
    let audiences = audiences(&time, &model, &grant, &names);
    time.run(audiences.login(set("0"))).unwrap();
    grant.gate().close();
    let mut waiting: Vec<_> = names.map(|name| Box::pin(audiences.session(name).unwrap().token())).into();
    for token in &mut waiting {
        assert!(poll(token).is_pending());
    }
    let began = time.now().boot;
    let _ = time.run(audiences.login(set("1")));
    let took = time.now().boot - began;
    assert!(took <= SECOND * 11, "it took {took:?}");
}

/// A login for all audiences is told to each of them as a logout, and as nothing else.
#[test]
fn a_login_for_all_audiences_is_told_as_a_login() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let audiences = audiences(&time, &model, &MockGrant::new(), &["mail"]);
    let mut events = audiences.session("mail").unwrap().events();
    time.run(audiences.login(set("0"))).unwrap();
    time.run(audiences.session("mail").unwrap().token()).unwrap();
    let told = told(&mut events);
    assert!(told.iter().any(|event| matches!(event, Event::LoggedIn { .. })), "{told:?}");
}
