//! A place for one process of a contestant.

use tokio::io::{AsyncBufReadExt, BufReader};

use super::prelude::*;

/// Before a killed process is started again.
const RESTART: Duration = Duration::from_millis(200);

/// How long processes have for ending what they do.
const LAST_CALL: Duration = Duration::from_secs(5);

/// One process of a contestant, started again whenever it was killed.
pub(super) struct Worker {
    /// Whose it is.
    pub(super) place: Place,
    /// What it does.
    pub(super) spec: Spec,
    /// How it is started.
    pub(super) starter: Starter,
    /// Where it is entered.
    pub(super) living: Living,
    /// Where its reports go.
    pub(super) ledger: Ledger,
    /// Who logs in when it says so.
    pub(super) person: UnboundedSender<Call>,
    /// The time of the race.
    pub(super) clock: Clock,
}

impl Worker {
    /// Keeps the process alive until it is told to stop.
    ///
    /// # Cancel safety
    ///
    /// Dropping it kills the process.
    pub(super) async fn keep(self, mut stop: watch::Receiver<bool>) -> Result<(), BoxError> {
        while !*stop.borrow() {
            let (mut child, stdin) = self.starter.start(&self.spec).await?;
            let pid = child.id().ok_or("a child without a number")?;
            self.living.enter(pid, self.place);
            self.ledger.started(self.place);
            self.listen(&mut child, stdin, &mut stop).await?;
            let killed = self.living.leave(pid, self.place);
            let status = child.wait().await?;
            self.ledger.ended(self.place);
            if *stop.borrow() {
                return Ok(());
            }
            if !killed {
                return Err(format!("a process of `{}` ended by itself: {status}", self.spec.kind.name()).into());
            }
            self.clock.sleep(RESTART).await;
        }
        Ok(())
    }

    /// Takes down what the process says until it has ended.
    async fn listen(
        &self,
        child: &mut Child,
        mut stdin: ChildStdin,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), BoxError> {
        let stdout = child.stdout.take().ok_or("a child without standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut told = false;
        let mut end: Option<Duration> = None;
        loop {
            tokio::select! {
                line = lines.next_line() => match line? {
                    Some(line) => self.heard(&line),
                    None => return Ok(()),
                },
                _ = stop.changed(), if !told => {
                    told = true;
                    end = Some(self.clock.now() + LAST_CALL);
                    // It may have ended already.
                    let _ = stdin.write_all(format!("{STOP}\n").as_bytes()).await;
                }
                () = self.clock.run_out(end.map(|end| end.saturating_sub(self.clock.now()))) => {
                    return Ok(child.start_kill()?);
                }
            }
        }
    }

    fn heard(&self, line: &str) {
        let Some(line) = Message::read(line) else { return };
        if let Message::Login(began) = line {
            // The receiver is gone when the race is over.
            let _ = self.person.send(Call::Needed { began: self.ledger.moment(began) });
        }
        self.ledger.heard(self.place, line);
    }
}
