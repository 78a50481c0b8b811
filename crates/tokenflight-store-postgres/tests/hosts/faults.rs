//! What is done to hosts and to the storage.

use tokenflight_store_postgres::SCHEMA;
use tokenflight_test::postgres::Stop;

use crate::{field::Field, history::Fall, prelude::*, support::USE};

/// A host is killed so often.
const KILL: Duration = Duration::from_millis(250);
/// A connection of a host is ended so often.
const TERMINATE: Duration = Duration::from_millis(333);
/// A host is stopped so often.
const PAUSE: Duration = Duration::from_secs(1);
/// By so much the standby is behind that is to be.
const BEHIND: Duration = Duration::from_secs(3);

impl Field<'_> {
    /// Until the time is over.
    pub(crate) fn faults(&mut self) {
        for _ in 0..self.settings.hosts {
            self.start();
        }
        let begin = self.now();
        let seconds = |seconds| Duration::from_secs(seconds);
        let (length, crashes) = (seconds(self.settings.seconds), seconds(self.settings.crash));
        let (mut kill, mut terminate, mut crash, mut pause) =
            (begin + KILL * 4, begin + TERMINATE, begin + crashes, begin);
        let (mut dump, mut restore) = [self.settings.restore.is_some(); 2].into();
        while self.now() < begin + length {
            self.listen(Duration::from_millis(10));
            let now = self.now();
            if now >= kill {
                kill = now + KILL;
                self.kill_one();
                self.start();
            }
            if now >= terminate {
                terminate = now + TERMINATE;
                self.terminate_one();
            }
            if now >= begin + length / 4 && std::mem::take(&mut dump) {
                self.database.sql("CREATE TABLE yesterday AS TABLE tokenflight_grants");
            }
            if now + BEHIND >= begin + length / 2 {
                self.fall_behind();
            }
            if now >= begin + length / 2 {
                if let Some(standby) = self.standby.take() {
                    self.fail_over(standby);
                    crash = self.now() + crashes;
                }
                if std::mem::take(&mut restore) {
                    self.restore();
                }
            }
            if now >= crash {
                self.crash();
                crash = self.now() + crashes;
            }
            if self.settings.pause > 0 && now >= pause {
                pause = now + PAUSE;
                self.stop_one();
            }
            self.resume(now);
            self.bury();
        }
        self.resume(Duration::MAX);
    }

    /// One of those that run.
    fn victim(&mut self) -> Option<usize> {
        let runs = |host: &&usize| !self.stopped.iter().any(|(stopped, _)| stopped == *host);
        let running: Vec<usize> = self.hosts.keys().filter(runs).copied().collect();
        self.draws.one(&running)
    }

    fn kill_one(&mut self) {
        let Some(victim) = self.victim() else { return };
        let mut child = self.hosts.remove(&victim).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        self.counts.kills += 1;
        self.history.killed.insert(victim, self.now());
    }

    fn terminate_one(&mut self) {
        let order = format!("md5(pid::text || '{}')", self.draws.number());
        let all = "SELECT pid FROM pg_stat_activity WHERE usename = 'app'";
        self.counts.terminations += self.database.terminate(&format!("pid IN ({all} ORDER BY {order} LIMIT 1)"));
    }

    /// Stops a host for a while. Half of them go on, or soon none would be left.
    fn stop_one(&mut self) {
        if self.stopped.len() * 2 >= self.hosts.len() {
            return;
        }
        let length = self.draws.pause(self.settings.pause);
        if let Some(victim) = self.victim() {
            signal(&self.hosts[&victim], "STOP");
            let now = self.now();
            self.stopped.push((victim, Span { from: now, until: now + length }));
        }
    }

    fn resume(&mut self, now: Duration) {
        let (over, stopped) = std::mem::take(&mut self.stopped).into_iter().partition(|(_, span)| span.until <= now);
        self.stopped = stopped;
        for (host, span) in over {
            signal(&self.hosts[&host], "CONT");
            self.history.stops.push((host, Span { until: self.now(), ..span }));
        }
    }

    fn crash(&mut self) {
        let from = self.now();
        self.database.stop(Stop::Immediate);
        self.database.start_again();
        self.counts.crashes += 1;
        self.history.outages.push(Span { from, until: self.now() });
    }

    /// The standby gets nothing more.
    fn fall_behind(&self) {
        if let Some(standby) = self.standby.as_ref().filter(|_| self.settings.failover.as_deref() == Some("behind"))
            && !standby.sql("SHOW primary_conninfo").is_empty()
        {
            standby.set("primary_conninfo", "");
        }
    }

    /// The server is lost, and its standby takes over.
    fn fail_over(&mut self, standby: Postgres) {
        let from = self.now();
        self.database.stop(Stop::Immediate);
        standby.promote();
        self.database = standby;
        self.counts.failovers += 1;
        self.fell(from);
    }

    /// What is in the table is lost, and what was in it earlier takes its place: as
    /// `pg_restore --clean` does it.
    fn restore(&mut self) {
        let cold = self.settings.restore.as_deref() == Some("cold");
        if cold {
            self.end();
        }
        let from = self.now();
        self.database.sql("DROP TABLE tokenflight_grants");
        self.database.sql(SCHEMA);
        self.database.sql("INSERT INTO tokenflight_grants TABLE yesterday");
        self.database.sql(USE);
        self.counts.restores += 1;
        self.fell(from);
        if cold {
            self.begin();
            (0..self.settings.hosts).for_each(|_| self.start());
        }
    }

    fn fell(&mut self, from: Duration) {
        let until = self.now();
        self.history.outages.push(Span { from, until });
        let held = self.held();
        self.history.falls.push(Fall { at: until, held });
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "a host is not stopped");
}
