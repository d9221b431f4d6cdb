//! Relay connections over keyset pages.

use std::borrow::Cow;

use async_graphql::{Context, Object, OutputType, SimpleObject, TypeName};
use futures_util::future::BoxFuture;

use super::error::ApiError;
use crate::kernel::page::{Cursor, Page, PageArgs};

/// How a connection counts when, and only when, `totalCount` is asked for.
pub type Count = Box<dyn for<'c> Fn(&'c Context<'_>) -> BoxFuture<'c, Result<u64, ApiError>> + Send + Sync>;

/// A page of a list with what is needed to count it.
pub struct Connection<N> {
    edges: Vec<Edge<N>>,
    has_next: bool,
    has_previous: bool,
    count: Count,
}

impl<N> Connection<N> {
    /// A connection from a page.
    pub fn new(page: Page<N>, count: Count) -> Self {
        Self {
            edges: page
                .items
                .into_iter()
                .map(|(cursor, node)| Edge { cursor, node })
                .collect(),
            has_next: page.has_next,
            has_previous: page.has_previous,
            count,
        }
    }

    /// A list without rows, for callers who may see none of it.
    pub fn empty() -> Self {
        Self::new(Page::empty(), Box::new(|_| Box::pin(async { Ok(0) })))
    }
}

/// The four arguments of a connection.
pub fn page_args(
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> PageArgs {
    PageArgs {
        first,
        after,
        last,
        before,
    }
}

impl<N: OutputType> TypeName for Connection<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", N::type_name()).into()
    }
}

/// 分页列表 · One page of a list, after the Relay Cursor Connections specification: 50 items when neither `first` nor
/// `last` is given, at most 200.
#[Object(name_type)]
impl<N: OutputType> Connection<N> {
    /// 边 · The items of this page, each with its cursor.
    async fn edges(&self) -> &[Edge<N>] {
        &self.edges
    }

    /// 条目 · The items of this page.
    async fn nodes(&self) -> Vec<&N> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// 分页信息 · Where this page stands in the list.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: self.edges.first().map(|edge| edge.cursor.encode()),
            end_cursor: self.edges.last().map(|edge| edge.cursor.encode()),
        }
    }

    /// 总数 · Items of the whole list; costs a count only when it is asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let count = (self.count)(ctx).await?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// An item of a page with its cursor.
pub struct Edge<N> {
    cursor: Cursor,
    node: N,
}

impl<N: OutputType> TypeName for Edge<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", N::type_name()).into()
    }
}

/// 列表中的一条及其游标 · An item of a page with its cursor.
#[Object(name_type)]
impl<N: OutputType> Edge<N> {
    /// 游标 · To continue after or before this item.
    async fn cursor(&self) -> String {
        self.cursor.encode()
    }

    /// 条目 · The item.
    async fn node(&self) -> &N {
        &self.node
    }
}

/// 分页信息 · Where a page stands in its list (Relay Cursor Connections).
#[derive(SimpleObject)]
pub struct PageInfo {
    /// 是否还有后续 · Whether items follow this page, as far as was asked.
    has_next_page: bool,
    /// 是否还有前页 · Whether items come before this page, as far as was asked.
    has_previous_page: bool,
    /// 首条游标 · Cursor of the first item.
    start_cursor: Option<String>,
    /// 末条游标 · Cursor of the last item; give it as `after` to continue.
    end_cursor: Option<String>,
}
