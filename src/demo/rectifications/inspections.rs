//! What inspections (平台巡查) found: 22 things over five aspects, outside of any check.

use super::Raised;
use crate::{
    campaign::Aspect,
    demo::{
        checks::course::Course,
        dice::{Dice, date},
        health,
    },
    rectification::{RectificationOrigin, Severity},
};

/// Who inspects.
const INSPECTOR: &str = "district-inspector-02";

/// What inspections found, by aspect.
const FOUND: [(Aspect, &[&str]); 5] = [
    (
        Aspect::Organization,
        &[
            "换届请示批复材料不全",
            "支委分工未及时调整",
            "党小组划分与名册不一致",
            "书记述职评议材料缺少会议记录",
            "支部委员空缺超过三个月",
        ],
    ),
    (
        Aspect::Education,
        &[
            "党员学时登记不完整",
            "发展党员公示材料缺失",
            "流动党员联系记录断档",
            "党费公示未按季度张贴",
            "入党积极分子考察写实不及时",
            "组织关系转接回执未归档",
        ],
    ),
    (
        Aspect::DecisionMaking,
        &[
            "党员大会表决结果未记录",
            "支委会会议记录过于简略",
            "重要事项未先经支委会讨论",
            "决议事项缺少落实跟踪",
        ],
    ),
    (
        Aspect::OrganizationalLife,
        &[
            "主题党日时间不固定",
            "组织生活会整改清单未销号",
            "谈心谈话记录雷同",
        ],
    ),
    (
        Aspect::Support,
        &[
            "党建e家平台数据录入滞后",
            "活动阵地标识不规范",
            "日常台账分类混乱",
            "党建经费支出凭证不全",
        ],
    ),
];

/// Findings of inspections, of branches that were there all year and pass; all of them are closed, in time.
pub(super) fn found<'a>(dice: &mut Dice, courses: &[Course<'a>]) -> Vec<Raised<'a>> {
    let mut courses: Vec<&Course<'a>> = courses
        .iter()
        .filter(|course| course.fails.is_none() && !course.is_showcase())
        .filter(|course| course.branch.founded_on < date(health::YEAR, 1, 1))
        .collect();
    dice.shuffle(&mut courses);
    let findings = FOUND
        .iter()
        .flat_map(|(aspect, titles)| titles.iter().map(move |title| (*aspect, *title)));
    let raised = findings.zip(courses).filter_map(|((aspect, title), course)| {
        let raised_on = dice.day(date(health::YEAR, 4, 11), date(health::YEAR, 10, 14));
        Some(Raised {
            branch: course.branch,
            health_check: None,
            origin: RectificationOrigin::Inspection,
            aspect,
            item_code: None,
            title: title.to_owned(),
            severity: Severity::Minor,
            raised_on,
            by: INSPECTOR.to_owned(),
            not_before: raised_on,
            open: None,
            is_showcase: false,
            examiner: course.examiners.first().copied()?,
        })
    });
    raised.collect()
}
