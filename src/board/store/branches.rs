//! Lists of branches.

use std::collections::HashMap;

use chrono::{Months, NaiveDate};
use entity::{
    branch, branch_term, brand, gold_title, organization, organization_closure, pairing, pairing_member,
    point_total,
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DbBackend, EntityTrait as _, JoinType, QueryFilter as _,
    QuerySelect as _, QueryTrait as _, RelationTrait as _, Select,
    sea_query::{
        Alias, Asterisk, Expr, ExprTrait as _, LikeExpr, Order, Query, QueryStatementBuilder as _,
        SelectStatement,
    },
};
use serde_json::json;

use super::super::branches::{BranchFilter, BranchOrder, BranchWith, Today, With};
use super::badge::badge;
use crate::{
    auth::{Scope, subtree},
    board::badge::Badge,
    branch::{Branch, BranchForm, BranchStatus, Term, TermState},
    brand::{Brand, BrandState},
    kernel::{
        id::{BranchId, OrganizationId},
        page::{Cursor, Page, PageArgs, PageError},
        period::Period,
        text,
    },
    organization::Organization,
    points,
    storage::{
        StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row::{self, Cells, FromRow as _},
    },
};

/// After every day that can be given: where a branch without a term stands among those that end.
pub(super) const LAST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(day) => day,
    None => panic!("a day of the calendar"), // while compiling, never at run time
};

/// A column of the branch that a statement is about.
pub(super) fn column(column: branch::Column) -> Expr {
    Expr::col((branch::Entity, column))
}

/// The order, and the key of a row in it.
fn keyset(order: BranchOrder) -> (Keyset, fn(&Branch) -> Vec<serde_json::Value>) {
    match order {
        BranchOrder::Code => (
            Keyset::new(
                "branch.code",
                [KeyColumn::asc(column(branch::Column::Code), KeyKind::Text)],
            ),
            |row| vec![json!(row.code)],
        ),
        BranchOrder::Name => (
            Keyset::new(
                "branch.name",
                [
                    KeyColumn::asc(column(branch::Column::Name), KeyKind::Text),
                    KeyColumn::asc(column(branch::Column::Id), KeyKind::Int),
                ],
            ),
            |row| vec![json!(row.name), json!(row.id)],
        ),
        BranchOrder::PointsDesc(period) => (
            Keyset::new(
                POINTS,
                [
                    KeyColumn::desc(points_of(period), KeyKind::Int),
                    KeyColumn::asc(column(branch::Column::Id), KeyKind::Int),
                ],
            ),
            // The branch's row does not hold its points: see `by_points`.
            |row| points_key(row, 0),
        ),
        BranchOrder::FoundedDesc => (
            Keyset::new(
                "branch.founded",
                [
                    KeyColumn::desc(column(branch::Column::FoundedOn), KeyKind::Day),
                    KeyColumn::desc(column(branch::Column::Id), KeyKind::Int),
                ],
            ),
            |row| vec![json!(row.founded_on), json!(row.id)],
        ),
        BranchOrder::TermEndAsc => (
            Keyset::new(
                "branch.term_end",
                [
                    KeyColumn::asc(column(branch::Column::TermEndsOn).if_null(LAST_DAY), KeyKind::Day),
                    KeyColumn::asc(column(branch::Column::Id), KeyKind::Int),
                ],
            ),
            |row| vec![json!(row.term_ends_on.unwrap_or(LAST_DAY)), json!(row.id)],
        ),
        BranchOrder::UpdatedDesc => (
            Keyset::new(
                "branch.updated",
                [
                    KeyColumn::desc(column(branch::Column::UpdatedAt), KeyKind::Instant),
                    KeyColumn::desc(column(branch::Column::Id), KeyKind::Int),
                ],
            ),
            |row| vec![json!(row.updated_at.timestamp_micros()), json!(row.id)],
        ),
    }
}

/// Name of the order by points.
const POINTS: &str = "branch.points";

fn points_key(row: &Branch, hundredths: i64) -> Vec<serde_json::Value> {
    vec![json!(hundredths), json!(row.id)]
}

