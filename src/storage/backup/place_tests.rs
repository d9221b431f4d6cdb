//! A restore that ends between any two of its steps.

use super::*;
use sea_orm::sqlx::{Executor as _, SqliteConnection};

async fn opened(path: &Path) -> SqliteConnection {
    options(path).create_if_missing(true).connect().await.unwrap()
}

/// A database that says who it is.
async fn database(path: &Path, who: &str) {
    let mut connection = opened(path).await;
    let sql = format!("CREATE TABLE who (name TEXT); INSERT INTO who VALUES ('{who}')");
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    connection.close().await.unwrap();
}

/// All that a database says of who it is, if it is whole.
async fn who(path: &Path) -> Vec<String> {
    let mut connection = options(path).connect().await.unwrap();
    let whole: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(whole, "ok");
    let names = sqlx::query_scalar("SELECT name FROM who")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    names
}

/// The folder of a service that was killed: its last write is in the `-wal` file only.
async fn killed(folder: &Path) -> PathBuf {
    let (alive, path) = (folder.join("alive.db"), folder.join("zhibu.db"));
    database(&alive, "old").await;
    let mut connection = opened(&alive).await;
    connection
        .execute("PRAGMA journal_mode = WAL; INSERT INTO who VALUES ('its last write')")
        .await
        .unwrap();
    for suffix in ["", "-wal"] {
        fs::copy(beside(&alive, suffix), beside(&path, suffix)).unwrap();
    }
    connection.close().await.unwrap();
    assert!(fs::metadata(beside(&path, "-wal")).unwrap().len() > 0);
    path
}

#[tokio::test]
async fn one_whole_database_has_the_name_whenever_it_ends() {
    let (old, new) = (vec!["old", "its last write"], vec!["new"]);
    for (last, expected) in [
        (Step::FoldedIn, &old),
        (Step::Kept, &old),
        (Step::Cleared, &old),
        (Step::Placed, &new),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = killed(folder.path()).await;
        let (prepared, kept) = (folder.path().join("prepared.db"), folder.path().join("kept.db"));
        database(&prepared, "new").await;
        let mut seen = Vec::new();
        let ended = put_in_place(&prepared, &path, &kept, |step| {
            seen.push(step);
            match step == last {
                true => Err(io::Error::other("killed")),
                false => Ok(()),
            }
        })
        .await;
        assert!(ended.is_err());
        assert_eq!(seen.last(), Some(&last));
        assert_eq!(&who(&path).await, expected, "{last:?}");
        if kept.exists() {
            assert_eq!(who(&kept).await, old, "{last:?}");
        }
        // And it goes on from there.
        if last != Step::Placed {
            let again = folder.path().join("kept-again.db");
            put_in_place(&prepared, &path, &again, |_| Ok(())).await.unwrap();
            assert_eq!(who(&path).await, new, "{last:?}");
            assert_eq!(who(&again).await, old, "{last:?}");
        }
    }
}

#[tokio::test]
async fn what_is_damaged_is_kept_as_it_lay_and_what_only_fails_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = killed(folder.path()).await;
    let (prepared, kept) = (folder.path().join("prepared.db"), folder.path().join("kept.db"));
    database(&prepared, "new").await;
    let log = fs::read(beside(&path, "-wal")).unwrap();

    // Somebody who knows nothing of our lock has it open.
    let mut other = opened(&path).await;
    other.execute("BEGIN; SELECT * FROM who").await.unwrap();
    let refused = put_in_place(&prepared, &path, &kept, |_| Ok(())).await;
    assert!(
        matches!(&refused, Err(CopyFault::Store(StoreError::Unavailable(_)))),
        "{refused:?}"
    );
    assert!(!kept.exists() && prepared.exists());
    drop(other);

    let path = folder.path().join("damaged.db");
    fs::write(&path, [0xA5; 8192]).unwrap();
    fs::write(beside(&path, "-wal"), &log).unwrap();
    put_in_place(&prepared, &path, &kept, |_| Ok(())).await.unwrap();
    // SQLite may bring its log in as it closes it; nothing of it is lost.
    let holds = |file: &Path| {
        let bytes = fs::read(file).unwrap_or_default();
        bytes.windows(14).any(|part| part == b"its last write")
    };
    assert!(holds(&kept) || holds(&beside(&kept, "-wal")));
    assert_eq!(who(&path).await, ["new"]);
}
