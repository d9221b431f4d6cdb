//! Codes: a branch's own, its aliases, and where a merged branch's lead.

use std::collections::HashMap;

use chrono::NaiveDate;
use entity::{branch, branch_alias};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
    sea_query::Expr,
};
use serde_json::{Value, json};

use super::{
    super::model::{Alias, Branch, BranchStatus, Holding, MAX_SUCCESSIONS},
    by_id,
};
use crate::{
    auth::Scope,
    kernel::id::BranchId,
    storage::{
        StoreError,
        bulk::{self, Kind},
        row::{self, Cells},
        write::Write,
    },
};

/// How `branch_alias.source_code` says "everybody".
const EVERYBODY: &str = "";

fn alias(row: branch_alias::Model) -> Alias {
    Alias {
        branch_id: row.branch_id,
        code: row.code,
        source_code: Some(row.source_code).filter(|source| source != EVERYBODY),
        since: row.since,
        until: row.until,
    }
}

/// The branch that a code names on a day: by its own code, else by an alias that everybody may use and that is
/// valid that day; a merged branch's code gives its successor. The code is a normalized one.
pub async fn resolve_code(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    code: &str,
    today: NaiveDate,
) -> Result<Option<Branch>, StoreError> {
    let own = branch::Entity::find()
        .filter(scope.public())
        .filter(branch::Column::Code.eq(code));
    let found = match row::one(connection, own).await? {
        Some(branch) => Some(branch),
        None => {
            let named: Option<BranchId> = branch_alias::Entity::find()
                .select_only()
                .column(branch_alias::Column::BranchId)
                .filter(scope.public())
                .filter(branch_alias::Column::Code.eq(code))
                .filter(branch_alias::Column::SourceCode.eq(EVERYBODY))
                .filter(branch_alias::Column::Since.lte(today))
                .filter(
                    Condition::any()
                        .add(branch_alias::Column::Until.is_null())
                        .add(branch_alias::Column::Until.gte(today)),
                )
                .into_tuple()
                .one(connection)
                .await?;
            match named {
                Some(id) => by_id(connection, scope, id).await?,
                None => None,
            }
        }
    };
    match found {
        Some(found) if found.status == BranchStatus::Merged => follow(connection, scope, found).await,
        found => Ok(found),
    }
}

/// The branch at the end of the mergers. One that leads nowhere, or round, is nobody's.
async fn follow(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    mut branch: Branch,
) -> Result<Option<Branch>, StoreError> {
    for _ in 0..MAX_SUCCESSIONS {
        let Some(successor) = branch.successor_id else {
            return Ok(None);
        };
        match by_id(connection, scope, successor).await? {
            Some(next) if next.status == BranchStatus::Merged => branch = next,
            next => return Ok(next),
        }
    }
    Ok(None)
}

/// The branches that a branch was merged into, one after the other.
pub(in super::super) async fn successions(
    connection: &impl ConnectionTrait,
    mut id: BranchId,
) -> Result<Vec<BranchId>, StoreError> {
    let mut chain = Vec::new();
    while chain.len() < MAX_SUCCESSIONS {
        let next: Option<Option<BranchId>> = branch::Entity::find_by_id(id)
            .select_only()
            .column(branch::Column::SuccessorId)
            .into_tuple()
            .one(connection)
            .await?;
        match next.flatten() {
            Some(next) => {
                chain.push(next);
                id = next;
            }
            None => break,
        }
    }
    Ok(chain)
}

/// How many mergers in a row lead to a branch, the longest way; never more than one beyond the limit.
pub(in super::super) async fn predecessors_in_a_row(
    connection: &impl ConnectionTrait,
    id: BranchId,
) -> Result<usize, StoreError> {
    let mut row = vec![id];
    for length in 0..=MAX_SUCCESSIONS {
        row = branch::Entity::find()
            .select_only()
            .column(branch::Column::Id)
            .filter(branch::Column::SuccessorId.is_in(row))
            .into_tuple()
            .all(connection)
            .await?;
        if row.is_empty() {
            return Ok(length);
        }
    }
    Ok(MAX_SUCCESSIONS + 1)
}

