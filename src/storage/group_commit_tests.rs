//! A batch whose transaction ends under it.

use std::sync::{Arc, Mutex};

use sea_orm::{ConnectOptions, ConnectionTrait as _, DbBackend, Statement};

use super::*;

type Told = Arc<Mutex<Vec<(&'static str, Option<StoreError>)>>>;

struct Planned {
    name: &'static str,
    sql: &'static [&'static str],
    told: Told,
}

impl Job for Planned {
    fn run<'a>(&'a mut self, savepoint: &'a DatabaseTransaction) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for sql in self.sql {
                savepoint.execute_unprepared(sql).await?;
            }
            Ok(true)
        })
    }

    fn ended(self: Box<Self>, result: Result<(), StoreError>) {
        self.told.lock().unwrap().push((self.name, result.err()));
    }
}

#[tokio::test]
async fn a_job_that_ends_the_transaction_takes_those_before_it_along_and_none_after_it() {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1);
    let writer = sea_orm::Database::connect(options).await.unwrap();
    writer
        .execute_unprepared("CREATE TABLE written (name TEXT)")
        .await
        .unwrap();
    let told = Told::default();
    let job = |name, sql| {
        Box::new(Planned {
            name,
            sql,
            told: told.clone(),
        })
    };
    let (queue, mut waiting) = mpsc::channel(8);
    // As SQLite does it itself when the disk is full; what comes then begins another transaction.
    let ends = job("second", &["INSERT INTO written VALUES ('second')", "ROLLBACK"]);
    let third = job("third", &["INSERT INTO written VALUES ('third')"]);
    for job in [ends, third] {
        let sent = queue.send(Message::Job(job)).await;
        assert!(sent.is_ok());
    }
    let telemetry = telemetry::Slot::default();
    let first = job("first", &["INSERT INTO written VALUES ('first')"]);
    assert!(
        write_batch(&writer, first, &mut waiting, &telemetry)
            .await
            .is_none()
    );
    let names = |told: &Told| -> Vec<(&'static str, bool)> {
        let told = told.lock().unwrap();
        told.iter()
            .map(|(name, error)| (*name, error.is_none()))
            .collect()
    };
    assert_eq!(names(&told), [("second", false), ("first", false)]);
    let first_told = told.lock().unwrap().pop();
    assert!(matches!(first_told, Some((_, Some(StoreError::Unavailable(_))))));
    // The third was not taken into what was given up.
    let Some(Message::Job(third)) = waiting.recv().await else {
        panic!("it still waits");
    };
    assert!(
        write_batch(&writer, third, &mut waiting, &telemetry)
            .await
            .is_none()
    );
    assert_eq!(names(&told), [("second", false), ("third", true)]);
    let statement = Statement::from_string(DbBackend::Sqlite, "SELECT group_concat(name) FROM written");
    let row = writer.query_one_raw(statement).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "third");
}