/// A branch's points of a period, in hundredths.
fn points_of(period: Period) -> Expr {
    let total = Query::select()
        .column((point_total::Entity, point_total::Column::Total))
        .from(point_total::Entity)
        .and_where(
            Expr::col((point_total::Entity, point_total::Column::BranchId)).eq(column(branch::Column::Id)),
        )
        .and_where(Expr::col((point_total::Entity, point_total::Column::Period)).eq(period.number()))
        .take();
    Expr::SubQuery(None, Box::new(total.into_sub_query_statement())).if_null(0)
}

/// The cursors of pages by points: each row with what it has now.
async fn by_points<'p, T: 'p>(
    connection: &impl ConnectionTrait,
    period: Period,
    pages: impl Iterator<Item = &'p mut Page<T>>,
    branch: impl Fn(&T) -> &Branch,
) -> Result<(), StoreError> {
    let pages: Vec<&mut Page<T>> = pages.collect();
    let rows = pages.iter().flat_map(|page| &page.items);
    let asked: Vec<_> = rows.map(|(_, row)| (branch(row).id, period)).collect();
    let totals = points::standings(connection, &asked).await?;
    for page in pages {
        for (cursor, row) in &mut page.items {
            let row = branch(row);
            let total = totals
                .get(&(row.id, period))
                .map_or(0, |(total, _)| total.hundredths());
            *cursor = Cursor::new(POINTS, points_key(row, total));
        }
    }
    Ok(())
}

/// `Branch::term_state` as a condition: whether a branch stands so on a day.
pub(super) fn stands(state: TermState, today: Today) -> Condition {
    let end = || column(branch::Column::TermEndsOn);
    let has_term = Condition::all()
        .add(column(branch::Column::Status).eq(BranchStatus::Active.as_str()))
        .add(column(branch::Column::Form).ne(BranchForm::Temporary.as_str()))
        .add(end().is_not_null());
    // Where the calendar ends, every term ends soon.
    let soon = today
        .day
        .checked_add_months(Months::new(today.due_soon_months))
        .unwrap_or(LAST_DAY);
    match state {
        TermState::NotApplicable => has_term.not(),
        TermState::Overdue => has_term.add(end().lt(today.day)),
        TermState::DueSoon => has_term.add(end().gte(today.day)).add(end().lte(soon)),
        TermState::InTerm => has_term.add(end().gt(soon)),
    }
}

/// Ids of branches that hold a gold title.
pub(super) fn gold() -> SelectStatement {
    gold_title::Entity::find()
        .select_only()
        .column(gold_title::Column::BranchId)
        .filter(gold_title::Column::RevokedOn.is_null())
        .into_query()
}

/// Ids of branches in an active pairing that they have not left.
fn paired() -> SelectStatement {
    pairing_member::Entity::find()
        .select_only()
        .column(pairing_member::Column::BranchId)
        .join(JoinType::InnerJoin, pairing_member::Relation::Pairing.def())
        .filter(pairing::Column::State.eq("ACTIVE"))
        .filter(pairing_member::Column::LeftOn.is_null())
        .into_query()
}

fn among(wanted: bool, ids: SelectStatement) -> Expr {
    if wanted {
        column(branch::Column::Id).in_subquery(ids)
    } else {
        column(branch::Column::Id).not_in_subquery(ids)
    }
}

fn filtered(scope: &Scope, filter: &BranchFilter, today: Today) -> Select<branch::Entity> {
    let statuses = filter.statuses.as_deref().unwrap_or(&[BranchStatus::Active]);
    let mut condition = Condition::all()
        .add(scope.public())
        .add(column(branch::Column::Status).is_in(statuses.iter().map(|status| status.as_str())));
    if let Some(top) = filter.organization {
        condition = condition.add(column(branch::Column::OrganizationId).in_subquery(subtree(top)));
    }
    if let Some(domains) = &filter.domains {
        condition =
            condition.add(column(branch::Column::Domain).is_in(domains.iter().map(|domain| domain.as_str())));
    }
    if let Some(forms) = &filter.forms {
        condition = condition.add(column(branch::Column::Form).is_in(forms.iter().map(|form| form.as_str())));
    }
    if let Some(states) = &filter.term_states {
        let any = states
            .iter()
            .fold(Condition::any(), |any, state| any.add(stands(*state, today)));
        condition = condition.add(if states.is_empty() { nothing() } else { any });
    }
    if let Some(badges) = &filter.badges {
        condition = condition.add(badge(today).is_in(badges.iter().map(|badge| badge.as_str())));
    }
    if let Some(wanted) = filter.gold {
        condition = condition.add(among(wanted, gold()));
    }
    if let Some(wanted) = filter.paired {
        condition = condition.add(among(wanted, paired()));
    }
    if let Some(from) = filter.founded_from {
        condition = condition.add(column(branch::Column::FoundedOn).gte(from));
    }
    if let Some(to) = filter.founded_to {
        condition = condition.add(column(branch::Column::FoundedOn).lte(to));
    }
    if let Some(typed) = &filter.search {
        condition = condition.add(match text::search_pattern(typed) {
            None => nothing(),
            Some(pattern) => {
                let pattern = LikeExpr::new(pattern).escape('\\');
                Condition::all().add(column(branch::Column::SearchText).like(pattern))
            }
        });
    }
    branch::Entity::find().filter(condition)
}

