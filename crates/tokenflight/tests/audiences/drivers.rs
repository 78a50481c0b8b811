//! Drivers and shutdowns of audiences.

use super::support::*;

/// Lets some seconds pass with these drivers.
fn drive<F: Future<Output = ()> + Unpin>(fixture: &Scripted, seconds: u32, drivers: &mut [F]) {
    for _ in 0..seconds {
        for driver in &mut *drivers {
            let _ = poll(driver);
            let _ = poll(driver);
        }
        fixture.time.advance(SECOND);
    }
}

/// A token for `name`, with which the refresh token is rotated and not stored.
fn rotated_and_not_stored(fixture: &Scripted, audiences: &Audiences, name: &str) {
    fixture.store.push(OpKind::Commit, Trouble::Fail);
    fixture.time.run(session(audiences, name).token()).unwrap();
    assert!(audiences.state().unsaved);
    assert_ne!(fixture.stored(), format!("{name}-refresh-1"));
}

#[test]
fn one_driver_renews_all_audiences_and_nothing_else() {
    let (fixture, audiences) = Fixture::logged_in();
    let mut driver = audiences.driver();
    for _ in 0..LIFETIME.as_secs() * 10 {
        fixture.time.advance(Duration::from_millis(100));
        assert!(poll(&mut driver).is_pending());
    }
    assert!((6..=9).contains(&fixture.requests()), "{}", fixture.requests());
    fixture.auth.assert_unharmed();
}

#[test]
fn what_audiences_have_in_common_is_renewed_for_none_of_them() {
    let fixture = Scripted::new();
    fixture.model.set_private(true);
    let audiences = fixture.process(|builder| builder);
    fixture.time.run(audiences.login(set("0"))).unwrap();
    let mut driver = session(&audiences, "mail").driver();
    drive(&fixture, 900, std::slice::from_mut(&mut driver));
    assert!((3..=5).contains(&fixture.mail.count()), "{}", fixture.mail.count());
    assert!(fixture.asked().iter().all(|name| *name == "mail"), "{:?}", fixture.asked());
}

#[test]
fn a_driver_asks_for_nothing_more_that_belongs_to_an_earlier_login() {
    let (fixture, audiences) = Scripted::logged_in();
    fixture.files.gate().close();
    let mut files = Box::pin(session(&audiences, "files").token());
    assert!(poll(&mut files).is_pending());
    let mut driver = session(&audiences, "mail").driver();
    drive(&fixture, 1, std::slice::from_mut(&mut driver));
    // Mail waits for its turn when there is another login.
    fixture.time.run(audiences.login(set("1"))).unwrap();
    fixture.files.gate().open();
    drive(&fixture, 10, std::slice::from_mut(&mut driver));
    assert_eq!(fixture.asked(), ["files", "mail"]);
    let presented = fixture.mail.presented();
    assert_eq!(presented.first().map(RefreshToken::expose), Some("refresh-1"));
}

#[test]
fn any_driver_stores_what_another_audience_has_left() {
    for gone in [0, 1] {
        let (fixture, audiences) = Scripted::logged_in();
        let mut drivers = vec![session(&audiences, "files").driver(), session(&audiences, "mail").driver()];
        drive(&fixture, 2, &mut drivers);
        drop(drivers.remove(gone));
        rotated_and_not_stored(&fixture, &audiences, "maps");
        drive(&fixture, 10, &mut drivers);
        assert!(!audiences.state().unsaved, "driver {gone} has gone");
        assert_eq!(fixture.stored(), "maps-refresh-1");
    }
}

#[test]
fn a_shutdown_of_any_audience_stores_what_another_one_has_left() {
    let (fixture, audiences) = Scripted::logged_in();
    rotated_and_not_stored(&fixture, &audiences, "maps");
    fixture.time.run(session(&audiences, "files").shutdown(SECOND * 60)).unwrap();
    assert_eq!(fixture.stored(), "maps-refresh-1");
    // The others go on.
    fixture.time.run(session(&audiences, "mail").token()).unwrap();
}

#[test]
fn a_shutdown_waits_for_a_request_whose_caller_has_gone() {
    let (fixture, audiences) = Scripted::logged_in();
    fixture.mail.gate().close();
    assert!(poll(&mut Box::pin(session(&audiences, "mail").token())).is_pending());
    let mut shutdown = Box::pin(audiences.shutdown(SECOND * 60));
    assert!(poll(&mut shutdown).is_pending());
    fixture.mail.gate().open();
    fixture.time.run(shutdown).unwrap();
    assert_eq!(fixture.stored(), "mail-refresh-1");
    let error = fixture.time.run(session(&audiences, "files").token()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Closed);
}

#[test]
fn a_driver_ends_with_the_shutdown_of_its_audience() {
    let (fixture, audiences) = Scripted::logged_in();
    let mut drivers = [session(&audiences, "files").driver(), session(&audiences, "mail").driver()];
    drive(&fixture, 1, &mut drivers);
    let [mut files, mut mail] = drivers;
    fixture.time.run(session(&audiences, "mail").shutdown(SECOND * 60)).unwrap();
    assert!(poll(&mut mail).is_ready() && poll(&mut files).is_pending());
    // The one that is left has taken over what they have in common.
    rotated_and_not_stored(&fixture, &audiences, "maps");
    drive(&fixture, 10, std::slice::from_mut(&mut files));
    assert_eq!(fixture.stored(), "maps-refresh-1");
}

#[test]
fn a_driver_stays_until_what_audiences_have_in_common_is_stored() {
    let (fixture, audiences) = Scripted::logged_in();
    let mut driver = session(&audiences, "files").driver();
    drive(&fixture, 1, std::slice::from_mut(&mut driver));
    rotated_and_not_stored(&fixture, &audiences, "maps");
    fixture.store.set_down(true);
    fixture.time.run(session(&audiences, "files").shutdown(SECOND)).unwrap_err();
    drive(&fixture, 5, std::slice::from_mut(&mut driver));
    assert!(poll(&mut driver).is_pending(), "it has something to store");
    fixture.store.set_down(false);
    fixture.time.run(driver);
    assert_eq!(fixture.stored(), "maps-refresh-1");
}

#[test]
fn the_driver_of_all_audiences_ends_with_their_shutdown() {
    let (fixture, audiences) = Scripted::logged_in();
    let mut driver = audiences.driver();
    drive(&fixture, 1, std::slice::from_mut(&mut driver));
    fixture.time.run(audiences.shutdown(SECOND * 60)).unwrap();
    assert!(poll(&mut driver).is_ready());
}

#[test]
fn what_is_not_stored_outlives_the_last_handle_of_all_audiences() {
    let (fixture, audiences) = Scripted::logged_in();
    let mut driver = session(&audiences, "files").driver();
    let _ = poll(&mut driver);
    rotated_and_not_stored(&fixture, &audiences, "maps");
    drop(audiences);
    fixture.time.run(driver);
    assert_eq!(fixture.stored(), "maps-refresh-1");
}
