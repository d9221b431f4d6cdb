//! Keyset paging: a page continues behind the key of a row, never at an offset.

use std::{collections::HashMap, hash::Hash};

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use sea_orm::{
    ConnectionTrait, EntityTrait, QueryFilter as _, QuerySelect as _, QueryTrait as _, Select, TryGetable,
    sea_query::{
        Alias, Asterisk, Condition, Expr, ExprTrait as _, IntoCondition as _, Order, OverStatement as _,
        Query, SelectStatement, WindowStatement,
    },
};
use serde_json::Value;

use super::{
    StoreError,
    row::{self, Cells, FromRow},
};
use crate::kernel::page::{Cursor, Page, PageError, PageRequest};

/// What a key column holds, so that a cursor's value is bound as what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A whole number.
    Int,
    /// A text, ordered by code point.
    Text,
    /// A calendar day.
    Day,
    /// An instant, to the microsecond.
    Instant,
}

/// A column of an order.
#[derive(Clone, Debug)]
pub struct KeyColumn {
    expr: Expr,
    kind: KeyKind,
    descending: bool,
}

impl KeyColumn {
    /// Smallest first.
    pub fn asc(expr: impl Into<Expr>, kind: KeyKind) -> Self {
        Self {
            expr: expr.into(),
            kind,
            descending: false,
        }
    }

    /// Greatest first.
    pub fn desc(expr: impl Into<Expr>, kind: KeyKind) -> Self {
        Self {
            expr: expr.into(),
            kind,
            descending: true,
        }
    }
}

/// A total order of a list: its name (part of every cursor) and its columns, none of them null, the last of
/// them unique.
#[derive(Clone, Debug)]
pub struct Keyset {
    /// Name of the order.
    pub name: &'static str,
    /// Its columns.
    pub columns: Vec<KeyColumn>,
}

/// Why a list could not be read: its arguments or the database.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The page arguments.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sea_orm::DbErr> for ListError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl Keyset {
    /// An order by columns.
    pub fn new(name: &'static str, columns: impl IntoIterator<Item = KeyColumn>) -> Self {
        Self {
            name,
            columns: columns.into_iter().collect(),
        }
    }

    /// Checks page arguments against this order.
    pub fn check(&self, args: &crate::kernel::page::PageArgs) -> Result<PageRequest, PageError> {
        let request = args.check(self.name, self.columns.len())?;
        for key in request.after.iter().chain(&request.before) {
            for (column, value) in self.columns.iter().zip(key) {
                bind(column.kind, value).ok_or(PageError::Cursor)?;
            }
        }
        Ok(request)
    }

    /// Rows strictly after (or before) a key, in list order:
    /// `a > 1 OR (a = 1 AND (b > 2 OR …))`, each comparison turned round where the column descends.
    fn beyond(&self, key: &[Value], after: bool) -> Result<Condition, PageError> {
        let mut condition: Option<Condition> = None;
        for (column, value) in self.columns.iter().zip(key).rev() {
            let value = bind(column.kind, value).ok_or(PageError::Cursor)?;
            let strictly = if column.descending == after {
                column.expr.clone().lt(value.clone())
            } else {
                column.expr.clone().gt(value.clone())
            };
            condition = Some(match condition {
                None => strictly.into_condition(),
                Some(rest) => Condition::any()
                    .add(strictly)
                    .add(Condition::all().add(column.expr.clone().eq(value)).add(rest)),
            });
        }
        condition.ok_or(PageError::Cursor)
    }

    fn bounds(&self, request: &PageRequest) -> Result<Condition, PageError> {
        let mut condition = Condition::all();
        if let Some(key) = &request.after {
            condition = condition.add(self.beyond(key, true)?);
        }
        if let Some(key) = &request.before {
            condition = condition.add(self.beyond(key, false)?);
        }
        Ok(condition)
    }

    fn directions(&self, backward: bool) -> impl Iterator<Item = (Expr, Order)> {
        self.columns.iter().map(move |column| {
            let order = if column.descending == backward {
                Order::Asc
            } else {
                Order::Desc
            };
            (column.expr.clone(), order)
        })
    }

    /// A statement's rows in list order, or from its end backwards.
    pub fn order(&self, query: &mut SelectStatement, request: &PageRequest) {
        for (expr, order) in self.directions(request.backward) {
            query.order_by_expr(expr, order);
        }
    }

    /// The statement that reads one page of a list, and one row more where there are more.
    pub fn statement<T: FromRow>(
        &self,
        select: Select<T::Entity>,
        request: &PageRequest,
    ) -> Result<SelectStatement, PageError> {
        let select = select
            .filter(self.bounds(request)?)
            .limit(u64::from(request.limit) + 1);
        let mut query = row::select::<T>(select);
        self.order(&mut query, request);
        Ok(query)
    }

    /// The page of the rows that such a statement gave.
    pub fn page_of<T>(&self, request: &PageRequest, rows: Vec<T>, key: impl Fn(&T) -> Vec<Value>) -> Page<T> {
        let with_cursor = |row| (Cursor::new(self.name, key(&row)), row);
        Page::from_rows(request, rows.into_iter().map(with_cursor).collect())
    }

    /// Reads one page of a list.
    pub async fn page<T: FromRow>(
        &self,
        connection: &impl ConnectionTrait,
        select: Select<T::Entity>,
        request: &PageRequest,
        key: impl Fn(&T) -> Vec<Value>,
    ) -> Result<Page<T>, ListError> {
        let query = self.statement::<T>(select, request)?;
        let rows = row::fetch(connection, &query, T::from_row).await?;
        Ok(self.page_of(request, rows, key))
    }

    /// Reads the same page of many lists at once, one list a value of `parent`, in one statement.
    pub async fn pages<T, P>(
        &self,
        connection: &impl ConnectionTrait,
        select: Select<T::Entity>,
        parent: impl Into<Expr>,
        request: &PageRequest,
        key: impl Fn(&T) -> Vec<Value>,
    ) -> Result<HashMap<P, Page<T>>, ListError>
    where
        T: FromRow,
        P: TryGetable + Eq + Hash + Copy,
    {
        let parent = parent.into();
        let mut window = WindowStatement::new();
        window.add_partition_by(parent.clone());
        for (expr, order) in self.directions(request.backward) {
            window.order_by_expr(expr, order);
        }
        let mut ranked = row::select::<T>(select.filter(self.bounds(request)?));
        ranked.expr_as(parent, Alias::new(PARENT)).expr_window_as(
            Expr::cust("ROW_NUMBER()"),
            window,
            Alias::new(ROW),
        );
        let mut outer = Query::select();
        outer
            .column(Asterisk)
            .from_subquery(ranked, Alias::new("ranked"))
            .and_where(Expr::col(Alias::new(ROW)).lte(i64::from(request.limit) + 1))
            .order_by(Alias::new(PARENT), Order::Asc)
            .order_by(Alias::new(ROW), Order::Asc);
        let read = |cells: &mut Cells<'_>| {
            let row = T::from_row(cells)?;
            Ok((cells.take::<P>()?, row))
        };
        let mut lists: HashMap<P, Vec<T>> = HashMap::new();
        for (parent, row) in row::fetch(connection, &outer, read).await? {
            lists.entry(parent).or_default().push(row);
        }
        Ok(lists
            .into_iter()
            .map(|(parent, rows)| (parent, self.page_of(request, rows, &key)))
            .collect())
    }
}

