//! Rows of templates, campaigns and plans.

use std::collections::HashMap;

use entity::{campaign, check_item, check_template, gold_application, gold_minimum};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
    sea_query::Expr,
};

use super::{
    checklist::CheckItem,
    model::{Aspect, Campaign, GoldRules, Verification},
    plan::GoldPlan,
};
use crate::{
    branch::Domain,
    kernel::{id::CampaignId, period::Period},
    storage::{
        ROW_LOCK, StoreError,
        row::{self, Cells, FromRow},
        write::Write,
    },
};

impl FromRow for Campaign {
    type Entity = campaign::Entity;

    const COLUMNS: &'static [campaign::Column] = &[
        campaign::Column::Id,
        campaign::Column::Year,
        campaign::Column::Theme,
        campaign::Column::TemplateVersion,
        campaign::Column::WindowFrom,
        campaign::Column::WindowTo,
        campaign::Column::TotalQuota,
        campaign::Column::RequireBrand,
        campaign::Column::TopPercent,
        campaign::Column::PointsPeriod,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            year: cells.take()?,
            theme: cells.take()?,
            template_version: cells.take()?,
            window_from: cells.take()?,
            window_to: cells.take()?,
            gold: match (
                cells.optional()?,
                cells.optional()?,
                cells.optional()?,
                cells.optional_named("campaign.points_period", Period::parse)?,
            ) {
                (Some(total_quota), Some(require_brand), Some(top_percent), Some(points_period)) => {
                    Some(GoldRules {
                        total_quota,
                        require_brand,
                        top_percent,
                        points_period,
                    })
                }
                _ => None,
            },
        })
    }
}

/// The campaign of a year.
pub async fn by_year(connection: &impl ConnectionTrait, year: i32) -> Result<Option<Campaign>, StoreError> {
    row::one(
        connection,
        campaign::Entity::find().filter(campaign::Column::Year.eq(year)),
    )
    .await
}

/// The same, locked until the transaction ends.
pub async fn lock_by_year(write: &Write<'_>, year: i32) -> Result<Option<Campaign>, StoreError> {
    let selection = campaign::Entity::find()
        .filter(campaign::Column::Year.eq(year))
        .lock(ROW_LOCK);
    row::one(write.connection(), selection).await
}

/// Every campaign, the latest year first.
pub async fn all(connection: &impl ConnectionTrait) -> Result<Vec<Campaign>, StoreError> {
    row::all(
        connection,
        campaign::Entity::find().order_by_desc(campaign::Column::Year),
    )
    .await
}

/// Campaigns by id.
pub async fn by_ids(
    connection: &impl ConnectionTrait,
    ids: &[CampaignId],
) -> Result<HashMap<CampaignId, Campaign>, StoreError> {
    let selection = campaign::Entity::find().filter(row::among(connection, campaign::Column::Id, ids));
    row::by_key(connection, selection, |row: &Campaign| row.id).await
}

/// The minimums of campaigns' plans, by domain.
pub async fn minimums(
    connection: &impl ConnectionTrait,
    ids: &[CampaignId],
) -> Result<HashMap<CampaignId, Vec<(Domain, i32)>>, StoreError> {
    let rows = gold_minimum::Entity::find()
        .filter(row::among(connection, gold_minimum::Column::CampaignId, ids))
        .all(connection)
        .await?;
    let mut minimums: HashMap<CampaignId, Vec<(Domain, i32)>> = HashMap::new();
    for row in rows {
        let domain = Domain::parse(&row.domain)
            .ok_or_else(|| StoreError::corrupt("gold_minimum.domain", &row.domain))?;
        minimums
            .entry(row.campaign_id)
            .or_default()
            .push((domain, row.count));
    }
    for minimums in minimums.values_mut() {
        minimums.sort_unstable();
    }
    Ok(minimums)
}

/// Whether anybody has applied for gold in a campaign.
pub async fn has_applications(connection: &impl ConnectionTrait, id: CampaignId) -> Result<bool, StoreError> {
    let count = gold_application::Entity::find()
        .filter(gold_application::Column::CampaignId.eq(id))
        .limit(1)
        .count(connection)
        .await?;
    Ok(count > 0)
}

/// A new campaign, without a plan.
pub async fn insert(write: &Write<'_>, campaign: &Campaign) -> Result<CampaignId, StoreError> {
    let row = campaign::ActiveModel {
        id: NotSet,
        year: Set(campaign.year),
        theme: Set(campaign.theme.clone()),
        template_version: Set(campaign.template_version),
        window_from: Set(campaign.window_from),
        window_to: Set(campaign.window_to),
        total_quota: Set(None),
        require_brand: Set(None),
        top_percent: Set(None),
        points_period: Set(None),
    };
    Ok(campaign::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id)
}

