//! Grants and listeners that panic.

use tokenflight::{BoxFuture, RefreshToken, Revocation, TokenRequest};

use crate::fixture::*;

#[test]
fn a_grant_that_panics_before_it_sent_anything_counts_as_not_sent() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::PanicUnsent);
    let failed = fixture.ask().unwrap_err();
    fixture.assert_recovers(&failed, &ErrorKind::Refresh(FailureClass::NotSent), 1);
}

#[test]
fn a_grant_that_panics_after_it_sent_something_counts_as_ambiguous() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::PanicSent);
    let failed = fixture.ask().unwrap_err();
    fixture.assert_recovers(&failed, &ErrorKind::Refresh(FailureClass::Ambiguous), 1);
}

/// Panics before there is a future, once.
struct Hasty {
    grant: MockGrant,
    calm: AtomicBool,
    says_unsent: bool,
}

impl Grant for Hasty {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        if self.says_unsent {
            request.mark_unsent();
        }
        assert!(self.calm.swap(true, Ordering::SeqCst), "the script says panic");
        self.grant.request(request)
    }
}

#[test]
fn a_grant_that_panics_while_it_makes_its_future_is_caught() {
    for (says_unsent, class) in [(true, FailureClass::NotSent), (false, FailureClass::Ambiguous)] {
        let grant = MockGrant::new();
        let hasty = Hasty { grant: grant.clone(), calm: AtomicBool::new(false), says_unsent };
        let fixture = Fixture::with(grant, hasty, ManualTime::clone);
        let failed = fixture.ask().unwrap_err();
        fixture.assert_recovers(&failed, &ErrorKind::Refresh(class), 0);
    }
}

/// Whether the claim was stored is not known: the same one is made again, and finds out.
#[test]
fn a_revocation_that_panics_does_not_fail_the_logout() {
    struct Unkind(MockGrant);
    impl Grant for Unkind {
        fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
            self.0.request(request)
        }

        fn revoke<'a>(&'a self, _: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
            panic!("the script says panic")
        }
    }
    let grant = MockGrant::new();
    let fixture = Fixture::with(grant.clone(), Unkind(grant), ManualTime::clone);
    let revocation = fixture.time.run(fixture.session.logout()).unwrap();
    assert!(matches!(revocation, Revocation::Failed(_)), "{revocation:?}");
    assert_eq!(*fixture.ask().unwrap_err().kind(), ErrorKind::LoggedOut);
}

/// A listener that always panics is part of every fixture here; this is what the others still hear.
#[test]
fn a_listener_that_panics_keeps_no_other_from_hearing() {
    let fixture = Fixture::new();
    assert_eq!(fixture.ask().unwrap(), "access-1");
    assert_eq!(fixture.told("refreshed"), 1);
}
