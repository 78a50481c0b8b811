use std::sync::Mutex;

use crate::{
    PostgresError,
    durability::Durability,
    facts::Pace,
    polls::Polls,
    sql::{Answer, Sql, Statement},
    table::Table,
};

/// How often a statement is sent that conflicts with others.
const TRIES: usize = 3;

/// What all statements of a cell share.
pub(crate) struct Core {
    pub(crate) sql: Box<dyn Sql>,
    pub(crate) table: Table,
    pub(crate) pace: Mutex<Pace>,
    pub(crate) polls: Polls,
    pub(crate) durability: Durability,
}

impl Core {
    pub(crate) fn new(sql: Box<dyn Sql>, table: Table, durability: Durability) -> Self {
        Self { sql, table, pace: Mutex::default(), polls: Polls::default(), durability }
    }

    pub(crate) async fn run(&self, statement: &Statement) -> Result<Answer, PostgresError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.sql.run(statement).await.map_err(PostgresError::from) {
                Err(error) if tries < TRIES && error.is_conflict() => {}
                result => return result,
            }
        }
    }
}