fn nothing() -> Condition {
    Condition::all().add(Expr::cust("1 = 0"))
}

/// Checks page arguments before they reach a loader.
pub(in super::super) fn check_page(order: BranchOrder, args: &PageArgs) -> Result<(), PageError> {
    keyset(order).0.check(args).map(drop)
}

/// A page of branches, each with what is to be read beside it.
pub(in super::super) async fn list(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &BranchFilter,
    order: BranchOrder,
    today: Today,
    args: &PageArgs,
    with: With,
) -> Result<Page<BranchWith>, ListError> {
    let (keyset, key) = keyset(order);
    let request = keyset.check(args)?;
    let page = keyset.statement::<Branch>(filtered(scope, filter, today), &request)?;
    let mut query = beside(connection.get_database_backend(), page, today, with);
    keyset.order(&mut query, &request);
    let rows = row::fetch(connection, &query, |cells| read(cells, with)).await?;
    let mut page = keyset.page_of(&request, rows, |row| key(&row.branch));
    if let BranchOrder::PointsDesc(period) = order {
        by_points(connection, period, std::iter::once(&mut page), |row| &row.branch).await?;
    }
    Ok(page)
}

/// Branches by id, with what is to be read beside them.
pub(in super::super) async fn by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[BranchId],
    today: Today,
    with: With,
) -> Result<Vec<BranchWith>, StoreError> {
    let among = row::among(connection, branch::Column::Id, ids);
    all(connection, scope, among, today, with).await
}

/// The branches whose own codes these are, with what is to be read beside them.
pub(in super::super) async fn by_own_codes(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    codes: &[String],
    today: Today,
    with: With,
) -> Result<Vec<BranchWith>, StoreError> {
    let among = column(branch::Column::Code).is_in(codes.iter().map(String::as_str));
    all(connection, scope, among, today, with).await
}

async fn all(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    condition: Expr,
    today: Today,
    with: With,
) -> Result<Vec<BranchWith>, StoreError> {
    let found = branch::Entity::find().filter(scope.public()).filter(condition);
    let query = beside(
        connection.get_database_backend(),
        row::select::<Branch>(found),
        today,
        with,
    );
    row::fetch(connection, &query, |cells| read(cells, with)).await
}

/// Joins to the rows of branches what is to be read beside them. Who may see a branch at all may see all of it: its
/// organization, its published brand, its terms and its gold title (docs/domain.md, 9).
fn beside(backend: DbBackend, branches: SelectStatement, today: Today, with: With) -> SelectStatement {
    let id = || column(branch::Column::Id);
    let mut query = Query::select();
    row::columns::<Branch>(&mut query);
    query.from_subquery(branches, branch::Entity);
    if with.organization {
        let above = Expr::col((organization::Entity, organization::Column::Id));
        row::columns::<Organization>(&mut query);
        query.inner_join(
            organization::Entity,
            above.eq(column(branch::Column::OrganizationId)),
        );
    }
    if with.brand {
        let of_brand = |column| Expr::col((brand::Entity, column));
        // A constant: what the index of published brands covers must be known when the statement is planned.
        let published =
            of_brand(brand::Column::State).eq(Expr::Constant(BrandState::Published.as_str().into()));
        row::columns::<Brand>(&mut query);
        query.left_join(
            brand::Entity,
            of_brand(brand::Column::BranchId).eq(id()).and(published),
        );
    }
    if with.term {
        row::columns::<Term>(&mut query);
        join_latest_term(&mut query, backend);
    }
    if with.gold {
        query.expr(id().in_subquery(gold()));
    }
    if with.badge {
        query.expr(badge(today));
    }
    query
}