/// Aliases of each branch, the oldest first.
pub(in super::super) async fn aliases(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[BranchId],
) -> Result<HashMap<BranchId, Vec<Alias>>, StoreError> {
    let rows = branch_alias::Entity::find()
        .filter(scope.branch_ids(Expr::col(branch_alias::Column::BranchId)))
        .filter(row::among(connection, branch_alias::Column::BranchId, ids))
        .order_by_asc(branch_alias::Column::Since)
        .order_by_asc(branch_alias::Column::Id)
        .all(connection)
        .await?;
    let mut aliases: HashMap<BranchId, Vec<Alias>> = HashMap::new();
    for row in rows {
        aliases.entry(row.branch_id).or_default().push(alias(row));
    }
    Ok(aliases)
}

/// Who holds codes towards a source, and when: branches by their own codes, and by aliases for the source or for
/// everybody. The codes are normalized ones.
pub async fn code_holders(
    connection: &impl ConnectionTrait,
    source: &str,
    codes: &[&str],
) -> Result<HashMap<String, Vec<(BranchId, Holding)>>, StoreError> {
    let rows: Vec<Value> = codes
        .iter()
        .map(|code| json!({ "code": code, "source_code": source }))
        .collect();
    let columns = [("code", Kind::Text), ("source_code", Kind::Text)];
    let own = "SELECT b.code, b.id, b.founded_on FROM {rows} CROSS JOIN branch b WHERE b.code = given.code";
    let aliases = "SELECT a.code, a.branch_id, a.since, a.source_code, a.until FROM {rows} CROSS JOIN branch_alias a \
                   WHERE a.code = given.code AND a.source_code IN ('', given.source_code) ORDER BY a.id";
    let mut holders: HashMap<String, Vec<(BranchId, Holding)>> = HashMap::new();
    for row in bulk::run(connection, own, &columns, rows.clone()).await? {
        let mut cells = Cells::new(&row);
        let (code, branch) = (cells.take()?, cells.take()?);
        let holding = Holding {
            source_code: None,
            since: cells.take()?,
            until: None,
        };
        holders.entry(code).or_default().push((branch, holding));
    }
    for row in bulk::run(connection, aliases, &columns, rows).await? {
        let mut cells = Cells::new(&row);
        let (code, branch) = (cells.take()?, cells.take()?);
        let holding = Holding {
            since: cells.take()?,
            source_code: Some(cells.take()?).filter(|source: &String| source != EVERYBODY),
            until: cells.optional()?,
        };
        holders.entry(code).or_default().push((branch, holding));
    }
    Ok(holders)
}

/// The branches that each branch was merged into, one after the other.
pub async fn successors(
    connection: &impl ConnectionTrait,
    ids: &[BranchId],
) -> Result<HashMap<BranchId, Vec<BranchId>>, StoreError> {
    let mut next: HashMap<BranchId, BranchId> = HashMap::new();
    let mut asked = ids.to_vec();
    for _ in 0..MAX_SUCCESSIONS {
        let merged: Vec<(BranchId, Option<BranchId>)> = branch::Entity::find()
            .select_only()
            .columns([branch::Column::Id, branch::Column::SuccessorId])
            .filter(row::among(connection, branch::Column::Id, &asked))
            .filter(branch::Column::SuccessorId.is_not_null())
            .into_tuple()
            .all(connection)
            .await?;
        next.extend(
            merged
                .into_iter()
                .filter_map(|(id, successor)| Some((id, successor?))),
        );
        asked = next
            .values()
            .filter(|id| !next.contains_key(id))
            .copied()
            .collect();
        if asked.is_empty() {
            break;
        }
    }
    let chain = |id: &BranchId| {
        let chain = std::iter::successors(next.get(id), |id| next.get(id));
        (*id, chain.take(MAX_SUCCESSIONS).copied().collect())
    };
    Ok(ids.iter().map(chain).collect())
}

