//! One token request on its way: what both faces of the server have in common.

use std::{future::pending, time::Duration};

use http::HeaderMap;

use super::{Answer, AuthServer, Fault, Outgoing};

/// What a request meets, drawn when it is made.
pub(super) struct Plan {
    pub(super) fault: Fault,
    half: Duration,
}

/// What a client presents.
#[derive(Clone, Copy)]
pub(super) struct Presented<'a> {
    pub(super) token: &'a str,
    pub(super) client: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
}

/// How an exchange ended, as the server knows it.
pub(super) enum Ended {
    Answered(Answer),
    /// The connection broke, before or after processing.
    Cut,
    /// The connection broke in the middle of this answer.
    #[cfg_attr(not(feature = "net"), allow(dead_code))] // Only a socket carries half an answer.
    Truncated(Answer),
}

/// A request that has arrived. Dropped without [`Visit::delivered`], its answer counts as lost.
struct Visit<'a> {
    server: &'a AuthServer,
    presented: Presented<'a>,
    /// A successful answer is on its way.
    owed: bool,
}

impl<'a> Visit<'a> {
    fn begin(server: &'a AuthServer, presented: Presented<'a>) -> Self {
        server.book().arrived(presented.token);
        Self { server, presented, owed: false }
    }

    fn process(&mut self) -> Answer {
        let answer = self.server.process(self.presented.token, self.presented.client);
        self.owed = answer.status() == 200;
        answer
    }

    /// What becomes of the answer, where the script says nothing.
    fn aimed(&self) -> Fault {
        let Some(ask) = self.server.before_answer().filter(|_| self.owed) else { return Fault::None };
        let label = self.server.label_of(self.presented.token).unwrap_or_default();
        (ask.0)(&Outgoing { label: &label, headers: self.presented.headers })
    }

    fn delivered(mut self, answer: Answer) -> Ended {
        self.owed = false;
        Ended::Answered(answer)
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.server.book().left(self.presented.token, self.owed);
    }
}

impl AuthServer {
    pub(super) fn plan(&self) -> Plan {
        let (least, most) = self.latency();
        let mut book = self.book();
        let share = if most > least { book.random.f64() } else { 0.0 };
        let latency = least + most.saturating_sub(least).mul_f64(share);
        Plan { fault: self.faults().next(&mut book.random), half: latency / 2 }
    }

    /// Half of the latency, the one moment of processing, the other half.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the moment nothing happened, after it the rotation stands, its answer lost.
    pub(super) async fn exchange(&self, presented: Presented<'_>, plan: Plan) -> Ended {
        let Plan { fault, half } = plan;
        let mut visit = Visit::begin(self, presented);
        self.pause(half).await;
        match &fault {
            Fault::CutBefore => return Ended::Cut,
            Fault::HangBefore => return pending().await,
            Fault::Respond(canned) => {
                self.pause(half).await;
                return visit.delivered(Answer::new(canned.status, canned.body.as_str(), canned.retry_after));
            }
            Fault::Delay(more) => self.pause(*more).await,
            _ => {}
        }
        let answer = visit.process();
        let fault = if fault == Fault::None { visit.aimed() } else { fault };
        self.pause(half).await;
        match fault {
            Fault::CutAfter => Ended::Cut,
            Fault::CutInAnswer => Ended::Truncated(answer),
            Fault::HangAfter => pending().await,
            Fault::RespondAfter(canned) => Ended::Answered(Answer::new(canned.status, canned.body, canned.retry_after)),
            Fault::DelayAfter(more) => {
                self.pause(more).await;
                visit.delivered(answer)
            }
            _ => visit.delivered(answer),
        }
    }

    async fn pause(&self, duration: Duration) {
        if !duration.is_zero() {
            self.time().sleep(duration).await;
        }
    }
}