/// Joins the latest term of each branch, where there is one.
fn join_latest_term(query: &mut SelectStatement, backend: DbBackend) {
    let term = |column| Expr::col((branch_term::Entity, column));
    let of_branch = |term_branch: Expr| term_branch.eq(column(branch::Column::Id));
    if backend == DbBackend::Postgres {
        // A row of an index each. The planner cannot see that of the form below, and reads the whole table.
        let mut latest = Query::select();
        latest
            .column(Asterisk)
            .from(branch_term::Entity)
            .and_where(of_branch(term(branch_term::Column::BranchId)))
            .order_by((branch_term::Entity, branch_term::Column::ElectedOn), Order::Desc)
            .limit(1);
        query.join_lateral(JoinType::LeftJoin, latest, branch_term::Entity, Expr::val(true));
        return;
    }
    let other = Alias::new("other_term");
    let latest = Query::select()
        .expr(Expr::col((other.clone(), branch_term::Column::ElectedOn)).max())
        .from_as(branch_term::Entity, other.clone())
        .and_where(of_branch(Expr::col((other, branch_term::Column::BranchId))))
        .take();
    query.left_join(
        branch_term::Entity,
        of_branch(term(branch_term::Column::BranchId))
            .and(term(branch_term::Column::ElectedOn).in_subquery(latest)),
    );
}

fn read(cells: &mut Cells<'_>, with: With) -> Result<BranchWith, StoreError> {
    Ok(BranchWith {
        branch: Branch::from_row(cells)?,
        organization: with
            .organization
            .then(|| Organization::from_row(cells))
            .transpose()?,
        brand: with.brand.then(|| cells.joined()).transpose()?,
        term: with.term.then(|| cells.joined()).transpose()?,
        gold: with.gold.then(|| cells.take()).transpose()?,
        badge: with
            .badge
            .then(|| cells.named("badge", Badge::parse))
            .transpose()?,
    })
}

/// How many there are.
pub(in super::super) async fn count(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &BranchFilter,
    today: Today,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(scope, filter, today)).await
}

/// The same branches with each organization above them that is asked for.
fn below(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &BranchFilter,
    today: Today,
    organizations: &[OrganizationId],
) -> Select<branch::Entity> {
    let to_closure = organization_closure::Entity::belongs_to(branch::Entity)
        .from(organization_closure::Column::DescendantId)
        .to(branch::Column::OrganizationId)
        .into();
    filtered(scope, filter, today)
        .join_rev(JoinType::InnerJoin, to_closure)
        .filter(row::among(
            connection,
            organization_closure::Column::AncestorId,
            organizations,
        ))
}

fn ancestor() -> Expr {
    Expr::col((
        organization_closure::Entity,
        organization_closure::Column::AncestorId,
    ))
}

/// The same page of the branches below each organization.
pub(in super::super) async fn lists_below(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    organizations: &[OrganizationId],
    filter: &BranchFilter,
    order: BranchOrder,
    today: Today,
    args: &PageArgs,
) -> Result<HashMap<OrganizationId, Page<Branch>>, ListError> {
    let (keyset, key) = keyset(order);
    let request = keyset.check(args)?;
    let select = below(connection, scope, filter, today, organizations);
    let mut pages = keyset
        .pages(connection, select, ancestor(), &request, key)
        .await?;
    if let BranchOrder::PointsDesc(period) = order {
        by_points(connection, period, pages.values_mut(), |row| row).await?;
    }
    Ok(pages)
}

/// How many branches there are below each organization.
pub(in super::super) async fn counts_below(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    organizations: &[OrganizationId],
    filter: &BranchFilter,
    today: Today,
) -> Result<HashMap<OrganizationId, u64>, StoreError> {
    keyset::counts(
        connection,
        below(connection, scope, filter, today, organizations),
        ancestor(),
    )
    .await
}
