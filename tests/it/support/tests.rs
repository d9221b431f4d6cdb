//! Tests of the support itself: what every other test takes for granted.

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbErr, Statement};

use super::{Backend, TestDatabase, on_both, postgres, sqlite};

async fn count(connection: &DatabaseConnection, sql: &str) -> Result<i64, DbErr> {
    connection
        .query_one_raw(Statement::from_string(connection.get_database_backend(), sql))
        .await?
        .expect("a count")
        .try_get_by_index(0)
}

on_both!(a_database_is_migrated_and_a_tests_own, |db| async move {
    let other = match db.backend {
        Backend::Sqlite => sqlite::database().await,
        Backend::Postgres => postgres::database().await.expect("the server of the first"),
    };
    assert_ne!(db.url, other.url);
    let one = Database::connect(&db.url).await.unwrap();
    let two = Database::connect(&other.url).await.unwrap();
    one.execute_unprepared("INSERT INTO setting (name, value) VALUES ('here', 'only')")
        .await
        .unwrap();
    assert_eq!(
        count(&one, "SELECT COUNT(*) FROM setting WHERE name = 'here'")
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        count(&two, "SELECT COUNT(*) FROM setting WHERE name = 'here'")
            .await
            .unwrap(),
        0
    );
});

on_both!(a_database_is_gone_when_the_test_is_over, |db| async move {
    let TestDatabase { url, backend, _keep } = db;
    // As a service that did not stop in time would: still connected.
    let connection = Database::connect(&url).await.unwrap();
    assert!(count(&connection, "SELECT COUNT(*) FROM branch").await.is_ok());
    drop(_keep);
    match backend {
        Backend::Sqlite => {
            let file = url.trim_start_matches("sqlite://").trim_end_matches("?mode=rwc");
            assert!(!std::path::Path::new(file).exists(), "{file}");
        }
        Backend::Postgres => assert!(Database::connect(&url).await.is_err()),
    }
});

#[tokio::test]
async fn an_empty_database_has_no_table() {
    let file = sqlite::empty_database();
    let connection = Database::connect(&file.url).await.unwrap();
    assert_eq!(
        count(&connection, "SELECT COUNT(*) FROM sqlite_schema")
            .await
            .unwrap(),
        0
    );
    if let Some(database) = postgres::empty_database().await {
        let connection = Database::connect(&database.url).await.unwrap();
        let tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'";
        assert_eq!(count(&connection, tables).await.unwrap(), 0);
    }
}