const PARENT: &str = "parent_key";
const ROW: &str = "row_in_parent";

/// Counts the rows of a list.
pub async fn count<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<u64, StoreError> {
    let mut outer = Query::select();
    outer
        .expr_as(Expr::cust("count(*)"), Alias::new("n"))
        .from_subquery(select.into_query(), Alias::new("counted"));
    let row = connection.query_one(&outer).await?;
    let count: i64 = match row {
        Some(row) => row.try_get("", "n")?,
        None => 0,
    };
    Ok(count.unsigned_abs())
}

/// Counts many lists at once, one a value of `parent`.
pub async fn counts<E, P>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    parent: impl Into<Expr>,
) -> Result<HashMap<P, u64>, StoreError>
where
    E: EntityTrait,
    P: TryGetable + Eq + Hash,
{
    let parent = parent.into();
    let mut query = select.into_query();
    query
        .clear_selects()
        .expr_as(parent.clone(), Alias::new(PARENT))
        .expr_as(Expr::cust("count(*)"), Alias::new("n"))
        .add_group_by([parent]);
    let mut counts = HashMap::new();
    for row in connection.query_all(&query).await? {
        let n: i64 = row.try_get("", "n")?;
        counts.insert(row.try_get::<P>("", PARENT)?, n.unsigned_abs());
    }
    Ok(counts)
}

fn bind(kind: KeyKind, value: &Value) -> Option<sea_orm::Value> {
    Some(match kind {
        KeyKind::Int => value.as_i64()?.into(),
        KeyKind::Text => value.as_str().filter(|t| !t.contains('\0'))?.into(),
        // Years that a row can hold: a made-up cursor must not ask a database for what it has no form for.
        KeyKind::Day => {
            let day = value.as_str()?.parse::<NaiveDate>().ok()?;
            (0..=9999).contains(&day.year()).then_some(day)?.into()
        }
        KeyKind::Instant => {
            let at = DateTime::<Utc>::from_timestamp_micros(value.as_i64()?)?;
            (0..=9999).contains(&at.year()).then_some(at)?.into()
        }
    })
}
