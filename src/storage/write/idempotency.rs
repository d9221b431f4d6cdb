//! Keys and their outcomes, in the transaction of the effect.

use chrono::{DateTime, Utc};
use entity::idempotency_key as table;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait as _, DatabaseTransaction, DbBackend,
    EntityTrait as _, QueryFilter as _, Statement,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::IdempotencyKey;
use crate::{kernel::refusal::Refusal, storage::StoreError};

pub(super) enum Earlier<T> {
    None,
    InFlight,
    OtherBody,
    Done(T),
    Refused(Vec<Refusal>),
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Kept<'a, T> {
    Done(&'a T),
    Refused(&'a Vec<Refusal>),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Read<T> {
    Done(T),
    Refused(Vec<Refusal>),
}

pub(super) async fn earlier<T: DeserializeOwned>(
    transaction: &DatabaseTransaction,
    key: &IdempotencyKey,
) -> Result<Earlier<T>, StoreError> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        // Held until the transaction ends: whoever cannot have it came while the first was running.
        let row = transaction
            .query_one_raw(Statement::from_sql_and_values(
                DbBackend::Postgres,
                "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1)) AS free",
                [format!("{}\u{1f}{}", key.caller, key.key).into()],
            ))
            .await?;
        let free = match row {
            Some(row) => row.try_get::<bool>("", "free")?,
            None => false,
        };
        if !free {
            return Ok(Earlier::InFlight);
        }
    }
    let row = table::Entity::find_by_id((key.caller.clone(), key.key.clone()))
        .one(transaction)
        .await?;
    let Some(row) = row else { return Ok(Earlier::None) };
    if row.body_hash != key.body_hash {
        return Ok(Earlier::OtherBody);
    }
    read(&row.outcome)
}

fn read<T: DeserializeOwned>(outcome: &str) -> Result<Earlier<T>, StoreError> {
    match serde_json::from_str(outcome) {
        Ok(Read::Done(value)) => Ok(Earlier::Done(value)),
        Ok(Read::Refused(refusals)) => Ok(Earlier::Refused(refusals)),
        // Where and how, for the log: serde's own text may quote it, and it holds what callers wrote.
        Err(error) => Err(StoreError::Corrupt(format!(
            "idempotency_key.outcome: {:?} at its byte {}",
            error.classify(),
            error.column()
        ))),
    }
}

pub(super) async fn forget(
    transaction: &DatabaseTransaction,
    before: DateTime<Utc>,
) -> Result<(), StoreError> {
    table::Entity::delete_many()
        .filter(table::Column::CreatedAt.lt(before))
        .exec(transaction)
        .await?;
    Ok(())
}

pub(super) async fn keep<T: Serialize>(
    transaction: &DatabaseTransaction,
    key: &IdempotencyKey,
    at: DateTime<Utc>,
    result: Result<&T, &Vec<Refusal>>,
) -> Result<(), StoreError> {
    let kept = match result {
        Ok(value) => Kept::Done(value),
        Err(refusals) => Kept::Refused(refusals),
    };
    let outcome = serde_json::to_string(&kept).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    table::Entity::insert(table::ActiveModel {
        caller: Set(key.caller.clone()),
        key: Set(key.key.clone()),
        body_hash: Set(key.body_hash.clone()),
        outcome: Set(outcome),
        created_at: Set(at),
    })
    .exec_without_returning(transaction)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        for (outcome, expected) in [
            (r#"{"done":"张三的做法"}"#, "Data"),
            (r#"{"张三":1}"#, "Data"),
            (r#"{"done":张三}"#, "Syntax"),
            (r#"{"refused":[{"message":"张三"#, "Eof"),
        ] {
            let error = read::<i64>(outcome).err().expect("it cannot be read");
            let said = error.to_string();
            assert!(
                said.starts_with("corrupt row: idempotency_key.outcome: "),
                "{said}"
            );
            assert!(said.contains(expected) && !said.contains('张'), "{said}");
        }
        assert!(matches!(read::<i64>(r#"{"done":7}"#), Ok(Earlier::Done(7))));
    }
}
