//! A finding as it is given, checked: every fault at once, each with its path.

use chrono::NaiveDate;

use super::{
    model::{RectificationError, RectificationOrigin, Severity, SupportMeans, check_due},
    raise::Raise,
};
use crate::{
    branch::Domain,
    campaign::{self, Aspect, CheckItem},
    kernel::{
        id::{BranchId, HealthCheckId},
        refusal::Refusal,
        text,
    },
    storage::write::{Failure, Refusals, Write},
};

/// What was found: as it was given, and, [checked](Finding::check), as it can be raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it belongs to.
    pub aspect: Aspect,
    /// The item of a template it is about.
    pub item_code: Option<String>,
    /// What is wrong.
    pub title: String,
    /// 开方: what is to be done.
    pub prescription: String,
    /// How grave it is.
    pub severity: Severity,
    /// The day by which it is to be put right.
    pub due_on: NaiveDate,
    /// 帮扶方式
    pub support: Vec<SupportMeans>,
}

/// The items that a finding may be about.
#[derive(Clone, Copy, Debug)]
pub enum ItemsOf<'a> {
    /// Those of a health check.
    Check(&'a [&'a CheckItem]),
    /// Those of the latest campaign's template that concern a branch of this domain.
    Latest(Domain),
}

impl Finding {
    /// Checks everything, into `refusals`; None when something was refused. `path` leads to the finding in the input.
    pub async fn check(
        &self,
        write: &Write<'_>,
        of: ItemsOf<'_>,
        path: &[&str],
        refusals: &mut Refusals,
    ) -> Result<Option<Finding>, Failure> {
        let at = |field: &'static str| -> Vec<&str> { path.iter().copied().chain([field]).collect() };
        let title = refusals.take(text::name(&self.title).map_err(|e| e.refusal(&at("title"))));
        let prescription = text::prose(&self.prescription, text::PROSE_LIMIT);
        let prescription = refusals.take(prescription.map_err(|e| e.refusal(&at("prescription"))));
        let due = check_due(self.due_on, write.clock().today());
        refusals.take(due.map_err(|e| below(path, e.into())));
        let item_code = match &self.item_code {
            Some(given) => refusals.take(
                self.item(write, of, given)
                    .await?
                    .map_err(|e| below(path, e.into())),
            ),
            None => Some(String::new()),
        };
        let (Some(title), Some(prescription), Some(item_code)) = (title, prescription, item_code) else {
            return Ok(None);
        };
        Ok(Some(Finding {
            item_code: Some(item_code).filter(|code| !code.is_empty()),
            title,
            prescription,
            ..self.clone()
        }))
    }

    /// The item that a code names, of this aspect; before there is a campaign, any code that looks like one.
    async fn item(
        &self,
        write: &Write<'_>,
        of: ItemsOf<'_>,
        given: &str,
    ) -> Result<Result<String, RectificationError>, Failure> {
        let code = match text::code(given) {
            Ok(code) if text::is_item_code(&code) => code,
            _ => return Ok(Err(RectificationError::NoItemCode)),
        };
        let found = match of {
            ItemsOf::Check(items) => items.iter().find(|item| item.code == code).copied().cloned(),
            ItemsOf::Latest(_) => match campaign::latest_items(write.connection()).await? {
                Some(items) => items.into_iter().find(|item| item.code == code),
                None => return Ok(Ok(code)),
            },
        };
        let Some(item) = found else {
            return Ok(Err(RectificationError::NoSuchItem(code)));
        };
        Ok(match (of, item.domain) {
            _ if item.aspect != self.aspect => {
                Err(RectificationError::OtherAspect(code, item.aspect.as_str()))
            }
            (ItemsOf::Latest(domain), Some(other)) if other != domain => {
                Err(RectificationError::OtherDomain(code, other.as_str()))
            }
            _ => Ok(code),
        })
    }

    /// Raises it with a branch.
    pub fn with(
        self,
        branch: BranchId,
        health_check: Option<HealthCheckId>,
        origin: RectificationOrigin,
    ) -> Raise {
        Raise {
            branch,
            health_check,
            origin,
            aspect: self.aspect,
            item_code: self.item_code,
            title: self.title,
            prescription: Some(self.prescription),
            support: self.support,
            severity: self.severity,
            due_on: self.due_on,
        }
    }
}

/// A refusal about a field of the finding, at its place in the input.
fn below(path: &[&str], refusal: Refusal) -> Refusal {
    let path = path.iter().map(|&part| part.to_owned());
    Refusal {
        path: path.chain(refusal.path).collect(),
        ..refusal
    }
}