/// The plan of a campaign, in the place of its earlier one.
pub async fn save_plan(write: &Write<'_>, id: CampaignId, plan: &GoldPlan) -> Result<(), StoreError> {
    let rules = &plan.rules;
    campaign::Entity::update_many()
        .col_expr(campaign::Column::TotalQuota, Expr::value(rules.total_quota))
        .col_expr(campaign::Column::RequireBrand, Expr::value(rules.require_brand))
        .col_expr(campaign::Column::TopPercent, Expr::value(rules.top_percent))
        .col_expr(
            campaign::Column::PointsPeriod,
            Expr::value(rules.points_period.to_string()),
        )
        .filter(campaign::Column::Id.eq(id))
        .exec(write.connection())
        .await?;
    gold_minimum::Entity::delete_many()
        .filter(gold_minimum::Column::CampaignId.eq(id))
        .exec(write.connection())
        .await?;
    let rows = plan
        .minimums
        .iter()
        .map(|(domain, count)| gold_minimum::ActiveModel {
            campaign_id: Set(id),
            domain: Set(domain.as_str().to_owned()),
            count: Set(*count),
        });
    if !plan.minimums.is_empty() {
        gold_minimum::Entity::insert_many(rows)
            .exec_without_returning(write.connection())
            .await?;
    }
    Ok(())
}

/// The latest version of the template, with what tells it apart.
pub async fn latest_template(connection: &impl ConnectionTrait) -> Result<Option<(i32, String)>, StoreError> {
    let latest = check_template::Entity::find()
        .order_by_desc(check_template::Column::Version)
        .one(connection)
        .await?;
    Ok(latest.map(|row| (row.version, row.content)))
}

/// Whether there is a version of the template.
pub async fn has_template(connection: &impl ConnectionTrait, version: i32) -> Result<bool, StoreError> {
    let row = check_template::Entity::find_by_id(version)
        .one(connection)
        .await?;
    Ok(row.is_some())
}

/// A new version of the template.
pub async fn insert_template(
    write: &Write<'_>,
    version: i32,
    content: &str,
    items: &[CheckItem],
) -> Result<(), StoreError> {
    let template = check_template::ActiveModel {
        version: Set(version),
        published_at: Set(write.clock().business()),
        content: Set(content.to_owned()),
    };
    check_template::Entity::insert(template)
        .exec_without_returning(write.connection())
        .await?;
    let rows = (0..).zip(items).map(|(position, item)| check_item::ActiveModel {
        template_version: Set(version),
        position: Set(position),
        code: Set(item.code.clone()),
        aspect: Set(item.aspect.as_str().to_owned()),
        domain: Set(item.domain.map(|domain| domain.as_str().to_owned())),
        name_zh: Set(item.name_zh.clone()),
        name_en: Set(item.name_en.clone()),
        verification: Set(item.verification.as_str().to_owned()),
        weight: Set(item.weight),
        mandatory: Set(item.mandatory),
    });
    check_item::Entity::insert_many(rows)
        .exec_without_returning(write.connection())
        .await?;
    Ok(())
}

/// The items of versions of the template, in their order.
pub async fn items(
    connection: &impl ConnectionTrait,
    versions: &[i32],
) -> Result<HashMap<i32, Vec<CheckItem>>, StoreError> {
    let rows = check_item::Entity::find()
        .filter(check_item::Column::TemplateVersion.is_in(versions.iter().copied()))
        .order_by_asc(check_item::Column::TemplateVersion)
        .order_by_asc(check_item::Column::Position)
        .all(connection)
        .await?;
    let mut items: HashMap<i32, Vec<CheckItem>> = HashMap::new();
    for row in rows {
        let item = CheckItem {
            aspect: Aspect::parse(&row.aspect)
                .ok_or_else(|| StoreError::corrupt("check_item.aspect", &row.aspect))?,
            domain: match &row.domain {
                Some(domain) => Some(
                    Domain::parse(domain).ok_or_else(|| StoreError::corrupt("check_item.domain", domain))?,
                ),
                None => None,
            },
            verification: Verification::parse(&row.verification)
                .ok_or_else(|| StoreError::corrupt("check_item.verification", &row.verification))?,
            code: row.code,
            name_zh: row.name_zh,
            name_en: row.name_en,
            weight: row.weight,
            mandatory: row.mandatory,
        };
        items.entry(row.template_version).or_default().push(item);
    }
    Ok(items)
}

/// The items that the latest campaign's checks follow; None where there has been no campaign.
pub async fn latest_items(connection: &impl ConnectionTrait) -> Result<Option<Vec<CheckItem>>, StoreError> {
    let latest = campaign::Entity::find().order_by_desc(campaign::Column::Year);
    let Some(latest) = row::one::<Campaign>(connection, latest).await? else {
        return Ok(None);
    };
    let mut items = items(connection, &[latest.template_version]).await?;
    Ok(items.remove(&latest.template_version))
}