/// A branch that would hold the code at one time with `wanted`, as its own or as an alias.
pub(in super::super) async fn holder(
    write: &Write<'_>,
    code: &str,
    wanted: &Holding,
) -> Result<Option<BranchId>, StoreError> {
    let own: Option<(BranchId, NaiveDate)> = branch::Entity::find()
        .select_only()
        .columns([branch::Column::Id, branch::Column::FoundedOn])
        .filter(branch::Column::Code.eq(code))
        .into_tuple()
        .one(write.connection())
        .await?;
    let own = own.map(|(id, since)| {
        let holding = Holding {
            source_code: None,
            since,
            until: None,
        };
        (id, holding)
    });
    let aliases = branch_alias::Entity::find()
        .filter(branch_alias::Column::Code.eq(code))
        .order_by_asc(branch_alias::Column::Id)
        .all(write.connection())
        .await?
        .into_iter()
        .map(alias)
        .map(|alias| (alias.branch_id, alias.holding()));
    Ok(own
        .into_iter()
        .chain(aliases)
        .find(|(_, held)| held.collides(wanted))
        .map(|(id, _)| id))
}

/// The alias of a branch that began last under a code and for a source.
pub(in super::super) async fn latest_alias(
    write: &Write<'_>,
    id: BranchId,
    code: &str,
    source: Option<&str>,
) -> Result<Option<Alias>, StoreError> {
    let row = branch_alias::Entity::find()
        .filter(branch_alias::Column::BranchId.eq(id))
        .filter(branch_alias::Column::Code.eq(code))
        .filter(branch_alias::Column::SourceCode.eq(source.unwrap_or(EVERYBODY)))
        .order_by_desc(branch_alias::Column::Since)
        .one(write.connection())
        .await?;
    Ok(row.map(alias))
}

/// Keeps a new alias.
pub(in super::super) async fn add_alias(write: &Write<'_>, alias: &Alias) -> Result<(), StoreError> {
    let row = branch_alias::ActiveModel {
        id: NotSet,
        branch_id: Set(alias.branch_id),
        code: Set(alias.code.clone()),
        source_code: Set(alias.source_code.clone().unwrap_or_else(|| EVERYBODY.to_owned())),
        since: Set(alias.since),
        until: Set(alias.until),
    };
    branch_alias::Entity::insert(row)
        .exec_without_returning(write.connection())
        .await?;
    Ok(())
}

/// Writes an alias's last day.
pub(in super::super) async fn end_alias(write: &Write<'_>, alias: &Alias) -> Result<(), StoreError> {
    branch_alias::Entity::update_many()
        .col_expr(branch_alias::Column::Until, Expr::value(alias.until))
        .filter(branch_alias::Column::BranchId.eq(alias.branch_id))
        .filter(branch_alias::Column::Code.eq(alias.code.as_str()))
        .filter(branch_alias::Column::SourceCode.eq(alias.source_code.as_deref().unwrap_or(EVERYBODY)))
        .filter(branch_alias::Column::Since.eq(alias.since))
        .exec(write.connection())
        .await?;
    Ok(())
}

/// The branches that were merged into one, and into these, and so on.
pub async fn merged_into(
    connection: &impl ConnectionTrait,
    id: BranchId,
) -> Result<Vec<BranchId>, StoreError> {
    let mut found: Vec<BranchId> = Vec::new();
    let mut asked = vec![id];
    for _ in 0..MAX_SUCCESSIONS {
        let merged: Vec<BranchId> = branch::Entity::find()
            .select_only()
            .column(branch::Column::Id)
            .filter(row::among(connection, branch::Column::SuccessorId, &asked))
            .into_tuple()
            .all(connection)
            .await?;
        if merged.is_empty() {
            break;
        }
        found.extend(&merged);
        asked = merged;
    }
    Ok(found)
}

/// Whether a branch is another one, or was merged into it.
pub async fn is_or_became(
    connection: &impl ConnectionTrait,
    branch: BranchId,
    other: BranchId,
) -> Result<bool, StoreError> {
    if branch == other {
        return Ok(true);
    }
    let successors = successors(connection, &[branch]).await?;
    Ok(successors
        .get(&branch)
        .is_some_and(|chain| chain.contains(&other)))
}
