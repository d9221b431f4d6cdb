//! Rows read by place: a statement names its columns in the order in which they are read.
//!
//! Looking each value up by its column's name cost a page of 50 branches more than the statements it was made of.

use std::{collections::HashMap, fmt::Write as _, hash::Hash};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryResult, QuerySelect as _, QueryTrait as _,
    Select, TryGetable,
    sea_query::{Expr, SelectStatement},
    sqlx::{Row as _, ValueRef as _},
};

use super::StoreError;

/// What a slice reads of a table.
pub trait FromRow: Sized {
    /// The table.
    type Entity: EntityTrait;

    /// The columns, in the order in which [`FromRow::from_row`] takes them; the first is never null.
    const COLUMNS: &'static [<Self::Entity as EntityTrait>::Column];

    /// Reads the columns.
    ///
    /// # Errors
    ///
    /// A value that is not what the column should hold.
    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError>;
}

/// The cells of a row, taken one after the other.
pub struct Cells<'r> {
    row: &'r QueryResult,
    next: usize,
}

impl<'r> Cells<'r> {
    /// The cells of a row from the first on.
    pub fn new(row: &'r QueryResult) -> Self {
        Self { row, next: 0 }
    }

    /// The next cell, which is not null.
    pub fn take<T: TryGetable>(&mut self) -> Result<T, StoreError> {
        let value = self.row.try_get_by_index(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// The next cell, which may be null. Asked of the row itself: sea-orm makes a text of each null it meets.
    pub fn optional<T: TryGetable>(&mut self) -> Result<Option<T>, StoreError> {
        if self.is_null()? {
            self.next += 1;
            return Ok(None);
        }
        self.take().map(Some)
    }

    /// The next cell, a name that a type of ours has; `column` is for the log.
    pub fn named<T>(&mut self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let name: &str = if let Some(row) = self.row.try_as_pg_row() {
            row.try_get(self.next)?
        } else if let Some(row) = self.row.try_as_sqlite_row() {
            row.try_get(self.next)?
        } else {
            return Err(StoreError::corrupt(column, ""));
        };
        let value = parse(name).ok_or_else(|| StoreError::corrupt(column, name))?;
        self.next += 1;
        Ok(value)
    }

    /// Likewise, where there may be none.
    pub fn optional_named<T>(
        &mut self,
        column: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        if self.is_null()? {
            self.next += 1;
            return Ok(None);
        }
        self.named(column, parse).map(Some)
    }

    /// A row of a table joined from the left, if there was one.
    pub fn joined<T: FromRow>(&mut self) -> Result<Option<T>, StoreError> {
        if self.is_null()? {
            self.skip(T::COLUMNS.len());
            return Ok(None);
        }
        T::from_row(self).map(Some)
    }

    /// Passes over cells that are known already.
    pub fn skip(&mut self, cells: usize) {
        self.next += cells;
    }

    fn is_null(&self) -> Result<bool, StoreError> {
        if let Some(row) = self.row.try_as_pg_row() {
            Ok(row.try_get_raw(self.next)?.is_null())
        } else if let Some(row) = self.row.try_as_sqlite_row() {
            Ok(row.try_get_raw(self.next)?.is_null())
        } else {
            Ok(true)
        }
    }
}

/// A statement that reads just these columns, each named with its table.
pub fn select<T: FromRow>(select: Select<T::Entity>) -> SelectStatement {
    let mut query = select.select_only().into_query();
    columns::<T>(&mut query);
    query
}

/// Adds the columns of a joined table; its alias is the table's own name.
pub fn columns<T: FromRow>(query: &mut SelectStatement) {
    let table = T::Entity::default();
    query.exprs(T::COLUMNS.iter().map(|column| Expr::col((table, *column))));
}

/// The rows that a statement gives.
pub async fn fetch<T>(
    connection: &impl ConnectionTrait,
    query: &SelectStatement,
    read: impl Fn(&mut Cells<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let rows = connection.query_all(query).await?;
    rows.iter().map(|row| read(&mut Cells::new(row))).collect()
}

/// All rows of a selection.
pub async fn all<T: FromRow>(
    connection: &impl ConnectionTrait,
    selection: Select<T::Entity>,
) -> Result<Vec<T>, StoreError> {
    fetch(connection, &select::<T>(selection), T::from_row).await
}

/// The first row of a selection.
pub async fn one<T: FromRow>(
    connection: &impl ConnectionTrait,
    selection: Select<T::Entity>,
) -> Result<Option<T>, StoreError> {
    let row = connection.query_one(&select::<T>(selection.limit(1))).await?;
    row.map(|row| T::from_row(&mut Cells::new(&row))).transpose()
}

/// All rows of a selection, each under its key.
pub async fn by_key<T: FromRow, K: Eq + Hash>(
    connection: &impl ConnectionTrait,
    selection: Select<T::Entity>,
    key: impl Fn(&T) -> K,
) -> Result<HashMap<K, T>, StoreError> {
    let rows = all::<T>(connection, selection).await?;
    Ok(rows.into_iter().map(|row| (key(&row), row)).collect())
}

/// Whether a column holds one of so many ids: one parameter, and one statement text for one id and one for several.
///
/// PostgreSQL hashes the ids that a subquery gives; a list of parameters it compares one after the other, with each
/// row.
pub fn among<I: Copy + Into<i64>>(
    connection: &impl ConnectionTrait,
    column: impl ColumnTrait,
    ids: &[I],
) -> Expr {
    if let [id] = ids {
        return column.eq((*id).into());
    }
    let postgres = connection.get_database_backend() == DbBackend::Postgres;
    let (open, close) = if postgres { ('{', '}') } else { ('[', ']') };
    let mut list = String::with_capacity(2 + ids.len() * 8);
    list.push(open);
    for (i, id) in ids.iter().enumerate() {
        if i > 0 {
            list.push(',');
        }
        // Writing into a String cannot fail.
        let _ = write!(list, "{}", (*id).into());
    }
    list.push(close);
    let sql = if postgres {
        "$1 IN (SELECT unnest(CAST($2 AS bigint[])))"
    } else {
        "? IN (SELECT value FROM json_each(?))"
    };
    Expr::cust_with_exprs(sql, [column.into_expr(), Expr::val(list)])
}
