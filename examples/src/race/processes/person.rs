//! The person a contestant belongs to, who logs in when it asks for that.

use tokio::sync::mpsc::UnboundedReceiver;

use super::prelude::*;

/// How long it takes until the person comes.
pub(super) const REACTION: Duration = Duration::from_millis(300);

/// How long the command that stores a login may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a person is called for.
pub(super) enum Call {
    /// A process needs a login. The attempt that found this out began then.
    Needed {
        /// In the time of the race.
        began: Duration,
    },
    /// Log out and in again now.
    OutAndIn,
}

/// One contestant's person.
pub(super) struct Person {
    /// The contestant.
    pub(super) kind: Kind,
    /// Its number.
    pub(super) lane: usize,
    /// Where to log in.
    pub(super) auth: AuthServer,
    /// What to tell the child that stores the login.
    pub(super) spec: Box<dyn Fn(Part) -> Spec + Send + Sync>,
    /// How that child is started.
    pub(super) starter: Starter,
    /// What was asked for.
    pub(super) calls: UnboundedReceiver<Call>,
    /// Where losses are written down.
    pub(super) ledger: Ledger,
    /// The time of the race.
    pub(super) clock: Clock,
}

impl Person {
    /// Comes whenever it is called. Many processes find out that the login is lost; it is lost
    /// once: what was begun before the last login was stored says nothing about that.
    ///
    /// # Cancel safety
    ///
    /// Dropping it kills the command that stores a login.
    pub(super) async fn attend(mut self) {
        let (mut stored, mut lost_before) = (self.clock.now(), 0);
        while let Some(call) = self.calls.recv().await {
            match call {
                Call::Needed { began } if began <= stored => continue,
                Call::Needed { .. } => {
                    self.ledger.lost(self.lane, self.answers_lost() > lost_before);
                    self.clock.sleep(REACTION).await;
                }
                Call::OutAndIn => {
                    self.auth.revoke_family(self.kind.name());
                }
            }
            lost_before = self.answers_lost();
            let began = self.clock.now();
            if let Err(error) = self.log_in().await {
                self.ledger.failed(self.lane, format!("a login was not stored: {error}"));
            }
            stored = self.clock.now();
            self.ledger.logged_in(self.lane, stored - began);
        }
    }

    /// Logs in and has the tokens stored by a process that does nothing else.
    pub(super) async fn log_in(&self) -> Result<(), BoxError> {
        let set = self.auth.login_as(self.kind.name());
        let (mut child, _stdin) = self.starter.start(&(self.spec)(Part::login(&set))).await?;
        tokio::select! {
            status = child.wait() => match status? {
                status if status.success() => Ok(()),
                status => Err(format!("the command ended with {status}").into()),
            },
            () = self.clock.sleep(PATIENCE) => Err("it took too long".into()),
        }
    }

    /// How many answers have not arrived, of all logins.
    fn answers_lost(&self) -> u64 {
        self.auth.report().counts(self.kind.name()).answers_lost
    }
}
