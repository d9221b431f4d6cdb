//! Many rows as one parameter: a JSON array that the database unfolds, so that a statement's text does not depend on how
//! many rows there are, and neither database's bound on parameters is met.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use serde_json::Value;

use super::StoreError;

/// What a column of the unfolded rows holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    BigInt,
    /// A text.
    Text,
    /// An instant, as [`instant`] writes it.
    Instant,
}

/// An instant in the form in which SQLite keeps it, and which PostgreSQL reads.
pub fn instant(at: chrono::DateTime<chrono::Utc>) -> Value {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false).into()
}

/// A table of rows, `given`, with these columns, to stand in a statement's FROM.
fn unfolded(backend: DbBackend, columns: &[(&str, Kind)]) -> String {
    let mut sql = String::new();
    let mut list = |separator: &str, item: &dyn Fn(&str, Kind) -> String| {
        for (i, (name, kind)) in columns.iter().enumerate() {
            // Writing into a String cannot fail.
            let _ = write!(sql, "{}{}", if i > 0 { separator } else { "" }, item(name, *kind));
        }
        std::mem::take(&mut sql)
    };
    if backend == DbBackend::Postgres {
        let types = list(", ", &|name, kind| {
            let word = match kind {
                Kind::BigInt => "bigint",
                Kind::Text => "text",
                Kind::Instant => "timestamptz",
            };
            format!("{name} {word}")
        });
        return format!("jsonb_to_recordset(CAST($1 AS jsonb)) AS given({types})");
    }
    let cells = list(", ", &|name, _| format!("value ->> '{name}' AS {name}"));
    format!("(SELECT {cells} FROM json_each($1)) AS given")
}

/// Runs a statement in which `{rows}` stands for the unfolded rows; gives what it returns.
///
/// Both databases take a statement that inserts from a selection, updates or joins: `INSERT INTO t (a) SELECT a FROM
/// {rows} WHERE true ON CONFLICT …` (SQLite needs the WHERE to tell ON CONFLICT from a join's ON).
pub async fn run(
    connection: &impl ConnectionTrait,
    sql: &str,
    columns: &[(&str, Kind)],
    rows: Vec<Value>,
) -> Result<Vec<QueryResult>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let statement = statement(connection.get_database_backend(), sql, columns, rows);
    Ok(connection.query_all_raw(statement).await?)
}

/// The statement that [`run`] sends.
pub fn statement(backend: DbBackend, sql: &str, columns: &[(&str, Kind)], rows: Vec<Value>) -> Statement {
    let sql = sql.replace("{rows}", &unfolded(backend, columns));
    let rows = Value::Array(rows).to_string();
    Statement::from_sql_and_values(backend, sql, [rows.into()])
}
