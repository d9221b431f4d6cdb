//! Vetoes in the API, which the district alone is shown.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};

use crate::{
    branch::graphql::Branch,
    gold::model,
    graphql::{caller::Caller, error::ApiError, scalars::Date},
    kernel::id::{NodeId as _, VetoId},
    organization::graphql::required,
};

/// 否决情形 · What kind of negative fact a veto rests on.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::VetoKind")]
pub enum VetoKind {
    /// 党员违规违纪
    MemberDiscipline,
    /// 重大责任事故
    MajorAccident,
    /// 其他负向情形
    Other,
}

/// A veto that the caller may see.
#[derive(Clone)]
pub struct Veto {
    row: Arc<model::Veto>,
}

impl Veto {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<model::Veto>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads a veto; None for everybody but the district.
    pub async fn load(caller: &Caller, id: VetoId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

/// 一票否决 · A serious negative fact; what happened stands in the document. District administrators only.
#[Object]
impl Veto {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 党支部 · Whom it is about.
    async fn branch(&self, ctx: &Context<'_>) -> Result<Branch, ApiError> {
        required(Branch::load(Caller::of(ctx)?, self.row.branch_id).await?)
    }

    /// 情形 · What kind of fact.
    async fn kind(&self) -> VetoKind {
        self.row.kind.into()
    }

    /// 发生日期 · The day of the fact.
    async fn occurred_on(&self) -> Date {
        self.row.occurred_on.into()
    }

    /// 文号 · The number of the document that says what happened.
    async fn document_number(&self) -> &str {
        &self.row.document_number
    }

    /// 解除日期 · The day it was lifted; null while it is open.
    async fn lifted_on(&self) -> Option<Date> {
        self.row.lifted_on.map(Date)
    }
}
